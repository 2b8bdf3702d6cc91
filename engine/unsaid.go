package engine

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// unsaidEvery is how often a node reads what the lease may not know: how long a
// check on it can still say yes after a revoke that was answered "propagating".
const unsaidEvery = 500 * time.Millisecond

// unsaid is the accesses of which the lease may not know what the ledger says, as
// last read and as noted since: checks of them ask the ledger.
type unsaid struct {
	shared bool // until it is first read, every access may be one

	mu    sync.RWMutex
	known bool
	set   map[access.Entitled]struct{}
	noted map[access.Entitled]struct{} // by this node, since it began to read
}

func (u *unsaid) has(x access.Entitled) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	_, read := u.set[x]
	_, noted := u.noted[x]
	return read || noted || u.shared && !u.known
}

// note adds what this node could not tell the lease.
func (u *unsaid) note(x access.Entitled) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.noted == nil {
		u.noted = map[access.Entitled]struct{}{}
	}
	u.noted[x] = struct{}{}
}

// read learns from the ledger. What was noted before it has by then.
func (u *unsaid) read(read func() (map[access.Entitled]struct{}, error)) error {
	u.mu.Lock()
	before := maps.Clone(u.noted)
	u.mu.Unlock()
	set, err := read()
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.set, u.known = set, true
	for x := range before {
		delete(u.noted, x)
	}
	return nil
}

// unsaidLoop reads what the lease may not know, and tells it.
func (e *Engine) unsaidLoop(ctx context.Context) {
	ticker := time.NewTicker(unsaidEvery)
	defer ticker.Stop()
	for {
		if err := e.sayUnsaid(ctx); err != nil && ctx.Err() == nil {
			e.complain("the lease was not told of revoked access; checks of it ask the ledger", err)
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
	err := e.unsaid.read(func() (map[access.Entitled]struct{}, error) {
		err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
			waiting, err = tx.Unsaid()
			return err
		})
		set := make(map[access.Entitled]struct{}, len(waiting))
		for _, u := range waiting {
			set[u.Entitled] = struct{}{}
		}
		return set, err
	})
	if err != nil {
		return err
	}
	ids := make([]string, len(waiting))
	keep := map[access.Entitled]time.Time{}
	for i, u := range waiting {
		ids[i] = u.BindingID
		keep[u.Entitled] = later(keep[u.Entitled], u.Keep)
	}
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
