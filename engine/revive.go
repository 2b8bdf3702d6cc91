package engine

import (
	"context"

	"github.com/curfew-access/curfew/engine/ledger"
)

// reviveBatch bounds how many deliveries one transaction makes due.
const reviveBatch = 512

// Revive makes deliveries to the contract due that wait to be tried again because
// the target did not answer or said that it can not; at most limit, removals first.
// What it refused waits on: that it answers again changes nothing of that. It
// returns how many they were, and satisfies outbox.Store.
func (e *Engine) Revive(ctx context.Context, contract string, limit int) (revived int, err error) {
	for revived < limit {
		batch := min(limit-revived, reviveBatch)
		n := 0
		err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
			n, err = tx.Revive(contract, batch)
			return err
		})
		if err != nil {
			return revived, err
		}
		revived += n
		if n < batch {
			break
		}
	}
	if revived > 0 {
		poke(e.deliveryWake)
	}
	return revived, nil
}
