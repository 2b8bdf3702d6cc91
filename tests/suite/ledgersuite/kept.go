package ledgersuite

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// committedIsRead changes a person and a resource again and again while others
// read them: what was committed before a reading began must be in it.
func committedIsRead(t *testing.T, f *fixture) {
	acme := access.ResourceRef{Type: "customer", ID: "acme"}
	change := func(n int64) {
		f.update(func(tx *ledger.Tx) error {
			_, err := tx.ReplacePeople("file", []access.Person{{Subject: alice, Groups: []string{fmt.Sprint(n)}}})
			return err
		})
		f.put("seed", access.Resource{Type: acme.Type, ID: acme.ID, Name: fmt.Sprint(n)})
	}
	var committed atomic.Int64
	atLeast := func(before int64, text string) {
		var n int64
		if _, err := fmt.Sscan(text, &n); err != nil || n < before {
			t.Errorf("%q was read, and %d was committed before (%v)", text, before, err)
		}
	}
	change(1)
	committed.Store(1)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				before := committed.Load()
				groups, known, err := f.l.Groups(t.Context(), alice)
				if err != nil || !known || len(groups) != 1 {
					t.Errorf("got %v, %v, %v", groups, known, err)
					return
				}
				atLeast(before, groups[0])
				groups[0] = "changed by its reader"
				r, err := f.l.Resource(t.Context(), acme)
				if err != nil {
					t.Error(err)
					return
				}
				atLeast(before, r.Name)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := int64(2); n < 60; n++ {
		change(n)
		committed.Store(n)
	}
	close(done)
	readers.Wait()

	f.put("seed") // which archives it
	if r, err := f.l.Resource(t.Context(), acme); err == nil {
		t.Errorf("an archived resource is still there: %+v", r)
	}
	failing := fmt.Errorf("on purpose")
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
		if _, err := tx.ReplacePeople("file", nil); err != nil {
			return err
		}
		return failing
	})
	if groups, known, _ := f.l.Groups(t.Context(), alice); !known || !slices.Equal(groups, []string{"59"}) {
		t.Errorf("after a change that failed (%v): %v, %v", err, groups, known)
	}
}
