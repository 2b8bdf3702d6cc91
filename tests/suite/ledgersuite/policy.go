package ledgersuite

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// policyCompareAndSet: a revision takes the place only of the one that it was
// compared with, whoever comes at once.
func policyCompareAndSet(t *testing.T, f *fixture) {
	want := func(name string) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			got, err := tx.ActivePolicy()
			if err == nil && got.Name != name {
				t.Errorf("active is %+v, want %q", got, name)
			}
			return err
		})
	}
	want("")
	first := access.PolicyRevision{Name: "r1+git", Bundle: "git", Source: "bundle https://bundles.example.com"}
	f.update(func(tx *ledger.Tx) error { return tx.ActivatePolicy("", first) })
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.ActivePolicy()
		if err == nil && (got.Bundle != first.Bundle || got.Source != first.Source || got.ActivatedAt.IsZero() || got.ActivatedAt.After(tx.Now())) {
			t.Errorf("it is kept as %+v", got)
		}
		return err
	})
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.ActivatePolicy("", access.PolicyRevision{Name: "r2"}) })
	if !errors.Is(err, access.ErrConflict) {
		t.Errorf("compared with one that is not active: %v", err)
	}
	want("r1+git")

	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				return tx.ActivatePolicy("r1+git", access.PolicyRevision{Name: fmt.Sprint("n", i)})
			})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, access.ErrConflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 8 took its place", won.Load())
	}
	f.reopen()
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.ActivePolicy()
		if err == nil && len(got.Name) != 2 {
			t.Errorf("after a restart: %+v", got)
		}
		return err
	})
}
