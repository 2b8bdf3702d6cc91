package ledgersuite

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// change changes a binding as whoever holds it does.
func (f *fixture) change(id string, how func(*ledger.Claimed)) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error {
		held, err := tx.HoldClaimed(id)
		if err != nil {
			return err
		}
		b := held[id]
		how(&b)
		return tx.PutBindings(b)
	})
}

func (f *fixture) bindings(filter ledger.BindingFilter) (ids []string) {
	f.t.Helper()
	if filter.Limit == 0 {
		filter.Limit = 100
	}
	f.view(func(tx *ledger.Tx) error {
		found, err := tx.Bindings(filter)
		for _, b := range found {
			ids = append(ids, b.ID)
		}
		return err
	})
	return ids
}

// bindingsListed: an operator finds bindings by what is wrong with them, newest first.
func bindingsListed(t *testing.T, f *fixture) {
	now := f.l.Now()
	long, lately := now.Add(-access.OverdueAfter-time.Second), now.Add(-time.Minute)
	var ids []string
	for i := range 7 {
		x := entitled(i)
		if i == 6 {
			x.Resource.ID = "globex"
		}
		ids = append(ids, f.grant(x, time.Hour).BindingID)
	}
	slices.Sort(ids)
	fine, late, missing, trying, drifted, forced, other := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6]
	for id, how := range map[string]func(*ledger.Claimed){
		fine:    func(b *ledger.Claimed) { b.Observed, b.NextAt, b.DueAt = access.Present, nil, nil },
		late:    func(b *ledger.Claimed) { b.Observed, b.NextAt, b.DueAt = access.Unknown, &now, &long },
		trying:  func(b *ledger.Claimed) { b.Observed, b.NextAt, b.DueAt = access.Unknown, &now, &lately },
		drifted: func(b *ledger.Claimed) { b.Observed, b.NextAt, b.DueAt = access.Absent, nil, nil },
		forced:  func(b *ledger.Claimed) { b.Observed, b.NextAt, b.DueAt, b.ForcedAt = access.Absent, nil, nil, &now },
		other:   func(b *ledger.Claimed) { b.Observed, b.NextAt, b.DueAt = access.Present, nil, nil },
		missing: func(b *ledger.Claimed) {
			b.Observed, b.NextAt, b.DueAt, b.LastClass = access.Unknown, &now, &lately, access.ClassTargetMissing
		},
	} {
		f.change(id, how)
	}
	f.update(func(tx *ledger.Tx) error {
		if err := tx.AskAt(ledger.Asking{BindingID: drifted, Contract: "box-1", At: now}, ledger.Asking{BindingID: fine, Contract: "box-1", At: now}); err != nil {
			return err
		}
		return tx.PutVerifications(ledger.Verified{
			BindingID: drifted, Verification: access.Verification{Answer: access.Present, AnsweredAt: &now, DriftedSince: &now, NextAt: &now},
		})
	})
	for state, want := range map[access.BindingState][]string{
		access.BindingOverdue: {missing, late}, access.BindingPending: {trying, missing, late}, access.BindingDrifted: {drifted},
		access.BindingForced: {forced}, access.BindingPresent: {other, fine}, access.BindingAbsent: {forced, drifted},
	} {
		if got := f.bindings(ledger.BindingFilter{State: state}); !slices.Equal(got, want) {
			t.Errorf("%s are %v, want %v", state, got, want)
		}
	}
	slices.Reverse(ids)
	if first, rest := f.bindings(ledger.BindingFilter{Limit: 3}), f.bindings(ledger.BindingFilter{Before: ids[2]}); !slices.Equal(slices.Concat(first, rest), ids) {
		t.Errorf("pages are %v and %v", first, rest)
	}
	everything := ledger.BindingFilter{Target: "box", Subject: entitled(6).Subject.String(), Resource: "customer:globex", State: access.BindingPresent, Before: "zzz"}
	if got := f.bindings(everything); !slices.Equal(got, []string{other}) {
		t.Errorf("by everything it is %v", got)
	}
	for _, none := range []ledger.BindingFilter{{Target: "cupboard"}, {Subject: "user:nobody"}, {Resource: "customer:none"}} {
		if got := f.bindings(none); got != nil {
			t.Errorf("by %+v there are %v", none, got)
		}
	}
}

// bindingHistory: what happened to a binding is read in its order, sealed or not.
func bindingHistory(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	say := func(types ...string) {
		f.update(func(tx *ledger.Tx) error {
			var faults []error
			for _, typ := range types {
				faults = append(faults, tx.Append(audit.Event{Type: typ, BindingID: audit.Text(g.BindingID)}))
			}
			return errors.Join(append(faults, tx.Append(audit.Event{Type: "of.another", BindingID: "bnd_other"}))...)
		})
	}
	read := func(limit int, but bool, types ...string) (got []string) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			events, err := tx.BindingEvents(g.BindingID, limit, but, types...)
			for i, e := range events {
				if i > 0 && e.Order <= events[i-1].Order {
					t.Errorf("the order of %d is %d after %d", i, e.Order, events[i-1].Order)
				}
				var event struct{ Type string }
				if err := json.Unmarshal(e.Body, &event); err != nil {
					return err
				}
				got = append(got, event.Type)
			}
			return err
		})
		return got
	}
	say("a.one", "b.two", "b.three")
	if _, err := f.l.SealEvents(t.Context(), 100, nil); err != nil {
		t.Fatal(err)
	}
	say("b.four", "a.five", "b.six")
	for _, tc := range []struct{ got, want []string }{
		{read(10, true, "a.one"), []string{"b.two", "b.three", "b.four", "a.five", "b.six"}},
		{read(3, true, "b.six"), []string{"b.three", "b.four", "a.five"}},
		{read(10, false, "a.one", "a.five"), []string{"a.one", "a.five"}},
		{read(10, false, "c.none"), nil},
	} {
		if !slices.Equal(tc.got, tc.want) {
			t.Errorf("read were %v, want %v", tc.got, tc.want)
		}
	}
	f.view(func(tx *ledger.Tx) error {
		n, err := tx.CountBindingEvents(g.BindingID, "a.one")
		if n != 5 {
			t.Errorf("%d are counted", n)
		}
		return err
	})
}

// attemptsCounted: of many attempts the newest are read, and those of a span counted.
func attemptsCounted(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	began := f.l.Now()
	f.update(func(tx *ledger.Tx) error {
		var tried []access.Delivery
		for n := range 6 {
			verb := access.VerbDeprovision
			if n == 0 {
				verb = access.VerbProvision
			}
			tried = append(tried, access.Delivery{
				BindingID: g.BindingID, Generation: int64(1 + n/2), Attempt: 1 + n%2, Owner: "me", StartedAt: began.Add(time.Duration(n) * time.Second),
				Message: access.Message{Type: verb},
			})
		}
		unsent := access.Delivery{ // it was claimed before the others, and no byte of it left
			BindingID: g.BindingID, Generation: 1, Attempt: 7, Owner: "me", StartedAt: began.Add(500 * time.Millisecond),
			Message: access.Message{Type: access.VerbDeprovision},
		}
		return errors.Join(tx.AddAttempts(append(tried, unsent)),
			tx.FinishAttempts([]ledger.Finished{{Delivery: unsent, Class: access.ClassUnsent}}))
	})
	f.view(func(tx *ledger.Tx) error {
		newest, all, err := tx.NewestAttempts(g.BindingID, 3)
		if all != 7 || len(newest) != 3 || newest[0].Generation != 2 || newest[0].Number != 2 || newest[2].Generation != 3 || newest[2].Number != 2 {
			t.Errorf("of %d the newest are %+v", all, newest)
		}
		return err
	})
	for name, tc := range map[string]struct {
		span  ledger.AttemptSpan
		n     int
		first time.Duration
	}{
		"of one verb":           {ledger.AttemptSpan{Verb: access.VerbDeprovision, Below: 9, Until: began.Add(time.Hour)}, 5, time.Second},
		"of some generations":   {ledger.AttemptSpan{Verb: access.VerbDeprovision, From: 2, Below: 3, Until: began.Add(time.Hour)}, 2, 2 * time.Second},
		"begun by then":         {ledger.AttemptSpan{Verb: access.VerbDeprovision, Below: 9, Until: began.Add(2 * time.Second)}, 2, time.Second},
		"of no such generation": {ledger.AttemptSpan{Verb: access.VerbDeprovision, From: 7, Below: 9, Until: began.Add(time.Hour)}, 0, -1},
	} {
		f.view(func(tx *ledger.Tx) error {
			n, first, err := tx.CountAttempts(g.BindingID, tc.span)
			if n != tc.n || (first == nil) != (tc.first < 0) || first != nil && first.Sub(began).Round(time.Millisecond) != tc.first {
				t.Errorf("%s: %d, the first at %v", name, n, first)
			}
			return err
		})
	}
}

// forceCloses: one task at a time asks to declare a binding gone, and it is about the
// binding, and about who asked for the access.
func forceCloses(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	task := func(n int) access.Task {
		return access.Task{
			ID: access.FirstID(access.KindTask, f.l.Now().Add(time.Duration(n)*time.Millisecond)), Kind: access.TaskForceClose,
			RequestID: g.RequestID, BindingID: g.BindingID, OpenedBy: bob, Reason: "gone",
		}
	}
	first := task(1)
	f.view(func(tx *ledger.Tx) error {
		b, err := tx.Binding(g.BindingID)
		if err != nil {
			return err
		}
		asked, err := tx.LastRequestOn(b)
		if asked != g.RequestID {
			t.Errorf("the last request on it is %q", asked)
		}
		return err
	})
	f.update(func(tx *ledger.Tx) error { return tx.AddTask(first) })
	if err := f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.AddTask(task(2)) }); err == nil {
		t.Error("a second task about the binding was opened")
	}
	f.view(func(tx *ledger.Tx) error {
		got, found, err := tx.OpenForceClose(g.BindingID)
		if !found || got.ID != first.ID || got.GrantID != "" || got.About == nil || *got.About != what || got.Requester != g.Subject {
			t.Errorf("it is kept as %+v", got)
		}
		_, other, failed := tx.OpenForceClose("bnd_other")
		if other {
			t.Error("there is one about another binding")
		}
		return errors.Join(err, failed)
	})
	f.update(func(tx *ledger.Tx) error { return tx.CloseTask(first.ID, access.TaskRejected, nil, "") })
	f.update(func(tx *ledger.Tx) error { return tx.AddTask(task(3)) })
}
