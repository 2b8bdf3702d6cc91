package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A decision leaves garbage of some fifty thousand bytes, and lives on little
// else: with the collector at Go's own pace a quarter of the time goes into it.
// While little is alive, more garbage may pile up.
const (
	mostGarbage  = 400      // in hundredths of what is alive
	leastGarbage = 100      // Go's own pace
	roomFor      = 64 << 20 // bytes of garbage, between the two
)

// paceEvery is how often it is looked how much is alive.
const paceEvery = time.Second

// paceCollector sets the pace of the garbage collector, unless GOGC does.
func paceCollector(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return nil
	}
	again := time.NewTicker(paceEvery)
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
