package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Asker keeps questions to targets whether bindings exist there: when they are due,
// who asks them, and what came of them.
type Asker interface {
	// ClaimQuestions takes questions that are due, for the owner: for each contract
	// at most its room, and limit in all.
	ClaimQuestions(ctx context.Context, owner string, limit int, room map[string]int) ([]access.Question, error)
	// RecordAnswers writes down how they ended. What is not written down is asked
	// again when its claim lapses.
	RecordAnswers(ctx context.Context, answers ...access.Answer) error
	// NextQuestion returns when the next one is due among the contracts that there is
	// room for; the zero time for never.
	NextQuestion(ctx context.Context, room map[string]int) (time.Time, error)
}

// askWithin is how long a question that was claimed waits for its turn: less than its
// claim outlasts its asking. Then it is handed back.
const askWithin = 2 * time.Second

// A target that does not answer questions is asked fewer: after so many in a row one
// at a time, with rests between. It is told what is to be done all the same: that may
// be somewhere else.
const unheardAfter = 5

var unheardRests = trouble.Backoff{First: time.Second} //nolint:gochecknoglobals // a constant

// asker asks what one worker claims.
type asker struct {
	*Worker
	freed   chan struct{}
	answers chan access.Answer
	unheard map[string]*trouble.Breaker // by contract

	mu     sync.Mutex
	asking map[string]int // by contract: claimed, and not answered yet

	unclaimed, unrecorded trouble.Line
}

// askAll asks what is due until ctx ends. Then it cuts off what is under way, which
// changes nothing anywhere, and hands it back.
func (w *Worker) askAll(ctx context.Context) {
	a := &asker{
		Worker: w, freed: make(chan struct{}, 1), answers: make(chan access.Answer, w.Ahead),
		unheard: map[string]*trouble.Breaker{}, asking: map[string]int{},
	}
	for contract, l := range w.lanes {
		if l.target.Verifier != nil {
			a.unheard[contract] = &trouble.Breaker{After: unheardAfter, Rests: unheardRests, Now: time.Now}
		}
	}
	if len(a.unheard) == 0 {
		return
	}
	var recorder, questions sync.WaitGroup
	recorder.Go(func() { a.recordAll(ctx) })
	a.claimAll(ctx, &questions)
	questions.Wait()
	close(a.answers)
	recorder.Wait()
}

func (a *asker) claimAll(ctx context.Context, questions *sync.WaitGroup) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.freed:
		case <-timer.C:
		}
		timer.Reset(a.round(ctx, questions))
	}
}

// round begins the questions that there is room for, and returns how long until it is
// worth looking again.
func (a *asker) round(ctx context.Context, questions *sync.WaitGroup) time.Duration {
	for {
		free, room := a.room()
		if free == 0 || ctx.Err() != nil {
			return lookEvery
		}
		claimed, err := a.Asker.ClaimQuestions(ctx, a.Owner, free, room)
		for _, q := range claimed {
			a.count(q.Contract, 1)
			questions.Go(func() { a.ask(ctx, q) })
		}
		if err != nil {
			if ctx.Err() == nil {
				a.unclaimed.Failed(a.Log, "questions to targets could not be claimed; trying again", err)
			}
			return lookEvery
		}
		if len(claimed) == 0 {
			return a.untilNext(ctx, room)
		}
	}
}

// room is how many questions may be claimed: in all, and for each target. One that is
// down for deliveries is asked one at a time between its rests: it may be that nothing
// else is to be told it.
func (a *asker) room() (free int, room map[string]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	room = map[string]int{}
	for contract, unheard := range a.unheard {
		l, busy := a.lanes[contract], a.asking[contract]
		n, _ := unheard.Room(cap(l.asking), busy)
		if _, down := l.breaker.Open(); down {
			n = min(n, 1-busy)
		}
		if n > 0 && !l.rests() {
			room[contract] = n
			free += n
		}
	}
	return free, room
}

func (a *asker) count(contract string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asking[contract] += n
}

func (a *asker) untilNext(ctx context.Context, room map[string]int) time.Duration {
	next, err := a.Asker.NextQuestion(ctx, room)
	if err != nil || next.IsZero() {
		return lookEvery
	}
	return min(max(next.Sub(a.Store.Now()), lookAgain), lookEvery)
}

// ask asks one question in its turn, and leaves the answer to be recorded.
func (a *asker) ask(ctx context.Context, q access.Question) {
	answer := access.Answer{Question: q, Exists: access.Unknown, Unsent: true}
	waiting, cancel := context.WithTimeout(ctx, askWithin)
	end, ok := a.lanes[q.Contract].begin(waiting)
	cancel()
	if ok {
		answer.Exists, answer.Failure = a.verify(ctx, q)
		if answer.Unsent = answer.Failure != nil && ctx.Err() != nil; answer.Unsent {
			answer.Failure = nil // it was cut off, which is not the target's fault
		}
		a.learn(answer)
		end()
	}
	a.count(q.Contract, -1)
	a.answers <- answer
	select {
	case a.freed <- struct{}{}:
	default: // already signalled
	}
}

// learn notes whether the target answers questions.
func (a *asker) learn(answer access.Answer) {
	switch {
	case answer.Unsent:
	case answer.Failure == nil:
		a.unheard[answer.Contract].Answered()
	default:
		a.unheard[answer.Contract].Failed()
		a.Log.Warn("a target was asked whether a binding exists, and did not answer; it will be asked again",
			"binding", answer.BindingID, "target", answer.Target, "error", answer.Failure)
	}
}

// verify asks within the question's claim. A verifier that panics has not answered.
func (a *asker) verify(ctx context.Context, q access.Question) (exists access.Presence, err error) {
	defer func() {
		if p := recover(); p != nil {
			exists, err = access.Unknown, fmt.Errorf("the verifier panicked: %v", p)
		}
	}()
	now := a.Store.Now()
	ctx, cancel := context.WithTimeout(ctx, q.Until.Sub(now))
	defer cancel()
	q.Message.Timestamp = now
	return a.lanes[q.Contract].target.Verifier.Verify(ctx, q.Message)
}

// recordAll records answers until there are no more: while one transaction is on its
// way, the answers that arrive are gathered for the next. When the gateway stops, they
// are given its Drain.
func (a *asker) recordAll(ctx context.Context) {
	recording, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(a.Drain, giveUp) })
	defer stop()
	for first := range a.answers {
		batch := gathered(first, a.answers, recordTogether)
		if err := a.Asker.RecordAnswers(recording, batch...); err != nil && !errors.Is(err, context.Canceled) {
			a.unrecorded.Failed(a.Log, "what targets answered was not recorded; they are asked again", err)
		}
	}
}

// gathered is the first and what has come since, so many at most.
func gathered[T any](first T, more <-chan T, most int) []T {
	batch := []T{first}
	for len(batch) < most {
		select {
		case next, ok := <-more:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}
