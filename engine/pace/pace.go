// Package pace sets how often garbage is collected.
//
// A decision leaves garbage of some fifty thousand bytes, and lives on little
// else: at Go's own pace a quarter of the time would go into collecting it. While
// little is alive, more may pile up.
package pace

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may pile up.
const (
	mostGarbage  = 400      // in hundredths of what is alive
	leastGarbage = 100      // Go's own pace
	roomFor      = 64 << 20 // bytes of garbage, between the two
)

// every is how often it is looked how much is alive.
const every = time.Second

// Run sets the pace until ctx ends, unless GOGC does.
func Run(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return nil
	}
	again := time.NewTicker(every)
	defer again.Stop()
	for before := 0; ; {
		if now := garbageFor(alive()); now != before {
			debug.SetGCPercent(now)
			before = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
	}
}

// garbageFor is how much garbage may pile up, in hundredths of the bytes that are
// alive.
func garbageFor(live uint64) int {
	if live == 0 {
		return mostGarbage
	}
	return int(min(max(roomFor*100/live, leastGarbage), mostGarbage))
}

// alive is how many bytes were reachable when garbage was last collected.
func alive() uint64 {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return samples[0].Value.Uint64()
}
