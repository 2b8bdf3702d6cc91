package engine

import (
	"context"
	"sync"

	"github.com/curfew-access/curfew/engine/access"
)

// turns lets decisions about one subject be made one after the other in this
// process, each on the grants that the one before left. Across processes the
// commit finds out, and decides again.
type turns struct {
	mu    sync.Mutex
	queue map[access.Subject]*line
}

type line struct {
	waiting int
	free    chan struct{} // holds a token while nobody has the turn
}

// take waits for the subject's turn and returns what gives it back.
func (t *turns) take(ctx context.Context, s access.Subject) (func(), error) {
	t.mu.Lock()
	own, ok := t.queue[s]
	if !ok {
		own = &line{free: make(chan struct{}, 1)}
		own.free <- struct{}{}
		t.queue[s] = own
	}
	own.waiting++
	t.mu.Unlock()
	select {
	case <-own.free:
		return func() {
			own.free <- struct{}{}
			t.leave(s, own)
		}, nil
	case <-ctx.Done():
		t.leave(s, own)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(s access.Subject, own *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.waiting--; own.waiting == 0 {
		delete(t.queue, s)
	}
}
