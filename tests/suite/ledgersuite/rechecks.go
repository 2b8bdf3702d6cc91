package ledgersuite

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// rechecks: what changes under live grants is queued once, and stays until it was
// evaluated as it is then.
func rechecks(t *testing.T, f *fixture) {
	elsewhere := entitled(2)
	elsewhere.Resource.ID = "globex"
	live, other := f.grant(entitled(1), time.Hour), f.grant(elsewhere, time.Hour)
	ended := f.grant(entitled(1), time.Hour)
	f.update(func(tx *ledger.Tx) error { return endOne(tx, ended, access.EndRevoked) })
	due := func() (list []ledger.Recheck) {
		f.view(func(tx *ledger.Tx) (err error) {
			list, err = tx.DueRechecks(10)
			return err
		})
		return list
	}
	facts := ledger.Stirred{Cause: access.CauseOnCall, Source: "rota", FactsAt: f.l.Now().Truncate(time.Microsecond)}
	queue := func(want int64, change func(*ledger.Tx) (int64, error)) {
		t.Helper()
		f.update(func(tx *ledger.Tx) error {
			n, err := change(tx)
			if n != want {
				t.Errorf("%d were queued, want %d", n, want)
			}
			return err
		})
	}
	queue(1, func(tx *ledger.Tx) (int64, error) { return tx.RecheckSubjects([]access.Subject{live.Subject}, facts) })
	first := due()
	if len(first) != 1 || first[0].GrantID != live.ID || first[0].Stirred != facts {
		t.Fatalf("due are %+v", first)
	}
	queue(1, func(tx *ledger.Tx) (int64, error) { return tx.RecheckSubjects([]access.Subject{live.Subject}, facts) })
	f.update(func(tx *ledger.Tx) error {
		dropped, err := tx.DropRecheck(first[0])
		if dropped {
			t.Error("a change that came again was forgotten")
		}
		return err
	})
	again := due()
	if len(again) != 1 || !again[0].Since.After(first[0].Since) {
		t.Fatalf("due are %+v", again)
	}
	f.update(func(tx *ledger.Tx) error { return tx.PostponeRecheck(again[0], tx.Now().Add(time.Hour), 3) })
	f.view(func(tx *ledger.Tx) error {
		next, err := tx.NextRecheck()
		if len(due()) != 0 || next.Sub(tx.Now()) < 50*time.Minute {
			t.Errorf("it was not postponed: next at %s", next)
		}
		return err
	})
	queue(1, func(tx *ledger.Tx) (int64, error) { return tx.RecheckSubjects([]access.Subject{live.Subject}, facts) })
	if got := due(); len(got) != 1 || got[0].Failures != 0 {
		t.Errorf("what changed again is not due anew: %+v", got)
	}
	for _, name := range []string{"as it came", "another"} {
		f.put("aws", access.Resource{Type: other.Resource.Type, ID: other.Resource.ID, Name: name})
	}
	changed := slices.DeleteFunc(due(), func(r ledger.Recheck) bool { return r.Cause != access.CauseResource })
	if len(changed) != 1 || changed[0].GrantID != other.ID {
		t.Errorf("of a resource that changed, due are %+v", changed)
	}
	queue(2, func(tx *ledger.Tx) (int64, error) { return tx.RecheckAll(ledger.Stirred{Cause: access.CauseGroups}) })
	queue(1, func(tx *ledger.Tx) (int64, error) {
		return tx.RecheckGrants([]string{live.ID, ended.ID, "grt_none"}, ledger.Stirred{Cause: access.CausePolicy})
	})
	f.reopen()
	for _, r := range due() {
		f.update(func(tx *ledger.Tx) error {
			dropped, err := tx.DropRecheck(r)
			if !dropped {
				t.Errorf("%+v was not dropped", r)
			}
			return err
		})
	}
	if got := due(); len(got) != 0 {
		t.Errorf("left are %+v", got)
	}
}

// policyRecheck: the evaluation under a revision goes from stage to stage once,
// whoever comes at once, and a newer revision begins it anew.
func policyRecheck(t *testing.T, f *fixture) {
	grants := []access.Grant{f.grant(entitled(1), time.Hour), f.grant(entitled(2), time.Hour), f.grant(entitled(3), time.Hour)}
	work := func() (w ledger.RecheckWork) {
		f.view(func(tx *ledger.Tx) (err error) {
			w, err = tx.RecheckWork()
			return err
		})
		return w
	}
	if w := work(); w.Policy.Stage != ledger.StageDone || w.Due || w.Open || w.ToJudge || w.Active != "" {
		t.Fatalf("at first there is %+v", w)
	}
	f.update(func(tx *ledger.Tx) error { return tx.BeginPolicyRecheck("r2") })
	listing := ledger.PolicyRecheck{Revision: "r2", Stage: ledger.StageListing}
	var ids []string
	f.view(func(tx *ledger.Tx) (err error) {
		ids, err = tx.LiveGrantIDs("", 10)
		return err
	})
	if len(ids) != 3 || !slices.IsSorted(ids) {
		t.Fatalf("live are %v", ids)
	}
	faults := make([]error, 2)
	var racing sync.WaitGroup
	for i := range faults {
		racing.Go(func() {
			faults[i] = f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				return errors.Join(tx.MovePolicyRecheck(listing, ledger.PolicyRecheck{Stage: ledger.StageJudging}), tx.AddVerdicts(ids))
			})
		})
	}
	racing.Wait()
	if (faults[0] == nil) == (faults[1] == nil) || !errors.Is(errors.Join(faults...), access.ErrConflict) {
		t.Fatalf("two at once: %v", faults)
	}
	if w := work(); w.Policy.Revision != "r2" || w.Policy.Stage != ledger.StageJudging || !w.ToJudge || !w.Open {
		t.Errorf("there is %+v", w)
	}
	f.update(func(tx *ledger.Tx) error {
		open, err := tx.GrantsToJudge(10)
		if len(open) != 3 {
			t.Errorf("to be judged are %+v", open)
		}
		return errors.Join(err, tx.PostponeVerdict(open[0], tx.Now().Add(time.Hour)), tx.SetVerdicts(map[string]access.ContinueAction{
			open[1].GrantID: access.ContinueEnd, open[2].GrantID: access.ContinueFlag,
		}))
	})
	if w := work(); w.ToJudge || !w.Open {
		t.Errorf("one is postponed: %+v", w)
	}
	counts := func(want ledger.VerdictCounts) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			n, err := tx.VerdictCounts()
			if n != want {
				t.Errorf("counted are %+v, want %+v", n, want)
			}
			return err
		})
	}
	counts(ledger.VerdictCounts{Unjudged: 1, Live: 3, Ends: 1, Flags: 1})
	f.update(func(tx *ledger.Tx) error {
		end, err := tx.VerdictsToEnd(10)
		if len(end) != 1 {
			t.Errorf("to end are %v", end)
		}
		return errors.Join(err, endOne(tx, grants[slices.IndexFunc(grants, func(g access.Grant) bool { return g.ID == end[0] })], access.EndRevoked))
	})
	counts(ledger.VerdictCounts{Unjudged: 1, Live: 2, Flags: 1})
	f.update(func(tx *ledger.Tx) error { return tx.DropVerdicts(ids[:1]) })
	f.update(func(tx *ledger.Tx) error {
		_, err := tx.RecheckAll(ledger.Stirred{Cause: access.CausePolicy})
		return err
	})
	f.update(func(tx *ledger.Tx) error { return tx.BeginPolicyRecheck("r3") })
	if w := work(); w.Policy != (ledger.PolicyRecheck{Revision: "r3", Stage: ledger.StageListing}) || w.Open || w.Due {
		t.Errorf("a newer revision begins with %+v", w)
	}
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
		return tx.MovePolicyRecheck(ledger.PolicyRecheck{Revision: "r2", Stage: ledger.StageJudging}, ledger.PolicyRecheck{Stage: ledger.StageDone})
	})
	if !errors.Is(err, access.ErrConflict) {
		t.Errorf("the older one went on: %v", err)
	}
}

// tasks: a task is closed once, by somebody else than who opened it, and a grant
// has one open flag.
func tasks(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	gateway := access.Subject{Type: "service", ID: "curfew"}
	flag := func(n int) access.Task {
		return access.Task{
			ID: access.FirstID(access.KindTask, f.l.Now().Add(time.Duration(n)*time.Millisecond)), Kind: access.TaskFlag, RequestID: g.RequestID, GrantID: g.ID,
			BindingID: g.BindingID, OpenedBy: gateway, Reason: "look", Data: json.RawMessage(`{"a":1}`),
		}
	}
	first := flag(1)
	f.update(func(tx *ledger.Tx) error { return tx.AddTask(first) })
	if err := f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.AddTask(flag(2)) }); err == nil {
		t.Error("a second flag about the grant was opened")
	}
	f.update(func(tx *ledger.Tx) error { return tx.SetTaskData(first.ID, json.RawMessage(`{"b":2}`)) })
	f.view(func(tx *ledger.Tx) error {
		got, found, err := tx.OpenFlag(g.ID)
		if !found || string(got.Data) != `{"b":2}` || got.State != access.TaskOpen || *got.About != what || got.Requester != alice ||
			got.OpenedBy != gateway || got.ClosedBy != nil || got.Reason != "look" {
			t.Errorf("it is kept as %+v", got)
		}
		return err
	})
	faults := make([]error, 2)
	var racing sync.WaitGroup
	for i, by := range []access.Subject{bob, carol} {
		racing.Go(func() {
			faults[i] = f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.CloseTask(first.ID, access.TaskDone, &by, "seen") })
		})
	}
	racing.Wait()
	if (faults[0] == nil) == (faults[1] == nil) || !errors.Is(errors.Join(faults...), access.ErrConflict) {
		t.Fatalf("two closers at once: %v", faults)
	}
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.Task(first.ID)
		if got.State != access.TaskDone || got.ClosedBy == nil || got.ClosedAt == nil || got.Comment != "seen" {
			t.Errorf("closed, it is %+v", got)
		}
		_, found, failed := tx.OpenFlag(g.ID)
		if found {
			t.Error("it is still open")
		}
		return errors.Join(err, failed)
	})
	bulk := flag(3)
	bulk.Kind, bulk.RequestID, bulk.GrantID, bulk.BindingID, bulk.Data = access.TaskBulkEnd, "", "", "", nil
	f.update(func(tx *ledger.Tx) error { return errors.Join(tx.AddTask(bulk), tx.AddTask(flag(4))) })
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.CloseTask(bulk.ID, access.TaskDone, &gateway, "") })
	if err == nil {
		t.Error("who opened a task closed it")
	}
	f.update(func(tx *ledger.Tx) error { return tx.CloseTask(bulk.ID, access.TaskRejected, nil, "superseded") })
	for want, filter := range map[int]ledger.TaskFilter{
		3: {Limit: 10}, 2: {Limit: 2}, 1: {State: "open", Kind: "flag", GrantID: g.ID, Before: "zzz", Limit: 10}, 0: {State: "rejected", Kind: "flag", Limit: 10},
	} {
		f.view(func(tx *ledger.Tx) error {
			list, err := tx.Tasks(filter)
			if len(list) != want || !slices.IsSortedFunc(list, func(a, b access.Task) int { return strings.Compare(b.ID, a.ID) }) {
				t.Errorf("by %+v there are %d: %+v", filter, len(list), list)
			}
			return err
		})
	}
	f.view(func(tx *ledger.Tx) error {
		n, err := tx.Figures()
		if n.Tasks != (access.TaskCounts{Flag: 1}) {
			t.Errorf("open are %+v", n.Tasks)
		}
		return err
	})
}
