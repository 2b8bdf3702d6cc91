package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// burstFigure is many grants that are due at one moment.
type burstFigure struct {
	Ledger  string `json:"ledger"`
	Lease   string `json:"lease"`
	Grants  int    `json:"grants"`
	Told    spread `json:"told_s"`     // until the target was told to close the last
	Settled spread `json:"settled_s"`  // until the ledger had the last confirmation
	Ended   spread `json:"ended_s"`    // until the last grant had ended
	CPU     spread `json:"cpu_s"`      // of the gateway
	Alone   spread `json:"alone_s"`    // signed posts alone, as many at once as the gateway makes
	Tuned   spread `json:"tuned_s"`    // and as many at once as are fastest
	Width   int    `json:"width"`      // of Alone
	Best    int    `json:"best_width"` // of Tuned
	OfAlone spread `json:"of_alone"`   // Settled, each round over Alone's
	OfTuned spread `json:"of_tuned"`
}

// workerWidth is how many deliveries a gateway makes at once to a target.
const workerWidth = 16

// measureBurst takes turns between the gateway and the posts alone.
func measureBurst(ctx context.Context, s *stage, r *report) error {
	poster, err := startChild(ctx, childConfig{Kind: "poster", Target: s.target.server.URL})
	if err != nil {
		return err
	}
	defer poster.stop()
	best, err := s.bestWidth(ctx, poster)
	if err != nil {
		return err
	}
	for _, ledger := range s.opts.Ledgers {
		lease := noRedis
		if ledger == onPostgres {
			lease = withRedis
		}
		f, err := s.burst(ctx, poster, best, series{ledger, lease, 1000})
		if err != nil {
			return fmt.Errorf("burst on %s: %w", ledger, err)
		}
		r.Bursts = append(r.Bursts, f)
	}
	return nil
}

// bestWidth finds how many posts at once are fastest.
func (s *stage) bestWidth(ctx context.Context, poster *child) (best int, err error) {
	var fastest time.Duration
	for range 2 { // the first is to warm up
		best, fastest = 0, time.Hour
		for _, width := range []int{4, 8, 16, 32, 64, 128} {
			took, err := poster.post(ctx, s.opts.Burst, width)
			if err != nil {
				return 0, err
			}
			if took < fastest {
				best, fastest = width, took
			}
		}
	}
	s.say("posts alone: %s with %d at once", fastest, best)
	return best, nil
}

func (c *child) post(ctx context.Context, n, width int) (time.Duration, error) {
	took, err := c.number(ctx, fmt.Sprintf("/more/post?n=%d&width=%d", n, width))
	return time.Duration(took), err
}

func (s *stage) burst(ctx context.Context, poster *child, best int, one series) (f burstFigure, err error) {
	sc, err := s.scene(ctx, one)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, sc.end()) }()
	var told, settled, ended, cpu, alone, tuned []float64
	first := one.live
	for round := range s.opts.Rounds + 1 {
		a, err := poster.post(ctx, s.opts.Burst, workerWidth)
		if err != nil {
			return f, err
		}
		t, err := poster.post(ctx, s.opts.Burst, best)
		if err != nil {
			return f, err
		}
		due, err := s.plant(ctx, sc, first, s.opts.Burst, 0)
		if err != nil {
			return f, err
		}
		first += due.Count
		b, err := s.one(ctx, sc, due, round == s.opts.Rounds)
		if err != nil {
			return f, err
		}
		s.say("burst on %s: told %.2f s, settled %.2f s, ended %.2f s, posts alone %.2f s", one.ledger, b.told, b.settled, b.ended, a.Seconds())
		if round == 0 {
			continue // to warm up
		}
		told, settled, ended, cpu = append(told, b.told), append(settled, b.settled), append(ended, b.ended), append(cpu, b.cpu)
		alone, tuned = append(alone, a.Seconds()), append(tuned, t.Seconds())
	}
	f = burstFigure{
		Ledger: one.ledger, Lease: one.lease, Grants: s.opts.Burst, Width: workerWidth, Best: best, Told: spreadOf(told),
		Settled: spreadOf(settled), Ended: spreadOf(ended), CPU: spreadOf(cpu), Alone: spreadOf(alone), Tuned: spreadOf(tuned),
	}
	f.OfAlone, f.OfTuned = per(f.Settled, f.Alone), per(f.Settled, f.Tuned)
	return f, nil
}

// round is one burst, in seconds after it was due.
type round struct{ told, settled, ended, cpu float64 }

// one waits for a burst to be over.
func (s *stage) one(ctx context.Context, sc *scene, due batch, last bool) (b round, err error) {
	if err := until(ctx, due.Base); err != nil {
		return b, err
	}
	stop := s.profile(ctx, sc.gateway, "burst-"+kindOf(sc.ledger), last)
	before, err := sc.gateway.cpu(ctx)
	if err != nil {
		return b, err
	}
	if err := s.target.await(ctx, due.Count, due.Base.Add(s.opts.Wait)); err != nil {
		return b, err
	}
	all, _ := s.target.late(due, 0)
	b.told = slices.Max(all).Seconds()
	seen, err := sc.gateway.settled(ctx, due.Count)
	if err != nil {
		return b, err
	}
	after, err := sc.gateway.cpu(ctx)
	b.cpu = (after - before).Seconds()
	b.settled = time.UnixMicro(seen.Last).Sub(due.Base).Seconds()
	lates, _ := seen.late(time.Time{}, len(seen.Ended))
	b.ended = quantile(lates, 1).Seconds()
	return b, errors.Join(err, stop())
}

// settled waits until so many removals are confirmed in the ledger.
func (c *child) settled(ctx context.Context, n int) (all testimony, err error) {
	for end := time.Now().Add(patience); ; {
		t, err := c.seen(ctx)
		if err != nil {
			return all, err
		}
		all.Confirmed += t.Confirmed
		all.Last = max(all.Last, t.Last)
		all.Ended = append(all.Ended, t.Ended...)
		if all.Confirmed >= n {
			return all, nil
		}
		if time.Now().After(end) {
			return all, fmt.Errorf("%d of %d removals are confirmed", all.Confirmed, n)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return all, err
		}
	}
}

func kindOf(where string) string {
	if isURL(where) {
		return onPostgres
	}
	return onSQLite
}

// profile takes the gateway's CPU profile for a few seconds, if profiles are
// asked for; stop waits for it.
func (s *stage) profile(ctx context.Context, c *child, name string, wanted bool) (stop func() error) {
	if s.opts.Profiles == "" || !wanted {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		raw, err := c.ask(ctx, "/profile/cpu?seconds=3")
		if err == nil {
			err = errors.Join(os.MkdirAll(s.opts.Profiles, 0o700), os.WriteFile(filepath.Join(s.opts.Profiles, name+".pprof"), raw, 0o600))
		}
		done <- err
	}()
	return func() error { return <-done }
}

// burstTable sets the gateway beside the posts alone.
func burstTable(figures []burstFigure) table {
	t := table{
		title: "Grants that are due at one moment: seconds until all of it is done",
		head:  []string{"grants", "", "", "ended", "told", "confirmed", "", "CPU s", "posts alone", "ratio", "", "posts, tuned", "ratio", ""},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.Grants), f.Ledger, f.Lease, sec(f.Ended.Median), sec(f.Told.Median), sec(f.Settled.Median), span("[%.2f to %.2f]", &f.Settled),
			sec(f.CPU.Median), fmt.Sprintf("%.2f (%d)", f.Alone.Median, f.Width), sec(f.OfAlone.Median), span("[%.2f to %.2f]", &f.OfAlone),
			fmt.Sprintf("%.2f (%d)", f.Tuned.Median, f.Best), sec(f.OfTuned.Median), span("[%.2f to %.2f]", &f.OfTuned))
	}
	return t
}

// sec renders seconds, and ratios.
func sec(v float64) string { return fmt.Sprintf("%.2f", v) }
