package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// unsaidEvery is how often a node reads what the lease may not know: how long a
// check on it can still say yes after a revoke that was answered "propagating".
const unsaidEvery = 500 * time.Millisecond

// unsaid is the accesses of which the lease may not know that a grant ended
// before its time, as last read: checks of them ask the ledger.
type unsaid struct {
	set atomic.Pointer[map[access.Entitled]struct{}]
}

func (u *unsaid) has(x access.Entitled) bool {
	set := u.set.Load()
	if set == nil {
		return false
	}
	_, found := (*set)[x]
	return found
}

// unsaidLoop reads what the lease may not know, and tells it.
func (e *Engine) unsaidLoop(ctx context.Context) {
	ticker := time.NewTicker(unsaidEvery)
	defer ticker.Stop()
	for {
		if err := e.sayUnsaid(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("the lease was not told of revoked access; checks of it ask the ledger", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (e *Engine) sayUnsaid(ctx context.Context) error {
	var waiting []ledger.Unsaid
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		waiting, err = tx.Unsaid()
		return err
	})
	if err != nil {
		return err
	}
	set := make(map[access.Entitled]struct{}, len(waiting))
	ids := make([]string, len(waiting))
	keep := map[access.Entitled]time.Time{}
	for i, u := range waiting {
		set[u.Entitled], ids[i] = struct{}{}, u.BindingID
		keep[u.Entitled] = later(keep[u.Entitled], u.Keep)
	}
	e.unsaid.set.Store(&set)
	if len(waiting) == 0 || !e.lease.Checks() {
		return e.dropUnsaid(ctx, waiting)
	}
	standings, err := e.standings(ctx, ids)
	if err != nil {
		return err
	}
	for i := range standings {
		standings[i].Keep = later(keep[standings[i].Entitled], e.ledger.Now().Add(keepTombstones))
	}
	if err := e.lease.Stand(ctx, standings...); err != nil {
		if errors.Is(err, access.ErrPropagating) {
			return nil // it is written; in a moment it is certain
		}
		return err
	}
	return e.dropUnsaid(ctx, waiting)
}

func (e *Engine) dropUnsaid(ctx context.Context, said []ledger.Unsaid) error {
	if len(said) == 0 {
		return nil
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.DropUnsaid(said) })
}
