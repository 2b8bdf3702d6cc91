package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// Whoever sent it is told to send it again, and not that something is broken.
func TestSnapshotThatOthersAreAlwaysAheadOfIsToBeSentAgain(t *testing.T) {
	others, inside := 0, false
	inWorldOf(t, func(w *world) {
		w.step = func(step string) {
			if step != "sync.compared" || inside || others == 0 {
				return
			}
			inside = true
			others++
			w.mustSync(engine.SyncOrder{Source: "gcp", Items: itemsOf(customer("z", fmt.Sprint(others)))})
			inside = false
		}
	}, func(t *testing.T, w *world) {
		others = 1
		_, err := w.sync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"))})
		if !errors.Is(err, access.ErrBusy) || access.CodeOf(err) != "too_busy" {
			t.Errorf("it ends with %v", err)
		}
		if r := w.runs("aws"); len(r) != 1 || r[0].Code != "too_busy" || r[0].Outcome != engine.SyncRefused {
			t.Errorf("the history has %+v", r)
		}
		others = 0
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"))})
		w.wantNothingStaged()
	})
}

func TestLongSnapshotThatOthersAreAheadOfIsComparedAnew(t *testing.T) {
	inWorldOf(t, func(w *world) { w.step = w.meanwhile }, func(_ *testing.T, w *world) {
		w.compared = func() { w.mustSync(engine.SyncOrder{Source: "gcp", Items: itemsOf(customer("z", "gold"))}) }
		w.wantCounts(w.mustSync(engine.SyncOrder{Items: many(1200, "gold")}), engine.SyncCounts{Received: 1200, Created: 1200})
		w.wantNothingStaged()
	})
}

// The file's faults are read by whoever starts the gateway.
func TestSeedOfWhatAnotherSourceHasSaysWhoseItIs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"))})
		_, err := w.engine.SyncResources(t.Context(), engine.SeedSource, access.Catalogue{Resources: []access.Resource{customer("b", "gold"), customer("a", "gold")}})
		const want = `item 1: customer:a belongs to the source "aws"; take it out of the one or the other (resource_owned)`
		if !errors.Is(err, access.ErrConflict) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("it ends with %v", err)
		}
		w.wantCustomers("a=gold")
	})
}
