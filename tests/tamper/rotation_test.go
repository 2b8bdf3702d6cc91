package tamper

import (
	"crypto/rand"
	"testing"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// rotated goes on with a log under another key: the one from before signs as well for a
// while, and then no more. It returns the verifiers, the oldest first.
func rotated(t *testing.T, d database) []string {
	t.Helper()
	first := d.keys.Verifiers()[0]
	var verifiers []string
	keys, signing := make([]*audit.Keys, 2), make([]string, 2)
	for i := range signing {
		var verifier string
		var err error
		signing[i], verifier, err = audit.NewKey(rand.Reader, origin)
		must(t, err)
		keys[i], err = audit.NewKeys(signing[i])
		must(t, err)
		verifiers = append(verifiers, verifier)
	}
	both, err := audit.NewKeys(signing[1], signing[0])
	must(t, err)
	l, err := ledger.Open(t.Context(), d.open(t))
	must(t, err)
	withFirst, err := audit.NewKeys(signing[0], d.signing)
	must(t, err)
	for _, step := range []struct {
		keys     *audit.Keys
		from, to []string
	}{
		{withFirst, []string{first}, []string{verifiers[0], first}},
		{keys[0], []string{verifiers[0], first}, verifiers[:1]},
		{both, verifiers[:1], []string{verifiers[1], verifiers[0]}},
		{keys[1], []string{verifiers[1], verifiers[0]}, verifiers[1:]},
	} {
		must(t, l.Update(t.Context(), func(tx *ledger.Tx) error {
			return tx.Append(audit.Event{Type: audit.KeyChanged, Data: map[string]any{"from": step.from, "to": step.to}})
		}))
		sealed := 0
		for range 3 { // checkpoints by the key alone, too
			must(t, l.Update(t.Context(), func(tx *ledger.Tx) error { return appendSome(tx, 1000) }))
			n, err := l.SealEvents(t.Context(), 1000, step.keys)
			must(t, err)
			sealed += n
		}
		if sealed < 3*batch {
			t.Fatalf("%d are sealed", sealed)
		}
	}
	must(t, l.Close())
	return append([]string{first}, verifiers...)
}

// Whoever trusts one of the keys that a log was ever signed by follows it over each
// change, as what one key signed names the next.
func TestLogIsVerifiedOverChangesOfItsKey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, full func(*testing.T) database) {
		d := full(t)
		for i, verifier := range rotated(t, d) {
			d.verifier = verifier
			if report := d.inspect(t); !report.Verified || report.Root == nil {
				t.Errorf("by key %d: %+v", i, report.Findings)
			}
		}
		removed(t, d)
		if report := d.inspect(t); !report.Verified {
			t.Errorf("without the oldest events: %+v", report.Findings)
		}
	})
}
