package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// bareFigure is what one answer of the decision point costs.
type bareFigure struct {
	Name   string  `json:"name"`
	Nanos  spread  `json:"ns_per_op"`
	Allocs float64 `json:"allocs_per_op"`
	Bytes  float64 `json:"bytes_per_op"`
}

// bareCall is an answer that can be asked for again and again.
type bareCall struct {
	name string
	call func() error
}

// bareCalls opens the policies and checks that each question is answered as it
// should be: what is fast and wrong is not measured.
func bareCalls(ctx context.Context, teamDir string) ([]bareCall, error) {
	p, err := pdp.Open(ctx, pdp.Config{Library: policies.FS, Dir: teamDir})
	if err != nil {
		return nil, err
	}
	var calls []bareCall
	for _, q := range questions(time.Now().UTC().Truncate(time.Microsecond)) {
		calls = append(calls, bareCall{q.name, func() error { return decideAs(ctx, p, q) }})
	}
	calls = append(calls, bareCall{"data.api.allow: ask for oneself", func() error {
		permission, err := p.Allow(ctx, submission())
		if err == nil && !permission.Allowed {
			err = fmt.Errorf("it is refused: %s", permission.Reason)
		}
		return err
	}})
	documents, err := bareDocuments(ctx)
	if err != nil {
		return nil, err
	}
	calls = append(calls, documents...)
	for _, c := range calls {
		if err := c.call(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return calls, nil
}

// bareDocuments asks a policy of a hundred lines for its decision, from bytes to
// bytes, and for a document that there is not: the way in, without the evaluation.
func bareDocuments(ctx context.Context) ([]bareCall, error) {
	dir, err := os.MkdirTemp("", "curfew-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	team, _, err := writePolicies(dir, 10)
	if err != nil {
		return nil, err
	}
	p, err := pdp.Open(ctx, pdp.Config{Library: policies.FS, Dir: team})
	if err != nil {
		return nil, err
	}
	document := func(name string, defined bool) func() error {
		query := access.Query{Path: []string{"bench", name}, Input: vouchedInput(1)}
		return func() error {
			a, err := p.Query(ctx, query)
			if err == nil && (a.Result != nil) != defined {
				err = fmt.Errorf("the answer is %s", a.Result)
			}
			return err
		}
	}
	return []bareCall{
		{"105 lines, 1.9 kB: bytes to bytes", document("decision", true)},
		{"the same input, nothing to evaluate", document("nothing", false)},
	}, nil
}

func decideAs(ctx context.Context, p *pdp.PDP, q question) error {
	d, err := p.Decide(ctx, q.in)
	if err == nil && d.Effect != q.effect {
		err = fmt.Errorf("the answer is %s, not %s: %v", d.Effect, q.effect, d.Reasons)
	}
	return err
}

// measureBare takes turns between the questions, one caller at a time.
func measureBare(ctx context.Context, opts options, progress io.Writer) ([]bareFigure, error) {
	calls, err := bareCalls(ctx, opts.Policies)
	if err != nil {
		return nil, err
	}
	figures := make([]bareFigure, len(calls))
	nanos, allocs, bytes := make([][]float64, len(calls)), make([][]float64, len(calls)), make([][]float64, len(calls))
	for round := range opts.Rounds {
		fmt.Fprintf(progress, "bare decision: round %d of %d\n", round+1, opts.Rounds)
		for i, c := range calls {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s, err := sample(c.call, opts.Bare)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			nanos[i], allocs[i], bytes[i] = append(nanos[i], s.nanos), append(allocs[i], s.allocs), append(bytes[i], s.bytes)
		}
	}
	for i, c := range calls {
		figures[i] = bareFigure{c.name, spreadOf(nanos[i]), quantile(allocs[i], 0.5), quantile(bytes[i], 0.5)}
	}
	return figures, nil
}

// cost is what one call of a sample took.
type cost struct{ nanos, allocs, bytes float64 }

// sample repeats the call for the time and returns its mean cost.
func sample(call func() error, length time.Duration) (cost, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, began := 0, time.Now()
	for n == 0 || time.Since(began) < length {
		if err := call(); err != nil {
			return cost{}, err
		}
		n++
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	per := 1 / float64(n)
	return cost{
		nanos:  float64(took.Nanoseconds()) * per,
		allocs: float64(after.Mallocs-before.Mallocs) * per,
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) * per,
	}, nil
}
