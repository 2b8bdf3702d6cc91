package notice_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/notice"
)

func TestReviewersAreAskedAtOnceAndSeeWhatBecomesOfARequest(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("one")
		w.policy.set(reviewed(2, "#security"))
		asked := time.Now()
		r := w.ask(4 * time.Minute)
		w.pass(5 * time.Second)
		calls := w.messenger.take()
		if len(calls) != 1 || calls[0].at.Sub(asked) > time.Second {
			t.Fatalf("asked: %+v, at %s", calls, asked)
		}
		c := calls[0].Case
		if c == nil || c.ID != r.ID || c.ResourceName != "Acme Corp" || c.Reviewers.Quorum != 2 || len(c.OnCall.Shifts) != 1 || calls[0].Now.IsZero() ||
			!slices.Equal(c.Shorter, []access.Duration{access.Duration(2 * time.Minute)}) || c.Decision.Effect != access.Review {
			t.Errorf("they are shown %+v", c)
		}
		w.approve(r)
		w.pass(2 * time.Second)
		if calls = w.messenger.take(); len(calls) != 1 || !slices.Equal(calls[0].Case.Counted, []access.Subject{bob}) || calls[0].Place.At != "1" {
			t.Fatalf("one of two has answered: %+v", calls)
		}
		_, err := w.engine.Approve(t.Context(), as(dave), r.ID, engine.Review{})
		must(t, err)
		w.pass(2 * time.Second)
		w.wantTold("granted user:alice@example.com", "review anew in #security")
		w.pass(4*time.Minute + time.Second)
		w.wantTold("ended user:alice@example.com", "ending anew in user:alice@example.com", "ending user:alice@example.com",
			"granted anew in user:alice@example.com", "review anew in #security")
		if w.waiting() != 0 || n.counted.of(notice.Shown) != 4 || n.counted.of(notice.Changed) != 5 {
			t.Errorf("%d wait; counted %s", w.waiting(), n.counted)
		}
	})
}

func TestAReaderIsKnownWithTheirTimeZone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("one")
		w.policy.set(allowed("#audit"))
		g := w.ask(time.Hour).Grant
		w.pass(3 * time.Second)
		calls := w.messenger.take()
		if len(calls) != 2 {
			t.Fatalf("told: %+v", calls)
		}
		for _, c := range calls {
			if c.Grant == nil || c.Grant.ID != g.ID || c.Binding == nil || c.Binding.ID != g.BindingID || c.Case.Grant.ID != g.ID {
				t.Errorf("%s has not all that it is about: %+v", c.Kind, c.NoticeView)
			}
			if c.Kind == access.NoticeGranted && (c.Reader == nil || c.Reader.TimeZone != "Europe/Berlin") || c.Kind == access.NoticeObliged && c.Reader != nil {
				t.Errorf("%s is read by %+v", c.Kind, c.Reader)
			}
		}
	})
}

func TestWhatIsOverBeforeItCanBeToldIsNot(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("one")
		w.messenger.script(func(access.NoticeView) error { return errors.New("down") })
		r := w.ask(4 * time.Minute) // a review that nobody sees
		w.pass(time.Second)
		r = w.approve(r)
		w.pass(time.Second)
		w.messenger.script(nil)
		w.messenger.take()
		w.pass(20 * time.Second)
		w.wantTold("granted user:alice@example.com")
		if n.counted.of(notice.Moot) != 1 || w.waiting() != 0 {
			t.Errorf("counted %s, waiting %d", n.counted, w.waiting())
		}
		w.messenger.script(func(access.NoticeView) error { return errors.New("down") })
		w.pass(3 * time.Minute) // about to end
		if calls := w.messenger.take(); len(calls) == 0 || calls[0].Kind != access.NoticeEnding {
			t.Fatalf("told: %+v", calls)
		}
		_, err := w.engine.Revoke(t.Context(), as(alice), r.Grant.ID, "done")
		must(t, err)
		w.pass(time.Second)
		w.messenger.script(nil)
		w.messenger.take()
		w.pass(time.Minute)
		w.wantTold("ended user:alice@example.com", "granted anew in user:alice@example.com")
	})
}

func TestACrashBetweenShowAndRecordShowsItAgainUnderTheSameID(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		one := w.start("one")
		w.messenger.script(func(access.NoticeView) error {
			one.store.kill()
			return nil
		})
		w.ask(time.Hour)
		w.pass(time.Second)
		first := w.messenger.take()
		if len(first) != 1 {
			t.Fatalf("shown: %+v", first)
		}
		one.stop()
		w.messenger.script(nil)
		two := w.start("two")
		w.pass(time.Minute)
		again := w.messenger.take()
		if len(again) != 1 || again[0].ID != first[0].ID || again[0].Place != (access.Place{}) {
			t.Fatalf("shown again: %+v", again)
		}
		w.pass(time.Minute)
		two.stop()
		w.start("three")
		w.pass(time.Minute)
		w.wantTold() // what was recorded is never shown again
	})
}

func TestNobodyIsToldOfWhatWasBeforeAndARestartGoesOn(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.policy.set(allowed())
		w.ask(time.Hour)
		w.pass(time.Second)
		one := w.start("one")
		w.wantTold()
		w.ask(time.Hour)
		w.pass(time.Second)
		w.wantTold("granted user:alice@example.com")
		one.stop()
		w.ask(time.Hour)
		w.pass(time.Minute)
		w.wantTold()
		w.start("two")
		w.pass(time.Second)
		w.wantTold("granted user:alice@example.com")
	})
}

func TestTwoNodesTellOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		one, two := w.start("one"), w.start("two")
		w.policy.set(allowed("#audit", "#security"))
		for range 5 {
			w.ask(time.Hour)
			w.pass(100 * time.Millisecond)
		}
		w.pass(20 * time.Second)
		ids, last := map[string]bool{}, map[string]time.Time{}
		calls := w.messenger.take()
		for _, c := range calls {
			if ids[c.ID] {
				t.Errorf("%s to %s was shown twice", c.Kind, c.To)
			}
			if rest := c.at.Sub(last[c.To.String()]); c.To.Subject == nil && rest < time.Second {
				t.Errorf("%s was told again after %s", c.To, rest)
			}
			ids[c.ID], last[c.To.String()] = true, c.at
		}
		if len(calls) != 15 || one.counted.of(notice.Shown)+two.counted.of(notice.Shown) != 15 {
			t.Errorf("%d were shown; counted %s and %+v", len(calls), one.counted, two.counted)
		}
	})
}

func TestAMessengerThatIsDownDelaysNoticesAndNothingElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("one")
		w.policy.set(allowed(channels(40)...))
		w.messenger.script(func(access.NoticeView) error {
			time.Sleep(2 * time.Second) // fake
			return errors.New("connection refused")
		})
		began := time.Now()
		g := w.ask(2 * time.Hour).Grant
		if g == nil || time.Since(began) > 0 {
			t.Fatalf("a grant waited for the messenger: %s", time.Since(began))
		}
		w.pass(4 * time.Minute)
		down := len(w.messenger.take())
		if down < 10 || down > 50 {
			t.Errorf("while it was down it was tried %d times", down)
		}
		if w.waiting() != 41 || n.counted.of(notice.Failed) < down-1 || w.events(audit.NoticeDropped) != 0 {
			t.Errorf("%d wait; counted %s", w.waiting(), n.counted)
		}
		w.messenger.script(nil)
		w.pass(8 * time.Minute)
		if calls := w.messenger.take(); len(calls) != 41 || w.waiting() != 0 {
			t.Errorf("when it was back, %d were shown, and %d wait", len(calls), w.waiting())
		}
	})
}

func TestAMessengerThatWantsARestIsGivenOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("one")
		w.policy.set(allowed("#busy", "#idle"))
		w.messenger.script(func(v access.NoticeView) error {
			if v.To.Channel == "#busy" {
				return &access.DeliveryError{Class: access.ClassRefused, Status: 429, RetryAfter: 30 * time.Second, Err: errors.New("ratelimited")}
			}
			return nil
		})
		for range 3 {
			w.ask(time.Hour)
		}
		w.pass(29 * time.Second)
		busy := 0
		for _, c := range w.messenger.take() {
			if c.To.Channel == "#busy" {
				busy++
			}
		}
		if busy != 1 || n.counted.of(notice.Held) != 1 || n.counted.of(notice.Shown) != 6 {
			t.Errorf("the channel was told %d times; counted %s", busy, n.counted)
		}
		w.messenger.script(nil)
		w.pass(5 * time.Second)
		w.wantTold("obliged #busy", "obliged #busy", "obliged #busy")
	})
}

// A messenger that wants a rest of everybody gets one: it is not asked for each of
// all who wait.
func TestAMessengerThatWantsARestOfAllIsGivenOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("one")
		w.policy.set(allowed(channels(40)...))
		w.messenger.script(func(access.NoticeView) error {
			return &access.DeliveryError{Class: access.ClassRefused, Status: 429, RetryAfter: 30 * time.Second, Err: errors.New("ratelimited")}
		})
		w.ask(2 * time.Hour)
		w.pass(89 * time.Second)
		if tried := len(w.messenger.take()); tried < 3 || tried > 10 {
			t.Errorf("while it wanted rest it was tried %d times", tried)
		}
		w.messenger.script(nil)
		w.pass(2 * time.Minute)
		if calls := w.messenger.take(); len(calls) != 41 || w.waiting() != 0 {
			t.Errorf("after the rest %d were shown, and %d wait; counted %s", len(calls), w.waiting(), n.counted)
		}
	})
}

// What somebody waits for is not behind all that happened at once.
func TestAReviewerIsAskedBeforeAnybodyIsToldOfWhatIsOver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		obliged := channels(60)
		w.start("one")
		w.messenger.script(func(access.NoticeView) error {
			time.Sleep(2 * time.Second) // fake
			return nil
		})
		w.policy.set(allowed(obliged...))
		w.ask(time.Hour)
		w.pass(time.Second)
		w.policy.set(reviewed(1, "#c59"))
		w.ask(time.Hour)
		w.pass(5 * time.Second)
		calls := w.messenger.take()
		if !slices.ContainsFunc(calls, func(c call) bool { return c.Kind == access.NoticeReview }) {
			t.Errorf("after %d others nobody is asked", len(calls))
		}
	})
}

// Who is no reviewer any more learns nothing more of a request. An operator who is
// told in their place does.
func TestWhoMayNotAnswerAnyMoreIsNotAskedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.operators = append(w.operators, "user:oscar@example.com")
		w.start("one")
		w.policy.set(reviewed(1)) // each by themselves
		w.ask(time.Hour)
		w.pass(time.Second)
		w.wantTold("review user:bob@example.com", "review user:dave@example.com")
		must(t, w.engine.LoadPeople(t.Context(), "file", []access.Person{{Subject: bob}, {Subject: dave, Groups: []string{"security"}}}))
		w.pass(access.DefaultRemind + 20*time.Second)
		w.wantTold("reminder user:dave@example.com")
		must(t, w.engine.LoadPeople(t.Context(), "file", nil))
		w.policy.set(reviewed(1, "user:erin@example.com")) // as a channel, which makes nobody a reviewer
		w.ask(time.Hour)
		w.pass(time.Second)
		w.wantTold("review user:erin@example.com")
		w.policy.set(reviewed(1))
		w.ask(time.Hour)
		w.pass(time.Second)
		w.wantTold("review #ops", "review user:oscar@example.com")
	})
}

func TestWhatCanNotBeToldIsGivenUpAndWrittenDown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("one")
		w.messenger.script(func(v access.NoticeView) error {
			if v.To.Channel == "#security" {
				return access.Permanent(errors.New("channel_not_found"))
			}
			return nil
		})
		r := w.ask(time.Hour)
		w.pass(3 * time.Second)
		w.wantTold("review #ops", "review #security") // who can do something about it
		w.approve(r)
		w.pass(time.Minute)
		w.wantTold("granted user:alice@example.com", "review anew in #ops")
		if w.events(audit.NoticeDropped) != 1 || n.counted.of(notice.Dropped) != 1 || w.waiting() != 0 {
			t.Errorf("%d events; counted %s; %d wait", w.events(audit.NoticeDropped), n.counted, w.waiting())
		}
	})
}

func TestAMessengerThatPanicsHasFailed(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.start("one")
		w.policy.set(allowed())
		first := true
		w.messenger.script(func(access.NoticeView) error {
			if first {
				first = false
				panic("on purpose")
			}
			return nil
		})
		w.ask(time.Hour)
		w.pass(10 * time.Second)
		w.wantTold("granted user:alice@example.com", "granted user:alice@example.com")
	})
}

func TestAChangeWhileItIsShownIsShownAfterwards(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("one")
		w.messenger.script(func(access.NoticeView) error {
			time.Sleep(5 * time.Second) // fake
			return nil
		})
		r := w.ask(time.Hour)
		w.pass(2 * time.Second)
		w.messenger.script(nil)
		_, err := w.engine.Deny(t.Context(), as(bob), r.ID, engine.Review{Comment: "not now"})
		must(t, err)
		w.pass(10 * time.Second)
		calls := w.messenger.take()
		last := calls[len(calls)-1]
		if len(calls) != 3 || last.Kind != access.NoticeReview || last.Case.State != access.RequestDenied || last.Case.Comment != "not now" ||
			last.Place == (access.Place{}) || last.Case.Reviewers != nil {
			t.Errorf("told: %+v", calls)
		}
	})
}

// However many of a target's accesses are overdue, operators have one message, which
// says when it is over.
func TestOperatorsHaveOneMessageForATargetThatDoesNotConfirm(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("one")
		w.policy.set(allowed())
		w.ask(2 * time.Hour)
		w.pass(time.Second)
		w.messenger.take()
		turn := func() {
			_, err := w.engine.Alarms(t.Context())
			must(t, err)
			w.pass(2 * time.Second)
		}
		due := func(change string) {
			must(t, w.db.Update(t.Context(), func(tx ledger.Querier) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE bindings SET due_at = `+change, access.OverdueAfter.Microseconds()+1)
				return err
			}))
		}
		due(`due_at - $1`) // time passes
		_, err := w.engine.TakeOverdue(t.Context())
		must(t, err)
		turn()
		calls := w.messenger.take()
		if len(calls) != 1 || calls[0].Kind != access.NoticeAlarm || calls[0].To.Channel != "#ops" || calls[0].Alarm == nil ||
			calls[0].Alarm.Count != 1 || calls[0].Alarm.About != "box" || len(calls[0].Alarm.Accesses) != 1 || calls[0].Alarm.Accesses[0].Subject != alice {
			t.Fatalf("told: %+v", calls)
		}
		turn()
		w.wantTold()
		due(`CASE WHEN $1 = 0 THEN 1 END`) // it confirms
		turn()
		calls = w.messenger.take()
		if len(calls) != 1 || calls[0].Place == (access.Place{}) || calls[0].Alarm.ResolvedAt == nil || len(calls[0].Alarm.Accesses) != 0 {
			t.Errorf("told that it is over: %+v", calls)
		}
	})
}

// An alarm that is over before anybody could be told is not told.
func TestAnAlarmThatIsOverBeforeItIsToldIsNotTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.messenger.script(func(access.NoticeView) error { return errors.New("down") })
		w.start("one")
		must(t, w.ledger.Update(t.Context(), func(tx *ledger.Tx) error {
			c := access.Condition{Kind: access.AlarmOverdue, About: "box", Severity: access.SeverityError, Count: 1}
			return errors.Join(tx.RaiseAlarm("alm_1", c), tx.Append(audit.Event{Type: audit.AlarmRaised, Data: map[string]any{"alarm_id": "alm_1"}}))
		}))
		w.pass(2 * time.Second)
		w.messenger.script(nil)
		w.messenger.take()
		_, err := w.engine.Alarms(t.Context()) // nothing is overdue
		must(t, err)
		w.pass(time.Minute)
		w.wantTold()
	})
}

// channels are so many, each with a name of its own.
func channels(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("#c%d", i))
	}
	return names
}
