package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/outbox"
	"github.com/curfew-access/curfew/tests/bubble"
)

// quiz is the questions of a ledger in memory.
type quiz struct {
	mu      sync.Mutex
	due     map[string]int // by contract
	mute    error          // what claims end with; nil: they do not fail
	deaf    error          // what records end with; nil: they do not fail
	answers []access.Answer
}

func (q *quiz) ClaimQuestions(_ context.Context, owner string, limit int, room map[string]int) (claimed []access.Question, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mute != nil {
		return nil, q.mute
	}
	for contract, n := range room {
		for range min(n, limit-len(claimed), q.due[contract]) {
			q.due[contract]--
			claimed = append(claimed, access.Question{
				BindingID: fmt.Sprintf("%s-%d", contract, q.due[contract]), Owner: owner, Target: contract, Contract: contract,
				Until: time.Now().Add(25 * time.Second), Message: access.Message{Type: access.VerbVerify},
			})
		}
	}
	return claimed, nil
}

func (q *quiz) RecordAnswers(_ context.Context, answers ...access.Answer) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range answers {
		if a.Unsent {
			q.due[a.Contract]++
		}
	}
	q.answers = append(q.answers, answers...)
	return q.deaf
}

func (q *quiz) NextQuestion(_ context.Context, room map[string]int) (next time.Time, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for contract := range room {
		if q.due[contract] > 0 {
			next = time.Now()
		}
	}
	return next, nil
}

// answered counts the answers that fit.
func (q *quiz) answered(fits func(access.Answer) bool) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range q.answers {
		if fits(a) {
			n++
		}
	}
	return n
}

func sent(a access.Answer) bool   { return !a.Unsent && a.Failure == nil }
func unsent(a access.Answer) bool { return a.Unsent }
func failed(a access.Answer) bool { return a.Failure != nil }

// oracle answers questions.
type oracle struct {
	takes  time.Duration
	answer func() (access.Presence, error)

	mu    sync.Mutex
	now   int
	most  int
	asked []access.Message
}

func (o *oracle) Verify(ctx context.Context, m access.Message) (access.Presence, error) {
	o.mu.Lock()
	o.now++
	o.most, o.asked = max(o.most, o.now), append(o.asked, m)
	answer := o.answer
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.now--
	}()
	select {
	case <-time.After(o.takes):
	case <-ctx.Done():
		return access.Unknown, ctx.Err()
	}
	if answer != nil {
		return answer()
	}
	return access.Absent, nil
}

func (o *oracle) times() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

// asks runs a worker that asks.
func asks(t *testing.T, b *book, q *quiz, log *slog.Logger, targets map[string]outbox.Target) (stop func()) {
	t.Helper()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	w := &outbox.Worker{Store: b, Asker: q, Targets: targets, Alerter: outbox.LogAlerter{Log: log}, Log: log, Owner: "one"}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func TestQuestionsAreAskedWithAQuarterOfTheWidth(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		q, o := &quiz{due: map[string]int{"box-1": 50, "box-2": 5}}, &oracle{takes: time.Second}
		stop := asks(t, newBook(), q, nil, map[string]outbox.Target{
			"box-1": {Deliverer: &box{}, Verifier: o, Width: 12}, "box-2": {Deliverer: &box{}}, // which is not asked
		})
		time.Sleep(30 * time.Second) // fake: the bubble's clock
		stop()
		if o.most != 3 || o.times() != 50 || q.answered(sent) != 50 {
			t.Errorf("%d were asked, %d at once; %d answers", o.times(), o.most, q.answered(sent))
		}
		if began := o.asked[49].Timestamp.Sub(o.asked[0].Timestamp); began < 10*time.Second {
			t.Errorf("the last question's time is %s after the first's: that of its claim, and not of its asking", began)
		}
	})
}

// Deliveries come first: while they use all of a target's width questions wait, and
// are handed back when that takes long.
func TestQuestionsWaitForDeliveries(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, q, o := newBook(), &quiz{due: map[string]int{"box-1": 3}}, &oracle{}
		b.add("box-1", 2)
		stop := asks(t, b, q, nil, map[string]outbox.Target{"box-1": {Deliverer: &box{takes: 10 * time.Second}, Verifier: o, Width: 1}})
		time.Sleep(9 * time.Second) // fake: the bubble's clock
		if o.times() != 0 && q.answered(unsent) == 0 {
			t.Errorf("%d were asked while a delivery was under way; %d were handed back", o.times(), q.answered(unsent))
		}
		time.Sleep(30 * time.Second) // fake
		stop()
		if done, _ := b.done("box-1"); done != 2 || q.answered(sent) != 3 {
			t.Errorf("%d are delivered and %d answered", done, q.answered(sent))
		}
	})
}

// However slowly a target answers the many questions that there are, what it is to be
// told comes next: also at one that takes one message at a time.
func TestADeliveryWaitsForOneQuestionAtTheMost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, q, o := newBook(), &quiz{due: map[string]int{"box-1": 1000}}, &oracle{takes: 9730 * time.Millisecond}
		stop := asks(t, b, q, nil, map[string]outbox.Target{"box-1": {Deliverer: &box{takes: 10 * time.Millisecond}, Verifier: o, Width: 1}})
		defer stop()
		for n := range 20 {
			time.Sleep(33 * time.Second) // fake: the bubble's clock
			b.add("box-1", 1)
			time.Sleep(11 * time.Second) // fake
			if done, _ := b.done("box-1"); done != n+1 {
				t.Fatalf("after the question that was under way, %d of %d are delivered", done, n+1)
			}
		}
		if o.times() < 40 {
			t.Errorf("%d questions were asked", o.times())
		}
	})
}

// A target that answers no question is asked few, and told all.
func TestATargetThatAnswersNoQuestionIsToldAllTheSame(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, q := newBook(), &quiz{due: map[string]int{"box-1": 1000}}
		o := &oracle{answer: func() (access.Presence, error) { return access.Unknown, errors.New("no answer") }}
		var out bytes.Buffer
		stop := asks(t, b, q, slog.New(slog.NewTextHandler(&out, nil)), map[string]outbox.Target{"box-1": {Deliverer: &box{}, Verifier: o}})
		time.Sleep(10 * time.Minute) // fake: the bubble's clock
		b.add("box-1", 100)
		time.Sleep(2 * time.Second) // fake
		if done, _ := b.done("box-1"); done != 100 {
			t.Errorf("%d of 100 are delivered", done)
		}
		if n := o.times(); n < 8 || n > 40 || q.answered(failed) != n {
			t.Errorf("in ten minutes it was asked %d times, and %d failures recorded", n, q.answered(failed))
		}
		o.mu.Lock()
		o.answer = nil
		o.mu.Unlock()
		time.Sleep(20 * time.Minute) // fake: the bubble's clock
		stop()
		if q.answered(sent) < 900 {
			t.Errorf("when it answers again %d are asked", q.answered(sent))
		}
		if !strings.Contains(out.String(), "did not answer; it will be asked again") {
			t.Errorf("the log says %s", out.String())
		}
	})
}

// One that is down, and that nothing else is to be told, is tried with one question at
// a time: nobody else would find out that it is up again.
func TestATargetThatIsDownIsAskedOneQuestionAtATime(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, q, o := newBook(), &quiz{due: map[string]int{}}, &oracle{takes: time.Second}
		b.add("box-1", 20)
		stop := asks(t, b, q, nil, map[string]outbox.Target{"box-1": {Deliverer: &box{answer: says(0, 0)}, Verifier: o}})
		time.Sleep(5 * time.Minute) // fake: the bubble's clock
		b.mu.Lock()
		b.entries = nil
		b.mu.Unlock()
		q.mu.Lock()
		q.due["box-1"] = 10
		q.mu.Unlock()
		time.Sleep(5 * time.Minute) // fake
		stop()
		if o.most != 1 || q.answered(sent) != 10 {
			t.Errorf("%d are asked, %d at once", q.answered(sent), o.most)
		}
	})
}

// A stop does not wait for answers: to ask changes nothing, and it is asked again.
func TestAStopHandsQuestionsBack(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		q, o := &quiz{due: map[string]int{"box-1": 2}}, &oracle{takes: 10 * time.Second}
		stop := asks(t, newBook(), q, nil, map[string]outbox.Target{"box-1": {Deliverer: &box{}, Verifier: o}})
		time.Sleep(2 * time.Second) // fake: the bubble's clock
		began := time.Now()
		stop()
		if took := time.Since(began); took > time.Second || q.answered(unsent) != 2 || q.answered(failed) != 0 {
			t.Errorf("it took %s; %d are handed back and %d failed", took, q.answered(unsent), q.answered(failed))
		}
	})
}

func TestAVerifierThatPanicsHasNotAnswered(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		q := &quiz{due: map[string]int{"box-1": 1}}
		o := &oracle{answer: func() (access.Presence, error) { panic("planted") }}
		stop := asks(t, newBook(), q, nil, map[string]outbox.Target{"box-1": {Deliverer: &box{}, Verifier: o}})
		time.Sleep(2 * time.Second) // fake: the bubble's clock
		stop()
		if q.answered(failed) != 1 || !strings.Contains(q.answers[0].Failure.Error(), "planted") {
			t.Errorf("the answers are %+v", q.answers)
		}
	})
}

func TestALedgerThatIsAwayForQuestionsIsALineAMinute(t *testing.T) {
	for what, q := range map[string]*quiz{
		"could not be claimed": {mute: errDown},
		"was not recorded":     {deaf: errDown, due: map[string]int{"box-1": 10_000}},
	} {
		t.Run(what, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				stop := asks(t, newBook(), q, slog.New(slog.NewTextHandler(&out, nil)),
					map[string]outbox.Target{"box-1": {Deliverer: &box{}, Verifier: &oracle{takes: time.Second}}})
				time.Sleep(150 * time.Second) // fake: the bubble's clock
				stop()
				if n := strings.Count(out.String(), what); n != 3 {
					t.Errorf("it stands %d times in\n%.2000s", n, out.String())
				}
			})
		})
	}
}
