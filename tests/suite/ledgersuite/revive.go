package ledgersuite

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// waiting is a binding that waits for its next attempt, in one test.
type waiting struct {
	class   access.Class // of its last attempt; "": there is none at its generation
	status  int
	change  func(*ledger.Claimed) // nil: it only waits
	revives bool
}

// revived: what waits because the target was down is due at once, and nothing else
// is. Removals come first.
func revived(t *testing.T, f *fixture) {
	cases := map[string]waiting{
		"no answer":                  {class: access.ClassUnreachable, revives: true},
		"503":                        {class: access.ClassRefused, status: 503, revives: true},
		"500":                        {class: access.ClassRefused, status: 500, revives: true},
		"429":                        {class: access.ClassRefused, status: 429, revives: true},
		"a removal":                  {class: access.ClassUnreachable, revives: true, change: func(b *ledger.Claimed) { b.Desired = access.Absent }},
		"403":                        {class: access.ClassRefused, status: 403},
		"404":                        {class: access.ClassRefused, status: 404},
		"no word":                    {class: access.ClassNoCallback},
		"the word that it failed":    {class: access.ClassCalledBack},
		"not tried since it turned":  {},
		"under way":                  {class: access.ClassUnreachable, change: func(b *ledger.Claimed) { b.Claim = "another" }},
		"accepted":                   {class: access.ClassUnreachable, change: func(b *ledger.Claimed) { b.CallbackBy = b.NextAt }},
		"nothing to do":              {class: access.ClassUnreachable, change: func(b *ledger.Claimed) { b.NextAt = nil }},
		"tried again since, refused": {class: access.ClassUnreachable, change: func(b *ledger.Claimed) { b.Attempts = 2 }},
	}
	want, ids := []string{}, map[string]string{}
	for name, w := range cases {
		id := f.waits(name, w)
		if ids[id] = name; w.revives {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	revive := func(contract string, limit int) (n int) {
		f.update(func(tx *ledger.Tx) (err error) {
			n, err = tx.Revive(contract, limit)
			return err
		})
		return n
	}
	dueNow := func() (names []string) {
		f.view(func(tx *ledger.Tx) error {
			due, err := tx.Deliverable("box-1", 100)
			for _, b := range due {
				names = append(names, ids[b.ID])
			}
			return err
		})
		slices.Sort(names)
		return names
	}
	if n := revive("box-2", 100); n != 0 || len(dueNow()) != 0 {
		t.Errorf("at another contract %d are revived, due is %v", n, dueNow())
	}
	if n := revive("box-1", 1); n != 1 || !slices.Equal(dueNow(), []string{"a removal"}) {
		t.Errorf("the first of them is %v (%d)", dueNow(), n)
	}
	if n := revive("box-1", 100); n != len(want)-1 || !slices.Equal(dueNow(), want) {
		t.Errorf("%d are revived, due is %v, want %v", n, dueNow(), want)
	}
	if n := revive("box-1", 100); n != 0 {
		t.Errorf("what is due is revived again: %d", n)
	}
}

// waits makes a binding of the name that waits an hour for its next attempt.
func (f *fixture) waits(name string, w waiting) string {
	f.t.Helper()
	x := what
	x.Subject.ID = fmt.Sprintf("%x@example.com", name)
	g := f.grant(x, 2*time.Hour)
	f.update(func(tx *ledger.Tx) error {
		b, err := tx.Binding(g.BindingID)
		if err != nil {
			return err
		}
		later := tx.Now().Add(time.Hour)
		b.Desired, b.Observed, b.Generation, b.Attempts, b.NextAt = access.Present, access.Unknown, 2, 1, &later
		c := ledger.Claimed{Binding: b}
		if w.change != nil {
			w.change(&c)
		}
		// What an older generation came to is nobody's business.
		old := access.Delivery{BindingID: b.ID, Generation: 1, Attempt: 1, Owner: "me", StartedAt: tx.Now()}
		tried := []access.Delivery{old}
		finished := []ledger.Finished{{Delivery: old, Class: access.ClassUnreachable}}
		if w.class != "" {
			now := old
			now.Generation = 2
			tried, finished = append(tried, now), append(finished, ledger.Finished{Delivery: now, Class: w.class, Status: w.status})
		}
		if c.Attempts == 2 {
			again := old
			again.Generation, again.Attempt = 2, 2
			tried, finished = append(tried, again), append(finished, ledger.Finished{Delivery: again, Class: access.ClassRefused, Status: 403})
		}
		return errors.Join(tx.LockBindings(b.ID), tx.AddAttempts(tried), tx.FinishAttempts(finished), tx.PutBindings(c))
	})
	return g.BindingID
}

// triedWith: where there is room for one alone, because the target is in trouble or has
// no more, a removal that was never tried comes before those that failed, which may be
// what the trouble is about. Otherwise they come as they are due.
func triedWith(t *testing.T, f *fixture) {
	due := func(desired access.Presence, attempts int, ago time.Duration) func(*ledger.Claimed) {
		return func(b *ledger.Claimed) {
			at := b.NextAt.Add(-time.Hour - ago)
			b.Desired, b.Attempts, b.NextAt = desired, attempts, &at
		}
	}
	names := map[string]string{}
	for name, w := range map[string]waiting{
		"failed":       {class: access.ClassRefused, status: 500, change: due(access.Absent, 1, 3*time.Minute)},
		"failed again": {class: access.ClassRefused, status: 500, change: due(access.Absent, 1, 2*time.Minute)},
		"new":          {change: due(access.Absent, 0, time.Minute)},
		"an opening":   {change: due(access.Present, 0, time.Hour)},
	} {
		names[f.waits(name, w)] = name
	}
	held := func(limit int) (order []string) {
		f.update(func(tx *ledger.Tx) error {
			some, err := tx.HoldDeliverable("box-1", limit)
			for _, b := range some {
				order = append(order, names[b.ID])
			}
			return err
		})
		return order
	}
	for limit, want := range map[int][]string{
		1: {"new"}, 2: {"failed", "failed again"}, 4: {"failed", "failed again", "new", "an opening"},
	} {
		if got := held(limit); !slices.Equal(got, want) {
			t.Errorf("of %d, %q come first, want %q", limit, got, want)
		}
	}
}
