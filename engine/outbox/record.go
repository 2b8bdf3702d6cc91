package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// recordTogether bounds how many outcomes one transaction records, and
// recordAgain is how long it waits when the ledger did not take them.
const (
	recordTogether = 256
	recordAgain    = 100 * time.Millisecond
)

// recordAll records outcomes until there are no more: while one transaction is on
// its way, the outcomes that arrive are gathered for the next.
func (w *Worker) recordAll(ctx context.Context) {
	for first := range w.outcomes {
		batch := []access.Outcome{first}
		for more := true; more && len(batch) < recordTogether; {
			select {
			case o, ok := <-w.outcomes:
				if more = ok; ok {
					batch = append(batch, o)
				}
			default:
				more = false
			}
		}
		w.record(ctx, batch)
	}
}

// record writes outcomes down. While the ledger does not answer it is tried again
// until their claims lapse, or ctx ends: then the attempts are made again, which
// is safe.
func (w *Worker) record(ctx context.Context, batch []access.Outcome) {
	for len(batch) > 0 {
		left, err := w.Store.Record(ctx, batch...)
		if err == nil {
			return
		}
		w.unrecorded.Failed(w.Log, "outcomes were not recorded; trying again", err)
		now := w.Store.Now()
		batch = slices.DeleteFunc(slices.Clone(left), func(o access.Outcome) bool {
			return !o.Until.After(now) || len(left) == 1 && errors.Is(err, access.ErrNotFound)
		})
		select {
		case <-ctx.Done():
			return
		case <-time.After(recordAgain):
		}
	}
}
