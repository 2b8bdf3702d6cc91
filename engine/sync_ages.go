package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/ledger"
)

// SyncAges is how old the newest catalogue of each declared source is that was
// applied. One that has brought none is not in it.
func (e *Engine) SyncAges(ctx context.Context) (ages map[string]time.Duration, err error) {
	if len(e.catalogueSources) == 0 {
		return nil, nil
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		ages = map[string]time.Duration{}
		sources, err := e.knownSources(tx)
		for _, s := range sources {
			if s.EverySeconds != nil && s.LastSyncedAt != nil {
				ages[s.Source] = tx.Now().Sub(*s.LastSyncedAt)
			}
		}
		return err
	})
	return ages, err
}
