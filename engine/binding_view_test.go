package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// refusing is a target that does nothing that it is told.
func refusing(access.Message) (time.Duration, error) {
	return 0, &access.DeliveryError{Class: access.ClassRefused, Status: 500, Err: errors.New("answered 500")}
}

// refusesRemoval is one that opens and does not close.
func refusesRemoval(m access.Message) (time.Duration, error) {
	if m.Type == deprovision {
		return refusing(m)
	}
	return 0, nil
}

func agrees(access.Message) (time.Duration, error) { return 0, nil }

// shown is the binding as bob is shown it.
func (w *world) shown(id string) engine.BindingDetail {
	w.t.Helper()
	d, err := w.engine.Binding(w.t.Context(), as(bob), id)
	must(w.t, err)
	return d
}

// wantTimeline wants these entries, each as its event and how an attempt ended.
func wantTimeline(t *testing.T, d engine.BindingDetail, want ...string) {
	t.Helper()
	var got []string
	for i, e := range d.Timeline {
		if i > 0 && e.At.Before(d.Timeline[i-1].At) {
			t.Errorf("entry %d is before the one that it follows", i)
		}
		entry := e.Event
		if e.Event == audit.BindingAttempted {
			entry = fmt.Sprintf("%s %d %s", e.Verb, e.Attempt, e.Class)
		}
		got = append(got, entry)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the timeline is\n%q, want\n%q", got, want)
	}
}

func TestRemovalIsProvedByItsTimeline(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		if d := w.shown(r.Grant.BindingID); d.Removal != nil || len(d.Grants) != 1 || d.Grants[0].ID != r.Grant.ID {
			t.Errorf("while it is live it is %+v", d)
		}
		refused := 0
		w.target.script(func(m access.Message) (time.Duration, error) {
			if refused++; refused <= 2 {
				return refusing(m)
			}
			return 0, nil
		})
		w.revoke(r)
		w.pass(100 * time.Millisecond)
		ended := w.ledger.Now()
		d := w.shown(r.Grant.BindingID)
		if p := d.Removal; p == nil || p.ConfirmedAt != nil || p.ConfirmedBy != nil || p.Seconds != nil || p.Attempts != 1 || p.Verified != nil {
			t.Errorf("before it is confirmed the proof is %+v", p)
		}
		w.pass(20 * time.Second)
		d = w.shown(r.Grant.BindingID)
		wantTimeline(t, d, audit.GrantStarted, audit.BindingDesired, "access.provision 1 confirmed", audit.BindingProvisioned, audit.GrantEnded, audit.BindingDesired,
			"access.deprovision 1 refused", audit.BindingFailed, "access.deprovision 2 refused", "access.deprovision 3 confirmed", audit.BindingDeprovisioned)
		p := d.Removal
		switch {
		case p == nil, p.ConfirmedAt == nil, p.ConfirmedBy == nil, p.Seconds == nil, p.EndReason == nil, p.FirstAttemptAt == nil:
			t.Fatalf("the proof is %+v", p)
		case p.Attempts != 3, *p.EndReason != access.EndRevoked, *p.GrantID != r.Grant.ID, *p.RequestID != r.ID, *p.ConfirmedBy != engine.ByResponse,
			p.AcceptedAt != nil, p.VerifiedAt != nil, p.Verified != nil, p.Generation != d.Generation:
			t.Errorf("the proof is %+v", p)
		case *p.Seconds != p.ConfirmedAt.Sub(p.DueAt).Seconds(), *p.Seconds < 0.1, ended.Sub(p.DueAt) > time.Second:
			t.Errorf("the times are %+v", p)
		}
		for _, e := range d.Timeline {
			logged := e.Event != audit.BindingAttempted || e.Attempt == 1
			if (e.EventID != "") != logged {
				t.Errorf("%s, attempt %d: the event is %q", e.Event, e.Attempt, e.EventID)
			}
		}
	})
}

func TestProofOfRemovalIsInTheAuditLogToo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		w.revoke(r)
		w.pass(time.Second)
		confirmed := w.eventsOf(audit.BindingDeprovisioned)
		if len(confirmed) != 1 {
			t.Fatalf("there are %d events", len(confirmed))
		}
		for _, member := range []string{"due_at", "attempt", "generation", "verb", "target"} {
			if confirmed[0].Data[member] == nil {
				t.Errorf("the confirmation does not say %s: %v", member, confirmed[0].Data)
			}
		}
		if ended := w.eventsOf(audit.GrantEnded); ended[0].Data["end_reason"] != "revoked" || string(ended[0].BindingID) != r.Grant.BindingID {
			t.Errorf("the end is %+v", ended[0])
		}
	})
}

func TestConfirmationThatMayBeUndoneIsNoProof(t *testing.T) {
	t.Parallel()
	inWorldOf(t, func(w *world) { w.target.lag = time.Minute }, func(t *testing.T, w *world) {
		w.target.script(func(m access.Message) (time.Duration, error) {
			if m.Type == provision {
				return time.Second, &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: errors.New("time-out")}
			}
			return 0, nil
		})
		r := w.mustAsk(time.Hour)
		w.pass(2 * time.Second)
		w.revoke(r)
		w.pass(2 * time.Second)
		d := w.shown(r.Grant.BindingID)
		if d.Observed != access.Absent || d.NextAt == nil || d.Removal == nil || d.Removal.ConfirmedAt != nil {
			t.Fatalf("while the provision may still land the removal is %+v of %+v", d.Removal, d.BindingItem)
		}
		w.pass(2 * time.Minute)
		if d = w.shown(r.Grant.BindingID); d.Removal.ConfirmedAt == nil || *d.Removal.Seconds < 60 || d.Removal.Attempts != 2 {
			t.Errorf("once it can not any more, it is %+v", d.Removal)
		}
	})
}

func TestRemovalByCallbackSaysWhenItWasAccepted(t *testing.T) {
	t.Parallel()
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		w.do(w.message(1))
		w.revoke(r)
		w.pass(time.Second)
		w.do(w.message(2))
		d := w.shown(r.Grant.BindingID)
		if p := d.Removal; p == nil || p.ConfirmedBy == nil || *p.ConfirmedBy != engine.ByCallback || p.AcceptedAt == nil || p.AcceptedAt.After(*p.ConfirmedAt) {
			t.Fatalf("the proof is %+v", p)
		}
	})
}

func TestAccessThatNoTargetWasToldOfWasNeverRemoved(t *testing.T) {
	t.Parallel()
	inWorldOf(t, func(w *world) { w.idle = true }, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.revoke(r)
		if d := w.shown(r.Grant.BindingID); d.Removal != nil || d.Observed != access.Absent || d.NextAt != nil {
			t.Errorf("it is %+v, %+v", d.BindingItem, d.Removal)
		}
	})
}

func TestRemovalStaysProvedWhenAccessIsGivenAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		w.revoke(r)
		w.pass(time.Second)
		before := w.shown(r.Grant.BindingID).Removal
		w.mustAsk(time.Hour)
		w.pass(time.Second)
		after := w.shown(r.Grant.BindingID)
		if before == nil || after.Removal == nil || !after.Removal.ConfirmedAt.Equal(*before.ConfirmedAt) || after.Removal.Generation != before.Generation {
			t.Errorf("it was %+v, and is %+v", before, after.Removal)
		}
	})
}

func TestLongTimelineKeepsItsNewestEntries(t *testing.T) {
	t.Parallel()
	inWorldOf(t, func(w *world) {
		w.terms = func(box *engine.Target) { box.Retry.First, box.Retry.Cap = time.Second, time.Second }
	}, func(t *testing.T, w *world) {
		w.target.script(refusing)
		r := w.mustAsk(time.Hour)
		w.pass(4 * time.Minute)
		d := w.shown(r.Grant.BindingID)
		if len(d.Timeline) != engine.MaxTimeline || d.TimelineOmitted == 0 || d.Timeline[engine.MaxTimeline-1].Attempt != d.Attempts {
			t.Fatalf("%d entries, %d omitted, of %d attempts", len(d.Timeline), d.TimelineOmitted, d.Attempts)
		}
		events := len(w.events(filterByBinding(r.Grant.BindingID)))
		begun := 1 // the first attempt is an event too
		if want := d.Attempts + events - begun - engine.MaxTimeline; d.TimelineOmitted != want {
			t.Errorf("%d are omitted, want %d", d.TimelineOmitted, want)
		}
	})
}

func TestBindingsAreListedByWhatIsWrongWithThem(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		list := func(f engine.BindingFilter) (ids []string) {
			page, err := w.engine.Bindings(t.Context(), as(bob), f)
			must(t, err)
			for _, b := range page.Items {
				ids = append(ids, b.ID)
			}
			return ids
		}
		wantState := func(id string, states ...access.BindingState) {
			t.Helper()
			for _, s := range access.BindingStates() {
				if is := slices.Contains(list(engine.BindingFilter{State: s}), id); is != slices.Contains(states, s) {
					t.Errorf("that it is %s is %v", s, is)
				}
			}
		}
		r := w.mustAsk(time.Hour)
		w.settle()
		id := r.Grant.BindingID
		wantState(id, access.BindingPresent)
		w.target.script(refusesRemoval)
		w.revoke(r)
		w.pass(time.Second)
		wantState(id, access.BindingPending)
		w.pass(access.OverdueAfter)
		wantState(id, access.BindingPending, access.BindingOverdue)
		for name, f := range map[string]engine.BindingFilter{
			"of alice": {Subject: alice.String()}, "on acme": {Resource: acme.String()}, "at the box": {Target: "box"},
		} {
			if got := list(f); !slices.Equal(got, []string{id}) {
				t.Errorf("%s: %v", name, got)
			}
		}
		for name, f := range map[string]engine.BindingFilter{
			"of bob": {Subject: bob.String()}, "on another": {Resource: "customer:globex"}, "elsewhere": {Target: "cupboard"},
		} {
			if got := list(f); got != nil {
				t.Errorf("%s: %v", name, got)
			}
		}
		w.target.script(agrees)
		w.pass(10 * time.Second)
		wantState(id, access.BindingAbsent)
	})
}

// A target that says, after it confirmed a removal, that it has done what came before
// has opened it again: the removal is not proved until it is confirmed anew.
func TestRemovalThatWasUndoneIsNotProved(t *testing.T) {
	t.Parallel()
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		id := r.Grant.BindingID
		w.revoke(r)
		w.settle()
		w.do(w.message(2))
		w.pass(5 * time.Minute) // asserted again, when the first could not land any more
		w.do(w.message(-1))
		w.wantSettled(id, access.Absent)
		proof := w.shown(id).Removal
		if proof == nil || proof.ConfirmedAt == nil {
			t.Fatalf("the proof is %+v", proof)
		}
		w.target.act(w.message(1))
		_, err := w.word(w.message(1), done, "")
		w.wantCode(err, "generation_passed")
		w.settle()
		w.wantWaiting(id, time.Minute)
		undone := w.shown(id).Removal
		if undone == nil || undone.ConfirmedAt != nil || undone.ConfirmedBy != nil || undone.Seconds != nil || undone.Verified != nil {
			t.Errorf("while the target is to close it again the proof is %+v", undone)
		}
		for range 3 { // once more when the late one can not land any more
			w.do(w.message(-1))
			w.pass(2 * time.Minute)
			if w.binding(id).NextAt == nil {
				break
			}
		}
		w.wantSettled(id, access.Absent)
		again := w.shown(id).Removal
		if again == nil || again.ConfirmedAt == nil || !again.ConfirmedAt.After(*proof.ConfirmedAt) || *again.ConfirmedBy != engine.ByCallback ||
			again.Attempts <= proof.Attempts || !again.DueAt.Equal(proof.DueAt) {
			t.Errorf("the proof is %+v, was %+v", again, proof)
		}
	})
}

// Access ends with its grant, and not when a gateway that was away finds that it has.
func TestRemovalIsCountedFromTheEndOfTheGrant(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(30 * time.Second)
		w.settle()
		w.stop()
		w.pass(10 * time.Minute)
		w.start()
		w.pass(time.Second)
		w.wantSettled(r.Grant.BindingID, access.Absent)
		p := w.shown(r.Grant.BindingID).Removal
		if p == nil || p.Seconds == nil || !p.DueAt.Equal(r.Grant.ExpiresAt) || *p.Seconds != p.ConfirmedAt.Sub(r.Grant.ExpiresAt).Seconds() {
			t.Errorf("the proof is %+v; access ended at %s", p, r.Grant.ExpiresAt)
		}
	})
}
