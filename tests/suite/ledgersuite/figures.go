package ledgersuite

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

func figuresCount(t *testing.T, f *fixture) {
	want := func(name string, figures ledger.Figures) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			got, err := tx.Figures()
			if err == nil && got != figures {
				t.Errorf("%s: %+v, want %+v", name, got, figures)
			}
			return err
		})
	}
	want("nothing is there", ledger.Figures{})
	g := f.grant(entitled(1), time.Hour)
	f.grant(entitled(2), time.Hour)
	over := f.grant(entitled(3), time.Hour)
	f.must(f.raw(`UPDATE grants SET starts_at = starts_at - 7200000000, expires_at = expires_at - 7200000000 WHERE id = $1`, over.ID))
	for i, starts := range []time.Duration{time.Minute, -time.Minute} {
		later := f.grant(entitled(4+i), time.Hour)
		f.must(f.raw(`UPDATE grants SET state = 'scheduled', prior_state = NULL, starts_at = $2 WHERE id = $1`,
			later.ID, f.l.Now().Add(starts).UnixMicro()))
	}
	want("two are live, one is over, two have not started", ledger.Figures{Live: 2})
	f.update(func(tx *ledger.Tx) error { return endOne(tx, g, access.EndRevoked) })
	want("one has ended", ledger.Figures{Live: 1})

	now := f.l.Now()
	wrong := func(g access.Grant, since time.Duration, class access.Class) {
		due := now.Add(-since)
		f.update(func(tx *ledger.Tx) error {
			b, err := tx.Binding(g.BindingID)
			if err != nil {
				return err
			}
			b.DueAt, b.NextAt, b.LastClass = &due, &now, class
			return tx.PutBindings(ledger.Claimed{Binding: b})
		})
	}
	wrong(g, time.Minute, "")
	want("a binding waits", ledger.Figures{Live: 1})
	wrong(g, access.OverdueAfter+time.Minute, "")
	want("it waits for too long", ledger.Figures{Live: 1, Overdue: 1})
	wrong(g, time.Minute, access.ClassTargetMissing)
	want("nobody can tell it", ledger.Figures{Live: 1, Overdue: 1})
}
