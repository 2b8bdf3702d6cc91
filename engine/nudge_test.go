package engine_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

var (
	carol = access.Subject{Type: "user", ID: "carol@example.com"}
	erin  = access.Subject{Type: "user", ID: "erin@example.com"}
)

// waits wants a reviewer of security, asked again after a minute, and lets others
// answer too as esc says; nil: nobody.
func waits(quorum int, esc *access.Escalation) func(access.Input) access.Decision {
	return func(in access.Input) access.Decision {
		d, minute, lapse := reviewBy(quorum)(in), int64(60), int64(400)
		d.LapseSeconds, d.Reviewers.RemindSeconds, d.Reviewers.Escalate = &lapse, &minute, esc
		return d
	}
}

// after lets a group answer too after so many seconds.
func after(seconds int64, group string) *access.Escalation {
	return &access.Escalation{AfterSeconds: seconds, Groups: []string{group}, Channels: []string{"#" + group}}
}

// inWait runs a story in a world with carol of the leads and erin of the managers.
func inWait(t *testing.T, answer func(access.Input) access.Decision, story func(t *testing.T, w *world)) {
	t.Helper()
	inWorldOf(t, func(w *world) { w.idle = true; w.policy.set(answer) }, func(t *testing.T, w *world) {
		must(t, w.engine.LoadPeople(t.Context(), "more", []access.Person{
			{Subject: carol, Groups: []string{"leads"}}, {Subject: erin, Groups: []string{"managers"}},
		}))
		story(t, w)
	})
}

func TestRequestThatNobodyAnswersIsRemindedEscalatedAndLapses(t *testing.T) {
	inWait(t, waits(1, after(90, "leads")), func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.pass(59 * time.Second)
		w.wantEvents(r.ID, "request.submitted")
		w.wantEvents(r.ID, "request.submitted", "request.reminded")
		if _, err := w.engine.Approve(t.Context(), as(carol), r.ID, engine.Review{}); access.CodeOf(err) != "not_allowed" {
			t.Fatalf("carol before the escalation: %v, want not_allowed", err)
		}
		w.pass(30 * time.Second)
		w.wantEvents(r.ID, "request.submitted", "request.reminded", "request.escalated")
		if found, err := w.engine.Requests(t.Context(), as(carol), engine.ListFilter{}); err != nil || len(found.Items) != 1 || found.Items[0].EscalatedAt == nil {
			t.Fatalf("carol's requests are %+v (%v), want the one that is escalated", found.Items, err)
		}
		w.pass(88 * time.Second) // twice as long as the first time
		w.wantEvents(r.ID, "request.submitted", "request.reminded", "request.escalated", "request.reminded")
		w.pass(4 * time.Minute)
		w.wantEvents(r.ID, "request.submitted", "request.reminded", "request.escalated", "request.reminded", "request.lapsed")
		escalated := w.eventsOf("request.escalated")[0].Data
		if got := fmt.Sprint(escalated["groups"], escalated["subjects"], escalated["channels"]); got != "[leads] [] [#leads]" {
			t.Errorf("the event of the escalation says %s", got)
		}
		if count := w.eventsOf("request.reminded")[1].Data["count"]; fmt.Sprint(count) != "2" {
			t.Errorf("the second reminder is the %vth", count)
		}
	})
}

func TestEmergencyIsRemindedAfterTwoMinutes(t *testing.T) {
	inWait(t, reviewBy(1), func(t *testing.T, w *world) {
		hour := access.Duration(time.Hour)
		_, err := w.engine.Submit(t.Context(), as(alice), engine.Ask{Action: debug, Resource: acme, For: &hour, Reason: "PD-1", Emergency: true})
		must(t, err)
		w.mustAsk(time.Hour)
		w.pass(2*time.Minute + time.Millisecond)
		if n := len(w.eventsOf("request.reminded")); n != 1 {
			t.Fatalf("there are %d reminders after two minutes, want that of the emergency", n)
		}
	})
}

// Two must agree. Bob does after half a minute, when policy says what it says then.
func TestEscalationIsThatOfTheNewestDecision(t *testing.T) {
	for name, tc := range map[string]struct {
		then  *access.Escalation
		by    access.Subject // who may answer after 90 s
		other access.Subject // and who may not
		at    time.Duration
	}{
		"it goes to others":                         {after(80, "managers"), erin, carol, 80 * time.Second},
		"it goes nowhere, so the first one counts":  {nil, carol, erin, 85 * time.Second},
		"it should have been before: it is at once": {after(10, "leads"), carol, erin, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inWait(t, waits(2, after(85, "leads")), func(t *testing.T, w *world) {
				r := w.mustAsk(time.Hour)
				w.pass(30 * time.Second)
				w.policy.set(waits(2, tc.then))
				_, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{})
				must(t, err)
				w.pass(time.Minute)
				if _, err := w.engine.Approve(t.Context(), as(tc.other), r.ID, engine.Review{}); access.CodeOf(err) != "not_allowed" {
					t.Fatalf("%s: %v, want not_allowed", tc.other, err)
				}
				got, err := w.engine.Approve(t.Context(), as(tc.by), r.ID, engine.Review{})
				must(t, err)
				if late := got.EscalatedAt.Sub(r.CreatedAt) - tc.at; got.State != access.RequestApproved || late < 0 || late > 16*time.Second {
					t.Fatalf("the request is %s, escalated %s too late", got.State, late)
				}
			})
		})
	}
}

func TestReviewAfterTheEscalationGoesByTheNewDecision(t *testing.T) {
	inWait(t, waits(1, after(60, "leads")), func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.pass(61 * time.Second)
		w.policy.set(waits(1, after(60, "managers")))
		if _, err := w.engine.Approve(t.Context(), as(carol), r.ID, engine.Review{}); access.CodeOf(err) != "not_a_reviewer" {
			t.Fatalf("carol, whom policy names no more: %v, want not_a_reviewer", err)
		}
		got, err := w.engine.Approve(t.Context(), as(erin), r.ID, engine.Review{})
		must(t, err)
		if got.State != access.RequestApproved {
			t.Fatalf("the request is %s", got.State)
		}
	})
}

// What the people of an escalation have said yes to is decided again when it begins,
// and their yes still counts.
func TestScheduledAccessThatTheEscalationApprovedBegins(t *testing.T) {
	inWait(t, waits(1, after(60, "leads")), func(t *testing.T, w *world) {
		ask := askFor(time.Hour)
		ask.StartsAt = engine.StartAt(w.ledger.Now().Add(3 * time.Minute))
		r, err := w.engine.Submit(t.Context(), as(alice), ask)
		must(t, err)
		w.pass(61 * time.Second)
		_, err = w.engine.Approve(t.Context(), as(carol), r.ID, engine.Review{})
		must(t, err)
		w.pass(2 * time.Minute)
		got, err := w.engine.Request(t.Context(), as(alice), r.ID)
		must(t, err)
		if got.Grant == nil || got.Grant.State != access.GrantActive {
			t.Fatalf("the grant is %+v", got.Grant)
		}
	})
}

func TestHolderIsToldOnceThatAccessIsAboutToEnd(t *testing.T) {
	inWait(t, allowAll, func(t *testing.T, w *world) {
		long := w.mustAsk(2 * time.Minute)
		w.mustAsk(30 * time.Second) // too short for that
		w.pass(89 * time.Second)
		if n := len(w.eventsOf("grant.ending")); n != 0 {
			t.Fatalf("%d holders were told too soon", n)
		}
		w.pass(20 * time.Second)
		told := w.eventsOf("grant.ending")
		if len(told) != 1 || string(told[0].GrantID) != long.Grant.ID || told[0].Data["expires_at"] != long.Grant.ExpiresAt.Format(time.RFC3339Nano) {
			t.Fatalf("the holders were told %+v, want once of %s", told, long.Grant.ID)
		}
	})
}

// hearNothing leaves nobody to say which incidents are open.
func (w *world) hearNothing() {
	w.news.mu.Lock()
	defer w.news.mu.Unlock()
	w.news.open = nil
}

// A grant is bound to an incident, and renewed for two minutes at a time.
func TestHolderIsToldOfAnEndThatIsCertain(t *testing.T) {
	for name, tc := range map[string]struct {
		then  func(*world) // after 100 s, when half a minute is less than what is left
		after time.Duration
		want  int
	}{
		"not while the incident is open":             {func(*world) {}, 15 * time.Second, 0},
		"nobody can say whether it is any more":      {(*world).hearNothing, 15 * time.Second, 1},
		"renewed to the cap, of which there is more": {func(w *world) { w.hearOpen() }, 20 * time.Second, 0},
		"renewed to the cap, which is near":          {func(w *world) { w.hearOpen() }, 40 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, func(w *world) { w.policy.set(whileIncident); w.renew = 2 * time.Minute; w.idle = true }, func(t *testing.T, w *world) {
				w.hearOpen()
				w.mustAskWhile("incident:PX")
				w.pass(100 * time.Second)
				tc.then(w)
				w.pass(tc.after)
				if told := w.eventsOf("grant.ending"); len(told) != tc.want {
					t.Fatalf("the holder was told %d times, want %d: %+v", len(told), tc.want, told)
				}
			})
		})
	}
}

func TestHolderOfAnOpenShiftIsToldWhenItsSourceIsSilent(t *testing.T) {
	inNews(t, func(w *world) { w.renew = 2 * time.Minute; w.idle = true }, func(t *testing.T, w *world) {
		w.hearShifts(w.openShift())
		w.mustBind()
		w.pass(95 * time.Second)
		if told := w.eventsOf("grant.ending"); len(told) != 0 {
			t.Fatalf("the holder was told of %+v, which its source moves on", told)
		}
		w.news.mu.Lock()
		w.news.unsure = []string{"pagerduty"}
		w.news.mu.Unlock()
		w.pass(15 * time.Second)
		if told := w.eventsOf("grant.ending"); len(told) != 1 {
			t.Fatalf("the holder was told %d times", len(told))
		}
	})
}

func TestTwoNodesAskOnce(t *testing.T) {
	inWait(t, waits(1, after(60, "leads")), func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		var loops sync.WaitGroup
		loops.Go(func() { _ = w.other(func(*engine.Config) {}).Run(ctx) })
		defer loops.Wait()
		defer stop()
		r := w.mustAsk(time.Hour)
		w.policy.set(allowAll)
		w.mustAsk(2 * time.Minute)
		w.pass(91 * time.Second)
		w.wantEvents(r.ID, "request.submitted", "request.escalated", "request.reminded")
		if told := w.eventsOf("grant.ending"); len(told) != 1 {
			t.Fatalf("the holder was told %d times", len(told))
		}
	})
}

func TestEveryOtherEndIsToldOfAgain(t *testing.T) {
	inNews(t, func(w *world) { w.idle = true }, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(-time.Minute, 130*time.Second))
		w.mustBind()
		w.pass(115 * time.Second)
		w.hearShifts(w.shift(-time.Minute, 150*time.Second))
		w.pass(2 * time.Minute)
		told := w.eventsOf("grant.ending")
		if len(told) != 2 || told[0].Data["expires_at"] == told[1].Data["expires_at"] {
			t.Fatalf("the holder was told %+v, want of two ends", told)
		}
	})
}

func TestTaskThatNobodyClosesIsAskedForDaily(t *testing.T) {
	loud := func(in access.Input) access.Decision {
		d := allowAll(in)
		d.Obligations.AfterReview = true
		return d
	}
	inWait(t, loud, func(t *testing.T, w *world) {
		w.mustAsk(time.Hour)
		open, err := w.engine.Tasks(t.Context(), as(bob), engine.TaskFilter{State: "open", Kind: "after_review"})
		must(t, err)
		task := open.Items[0]
		for day := 1; day <= 2; day++ {
			w.pass(20 * time.Second)
			if n := len(w.eventsOf("task.reminded")); n != day-1 {
				t.Fatalf("there are %d reminders before day %d is over", n, day)
			}
			must(t, w.raw(`UPDATE tasks SET remind_at = remind_at - 86400000000`))
			w.pass(20 * time.Second)
		}
		told := w.eventsOf("task.reminded")
		if len(told) != 2 || told[1].Data["task_id"] != task.ID {
			t.Fatalf("the reminders are %+v, want two of %s", told, task.ID)
		}
		_, err = w.engine.CloseTask(t.Context(), as(bob), task.ID, "seen")
		must(t, err)
		must(t, w.raw(`UPDATE tasks SET remind_at = remind_at - 86400000000`))
		w.pass(20 * time.Second)
		if n := len(w.eventsOf("task.reminded")); n != 2 {
			t.Fatalf("a task that is closed was asked for")
		}
		open, err = w.engine.Tasks(t.Context(), as(bob), engine.TaskFilter{State: "open", Kind: "after_review"})
		must(t, err)
		if len(open.Items) != 0 {
			t.Fatalf("open are %+v", open.Items)
		}
	})
}
