package engine_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// lastOf is the newest event of a type.
func (w *world) lastOf(typ string) audit.Event {
	w.t.Helper()
	events := w.eventsOf(typ)
	if len(events) == 0 {
		w.t.Fatalf("there is no %s", typ)
	}
	return events[len(events)-1]
}

// wantAlices wants the event to be about alice's access.
func (w *world) wantAlices(e audit.Event) {
	w.t.Helper()
	if e.Subject == nil || *e.Subject != alice || e.Action == nil || *e.Action != debug || e.Resource == nil || *e.Resource != acme {
		w.t.Errorf("%s is about %v, %v and %v", e.Type, e.Subject, e.Action, e.Resource)
	}
}

// wantBy wants the event to bear the request, its grant and the policies that decided.
func (w *world) wantBy(e audit.Event, r engine.RequestView, revision string) {
	w.t.Helper()
	w.wantAlices(e)
	if string(e.RequestID) != r.ID || e.DecisionID == "" || string(e.Revision) != revision {
		w.t.Errorf("%s is of %q, decided by %q of %q", e.Type, e.RequestID, e.DecisionID, e.Revision)
	}
	if r.Grant != nil && (string(e.GrantID) != r.Grant.ID || string(e.BindingID) != r.Grant.BindingID) {
		w.t.Errorf("%s is of the grant %q and the binding %q", e.Type, e.GrantID, e.BindingID)
	}
}

func TestEventsOfAGrantSayByWhichPoliciesItIsAndWhatTurnedItsBinding(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.wantBy(w.lastOf(audit.GrantStarted), r, "r1")
		w.wantBy(w.lastOf(audit.BindingDesired), r, "")
		w.revoke(r)
		turned := w.lastOf(audit.BindingDesired)
		w.wantBy(turned, r, "")
		if turned.Data["end_reason"] != "revoked" || turned.Data["desired"] != "absent" {
			t.Errorf("the binding turned for %v", turned.Data)
		}
	})
}

// One grant of two ends, and nothing turns; the other's end turns the binding.
func TestBindingTurnsByTheLastGrantThatEnds(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		first, second := w.mustAsk(30*time.Second), w.mustAsk(2*time.Minute)
		w.pass(31 * time.Second)
		w.wantBy(w.lastOf(audit.BindingDesired), first, "")
		w.pass(61 * time.Second)
		w.pass(30 * time.Second)
		w.wantBy(w.lastOf(audit.BindingDesired), second, "")
	})
}

func TestEventsOfARequestSayByWhichDecisionTheyAre(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(1)
		w.pass(16 * time.Minute)
		w.wantBy(w.lastOf(audit.RequestReminded), r, "r1")
		_, err := w.engine.Withdraw(t.Context(), as(alice), r.ID, "")
		must(t, err)
		w.wantBy(w.lastOf(audit.RequestWithdrawn), r, "r1")
	})
}

// That somebody wanted to answer what is about themselves is told, as any other call
// that is refused.
func TestRefusedPersonIsTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.policy.set(func(in access.Input) access.Decision {
			d := reviewBy(1)(in)
			d.Reviewers.Subjects = append(d.Reviewers.Subjects, alice)
			return d
		})
		r := w.mustAsk(time.Hour)
		_, err := w.engine.Approve(t.Context(), as(alice), r.ID, engine.Review{})
		w.wantCode(err, "own_request")
		_, err = w.engine.Approve(t.Context(), as(alice), r.ID, engine.Review{}) // once a minute
		w.wantCode(err, "own_request")
		denied := w.eventsOf(audit.OperationDenied)
		if len(denied) != 1 || *denied[0].Actor != alice || denied[0].Data["operation"] != "request.review" {
			t.Fatalf("events are %+v", denied)
		}
		w.wantAlices(denied[0])
	})
	inWorld(t, func(t *testing.T, w *world) {
		task := w.flagged()
		w.wantCode(closes(w.engine)(t, as(alice), task.ID), "own_task")
		if e := w.lastOf(audit.OperationDenied); *e.Actor != alice || e.Data["operation"] != "task.close" || e.Resource == nil {
			t.Errorf("the event is %+v", e)
		}
	})
}

func TestRefusedWordNamesTheBindingOnlyWithItsToken(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		m := w.message(1)
		w.do(m)
		confirmed := w.lastOf(audit.BindingProvisioned)
		if confirmed.Source != "192.0.2.7" || confirmed.Channel != "api" || confirmed.Data["confirmed_by"] != "callback" {
			t.Errorf("the word came from %q by %q: %v", confirmed.Source, confirmed.Channel, confirmed.Data)
		}
		_, err := w.word(m, failed, "")
		w.wantCode(err, "token_used")
		if e := w.lastOf(audit.ConfirmationRefused); string(e.BindingID) != r.Grant.BindingID {
			t.Errorf("the refused word is of the binding %q", e.BindingID)
		}
		m.Data.Callback = &access.Callback{Token: "cbt_" + m.Data.Callback.Token[4:46] + "A"}
		_, err = w.word(m, done, "")
		w.wantCode(err, "token_invalid")
		if e := w.lastOf(audit.ConfirmationRefused); e.BindingID != "" {
			t.Errorf("a word without the token is of the binding %q", e.BindingID)
		}
	})
}

func TestIncidentEventSaysWhereItCameFrom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.told("01DEN", access.IncidentResolved, "PGR0VU2")
		e.From = "203.0.113.9"
		w.take(e)
		if got := w.lastOf(audit.IncidentResolved); got.Source != "203.0.113.9" || got.Actor != nil {
			t.Errorf("it came from %q, by %v", got.Source, got.Actor)
		}
	})
}
