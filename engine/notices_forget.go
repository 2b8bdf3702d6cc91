package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/ledger"
)

// keepNotices is how long it is remembered what people were told, once nothing
// changes any more of what that is about.
const keepNotices = 30 * 24 * time.Hour

// forgetNotices drops old notices, a batch at a time, and readers who were told
// nothing since. What goes on keeps its notices however old they are: they are
// changed when it ends.
func (e *Engine) forgetNotices(ctx context.Context, before time.Time) {
	err := e.forgetOldNotices(ctx, before)
	for n := sweepBatch; err == nil && n == sweepBatch; {
		err = e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
			n, err = tx.ForgetReaders(before, sweepBatch)
			return err
		})
	}
	if err != nil && ctx.Err() == nil {
		e.log.Error("old notices were not forgotten", "error", err)
	}
}

func (e *Engine) forgetOldNotices(ctx context.Context, before time.Time) error {
	var last ledger.OldNotice
	for {
		var page []ledger.OldNotice
		err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
			page, err = tx.OldNotices(before, last, sweepBatch)
			return err
		})
		if err != nil {
			return err
		}
		var over []string
		for _, n := range page {
			if last = n; n.Over {
				over = append(over, n.ID)
			}
		}
		if len(over) > 0 {
			if err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.ForgetNotices(over, before) }); err != nil {
				return err
			}
		}
		if len(page) < sweepBatch {
			return nil
		}
	}
}
