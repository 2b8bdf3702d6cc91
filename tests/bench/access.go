package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
)

// accessFigure is how long it takes to say who had access, a page at a time.
type accessFigure struct {
	Ledger string  `json:"ledger"`
	Events int     `json:"events"`
	Grants int     `json:"grants"`
	Asked  string  `json:"asked"`
	Items  float64 `json:"items"` // on a page, on average
	Full   int     `json:"full"`  // pages that have a next one
	Times  int     `json:"times"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	Worst  float64 `json:"worst_ms"`
}

// What is asked of the past.
const (
	askAt       = "at a time"
	askDay      = "of a day"
	askWhole    = "of all the time"
	askSubject  = "of one's month"
	askResource = "to one resource, of all the time"
	askLast     = "the next pages of a day"
)

// accessAsks is how often each is asked in a round.
const accessAsks = 50

// measureAccess asks, on each database, who had access.
func measureAccess(ctx context.Context, s *stage, r *report) error {
	for _, kind := range s.opts.Ledgers {
		figures, err := s.access(ctx, kind)
		if err != nil {
			return fmt.Errorf("on %s: %w", kind, err)
		}
		r.Access = append(r.Access, figures...)
	}
	return nil
}

func (s *stage) access(ctx context.Context, kind string) (figures []accessFigure, err error) {
	if kind == onPostgres {
		if err := s.startPostgres(); err != nil {
			return nil, err
		}
	}
	p := makePast(grantsFor(s.opts.Events))
	where, events, err := s.pastLedger(ctx, kind, p)
	if err != nil {
		return nil, err
	}
	l, err := openLedger(ctx, where)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close(), s.drop(where)) }()
	e := engine.New(engine.Config{
		Ledger: l, Policy: allowing{}, Facts: unasked{}, Lease: lease.NewMemory(l.Now, true), Log: slog.New(slog.DiscardHandler),
	})
	if err := s.settle(ctx, l, e); err != nil {
		return nil, err
	}
	if err := settleDown(ctx, where); err != nil {
		return nil, err
	}
	for _, asked := range []string{askAt, askDay, askLast, askWhole, askSubject, askResource} {
		f := accessFigure{Ledger: kind, Events: events, Grants: len(p.grants), Asked: asked}
		if err := f.ask(ctx, e, p, s.opts.Rounds*accessAsks); err != nil {
			return nil, fmt.Errorf("%s: %w", asked, err)
		}
		s.say("%s, %s: %.1f ms, at the 99th percentile %.1f ms", kind, asked, f.P50, f.P99)
		figures = append(figures, f)
	}
	return figures, nil
}

// pastLedger is a ledger with the past in it.
func (s *stage) pastLedger(ctx context.Context, kind string, p past) (where string, events int, err error) {
	began := time.Now()
	if where, err = s.empty(kind); err != nil {
		return "", 0, err
	}
	l, err := openLedger(ctx, where) // migrates it
	if err != nil {
		return "", 0, err
	}
	if err := l.Close(); err != nil {
		return "", 0, err
	}
	events, err = p.sow(ctx, kind, where, s.contract)
	if err == nil {
		err = settleDown(ctx, where)
	}
	s.say("%s: %d events of %d grants are in the ledger after %.1f s", kind, events, len(p.grants), time.Since(began).Seconds())
	return where, events, err
}

// settle runs the engine until it has noted until when everything could be used.
func (s *stage) settle(ctx context.Context, l *ledger.Ledger, e *engine.Engine) error {
	began := time.Now()
	stop := loops(ctx, e.Run)
	left := 1
	for left > 0 && ctx.Err() == nil {
		err := l.Look(ctx, func(tx *ledger.Tx) error {
			grants, err := tx.GrantsToSettle(1)
			left = len(grants)
			return err
		})
		if err != nil {
			return errors.Join(err, stop())
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.say("settled after %.1f s", time.Since(began).Seconds())
	return errors.Join(ctx.Err(), stop())
}

// ask asks so often, and takes down how long each answer took.
func (f *accessFigure) ask(ctx context.Context, e *engine.Engine, p past, times int) error {
	chance := rand.New(rand.NewPCG(3, 4))
	took := make([]float64, 0, times)
	cursor := ""
	for n := range times + 5 {
		filter := f.filter(p, chance)
		if f.Asked == askLast {
			filter = engine.AccessFilter{}
			filter.From, filter.To = p.from.Add(40*24*time.Hour), p.from.Add(41*24*time.Hour)
			filter.Cursor = cursor
		}
		began := time.Now()
		page, err := e.Access(ctx, engine.Call{Caller: access.Subject{Type: access.TypeUser, ID: "auditor@example.com"}}, filter)
		if err != nil {
			return err
		}
		if cursor = ""; page.NextCursor != nil {
			cursor = *page.NextCursor
		}
		if n < 5 {
			continue // the first ones prepare statements
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		f.Items += float64(len(page.Items)) / float64(times)
		if page.NextCursor != nil {
			f.Full++
		}
		for _, a := range page.Items {
			if a.Proof.Agrees == nil || !*a.Proof.Agrees {
				return fmt.Errorf("%s does not agree with the log: %+v", a.GrantID, a.Proof.Differs)
			}
		}
	}
	slices.Sort(took)
	f.Times, f.P50, f.P99, f.Worst = times, quantile(took, 0.5), quantile(took, 0.99), took[len(took)-1]
	return nil
}

// filter is what is asked, somewhere in the past.
func (f *accessFigure) filter(p past, chance *rand.Rand) engine.AccessFilter {
	at := p.from.Add(time.Duration(chance.Int64N(int64(p.now.Sub(p.from)))))
	g := p.grants[chance.IntN(len(p.grants))]
	switch f.Asked {
	case askDay:
		return engine.AccessFilter{From: at, To: at.Add(24 * time.Hour)}
	case askWhole:
		return engine.AccessFilter{From: p.from, To: p.now}
	case askSubject:
		return engine.AccessFilter{From: at, To: at.Add(30 * 24 * time.Hour), Subject: g.Subject.String()}
	case askResource:
		return engine.AccessFilter{From: p.from, To: p.now, Resource: g.Resource.String()}
	}
	return engine.AccessFilter{At: at}
}

// allowing is a policy that lets everybody ask.
type allowing struct{ engine.Policy }

func (allowing) Allow(context.Context, access.APIInput) (access.Permission, error) {
	return access.Permission{Allowed: true}, nil
}

func (allowing) Revision() string { return "bench" }

// unasked learns nothing.
type unasked struct{}

func (unasked) Gather(context.Context, access.Subject, time.Time) access.Facts { return access.Facts{} }

func accessTable(figures []accessFigure) table {
	t := table{title: "Who had access, a page of 50", head: []string{"", "events", "asked", "items", "p50 ms", "p99 ms", "worst ms"}}
	for _, f := range figures {
		t.row(f.Ledger, fmt.Sprint(f.Events), f.Asked, fmt.Sprintf("%.0f", f.Items), fmt.Sprintf("%.1f", f.P50), fmt.Sprintf("%.1f", f.P99), fmt.Sprintf("%.1f", f.Worst))
	}
	return t
}
