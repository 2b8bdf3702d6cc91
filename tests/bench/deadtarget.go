package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// deadFigure is ten targets that are told at the same time, of which one may be dead.
type deadFigure struct {
	Ledger string `json:"ledger"`
	Each   int    `json:"deliveries_each"`
	Dead   string `json:"dead"`   // how; "": all live
	Took   spread `json:"took_s"` // until the nine others have confirmed everything
	// OfLive is the nine others' deliveries a second, each round over those of a run
	// with ten live ones.
	OfLive *spread `json:"of_live,omitempty"`
}

const (
	manyTargets = 10
	deadAnswers = 20 * time.Millisecond // of those that live
	deadHangs   = "it hangs"
	deadRefuses = "it refuses connections"
)

// measureDead takes turns between ten live targets, and nine with a dead one.
func measureDead(ctx context.Context, s *stage, r *report) error {
	each := max(s.opts.Burst/manyTargets, 1)
	for _, kind := range s.opts.Ledgers {
		took := map[string][]float64{}
		for range s.opts.Rounds {
			for _, dead := range []string{"", deadHangs, deadRefuses} {
				seconds, err := s.ten(ctx, kind, dead, each)
				if err != nil {
					return fmt.Errorf("ten targets on %s, %q: %w", kind, dead, err)
				}
				s.say("ten targets on %s, %q: %.2f s", kind, dead, seconds)
				took[dead] = append(took[dead], seconds)
			}
		}
		live := spreadOf(took[""])
		r.Dead = append(r.Dead, deadFigure{Ledger: kind, Each: each, Took: live})
		for _, dead := range []string{deadHangs, deadRefuses} {
			f := spreadOf(took[dead])
			r.Dead = append(r.Dead, deadFigure{Ledger: kind, Each: each, Dead: dead, Took: f, OfLive: new(per(live, f))})
		}
	}
	return nil
}

// ten has ten targets told, and returns how long it took until the first nine had
// confirmed everything.
func (s *stage) ten(ctx context.Context, kind, dead string, each int) (seconds float64, err error) {
	hangs := ""
	if dead == deadHangs {
		hangs = "/t9"
	}
	server := newAims(deadAnswers, hangs)
	defer func() { err = errors.Join(err, server.close()) }()
	var targets []aim
	var others []string
	for i := range manyTargets {
		targets = append(targets, aim{name: fmt.Sprintf("t%d", i), url: fmt.Sprintf("%s/t%d", server.server.URL, i)})
		if i < manyTargets-1 {
			others = append(others, fmt.Sprintf("/t%d", i))
		}
	}
	if dead == deadRefuses {
		if targets[manyTargets-1].url, err = nowhere(); err != nil {
			return 0, err
		}
	}
	due, closing, err := s.removals(ctx, kind, targets, each)
	defer func() { err = errors.Join(err, closing.close()) }()
	if err != nil {
		return 0, err
	}
	last, err := server.all(ctx, others, each, s.opts.Wait)
	return last.Sub(due).Seconds(), err
}

func deadTable(figures []deadFigure) table {
	t := table{
		title: fmt.Sprintf("One dead target among %d: seconds until the others have confirmed everything, and their deliveries a second of those when all live", manyTargets),
		head:  []string{"each", "", "the tenth", "s", "", "ratio", ""},
	}
	for _, f := range figures {
		dead := f.Dead
		if dead == "" {
			dead = "it lives"
		}
		t.row(fmt.Sprint(f.Each), f.Ledger, dead, sec(f.Took.Median), span("[%.2f to %.2f]", &f.Took), median("%.2f", f.OfLive), span("[%.2f to %.2f]", f.OfLive))
	}
	return t
}
