package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The leases of a series.
const (
	withRedis    = "redis"         // at default settings
	redisStopped = "redis stopped" // it was there, and has gone before anything was due
	noRedis      = "none"          // the gateway keeps the lease in its process
)

// latenessFigure is how late what is due at a steady rate happens.
type latenessFigure struct {
	Ledger string `json:"ledger"`
	Lease  string `json:"lease"`
	Live   int    `json:"live_grants"` // others, which are not due
	Ended  tail   `json:"ended"`       // the grant, in the ledger
	Told   tail   `json:"told"`        // the target, to close it
	Heard  int    `json:"announced"`   // ends that the lease announced first
	CPU    string `json:"cpu"`         // of the gateway
	// Beside is the same by other means, on the same Redis.
	Beside []besideFigure `json:"beside,omitempty"`
}

// tail is a distribution in milliseconds.
type tail struct {
	N       int     `json:"n"`
	P50     float64 `json:"p50_ms"`
	P90     float64 `json:"p90_ms"`
	P99     float64 `json:"p99_ms"`
	Max     float64 `json:"max_ms"`
	Missing int     `json:"missing,omitempty"` // had not happened when the wait was over
}

// tailOf sums up. What is missing is known to be late by so much at the least,
// and counts as that late.
func tailOf(all []time.Duration, missing int, atLeast time.Duration) tail {
	n := len(all)
	all = append(slices.Clone(all), slices.Repeat([]time.Duration{atLeast}, missing)...)
	return tail{
		N: n, Missing: missing, P50: millis(quantile(all, 0.5)), P90: millis(quantile(all, 0.9)),
		P99: millis(quantile(all, 0.99)), Max: millis(quantile(all, 1)),
	}
}

// open reports whether of a quantile only a lower bound is known.
func (t tail) open(q float64) bool { return q*float64(t.N+t.Missing) > float64(t.N) }

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// series is one setting in which lateness is measured.
type series struct {
	ledger, lease string
	live          int
}

// measureLateness goes through every size and setting, one at a time.
func measureLateness(ctx context.Context, s *stage, r *report) error {
	for _, live := range s.opts.Live {
		for _, ledger := range s.opts.Ledgers {
			for _, lease := range s.opts.Leases {
				one := series{ledger, lease, live}
				f, err := s.lateness(ctx, one)
				if err != nil {
					return fmt.Errorf("%+v: %w", one, err)
				}
				s.say("%+v: ended p99 %.1f ms, told p99 %.1f ms", one, f.Ended.P99, f.Told.P99)
				r.Lateness = append(r.Lateness, f)
			}
		}
	}
	return nil
}

func (s *stage) lateness(ctx context.Context, one series) (f latenessFigure, err error) {
	sc, err := s.scene(ctx, one)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, sc.end()) }()
	due, err := s.plant(ctx, sc, one.live, int((s.opts.Pace.Warm+s.opts.Length).Seconds()*float64(s.opts.Rate)), time.Second/time.Duration(s.opts.Rate))
	if err != nil {
		return f, err
	}
	if one.lease == redisStopped {
		if err := sc.redis.Kill(); err != nil {
			return f, err
		}
	}
	f = latenessFigure{Ledger: one.ledger, Lease: one.lease, Live: one.live}
	if err := s.watch(ctx, sc, due, &f); err != nil {
		return f, err
	}
	if one.lease == withRedis && one.ledger == s.opts.Ledgers[0] && s.opts.Beside {
		f.Beside, err = s.beside(ctx, sc, one.live)
	}
	return f, err
}

// plant writes grants that are soon due, and has the gateway take them in.
func (s *stage) plant(ctx context.Context, sc *scene, first, count int, step time.Duration) (batch, error) {
	lead := s.opts.Pace.Lead * time.Duration(10_000+count) / 10_000
	b := batch{First: first, Count: count, Base: time.Now().Add(lead).Truncate(time.Millisecond), Step: step}
	if err := sow(ctx, sc.ledger, s.contract, b); err != nil {
		return b, err
	}
	if err := sc.gateway.tell(ctx, "/more/adopt", b); err != nil {
		return b, err
	}
	s.target.forget()
	if _, err := sc.gateway.seen(ctx); err != nil { // what was seen so far is not asked for
		return b, err
	}
	if left := time.Until(b.Base); left < lead/20 {
		return b, fmt.Errorf("this machine is too slow: %d grants were planted with %s left of %s", count, left, lead)
	}
	return b, nil
}

// watch waits until everything that was planted has ended and was told.
func (s *stage) watch(ctx context.Context, sc *scene, due batch, f *latenessFigure) error {
	if err := until(ctx, due.Base); err != nil {
		return err
	}
	before, err := sc.gateway.cpu(ctx)
	if err != nil {
		return err
	}
	last := due.due(due.Count)
	_ = s.target.await(ctx, due.Count, last.Add(s.opts.Wait)) // what is missing is counted
	after, err := sc.gateway.cpu(ctx)
	if err != nil {
		return err
	}
	f.CPU = fmt.Sprintf("%.0f %%", 100*(after-before).Seconds()/time.Since(due.Base).Seconds())
	seen, err := sc.gateway.seen(ctx)
	if err != nil {
		return err
	}
	skip := int(s.opts.Pace.Warm.Seconds() * float64(s.opts.Rate))
	ended, heard := seen.late(due.due(skip), due.Count-skip)
	f.Ended, f.Heard = tailOf(ended, due.Count-skip-len(ended), s.opts.Wait), heard
	told, missing := s.target.late(due, skip)
	f.Told = tailOf(told, missing, s.opts.Wait)
	return nil
}

// seen is what the gateway's witness has seen since it was asked last.
func (c *child) seen(ctx context.Context) (t testimony, err error) {
	return t, c.object(ctx, "/more/seen", &t)
}

// latenessTable is everything in rows, and how flat it is over the sizes.
func latenessTable(figures []latenessFigure) table {
	t := table{
		title: "Lateness in ms, of ends at a steady rate",
		head:  []string{"live grants", "", "", "ended p50", "p90", "p99", "max", "target told p50", "p90", "p99", "max", "missing", "announced", "CPU", "told p99, of the smallest"},
	}
	smallest := map[[2]string]tail{}
	for _, f := range figures {
		key := [2]string{f.Ledger, f.Lease}
		if _, known := smallest[key]; !known {
			smallest[key] = f.Told
		}
		t.row(fmt.Sprint(f.Live), f.Ledger, f.Lease, f.Ended.ms(0.5), f.Ended.ms(0.9), f.Ended.ms(0.99), f.Ended.ms(1),
			f.Told.ms(0.5), f.Told.ms(0.9), f.Told.ms(0.99), f.Told.ms(1), fmt.Sprint(f.Told.Missing),
			fmt.Sprintf("%.0f %%", 100*float64(f.Heard)/float64(max(f.Ended.N, 1))), f.CPU, fmt.Sprintf("%.1fx", f.Told.P99/smallest[key].P99))
	}
	return t
}

// ms renders a quantile, of one of those that are kept; nothing of nothing.
func (t tail) ms(q float64) string {
	if t.N+t.Missing == 0 {
		return ""
	}
	over := ""
	if t.open(q) {
		over = "over "
	}
	return over + fmt.Sprintf("%.1f", map[float64]float64{0.5: t.P50, 0.9: t.P90, 0.99: t.P99, 1: t.Max}[q])
}
