package ledgersuite

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

func decisionsAreWhole(t *testing.T, f *fixture) {
	d := decision(f.l.Now())
	f.update(func(tx *ledger.Tx) error { return tx.PutDecision(d) })
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.Decision(d.ID)
		if err == nil && !reflect.DeepEqual(got, d) {
			t.Errorf("decision came back as\n%+v, want\n%+v", got, d)
		}
		return err
	})
}

func requestsCloseOnce(t *testing.T, f *fixture) {
	var r access.Request
	f.update(func(tx *ledger.Tx) (err error) {
		r, err = addRequest(tx, what)
		return err
	})
	f.update(func(tx *ledger.Tx) error { return tx.CloseRequest(r.ID, access.RequestWithdrawn) })
	for name, again := range map[string]func(*ledger.Tx) error{
		"close it": func(tx *ledger.Tx) error { return tx.CloseRequest(r.ID, access.RequestApproved) },
		"lock it":  func(tx *ledger.Tx) error { return tx.LockRequest(r.ID) },
	} {
		if err := f.l.Update(t.Context(), again); !errors.Is(err, access.ErrConflict) {
			t.Errorf("%s again: %v, want a conflict", name, err)
		}
	}
}

func grantsEndOnce(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	end := func(tx *ledger.Tx) error { return endOne(tx, g, access.EndRevoked) }
	f.update(end)
	if err := f.l.Update(t.Context(), end); !errors.Is(err, access.ErrConflict) {
		t.Errorf("second end: %v, want a conflict", err)
	}
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.Grant(g.ID)
		if err == nil && (got.State != access.GrantEnded || *got.EndReason != access.EndRevoked || got.EndedAt == nil) {
			t.Errorf("grant is %+v", got)
		}
		return err
	})
}

func listsPage(t *testing.T, f *fixture) {
	var made []string
	for i := range 7 {
		made = append(made, f.grant(entitled(i), time.Hour).ID)
	}
	slices.Sort(made)
	slices.Reverse(made)
	var got []string
	for before := ""; ; {
		var page []access.Grant
		f.view(func(tx *ledger.Tx) (err error) {
			page, err = tx.Grants(ledger.Filter{Before: before, Limit: 3})
			return err
		})
		if len(page) == 0 {
			break
		}
		for _, g := range page {
			got = append(got, g.ID)
		}
		before = got[len(got)-1]
	}
	if !slices.Equal(got, made) {
		t.Fatalf("pages gave %v, want %v", got, made)
	}
}

func ownLists(t *testing.T, f *fixture) {
	var mine, other access.Request
	f.update(func(tx *ledger.Tx) (err error) {
		mine, err = addRequest(tx, what)
		return err
	})
	f.update(func(tx *ledger.Tx) (err error) {
		other, err = addRequest(tx, entitled(1))
		return err
	})
	for name, tc := range map[string]struct {
		filter ledger.Filter
		want   []string
	}{
		"the subject sees their own":      {ledger.Filter{Involving: alice.String()}, []string{mine.ID}},
		"who is not concerned sees none":  {ledger.Filter{Involving: bob.String(), Principals: []string{"group:eng"}}, nil},
		"a reviewer sees what waits":      {ledger.Filter{Involving: bob.String(), Principals: []string{"group:security"}}, []string{other.ID, mine.ID}},
		"a resource narrows":              {ledger.Filter{Resource: "customer:globex"}, nil},
		"a state narrows":                 {ledger.Filter{State: "denied"}, nil},
		"a subject narrows":               {ledger.Filter{Subject: alice.String()}, []string{mine.ID}},
		"nothing narrows, all are listed": {ledger.Filter{}, []string{other.ID, mine.ID}},
	} {
		tc.filter.Limit = 10
		f.view(func(tx *ledger.Tx) error {
			list, err := tx.Requests(tc.filter)
			var got []string
			for _, r := range list {
				got = append(got, r.ID)
			}
			slices.Sort(got)
			slices.Sort(tc.want)
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s: %v, want %v", name, got, tc.want)
			}
			return err
		})
	}
}

func nextDeadline(t *testing.T, f *fixture) {
	want := func(name string, next func(*ledger.Tx) (time.Time, error), at time.Time) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			got, err := next(tx)
			if err == nil && !got.Equal(at) {
				err = fmt.Errorf("%s: next deadline is %s, want %s", name, got, at)
			}
			return err
		})
	}
	end, lapse := (*ledger.Tx).NextEnd, (*ledger.Tx).NextLapse
	want("nothing ends", end, time.Time{})
	want("nothing lapses", lapse, time.Time{})
	f.grant(what, 3*time.Hour)
	g := f.grant(entitled(1), 2*time.Hour)
	want("the grant that ends first", end, g.ExpiresAt)
	var r access.Request
	f.update(func(tx *ledger.Tx) (err error) {
		r, err = addRequest(tx, what)
		return err
	})
	want("a request lapses", lapse, *r.LapsesAt)
	f.update(func(tx *ledger.Tx) error { return tx.CloseRequest(r.ID, access.RequestLapsed) })
	want("it is closed", lapse, time.Time{})
}

func bindingsPerContract(t *testing.T, f *fixture) {
	ids := map[string]string{}
	f.update(func(tx *ledger.Tx) error {
		for name, key := range map[string]struct {
			x                access.Entitled
			target, contract string
		}{
			"one":                 {what, "box", "1"},
			"the same":            {what, "box", "1"},
			"of another contract": {what, "box", "2"},
			"of another target":   {what, "tin", "1"},
			"of another subject":  {entitled(1), "box", "1"},
		} {
			b, err := tx.TakeBinding(access.NewID(access.KindBinding, tx.Now()), key.x, key.target, key.contract)
			if err != nil {
				return err
			}
			ids[name] = b.ID
		}
		return nil
	})
	if ids["one"] != ids["the same"] {
		t.Error("the same key gave two bindings")
	}
	seen := map[string]bool{}
	for _, id := range ids {
		seen[id] = true
	}
	if len(seen) != 4 {
		t.Errorf("there are %d bindings, want 4: %v", len(seen), ids)
	}
}

// staleClaims: a binding whose grant is over but not yet swept is not delivered
// as present, and one that is to be absent always is.
func staleClaims(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	f.update(func(tx *ledger.Tx) error {
		b, err := tx.Binding(g.BindingID)
		now := tx.Now()
		b.Desired, b.NextAt = access.Present, &now
		return errors.Join(err, tx.PutBindings(ledger.Claimed{Binding: b}))
	})
	claimable := func() (n int) {
		f.update(func(tx *ledger.Tx) error {
			due, err := tx.HoldDeliverable("box-1", 10)
			n = len(due)
			return err
		})
		return n
	}
	if n := claimable(); n != 1 {
		t.Fatalf("with a live grant %d are due, want 1", n)
	}
	f.must(f.raw(`UPDATE grants SET starts_at = 0, expires_at = 1`))
	if n := claimable(); n != 0 {
		t.Fatalf("with a grant that is over %d are due to be present, want 0", n)
	}
	f.must(f.raw(`UPDATE bindings SET desired = 'absent'`))
	if n := claimable(); n != 1 {
		t.Fatalf("to be absent %d are due, want 1", n)
	}
}

// behindClock: a transaction that waited for a lock has an older time than the
// one that it waited for, and still counts its grant.
func behindClock(t *testing.T, f *fixture) {
	var g access.Grant
	f.update(func(tx *ledger.Tx) (err error) {
		g, err = addGrant(tx, what, time.Hour)
		return err
	})
	f.must(f.raw(`UPDATE grants SET starts_at = starts_at + 60000000`))
	f.view(func(tx *ledger.Tx) error {
		held, err := tx.LiveGrantsOn(g.BindingID)
		if n := len(held[g.BindingID]); err == nil && n != 1 {
			t.Errorf("%d grants are counted on the binding, want 1", n)
		}
		return err
	})
}

// countRace: one transaction ends the last grant on a binding while another adds
// one. Whatever their order, the binding is to be present.
func countRace(t *testing.T, f *fixture) {
	for i := range 25 {
		x := entitled(i)
		old := f.grant(x, time.Hour)
		var both sync.WaitGroup
		both.Go(func() {
			if err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				return errors.Join(tx.LockBindings(old.BindingID), endOne(tx, old, access.EndExpired), desire(tx, old.BindingID))
			}); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				g, err := addGrant(tx, x, time.Hour)
				return errors.Join(err, desire(tx, g.BindingID))
			}); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		f.view(func(tx *ledger.Tx) error {
			b, err := tx.Binding(old.BindingID)
			if err == nil && b.Desired != access.Present {
				t.Fatalf("round %d: a live grant is on a binding that is to be %s", i, b.Desired)
			}
			return err
		})
	}
}

// reviewRace: with a quorum of two and two reviews at once, exactly one of the
// transactions counts two.
func reviewRace(t *testing.T, f *fixture) {
	for i := range 25 {
		var r access.Request
		f.update(func(tx *ledger.Tx) (err error) {
			r, err = addRequest(tx, entitled(i))
			return err
		})
		counts := make(chan int, 2)
		var both sync.WaitGroup
		for _, who := range []access.Subject{bob, carol} {
			both.Go(func() {
				n := 0
				err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
					if err := tx.LockRequest(r.ID); err != nil {
						return err
					}
					err := tx.AddReview(access.ReviewRecord{
						RequestID: r.ID, Reviewer: who, Verdict: access.VerdictApprove, DecisionID: r.DecisionID, CreatedAt: tx.Now(),
					})
					if err != nil {
						return err
					}
					reviews, err := tx.Reviews(r.ID)
					n = len(reviews)
					return err
				})
				if err != nil {
					t.Error(err)
				}
				counts <- n
			})
		}
		both.Wait()
		if sum := <-counts + <-counts; sum != 3 {
			t.Fatalf("round %d: the reviews counted to %d in sum, want 1 + 2", i, sum)
		}
	}
}

func peopleUnion(t *testing.T, f *fixture) {
	put := func(source string, persons ...access.Person) (changed []string) {
		f.update(func(tx *ledger.Tx) error {
			who, err := tx.ReplacePeople(source, persons)
			for _, p := range who {
				changed = append(changed, p.Subject.ID)
			}
			slices.Sort(changed)
			return err
		})
		return changed
	}
	put("file", access.Person{Subject: alice, Groups: []string{"eng", "payments"}}, access.Person{Subject: bob})
	put("token", access.Person{Subject: alice, Groups: []string{"admins", "eng"}})
	want := func(s access.Subject, groups []string, known bool) {
		t.Helper()
		got, k, err := f.l.Groups(t.Context(), s)
		f.must(err)
		if !slices.Equal(got, groups) || k != known {
			t.Errorf("%s has groups %v (known %v), want %v (%v)", s, got, k, groups, known)
		}
	}
	want(alice, []string{"admins", "eng", "payments"}, true)
	want(bob, nil, true)
	want(carol, nil, false)
	if got := put("file", access.Person{Subject: alice, Groups: []string{"eng"}}); !slices.Equal(got, []string{alice.ID, bob.ID}) {
		t.Errorf("changed were %v, want alice and bob", got)
	}
	if got := put("file", access.Person{Subject: alice, Groups: []string{"eng"}}); got != nil {
		t.Errorf("no change was reported as one of %v", got)
	}
	want(alice, []string{"admins", "eng"}, true)
	want(bob, nil, false)
}
