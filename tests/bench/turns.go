package main

import (
	"context"
	"errors"
	"sync"
	"time"
)

// routeCell measures a route under so many callers.
func routeCell(r *route, callers int, opts options) *cell {
	return &cell{callers: callers, subjects: opts.Subjects, name: r.name, route: r,
		run: func(ctx context.Context, callers int, window time.Duration) (callFigure, error) {
			return load(ctx, r, callers, opts.Subjects, window)
		}}
}

// turns takes turns between contenders, for each number of callers. The first
// turn, a short one, is not counted. ratios sets each figure beside the rates of
// all, by name.
func (s *stage) turns(
	ctx context.Context, contenders func(callers int, opts options) []*cell, ratios func(*routeFigure, map[string]spread),
) (figures []routeFigure, err error) {
	for _, callers := range s.opts.Callers {
		cells := contenders(callers, s.opts)
		for _, c := range cells {
			if err := c.measure(ctx, s.opts.Window/4, false); err != nil {
				return nil, err
			}
		}
		for round := range s.opts.Rounds {
			s.say("%d callers: round %d of %d", callers, round+1, s.opts.Rounds)
			for i := range cells {
				if err := cells[(i+round)%len(cells)].measure(ctx, s.opts.Window, true); err != nil {
					return nil, err
				}
			}
		}
		rates := map[string]spread{}
		for _, c := range cells {
			rates[c.name] = spreadOf(c.perSecond)
		}
		for _, c := range cells {
			f := c.figure()
			ratios(&f, rates)
			figures = append(figures, f)
		}
	}
	return figures, nil
}

// repeat calls from so many callers at once, one call after another, for the
// window.
func repeat(callers int, window time.Duration, call func() error) (callFigure, error) {
	all, faults := make([][]time.Duration, callers), make([]error, callers)
	var group sync.WaitGroup
	start := time.Now()
	for i := range callers {
		group.Go(func() {
			for began := time.Now(); began.Sub(start) < window && faults[i] == nil; {
				faults[i] = call()
				now := time.Now()
				all[i], began = append(all[i], now.Sub(began)), now
			}
		})
	}
	group.Wait()
	figure := callFigure{took: time.Since(start)}
	for _, latencies := range all {
		figure.latency = append(figure.latency, latencies...)
	}
	figure.calls = len(figure.latency)
	return figure, errors.Join(faults...)
}
