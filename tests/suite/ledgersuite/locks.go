package ledgersuite

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// claimsAtOnce: however many claim what is due, each binding is claimed once.
func claimsAtOnce(t *testing.T, f *fixture) {
	const due, claimers = 60, 6
	for i := range due {
		f.due(entitled(i))
	}
	ClaimAll(t, due, claimers, f.l)
}

// ClaimAll claims on ledgers of one database, with so many claimers each, until
// nothing is due any more, and checks that each binding was claimed once. So many
// must be due at the contract "box-1".
func ClaimAll(t *testing.T, due, claimers int, ledgers ...*ledger.Ledger) {
	t.Helper()
	var mu sync.Mutex
	times := map[string]int{}
	left := func() int {
		mu.Lock()
		defer mu.Unlock()
		return due - len(times)
	}
	var work sync.WaitGroup
	deadline := time.Now().Add(time.Minute)
	for _, l := range ledgers {
		for range claimers {
			work.Go(func() {
				for left() > 0 && time.Now().Before(deadline) {
					ids, err := claimSome(t, l)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, id := range ids {
						times[id]++
					}
					mu.Unlock()
				}
			})
		}
	}
	work.Wait()
	if n := left(); n != 0 {
		t.Errorf("%d bindings were not claimed", n)
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("binding %s was claimed %d times", id, n)
		}
	}
}

func claimSome(t *testing.T, l *ledger.Ledger) (ids []string, err error) {
	err = l.Update(t.Context(), func(tx *ledger.Tx) error {
		ids = nil
		held, err := tx.HoldDeliverable("box-1", 3)
		if err != nil {
			return err
		}
		for _, b := range held {
			later := tx.Now().Add(time.Hour)
			b.NextAt = &later
			if err := tx.PutBindings(ledger.Claimed{Binding: b, Claim: "me"}); err != nil {
				return err
			}
			ids = append(ids, b.ID)
		}
		return nil
	})
	return ids, err
}

// due makes a binding that is to be absent, with an attempt that is due.
func (f *fixture) due(x access.Entitled) {
	f.t.Helper()
	f.must(AddDue(f.t, f.l, x))
}

// AddDue stores a binding at the contract "box-1" with an attempt that is due.
func AddDue(t *testing.T, l *ledger.Ledger, x access.Entitled) error {
	t.Helper()
	return l.Update(t.Context(), func(tx *ledger.Tx) error {
		b, err := tx.TakeBinding(access.NewID(access.KindBinding, tx.Now()), x, "box", "box-1")
		if err != nil {
			return err
		}
		now := tx.Now()
		b.NextAt = &now
		return tx.PutBindings(b)
	})
}

// Entitled is the i-th of many different entitled subjects.
func Entitled(i int) access.Entitled { return entitled(i) }

// namedLocks: one transaction at a time holds a lock alone, and nobody shares it
// meanwhile.
func namedLocks(t *testing.T, f *fixture) {
	var alone, sharing atomic.Int64
	var work sync.WaitGroup
	for i := range 12 {
		shared := i%3 != 0
		work.Go(func() {
			err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				lock := func() error { return tx.LockResources([]string{acme.String()}) }
				if shared {
					lock = func() error {
						return tx.LockEntitled(access.Entitled{Subject: access.Subject{Type: "user", ID: fmt.Sprint(i)}, Resource: acme})
					}
				}
				if err := lock(); err != nil {
					return err
				}
				mine, others := &alone, &sharing
				if shared {
					mine, others = &sharing, &alone
				}
				n := mine.Add(1)
				defer mine.Add(-1)
				if others.Load() > 0 || !shared && n > 1 {
					return fmt.Errorf("transaction %d (shared: %v) is not alone with the lock", i, shared)
				}
				_, err := tx.Contracts() // some time passes
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
}

// emptyDatabase: that there is no schema yet is no failure, and looking leaves it
// so.
func emptyDatabase(t *testing.T, f *fixture) {
	if have, err := ledger.SchemaOf(t.Context(), f.db); err != nil || have != ledger.Schema() {
		t.Errorf("a ledger that was opened has schema %d, %v; want %d", have, err, ledger.Schema())
	}
	f.must(f.raw(`DROP TABLE schema_versions`))
	for range 2 {
		if have, err := ledger.SchemaOf(t.Context(), f.db); err != nil || have != 0 {
			t.Errorf("an empty database has schema %d, %v; want 0", have, err)
		}
	}
}
