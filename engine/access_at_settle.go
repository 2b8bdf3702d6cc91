package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// settleEvery is how often is looked for grants whose removal is settled. Who had
// access is answered right without it, and slower.
const settleEvery = 5 * time.Second

// settleBatch bounds how many are settled in one transaction: what waits for the
// ledger meanwhile is of people and of targets.
const settleBatch = 200

// settleNear is how long after its end a removal is looked for first: most are
// confirmed within seconds, and a binding may have a long history.
const settleNear = time.Hour

// One node settles for all.
const (
	settleDuty    = "settle"
	settleDutyFor = 3 * settleEvery
)

// settleAllDue notes until when grants that ended could be used, so that who had
// access at a time is found by an index.
func (e *Engine) settleAllDue(ctx context.Context) error {
	for ctx.Err() == nil && !e.Busy() {
		n, err := e.settleDue(ctx)
		if err != nil || n < settleBatch {
			return err
		}
	}
	return nil
}

// settleDue settles a batch, and tells how many there were.
func (e *Engine) settleDue(ctx context.Context) (int, error) {
	var due []access.Grant
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		due, err = tx.GrantsToSettle(settleBatch)
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	var settled []ledger.Settled
	err = e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		settled, err = settledOf(tx, due)
		return err
	})
	if err != nil {
		return 0, err
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		mine, err := tx.TakeDuty(settleDuty, e.node, tx.Now().Add(settleDutyFor))
		if err != nil || !mine {
			due = nil
			return err
		}
		return tx.Settle(settled)
	})
	return len(due), err
}

// settledOf finds until when grants could be used whose bindings have nothing to do.
func settledOf(tx *ledger.Tx, due []access.Grant) ([]ledger.Settled, error) {
	held, err := around(tx, due, func(i int) time.Time { return due[i].EndedAt.Add(settleNear) })
	if err != nil {
		return nil, err
	}
	var rest []access.Grant
	ids := make([]string, len(due))
	found := map[string]heldAccess{}
	for i, h := range held {
		ids[i] = h.ID
		if found[h.ID] = h; h.after.state == RemovalOpen && !h.history.whole {
			rest = append(rest, h.Grant)
		}
	}
	if held, err = around(tx, rest, func(int) time.Time { return tx.Now() }); err != nil {
		return nil, err
	}
	for _, h := range held {
		found[h.ID] = h
	}
	started, err := tx.Started(ids)
	settled := make([]ledger.Settled, len(due))
	for i, g := range due {
		settled[i] = ledger.Settled{Grant: g, Until: usableUntil(found[g.ID], tx.Now()), Never: !started[g.ID]}
	}
	return settled, err
}

// usableUntil is until when access could be used of which the ledger says that there
// is nothing to do. Where the log does not tell how that came, the binding's row does.
func usableUntil(h heldAccess, now time.Time) time.Time {
	if h.after.until != nil && h.after.state != RemovalUnknown {
		return *h.after.until
	}
	until := *endsAt(h.Grant, now)
	for _, settled := range []*time.Time{h.history.ConfirmedAt, h.history.ForcedAt} {
		if settled != nil {
			until = later(until, *settled)
		}
	}
	return until
}
