package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// deafFigure is a subscription whose connection died and told nobody.
type deafFigure struct {
	Ledger string `json:"ledger"`
	// Again is how long after that the gateway heard an announcement again.
	Again spread  `json:"heard_again_s"`
	Worst float64 `json:"worst_s"`
	// Ended is how late grants ended meanwhile, by the ledger's timer.
	Ended tail `json:"ended"`
}

// measureDeaf cuts every connection to Redis silently, again and again.
func measureDeaf(ctx context.Context, s *stage, r *report) error {
	for _, kind := range s.opts.Ledgers {
		f, err := s.deaf(ctx, kind)
		if err != nil {
			return fmt.Errorf("on %s: %w", kind, err)
		}
		r.Deaf = append(r.Deaf, f)
	}
	return nil
}

func (s *stage) deaf(ctx context.Context, kind string) (f deafFigure, err error) {
	f.Ledger = kind
	var closing closers
	defer func() { err = errors.Join(err, closing.close()) }()
	server, err := s.redis()
	if err != nil {
		return f, err
	}
	closing.add(server.Kill)
	line, err := newRoad(server.Addr)
	if err != nil {
		return f, err
	}
	closing.add(line.close)
	sc := &scene{redis: server}
	const others = 1000
	if sc.ledger, err = s.ledger(ctx, kind, others); err != nil {
		return f, err
	}
	closing.add(func() error { return s.drop(sc.ledger) })
	sc.gateway, err = startChild(ctx, childConfig{
		Kind: "gateway", Ledger: sc.ledger, Lease: "redis://" + line.addr() + "/0", Policies: s.opts.Policies,
		Target: s.target.server.URL, Verbose: s.opts.Verbose,
	})
	if err != nil {
		return f, err
	}
	closing.add(sc.gateway.stop)
	if _, err := sc.gateway.awaitLease(ctx, others); err != nil {
		return f, err
	}
	var again []float64
	var late []time.Duration
	for round := range s.opts.Rounds {
		after, ended, err := s.deafen(ctx, sc, line, others+round*1_000_000)
		if err != nil {
			return f, err
		}
		s.say("deaf on %s: heard again after %.2f s", kind, after.Seconds())
		again, late = append(again, after.Seconds()), append(late, ended...)
	}
	f.Again, f.Worst, f.Ended = spreadOf(again), quantile(again, 1), tailOf(late, 0, 0)
	return f, nil
}

// deafen does one round.
func (s *stage) deafen(ctx context.Context, sc *scene, line *road, first int) (time.Duration, []time.Duration, error) {
	step := time.Second / time.Duration(s.opts.Rate)
	due, err := s.plant(ctx, sc, first, int(s.opts.Pace.Deaf/step), step)
	if err != nil {
		return 0, nil, err
	}
	if err := until(ctx, due.Base.Add(s.opts.Pace.After)); err != nil {
		return 0, nil, err
	}
	line.deaden()
	dead := time.Now()
	if err := s.target.await(ctx, due.Count, due.due(due.Count).Add(s.opts.Wait)); err != nil {
		return 0, nil, err
	}
	seen, err := sc.gateway.seen(ctx)
	if err != nil {
		return 0, nil, err
	}
	again, ok := heardAgain(seen.Announced, dead)
	if !ok {
		return 0, nil, fmt.Errorf("nothing was heard again within %s", s.opts.Pace.Deaf-s.opts.Pace.After)
	}
	late, _ := seen.late(time.Time{}, len(seen.Ended))
	return again, late, nil
}

// heardAgain is when the longest silence since the line died was over: something
// that was on its way arrives after its death.
func heardAgain(announced []int64, dead time.Time) (after time.Duration, ok bool) {
	last, silence := dead, time.Duration(0)
	for _, us := range announced {
		at := time.UnixMicro(us)
		if at.Before(dead) {
			continue
		}
		if at.Sub(last) > silence {
			silence, after, ok = at.Sub(last), at.Sub(dead), true
		}
		last = at
	}
	return after, ok
}

func deafTable(figures []deafFigure) table {
	t := table{
		title: "A subscription that dies silently: seconds until it is heard again, and how late grants end meanwhile, in ms",
		head:  []string{"", "again", "", "worst", "ended p50", "p99", "max"},
	}
	for _, f := range figures {
		t.row(f.Ledger, sec(f.Again.Median), span("[%.2f to %.2f]", &f.Again), sec(f.Worst), f.Ended.ms(0.5), f.Ended.ms(0.99), f.Ended.ms(1))
	}
	return t
}
