package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// had is who had access, by the filter.
func (w *world) had(f engine.AccessFilter) engine.AccessPage {
	w.t.Helper()
	p, err := w.engine.Access(w.t.Context(), as(bob), f)
	must(w.t, err)
	for _, a := range p.Items {
		if a.Proof.Agrees == nil || !*a.Proof.Agrees {
			w.t.Errorf("%s does not agree with the log: %+v", a.GrantID, a.Proof.Differs)
		}
	}
	return p
}

func (w *world) hadAt(at time.Time) []engine.AccessItem {
	w.t.Helper()
	return w.had(engine.AccessFilter{At: at}).Items
}

// wantAccess wants one access, in these states.
func wantAccess(t *testing.T, items []engine.AccessItem, state engine.AccessState, removal engine.RemovalState) engine.AccessItem {
	t.Helper()
	if len(items) != 1 {
		t.Fatalf("there are %d accesses, want one: %+v", len(items), items)
	}
	if a := items[0]; a.State != state || a.RemovalState != removal {
		t.Fatalf("it is %s, and its removal %s; want %s and %s", a.State, a.RemovalState, state, removal)
	}
	return items[0]
}

func TestAccessAtATimeSaysOnWhoseWordAndWhenItWasRemoved(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.policy.set(reviewBy(1))
		before := w.ledger.Now()
		w.pass(time.Second)
		r := w.mustAsk(time.Hour)
		w.pass(time.Minute)
		_, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{Comment: "for PD-1"})
		must(t, err)
		w.pass(time.Minute)
		a := wantAccess(t, w.hadAt(w.ledger.Now()), engine.AccessGranted, engine.RemovalNotDue)
		switch {
		case !a.Live, a.EndsAt != nil, a.UsableUntil != nil, a.RemovedAt != nil, a.Removal != nil, a.ProvisionedAt == nil, !a.Proof.Sealed:
			t.Errorf("while it is live it is %+v", a)
		case a.Subject != alice, a.Resource != acme, a.Action != debug, a.Binding.Target != "box":
			t.Errorf("it is of %+v at %+v", a.Entitled, a.Binding)
		case a.Request.ID != r.ID, a.Request.Reason != "PD-1", a.Request.Requester != alice, a.Request.AskedAt.After(a.StartsAt):
			t.Errorf("the request is %+v", a.Request)
		case a.Decision.ID == "", a.Decision.Revision != "r1", a.Decision.Effect != access.Review, len(a.Decision.Reasons) == 0:
			t.Errorf("the decision is %+v", a.Decision)
		case len(a.Reviews) != 1, a.Reviews[0].Reviewer != bob, a.Reviews[0].Comment != "for PD-1", a.Reviews[0].Revision != "r1":
			t.Errorf("the reviews are %+v", a.Reviews)
		}
		live := w.ledger.Now()
		w.pass(time.Hour)
		if left := w.hadAt(w.ledger.Now()); len(left) != 0 {
			t.Errorf("when it is over there is %+v", left)
		}
		if none := w.hadAt(before); len(none) != 0 {
			t.Errorf("before it began there is %+v", none)
		}
		a = wantAccess(t, w.hadAt(live), engine.AccessGranted, engine.RemovalConfirmed)
		if !a.Live || a.EndsAt == nil || !a.EndsAt.Equal(a.ExpiresAt) || a.RemovedAt == nil || a.Removal.Attempts != 1 || *a.Removal.Seconds > 1 {
			t.Errorf("afterwards it was %+v with %+v", a, a.Removal)
		}
		var types []string
		for _, e := range a.Proof.Events {
			types = append(types, e.Type)
		}
		if want := []string{
			audit.RequestSubmitted, audit.RequestReviewed, audit.RequestApproved, audit.GrantStarted, audit.BindingProvisioned, audit.GrantEnded,
			audit.BindingDesired, audit.BindingDeprovisioned,
		}; !slices.Equal(types, want) || *a.Proof.Events[0].Seq == 0 {
			t.Errorf("its proof is %q, want %q", types, want)
		}
	})
}

func TestAccessThatWasNotRemovedIsSeenAsSuch(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.target.script(refusesRemoval)
		r := w.mustAsk(time.Hour)
		w.pass(time.Minute)
		w.revoke(r)
		w.pass(time.Minute)
		unremoved := w.ledger.Now()
		a := wantAccess(t, w.hadAt(unremoved), engine.AccessUnremoved, engine.RemovalOpen)
		if a.Live || a.EndsAt == nil || a.UsableUntil != nil || a.RemovedAt != nil || a.Removal == nil || a.Removal.Attempts == 0 {
			t.Errorf("it is %+v with %+v", a, a.Removal)
		}
		if granted := w.had(engine.AccessFilter{At: unremoved, Granted: true}); len(granted.Items) != 0 {
			t.Errorf("a grant gave %+v", granted.Items)
		}
		w.target.script(agrees)
		w.pass(time.Minute)
		a = wantAccess(t, w.hadAt(unremoved), engine.AccessUnremoved, engine.RemovalConfirmed)
		if a.RemovedAt == nil || !a.UsableUntil.Equal(*a.RemovedAt) || !a.RemovedAt.After(unremoved) {
			t.Errorf("it was %+v", a)
		}
		if left := w.hadAt(w.ledger.Now()); len(left) != 0 {
			t.Errorf("now there is %+v", left)
		}
		if granted := w.had(engine.AccessFilter{At: unremoved, Granted: true}); len(granted.Items) != 0 {
			t.Errorf("a grant gave %+v", granted.Items)
		}
	})
}

func TestAccessThatAnotherGrantWentOnGivingWasNotRemovedWithTheFirst(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		first := w.mustAsk(time.Hour)
		w.pass(30 * time.Minute)
		second := w.mustAsk(2 * time.Hour)
		w.pass(10 * time.Minute)
		both := w.ledger.Now()
		if items := w.hadAt(both); len(items) != 2 || items[0].GrantID != second.Grant.ID || items[1].GrantID != first.Grant.ID {
			t.Fatalf("by both there are %+v", items)
		} else if items[0].ProvisionedAt == nil || !items[0].ProvisionedAt.Before(items[0].StartsAt) {
			t.Errorf("what was open already was provisioned at %v", items[0].ProvisionedAt)
		}
		w.pass(time.Hour)
		wantAccess(t, w.hadAt(w.ledger.Now()), engine.AccessGranted, engine.RemovalNotDue)
		if a := w.hadAt(both)[1]; a.RemovalState != engine.RemovalContinued || a.Removal != nil || !a.UsableUntil.Equal(*a.EndsAt) {
			t.Errorf("the first was %+v", a)
		}
		w.pass(2 * time.Hour)
		if items := w.hadAt(both); items[0].RemovalState != engine.RemovalConfirmed || items[1].RemovalState != engine.RemovalContinued {
			t.Errorf("in the end they are %+v", items)
		}
	})
}

func TestAccessThatIsGivenAgainBeforeItWasRemovedIsReopened(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.target.script(refusesRemoval)
		r := w.mustAsk(time.Hour)
		w.pass(time.Minute)
		w.revoke(r)
		w.pass(time.Minute)
		between := w.ledger.Now()
		w.pass(time.Second)
		w.target.script(agrees)
		again := w.mustAsk(time.Hour)
		w.pass(time.Minute)
		a := wantAccess(t, w.hadAt(between), engine.AccessUnremoved, engine.RemovalReopened)
		if a.GrantID != r.Grant.ID || a.RemovedAt != nil || a.UsableUntil.Before(between) {
			t.Errorf("it was %+v", a)
		}
		if a = wantAccess(t, w.hadAt(w.ledger.Now()), engine.AccessGranted, engine.RemovalNotDue); a.GrantID != again.Grant.ID {
			t.Errorf("now it is %+v", a)
		}
	})
}

func TestAccessThatATargetWasNeverToldOfIsNothingToRemove(t *testing.T) {
	t.Parallel()
	inWorldOf(t, func(w *world) { w.idle = true }, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.pass(time.Minute)
		during := w.ledger.Now()
		w.pass(time.Second)
		w.revoke(r)
		w.pass(time.Minute)
		if a := wantAccess(t, w.hadAt(during), engine.AccessGranted, engine.RemovalNeedless); a.ProvisionedAt != nil || a.Removal != nil {
			t.Errorf("it was %+v", a)
		}
	})
}

func TestAccessOfAPeriodIsPagedAndNarrowed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		var ids []string
		began := w.ledger.Now()
		for range 5 {
			ids = append(ids, w.mustAsk(2*time.Minute).Grant.ID)
			w.pass(5 * time.Minute)
		}
		slices.Reverse(ids)
		now := w.ledger.Now()
		all := engine.AccessFilter{From: began, To: now}
		var got []string
		f := all
		for f.Limit = 2; ; {
			p := w.had(f)
			for _, a := range p.Items {
				got = append(got, a.GrantID)
			}
			if p.NextCursor == nil {
				break
			}
			f.Cursor = *p.NextCursor
		}
		if !slices.Equal(got, ids) {
			t.Errorf("pages of two are %q, want %q", got, ids)
		}
		for name, c := range map[string]struct {
			f    engine.AccessFilter
			want int
		}{
			"by its subject":                      {engine.AccessFilter{From: began, To: now, Subject: alice.String()}, 5},
			"by another's subject":                {engine.AccessFilter{From: began, To: now, Subject: bob.String()}, 0},
			"by its resource":                     {engine.AccessFilter{From: began, To: now, Resource: acme.String()}, 5},
			"by another resource":                 {engine.AccessFilter{From: began, To: now, Resource: "customer:other"}, 0},
			"by both":                             {engine.AccessFilter{From: began, To: now, Subject: alice.String(), Resource: acme.String()}, 5},
			"the first nine minutes":              {engine.AccessFilter{From: began, To: began.Add(9 * time.Minute)}, 2},
			"the moment at which the first began": {engine.AccessFilter{At: began.Add(time.Second)}, 1},
			"between two":                         {engine.AccessFilter{At: began.Add(4 * time.Minute)}, 0},
		} {
			if n := len(w.had(c.f).Items); n != c.want {
				t.Errorf("%s: %d, want %d", name, n, c.want)
			}
		}
	})
}

func TestAccessOfNoSuchTimeIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		now := w.ledger.Now()
		for code, f := range map[string]engine.AccessFilter{
			"period_missing":   {From: now},
			"period_ambiguous": {At: now, From: now, To: now},
			"time_ahead":       {At: now.Add(time.Hour)},
			"invalid_period":   {From: now, To: now},
			"invalid_cursor":   {At: now, Paging: engine.Paging{Cursor: "MTp4"}},
		} {
			if _, err := w.engine.Access(t.Context(), as(bob), f); access.CodeOf(err) != code {
				t.Errorf("%v, want %s", err, code)
			}
		}
	})
}

func TestARowThatSomebodyEditedDoesNotAgreeWithTheLog(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.policy.set(reviewBy(1))
		r := w.mustAsk(time.Hour)
		_, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{})
		must(t, err)
		w.pass(2 * time.Hour)
		at := w.ledger.Now().Add(-90 * time.Minute)
		wantAccess(t, w.hadAt(at), engine.AccessGranted, engine.RemovalConfirmed)
		for what, edit := range map[string][2]string{
			"starts_at": {`UPDATE grants SET starts_at = starts_at - 5000000`, `UPDATE grants SET starts_at = starts_at + 5000000`},
			"subject":   {`UPDATE grants SET subject = 'user:mallory@example.com'`, `UPDATE grants SET subject = 'user:alice@example.com'`},
			"resource":  {`UPDATE grants SET resource = 'customer:other'`, `UPDATE grants SET resource = 'customer:acme'`},
			"ended_at":  {`UPDATE grants SET ended_at = ended_at + 1000000`, `UPDATE grants SET ended_at = ended_at - 1000000`},
			"reason":    {`UPDATE requests SET reason = 'PD-2'`, `UPDATE requests SET reason = 'PD-1'`},
			"emergency": {`UPDATE requests SET emergency = 1`, `UPDATE requests SET emergency = 0`},
			"revision":  {`UPDATE decisions SET revision = 'r0'`, `UPDATE decisions SET revision = 'r1'`},
			"effect":    {`UPDATE decisions SET output = replace(output, '"review"', '"allow"')`, `UPDATE decisions SET output = replace(output, '"allow"', '"review"')`},
			"review":    {`UPDATE reviews SET reviewer = 'user:dave@example.com'`, `UPDATE reviews SET reviewer = 'user:bob@example.com'`},
		} {
			must(t, w.raw(edit[0]))
			p, err := w.engine.Access(t.Context(), as(bob), engine.AccessFilter{At: at})
			must(t, err)
			if len(p.Items) != 1 || *p.Items[0].Proof.Agrees || len(p.Items[0].Proof.Differs) != 1 || p.Items[0].Proof.Differs[0].What != what {
				t.Errorf("%s: %+v", what, p.Items)
			}
			must(t, w.raw(edit[1]))
		}
		wantAccess(t, w.hadAt(at), engine.AccessGranted, engine.RemovalConfirmed)
	})
}

func TestAccessWhoseEventsAreNotKeptIsShownWithoutProof(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.target.script(refusesRemoval)
		r := w.mustAsk(time.Hour)
		w.pass(time.Minute)
		w.revoke(r)
		w.pass(time.Minute)
		unremoved := w.ledger.Now()
		w.target.script(agrees)
		w.pass(time.Minute)
		was := wantAccess(t, w.hadAt(unremoved), engine.AccessUnremoved, engine.RemovalConfirmed)
		for _, edit := range []string{
			`UPDATE audit_guard SET removing = 1`, `UPDATE audit_head SET removed = seq`, `DELETE FROM audit_log`, `DELETE FROM audit_events`,
		} {
			must(t, w.raw(edit))
		}
		p, err := w.engine.Access(t.Context(), as(bob), engine.AccessFilter{At: unremoved})
		must(t, err)
		a := wantAccess(t, p.Items, engine.AccessUnremoved, engine.RemovalUnknown)
		if a.Proof.Agrees != nil || len(a.Proof.Events) != 0 || !a.UsableUntil.Equal(*was.UsableUntil) || a.Removal != nil {
			t.Errorf("it is %+v", a)
		}
	})
}

func TestAGrantThatNeverStartedGaveNoAccess(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		starts, length := w.ledger.Now().Add(time.Hour).Truncate(time.Second), access.Duration(time.Hour)
		_, err := w.engine.Submit(t.Context(), as(alice), engine.Ask{
			Action: debug, Resource: acme, For: &length, Reason: "PD-1", StartsAt: engine.StartAt(starts),
		})
		must(t, err)
		w.policy.set(denyAll)
		w.pass(3 * time.Hour)
		if items := w.had(engine.AccessFilter{From: starts.Add(-time.Hour), To: w.ledger.Now()}).Items; len(items) != 0 {
			t.Errorf("it gave %+v", items)
		}
	})
}

func TestAccessIsTheSameOnceItIsSettled(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		began := w.ledger.Now()
		w.mustAsk(time.Hour)
		w.pass(time.Minute)
		w.target.script(refusesRemoval)
		r := w.mustAsk(2 * time.Hour)
		w.pass(90 * time.Minute)
		w.revoke(r)
		w.pass(10 * time.Minute)
		w.target.script(agrees)
		w.pass(time.Minute)
		f := engine.AccessFilter{From: began, To: w.ledger.Now()}
		settled := w.had(f).Items
		var left int
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			grants, err := tx.GrantsToSettle(10)
			left = len(grants)
			return err
		}))
		if left != 0 || len(settled) != 2 {
			t.Fatalf("%d are left to settle, and %d are listed", left, len(settled))
		}
		must(t, w.raw(`UPDATE grants SET span = NULL, until_at = NULL`))
		for i, a := range w.had(f).Items {
			if s := settled[i]; a.GrantID != s.GrantID || a.RemovalState != s.RemovalState || !a.UsableUntil.Equal(*s.UsableUntil) || a.State != s.State {
				t.Errorf("settled it is\n%+v, and before\n%+v", s, a)
			}
		}
		w.pass(10 * time.Second)
		if again := w.had(f).Items; len(again) != 2 || !strings.HasPrefix(again[0].GrantID, "grt_") {
			t.Errorf("settled again there are %+v", again)
		}
	})
}
