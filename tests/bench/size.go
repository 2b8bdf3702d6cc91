package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// sizeFigure is what the program needs with so many live grants: as it is built
// and run for production, not in the form that the other figures are taken of.
type sizeFigure struct {
	Ledger string  `json:"ledger"`
	Lease  string  `json:"lease"`
	Live   int     `json:"live_grants"`
	Start  startUp `json:"start"`          // with nothing in the lease's store
	Again  startUp `json:"again,omitzero"` // of another process, with all in it: only Ready; absent without a store
	// Memory in bytes: resident once the lease is written, at the most so far, and
	// of the heap right after garbage was collected.
	Resident int64 `json:"resident_bytes"`
	Peak     int64 `json:"peak_bytes"`
	Heap     int64 `json:"heap_bytes"`
	// RedisPerGrant is what a grant takes in Redis, its binding's key included.
	RedisPerGrant float64 `json:"redis_bytes_per_grant,omitempty"`
}

// startUp is how long a start takes, in seconds from the start of the process.
type startUp struct {
	Ready   float64 `json:"ready_s"`   // until /readyz says ok
	Rebuilt float64 `json:"rebuilt_s"` // until the lease holds everything
}

// measureSize starts the program on each ledger.
func measureSize(ctx context.Context, s *stage, r *report) error {
	for _, live := range s.opts.Live {
		for _, one := range s.sizes(live) {
			f, err := s.size(ctx, one)
			if err != nil {
				return fmt.Errorf("%+v: %w", one, err)
			}
			s.say("%+v: ready after %.1f s, %.0f MB resident", one, f.Start.Ready, mega(f.Resident))
			r.Sizes = append(r.Sizes, f)
		}
	}
	return nil
}

// sizes are the set-ups: each database with a Redis, and with the lease in the
// process.
func (s *stage) sizes(live int) (all []series) {
	for _, kind := range s.opts.Ledgers {
		all = append(all, series{kind, withRedis, live}, series{kind, noRedis, live})
	}
	return all
}

func (s *stage) size(ctx context.Context, one series) (f sizeFigure, err error) {
	f = sizeFigure{Ledger: one.ledger, Lease: one.lease, Live: one.live}
	var closing closers
	defer func() { err = errors.Join(err, closing.close()) }()
	where, err := s.ledger(ctx, one.ledger, one.live)
	if err != nil {
		return f, err
	}
	closing.add(func() error { return s.drop(where) })
	lease := "memory"
	var used func() (int64, error)
	var before int64
	if one.lease == withRedis {
		r, err := s.redis()
		if err != nil {
			return f, err
		}
		closing.add(r.Kill)
		lease = redisURL(r)
		client := redis.NewClient(&redis.Options{Addr: r.Addr})
		closing.add(client.Close)
		used = func() (int64, error) { return usedMemory(ctx, client) }
		if before, err = used(); err != nil {
			return f, err
		}
	}
	p, err := s.program(ctx, where, lease)
	if err != nil {
		return f, err
	}
	if f.Start, err = p.startUp(ctx, one.live); err == nil {
		f.Resident, f.Peak, f.Heap, err = p.memory(ctx, s.opts.Pace.Look)
	}
	if err = errors.Join(err, p.stop()); err != nil || used == nil {
		return f, err
	}
	after, err := used()
	f.RedisPerGrant = float64(after-before) / float64(one.live)
	if err != nil {
		return f, err
	}
	if p, err = s.program(ctx, where, lease); err != nil {
		return f, err
	}
	f.Again, err = p.startUp(ctx, 0) // it finds what the other wrote
	return f, errors.Join(err, p.stop())
}

func usedMemory(ctx context.Context, client *redis.Client) (bytes int64, err error) {
	text, err := client.Info(ctx, "memory").Result()
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, "used_memory:"); found {
			_, err = fmt.Sscan(rest, &bytes)
		}
	}
	return bytes, err
}

// memory looks for a while, while the gateway does its rounds: the least of the
// heap is what it is when garbage was just collected.
func (p *program) memory(ctx context.Context, length time.Duration) (resident, peak, heap int64, err error) {
	const times = 40
	for range times {
		if err := pause(ctx, length/times); err != nil {
			return 0, 0, 0, err
		}
		now, err := p.heap(ctx)
		if err != nil {
			return 0, 0, 0, err
		}
		if heap == 0 || now < heap {
			heap = now
		}
		resident = max(resident, memoryOf(p.pid(), "VmRSS:"))
	}
	return resident, memoryOf(p.pid(), "VmHWM:"), heap, nil
}

// memoryOf reads a figure of a process's memory, in bytes.
func memoryOf(pid int, name string) int64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	var kib int64
	for line := range strings.Lines(string(raw)) {
		if text, found := strings.CutPrefix(line, name); found {
			_, _ = fmt.Sscan(text, &kib)
		}
	}
	return kib << 10
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }

func sizeTable(figures []sizeFigure) table {
	t := table{
		title: "Size and start of the program",
		head: []string{"live grants", "", "", "ready s", "lease written s", "again: ready s", "resident MB", "peak MB",
			"heap MB", "Redis B/grant"},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.Live), f.Ledger, f.Lease, sec(f.Start.Ready), sec(f.Start.Rebuilt), orNone(f.Again.Ready),
			fmt.Sprintf("%.0f", mega(f.Resident)), fmt.Sprintf("%.0f", mega(f.Peak)), fmt.Sprintf("%.0f", mega(f.Heap)), orNone(f.RedisPerGrant))
	}
	return t
}

func orNone(v float64) string {
	if v == 0 {
		return ""
	}
	return sec(v)
}
