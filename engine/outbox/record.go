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
// its way, the outcomes that arrive are gathered for the next. What the ledger did
// not take is tried again by itself, so that one that it never takes holds up no
// other.
func (w *Worker) recordAll(ctx context.Context) {
	var left []access.Outcome
	var again <-chan time.Time
	for outcomes := w.outcomes; outcomes != nil || len(left) > 0; {
		if again == nil && len(left) > 0 {
			again = time.After(recordAgain)
		}
		select {
		case first, ok := <-outcomes:
			if !ok {
				outcomes = nil
				continue
			}
			left = append(left, w.record(ctx, gathered(first, outcomes, recordTogether))...)
		case <-again:
			due := left
			left, again = nil, nil
			for batch := range slices.Chunk(due, recordTogether) {
				left = append(left, w.record(ctx, batch)...)
			}
		case <-ctx.Done():
			return
		}
	}
}

// record writes outcomes down, and returns what is to be tried again: until its
// claim lapses. Then the attempt is made again, which is safe.
func (w *Worker) record(ctx context.Context, batch []access.Outcome) []access.Outcome {
	left, err := w.Store.Record(ctx, batch...)
	if err == nil {
		return nil
	}
	w.unrecorded.Failed(w.Log, "outcomes were not recorded; trying again", err)
	now := w.Store.Now()
	return slices.DeleteFunc(slices.Clone(left), func(o access.Outcome) bool {
		return !o.Until.After(now) || len(left) == 1 && errors.Is(err, access.ErrNotFound)
	})
}
