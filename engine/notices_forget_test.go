package engine_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// More than a batch of old notices are forgotten, and none of what goes on.
func TestOldNoticesAreForgotten(t *testing.T) {
	inWait(t, waits(1, nil), func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		old := w.ledger.Now().Add(-31 * 24 * time.Hour)
		var planned []access.Notice
		for i := range 1200 {
			planned = append(planned, access.Notice{
				ID: access.NewID(access.KindNotice, old), Kind: access.NoticeEnded, EventID: fmt.Sprintf("evt_%d", i),
				To: access.Recipient{Channel: fmt.Sprintf("#%d", i)}, CreatedAt: old,
			})
		}
		planned[700].RequestID = r.ID
		must(t, w.ledger.Update(t.Context(), func(tx *ledger.Tx) error { return tx.PlanNotices(planned, ledger.NoticeChanges{}) }))
		must(t, w.raw(`UPDATE notices SET next_at = NULL`))
		must(t, w.raw(`UPDATE notice_lanes SET next_at = NULL`))

		ctx, stop := context.WithCancel(t.Context())
		var loops sync.WaitGroup
		loops.Go(func() { _ = w.other(func(*engine.Config) {}).Run(ctx) })
		defer loops.Wait()
		defer stop()
		w.pass(time.Second)
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			left, err := tx.OldNotices(w.ledger.Now(), ledger.OldNotice{}, 10)
			if len(left) != 1 || left[0].ID != planned[700].ID {
				t.Errorf("left are %+v, want that of the request that waits", left)
			}
			return err
		}))
		must(t, w.ledger.Update(t.Context(), func(tx *ledger.Tx) error {
			if n, err := tx.ForgetReaders(w.ledger.Now(), 10); n != 0 || err != nil {
				t.Errorf("%d readers were left (%v)", n, err)
			}
			return nil
		}))
	})
}
