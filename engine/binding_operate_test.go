package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

var root = access.Subject{Type: "user", ID: "root@example.com"}

func filterByBinding(id string) ledger.EventFilter { return ledger.EventFilter{BindingID: id} }

// stuck is a binding whose access was revoked and whose target does not remove it. The
// next attempt is some seconds away.
func (w *world) stuck() engine.RequestView {
	w.t.Helper()
	r := w.mustAsk(time.Hour)
	w.settle()
	w.target.script(refusesRemoval)
	w.revoke(r)
	w.pass(20 * time.Second)
	return r
}

func (w *world) retry(id string) (engine.BindingItem, error) {
	return w.engine.RetryBinding(w.t.Context(), as(bob), id, "mended")
}

func (w *world) forceClose(id string) (engine.TaskItem, error) {
	return w.engine.ForceClose(w.t.Context(), as(bob), id, "the customer deleted the account")
}

func (w *world) mustForceClose(id string) engine.TaskItem {
	w.t.Helper()
	t, err := w.forceClose(id)
	must(w.t, err)
	return t
}

func (w *world) approve(caller access.Subject, taskID string) (engine.TaskItem, error) {
	return w.engine.ApproveTask(w.t.Context(), as(caller), taskID, "checked by hand")
}

func TestRetryMakesTheNextAttemptDueNow(t *testing.T) {
	t.Parallel()
	inWorldOf(t, func(w *world) {
		w.terms = func(box *engine.Target) { box.Retry.First, box.Retry.Cap = time.Hour, time.Hour }
	}, func(t *testing.T, w *world) {
		r := w.stuck()
		before := w.binding(r.Grant.BindingID)
		w.target.script(agrees)
		_, err := w.retry(before.ID)
		must(t, err)
		w.settle()
		w.wantSettled(before.ID, access.Absent)
		events := w.eventsOf(audit.BindingRetried)
		if len(events) != 1 || *events[0].Actor != bob || events[0].Data["comment"] != "mended" || events[0].Data["next_at"] == nil {
			t.Errorf("events are %+v", events)
		}
		if now := w.binding(before.ID); now.Generation != before.Generation {
			t.Errorf("the generation was %d and is %d", before.Generation, now.Generation)
		}
	})
}

func TestRetryLeavesAnAttemptThatIsUnderWay(t *testing.T) {
	t.Parallel()
	inWorld(t, func(_ *testing.T, w *world) {
		w.target.script(func(access.Message) (time.Duration, error) { return 5 * time.Second, nil })
		r := w.mustAsk(time.Hour)
		w.pass(time.Second)
		_, err := w.retry(r.Grant.BindingID)
		w.wantCode(err, "attempt_under_way")
		w.pass(5 * time.Second)
		w.wantSettled(r.Grant.BindingID, access.Present)
		w.wantVerbs(provision)
	})
}

func TestRetryGivesUpTheWordOfATarget(t *testing.T) {
	t.Parallel()
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		id := r.Grant.BindingID
		w.wantWaiting(id, time.Minute)
		_, err := w.retry(id)
		must(t, err)
		w.settle()
		w.wantVerbs(provision, provision)
		w.wantWaiting(id, time.Minute)
		attempts := w.attempts(id)
		if attempts[0].Class != access.ClassNoCallback || attempts[0].FinishedAt == nil || attempts[1].Class != access.ClassAccepted {
			t.Errorf("attempts are %+v", attempts)
		}
		w.do(w.message(1)) // late, and still true
		w.wantSettled(id, access.Present)
	})
}

func TestRetryOfWhatIsSettledTellsTheTargetAnew(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		before := w.binding(r.Grant.BindingID)
		item, err := w.retry(before.ID)
		must(t, err)
		if item.Generation != before.Generation+1 || item.NextAt == nil {
			t.Errorf("it is %+v", item)
		}
		w.settle()
		w.wantVerbs(provision, provision)
		w.wantSettled(before.ID, access.Present)
		if events := w.eventsOf(audit.BindingReasserted); len(events) != 1 || events[0].Data["cause"] != "person" || *events[0].Actor != bob {
			t.Errorf("events are %+v", events)
		}
	})
}

func TestRetryOfABindingThatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, id := range []string{"bnd_nonsense", access.NewID(access.KindBinding, w.ledger.Now())} {
			_, retried := w.retry(id)
			_, forced := w.forceClose(id)
			_, read := w.engine.Binding(t.Context(), as(bob), id)
			for _, err := range []error{retried, forced, read} {
				w.wantCode(err, "not_found")
			}
		}
	})
}

func TestForceCloseNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		caller access.Subject
		code   string
	}{
		"another may approve it":   {dave, ""},
		"not who asked for it":     {bob, "own_task"},
		"not who had the access":   {alice, "own_task"},
		"not who asked for access": {root, "own_task"},
		"not a service":            {access.Subject{Type: "service", ID: "ci"}, "not_a_person"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				ask := askFor(time.Hour)
				ask.Subject = &alice
				r, err := w.engine.Submit(t.Context(), as(root), ask)
				must(t, err)
				w.settle()
				w.target.script(refusesRemoval)
				w.revoke(r)
				w.pass(20 * time.Second)
				task := w.mustForceClose(r.Grant.BindingID)
				if task.Kind != access.TaskForceClose || task.State != access.TaskOpen || *task.Subject != alice || *task.Resource != acme ||
					task.Binding == nil || task.Binding.ID != r.Grant.BindingID || task.Grant != nil || task.OpenedBy != bob {
					t.Fatalf("the task is %+v", task)
				}
				_, err = w.approve(tc.caller, task.ID)
				w.wantCode(err, tc.code)
				if b := w.binding(r.Grant.BindingID); (b.ForcedAt != nil) != (tc.code == "") {
					t.Errorf("the binding is %+v", b)
				}
			})
		})
	}
}

// Of the two who declare access gone neither is a program: with its token one person
// could be both.
func TestForceCloseIsAskedForByAPerson(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.stuck()
		_, err := w.engine.ForceClose(t.Context(), as(access.Subject{Type: "service", ID: "ci"}), r.Grant.BindingID, "gone")
		w.wantCode(err, "not_a_person")
		w.mustForceClose(r.Grant.BindingID) // nothing is in its way
	})
}

func TestForcedBindingIsNotTriedAnyMore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.stuck()
		id := r.Grant.BindingID
		w.pass(access.OverdueAfter)
		task := w.mustForceClose(id)
		before := len(w.target.verbs())
		w.pass(10 * time.Second)
		if len(w.target.verbs()) == before {
			t.Error("it is not tried any more before anybody approved")
		}
		_, err := w.approve(dave, task.ID)
		must(t, err)
		before = len(w.target.verbs())
		d := w.shown(id)
		if d.Observed != access.Absent || d.ForcedAt == nil || d.NextAt != nil || d.DueAt != nil || d.Overdue || d.LastError != "" {
			t.Errorf("it is %+v", d.BindingItem)
		}
		if p := d.Removal; p == nil || p.ConfirmedBy == nil || *p.ConfirmedBy != engine.ByForce || !p.ConfirmedAt.Equal(*d.ForcedAt) {
			t.Errorf("the proof is %+v", p)
		}
		w.pass(time.Hour)
		if len(w.target.verbs()) != before {
			t.Error("it is tried still")
		}
		events := w.eventsOf(audit.BindingForced)
		if len(events) != 1 || *events[0].Actor != dave || events[0].Data["asked_by"] != bob.String() ||
			events[0].Data["reason"] != "the customer deleted the account" || events[0].Data["comment"] != "checked by hand" || events[0].Data["task_id"] != task.ID {
			t.Errorf("events are %+v", events)
		}
		_, err = w.forceClose(id)
		w.wantCode(err, "nothing_to_close")

		w.target.script(agrees) // what is given again is brought about, and taken away again
		again := w.mustAsk(time.Hour)
		w.settle()
		w.wantSettled(id, access.Present)
		if b := w.binding(id); b.ForcedAt != nil {
			t.Error("it is forced still")
		}
		w.revoke(again)
		w.pass(time.Second)
		w.wantSettled(id, access.Absent)
	})
}

func TestRetryOfAForcedBindingAsksTheTargetAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.stuck()
		_, err := w.approve(dave, w.mustForceClose(r.Grant.BindingID).ID)
		must(t, err)
		w.target.script(agrees)
		_, err = w.retry(r.Grant.BindingID)
		must(t, err)
		w.pass(time.Second)
		d := w.shown(r.Grant.BindingID)
		w.wantSettled(d.ID, access.Absent)
		if d.ForcedAt != nil || *d.Removal.ConfirmedBy != engine.ByResponse {
			t.Errorf("it is %+v, %+v", d.BindingItem, d.Removal)
		}
	})
}

func TestForceCloseIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		id := r.Grant.BindingID
		_, err := w.forceClose(id)
		w.wantCode(err, "access_is_live")
		w.revoke(r)
		w.pass(time.Second)
		_, err = w.forceClose(id)
		w.wantCode(err, "nothing_to_close")
		for reason, code := range map[string]string{
			" ": "reason_required", "a\x00b": "control_character", string(make([]byte, 1001)): "text_too_long",
		} {
			_, err = w.engine.ForceClose(t.Context(), as(bob), id, reason)
			w.wantCode(err, code)
		}
	})
}

func TestOneTaskAsksToDeclareABindingGone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.stuck()
		codes := make([]string, 5)
		var asking sync.WaitGroup
		for i := range codes {
			asking.Go(func() {
				_, err := w.forceClose(r.Grant.BindingID)
				codes[i] = access.CodeOf(err)
			})
		}
		asking.Wait()
		opened := 0
		for _, code := range codes {
			if code == "" {
				opened++
			} else if code != "task_open" {
				t.Errorf("got %s", code)
			}
		}
		tasks := w.tasks()
		if opened != 1 || len(tasks) != 1 {
			t.Fatalf("%d were opened, %d are there", opened, len(tasks))
		}
		_, err := w.engine.RejectTask(t.Context(), as(dave), tasks[0].ID, "look again")
		must(t, err)
		if b := w.binding(r.Grant.BindingID); b.ForcedAt != nil || b.NextAt == nil {
			t.Errorf("rejected, it is %+v", b)
		}
		w.mustForceClose(r.Grant.BindingID) // another may be opened now
	})
}

func TestForceCloseIsNotApprovedAfterThingsHaveChanged(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*world)
		code   string
	}{
		"access was given again":                                    {func(w *world) { w.mustAsk(time.Hour) }, "access_is_live"},
		"the target has confirmed":                                  {func(w *world) { w.target.script(agrees); w.pass(10 * time.Second) }, "nothing_to_close"},
		"access was given and ended again, and this end is another": {func(w *world) { w.pass(time.Minute); w.stuck() }, "binding_changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				r := w.stuck()
				task := w.mustForceClose(r.Grant.BindingID)
				tc.change(w)
				_, err := w.approve(dave, task.ID)
				w.wantCode(err, tc.code)
				now, err := w.engine.Task(t.Context(), as(dave), task.ID)
				must(t, err)
				if b := w.binding(r.Grant.BindingID); now.State != access.TaskOpen || b.ForcedAt != nil {
					t.Errorf("the task is %s, the binding %+v", now.State, b)
				}
			})
		})
	}
}

func TestLateOutcomeDoesNotDisturbAForcedBinding(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(access.Message) (time.Duration, error){
		"it failed": refusing,
		"it worked": agrees,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				r := w.stuck()
				id := r.Grant.BindingID
				task := w.mustForceClose(id)
				w.target.script(func(m access.Message) (time.Duration, error) {
					_, err := answer(m)
					return 8 * time.Second, err
				})
				for range 100 {
					if w.pass(100 * time.Millisecond); w.claim(id) != "" {
						break
					}
				}
				if w.claim(id) == "" {
					t.Fatal("no attempt is under way")
				}
				_, err := w.approve(dave, task.ID)
				must(t, err)
				w.pass(time.Minute)
				w.wantSettled(id, access.Absent)
				if b := w.binding(id); b.ForcedAt == nil {
					t.Errorf("it is %+v", b)
				}
			})
		})
	}
}

func TestLateWordDoesNotDisturbAForcedBinding(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]access.CallbackOutcome{"it failed": failed, "it is done": done} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inCallbackWorld(t, func(t *testing.T, w *world) {
				r := w.mustAsk(time.Hour)
				w.settle()
				w.do(w.message(1))
				w.revoke(r)
				w.settle()
				id := r.Grant.BindingID
				w.wantWaiting(id, time.Minute)
				_, err := w.approve(dave, w.mustForceClose(id).ID)
				must(t, err)
				_, err = w.word(w.message(2), outcome, "")
				must(t, err)
				w.pass(5 * time.Minute)
				w.wantSettled(id, access.Absent)
				if b := w.binding(id); (b.ForcedAt != nil) != (outcome == failed) {
					t.Errorf("it is forced at %v", b.ForcedAt)
				}
				w.wantVerbs(provision, deprovision)
			})
		})
	}
}

func TestRepeatedRetryAndForceCloseHaveOneEffect(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.stuck()
		once := func(route string) engine.Call {
			call := as(bob)
			call.Once = engine.Once{Route: route, Key: "k", BodyHash: "h"}
			return call
		}
		var first engine.TaskItem
		for range 2 {
			_, err := w.engine.RetryBinding(t.Context(), once("POST retry"), r.Grant.BindingID, "")
			must(t, err)
			task, err := w.engine.ForceClose(t.Context(), once("POST force-close"), r.Grant.BindingID, "gone")
			must(t, err)
			if first.ID != "" && task.ID != first.ID {
				t.Errorf("another task was opened: %s", task.ID)
			}
			first = task
			w.settle()
		}
		if events := w.eventsOf(audit.BindingRetried); len(events) != 1 {
			t.Errorf("there are %d events", len(events))
		}
	})
}

func TestApprovalAndNewAccessAtOnceLeaveAnOrderedBinding(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.stuck()
		id := r.Grant.BindingID
		task := w.mustForceClose(id)
		w.target.script(agrees)
		var both sync.WaitGroup
		var approved error
		both.Go(func() { _, approved = w.engine.ApproveTask(context.Background(), as(dave), task.ID, "") })
		both.Go(func() { w.mustAsk(time.Hour) })
		both.Wait()
		w.pass(time.Minute)
		w.wantSettled(id, access.Present)
		if b := w.binding(id); b.ForcedAt != nil {
			t.Errorf("it is %+v after %v", b, approved)
		}
	})
}
