package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// deliveriesFigure is many deliveries to one target that takes so many at once, beside
// a client that does nothing but sign and post as many at once to the same server.
type deliveriesFigure struct {
	Ledger  string `json:"ledger"`
	Count   int    `json:"deliveries"`
	Width   int    `json:"width"`
	Answers int64  `json:"answers_after_ms"`
	Took    spread `json:"took_s"`
	Alone   spread `json:"alone_s"`
	// OfAlone is deliveries a second, each round over Alone's.
	OfAlone spread `json:"of_alone"`
}

// atOnce is how many messages to the target may be under way.
const atOnce = 100

// answerTimes are how long the target takes to answer, in turn.
var answerTimes = []time.Duration{time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond}

// measureDeliveries takes turns between the program and the posts alone.
func measureDeliveries(ctx context.Context, s *stage, r *report) error {
	for _, kind := range s.opts.Ledgers {
		for _, after := range answerTimes {
			f, err := s.deliveries(ctx, kind, after)
			if err != nil {
				return fmt.Errorf("deliveries on %s, answered after %s: %w", kind, after, err)
			}
			r.Deliveries = append(r.Deliveries, f)
		}
	}
	return nil
}

func (s *stage) deliveries(ctx context.Context, kind string, after time.Duration) (deliveriesFigure, error) {
	var took, alone, ratio []float64
	for range s.opts.Rounds {
		a, err := s.postsAlone(ctx, after)
		if err != nil {
			return deliveriesFigure{}, err
		}
		b, err := s.delivered(ctx, kind, after)
		if err != nil {
			return deliveriesFigure{}, err
		}
		s.say("deliveries on %s, answered after %s: %.2f s, posts alone %.2f s", kind, after, b, a)
		took, alone, ratio = append(took, b), append(alone, a), append(ratio, a/b)
	}
	return deliveriesFigure{
		Ledger: kind, Count: s.opts.Burst, Width: atOnce, Answers: after.Milliseconds(),
		Took: spreadOf(took), Alone: spreadOf(alone), OfAlone: spreadOf(ratio),
	}, nil
}

func (s *stage) postsAlone(ctx context.Context, after time.Duration) (seconds float64, err error) {
	server := newAims(after, "")
	defer func() { err = errors.Join(err, server.close()) }()
	poster, err := startChild(ctx, childConfig{Kind: "poster", Target: server.server.URL})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, poster.stop()) }()
	if _, err := poster.post(ctx, atOnce, atOnce); err != nil { // to warm up
		return 0, err
	}
	took, err := poster.post(ctx, s.opts.Burst, atOnce)
	return took.Seconds(), err
}

func (s *stage) delivered(ctx context.Context, kind string, after time.Duration) (seconds float64, err error) {
	server := newAims(after, "")
	defer func() { err = errors.Join(err, server.close()) }()
	target := aim{"wide", server.server.URL + "/wide", fmt.Sprintf(", concurrency: %d", atOnce)}
	due, closing, err := s.removals(ctx, kind, []aim{target}, s.opts.Burst)
	defer func() { err = errors.Join(err, closing.close()) }()
	if err != nil {
		return 0, err
	}
	last, err := server.all(ctx, []string{"/wide"}, s.opts.Burst, s.opts.Wait)
	return last.Sub(due).Seconds(), err
}

func deliveriesTable(figures []deliveriesFigure) table {
	t := table{
		title: fmt.Sprintf("Deliveries to a target that takes %d at once: seconds until all are confirmed, and deliveries a second of posts' alone", atOnce),
		head:  []string{"deliveries", "", "answered after ms", "s", "", "posts alone s", "ratio", ""},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.Count), f.Ledger, fmt.Sprint(f.Answers), sec(f.Took.Median), span("[%.2f to %.2f]", &f.Took),
			sec(f.Alone.Median), sec(f.OfAlone.Median), span("[%.2f to %.2f]", &f.OfAlone))
	}
	return t
}
