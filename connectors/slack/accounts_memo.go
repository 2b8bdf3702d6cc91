package slack

import (
	"context"
	"sync"
	"time"
)

// memo remembers what a slow question was answered, for a while, and asks it once
// for all who wait. Errors are remembered too, for a shorter while: a Slack that
// fails is not asked again by everybody.
type memo[T any] struct {
	ask  func(ctx context.Context, key string) (T, error)
	keep time.Duration // 0: for ever

	mu    sync.Mutex
	known map[string]*memory[T]
}

// memory is one answer, or that it is being asked for.
type memory[T any] struct {
	done   chan struct{} // closed when the rest is there
	answer T
	err    error
	until  time.Time // zero: for ever
}

func newMemo[T any](ask func(context.Context, string) (T, error), keep time.Duration) *memo[T] {
	return &memo[T]{ask: ask, keep: keep, known: map[string]*memory[T]{}}
}

// get returns the answer, as old as it may be. A question goes on if whoever asked
// it first stops waiting: others may wait for it too.
func (m *memo[T]) get(ctx context.Context, key string) (T, error) {
	e := m.entry(ctx, key)
	select {
	case <-e.done:
		return e.answer, e.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx) //nolint:wrapcheck // it is the caller's own
	}
}

// entry returns what is known, or asks.
func (m *memo[T]) entry(ctx context.Context, key string) *memory[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.known[key]; e != nil && !e.over(time.Now()) {
		return e
	}
	m.makeRoom()
	e := &memory[T]{done: make(chan struct{})}
	m.known[key] = e
	detached := context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(detached, callTimeout)
		defer cancel()
		defer close(e.done)
		answer, err := m.ask(ctx, key)
		m.mu.Lock()
		defer m.mu.Unlock()
		e.answer, e.err = answer, err
		switch {
		case err != nil:
			e.until = time.Now().Add(faultFor)
		case m.keep > 0:
			e.until = time.Now().Add(m.keep)
		}
	}()
	return e
}

// over reports whether an answer is too old. One that is still asked for is not.
func (e *memory[T]) over(now time.Time) bool {
	select {
	case <-e.done:
		return !e.until.IsZero() && !now.Before(e.until)
	default:
		return false
	}
}

// makeRoom forgets what is too old when there is no room, and if that is not
// enough something that is not: it is asked for again.
func (m *memo[T]) makeRoom() {
	if len(m.known) < maxAccounts {
		return
	}
	now := time.Now()
	for key, e := range m.known {
		if e.over(now) {
			delete(m.known, key)
		}
	}
	for key := range m.known {
		if len(m.known) < maxAccounts*3/4 { // room for many, so that it is not looked for each time
			return
		}
		delete(m.known, key)
	}
}
