package script

import (
	"context"
	"time"
)

// AwaitLimit is how long Await waits: long enough for a busy machine, short enough
// to fail before the test's own time is over.
const AwaitLimit = 30 * time.Second

// Signal wakes everybody who waits. It is made with NewSignal, and used under the
// lock of the fake.
type Signal struct{ c chan struct{} }

// NewSignal returns a Signal.
func NewSignal() Signal { return Signal{make(chan struct{})} }

// Next is closed by the next Fire.
func (s *Signal) Next() <-chan struct{} { return s.c }

// Fire wakes who waits.
func (s *Signal) Fire() {
	close(s.c)
	s.c = make(chan struct{})
}

// Wait returns as soon as a state fits, without polling; or, with ctx, its error.
// Look returns the state and what is closed when it changes.
func Wait[S any](ctx context.Context, look func() (S, <-chan struct{}), fits func(S) bool) (S, error) {
	for {
		state, changed := look()
		if fits(state) {
			return state, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return state, ctx.Err()
		}
	}
}

// TB is what a fake needs of a test. A program that plays with one brings its own.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Await waits by wait for a state that fits. The test fails, with what wait says,
// when there is none within AwaitLimit.
func Await[S any](tb TB, what string, wait func(context.Context, func(S) bool) error, fits func(S) bool) S {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), AwaitLimit)
	defer cancel()
	var found S
	err := wait(ctx, func(s S) bool {
		found = s
		return fits(s)
	})
	if err != nil {
		tb.Fatalf("waiting until %s: %v", what, err)
	}
	return found
}

// Queue holds what the next requests meet, one step for each. It is used under the
// lock of the fake.
type Queue[S any] struct{ steps []S }

// Add queues a step so many times, and at least once.
func (q *Queue[S]) Add(step S, times int) {
	for range max(times, 1) {
		q.steps = append(q.steps, step)
	}
}

// Take takes the first step that fits.
func (q *Queue[S]) Take(fits func(S) bool) (step S, found bool) {
	for i, s := range q.steps {
		if fits(s) {
			q.steps = append(q.steps[:i:i], q.steps[i+1:]...)
			return s, true
		}
	}
	return step, false
}
