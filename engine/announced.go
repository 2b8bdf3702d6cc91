package engine

import (
	"context"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// maxHeard bounds how many announcements are kept to be held against the ledger.
// What is dropped the lease's repair finds.
const maxHeard = 10_000

// restoreAfter is how long announcements are gathered to be held against the
// ledger, and restoreAhead how far off an end must at least be for its key to be put back:
// one that is nearly due would be announced again at once.
const (
	restoreAfter = 250 * time.Millisecond
	restoreAhead = time.Second
)

// heard is what the lease announced.
type heard struct {
	wake chan struct{} // signalled by an announcement, for the sweep
	kept chan struct{} // signalled by an announcement, for restoreLoop

	mu  sync.Mutex
	ids map[string]struct{}
}

// drain takes the signal, and reports whether there was one.
func (h *heard) drain() bool {
	select {
	case <-h.wake:
		return true
	default:
		return false
	}
}

func (h *heard) add(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]struct{}{}
	}
	if len(h.ids) < maxHeard {
		h.ids[id] = struct{}{}
	}
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]string, 0, len(h.ids))
	for id := range h.ids {
		ids = append(ids, id)
	}
	h.ids = nil
	return ids
}

// Announced is told that the lease announced a grant's end. It is a hint, never
// an order: what the ledger does not call due does not end.
func (e *Engine) Announced(grantID string) {
	if access.CheckID(access.KindGrant, grantID) != nil {
		return // nothing of ours
	}
	e.heard.add(grantID)
	poke(e.heard.kept)
	poke(e.heard.wake)
	poke(e.sweepWake)
}

// restoreLoop puts back the keys of grants that were announced and are not due:
// they were extended, evicted, or deleted by hand, or somebody made it up.
func (e *Engine) restoreLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.heard.kept:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(restoreAfter):
		}
		if err := e.restore(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("announced grants were not held against the ledger; the lease's repair will", "error", err)
		}
	}
}

func (e *Engine) restore(ctx context.Context) error {
	ids := e.heard.take()
	if len(ids) == 0 {
		return nil
	}
	var early map[string]access.Grant
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		early, err = tx.ActiveAmong(ids, tx.Now().Add(restoreAhead+max(e.lease.Skew(), -e.lease.Skew())))
		return err
	})
	if err != nil || len(early) == 0 {
		return err
	}
	holds := make([]access.Hold, 0, len(early))
	for _, g := range early {
		holds = append(holds, access.Hold{GrantID: g.ID, Until: g.ExpiresAt})
	}
	mended, _, err := e.lease.Mend(ctx, holds, nil)
	if mended != (access.Mended{}) {
		e.observer.Mended(mended)
	}
	return err
}
