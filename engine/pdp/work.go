package pdp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// maxWorkers bounds evaluations at work, those that were given up included: a
// built-in does not hear that its time is over.
const maxWorkers = 256

// idleWorker is how long a worker waits for more. One that is kept has a stack
// that has grown already, which saves a third of an evaluation.
const idleWorker = 10 * time.Second

// workers evaluate beside their askers, so that an asker is answered when its
// time is over, whatever the policy does.
type workers struct {
	jobs   chan job
	places chan struct{}
}

type job struct {
	ctx      context.Context //nolint:containedctx // of the asker, who waits
	query    rego.PreparedEvalQuery
	input    ast.Value
	answered chan<- answer
}

type answer struct {
	value any
	err   error
}

func newWorkers() *workers {
	return &workers{jobs: make(chan job), places: make(chan struct{}, maxWorkers)}
}

// ask evaluates one query under the time limit.
func (p *PDP) ask(ctx context.Context, query rego.PreparedEvalQuery, input ast.Value) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	answered := make(chan answer, 1) // an answer that comes too late is dropped
	if err := p.workers.give(job{ctx, query, input, answered}); err != nil {
		return nil, failure{policyTimeout, err}
	}
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		return nil, failure{policyTimeout, context.Cause(ctx)}
	}
}

// give hands a job to an idle worker, or to a new one.
func (w *workers) give(j job) error {
	select {
	case w.jobs <- j:
		return nil
	default:
	}
	select {
	case w.jobs <- j:
	case w.places <- struct{}{}:
		go w.work(j)
	case <-j.ctx.Done():
		return errors.Join(context.Cause(j.ctx), fmt.Errorf("%d evaluations are at work", maxWorkers))
	}
	return nil
}

func (w *workers) work(j job) {
	defer func() { <-w.places }()
	idle := time.NewTimer(idleWorker)
	defer idle.Stop()
	for {
		value, err := evaluate(j.ctx, j.query, j.input)
		j.answered <- answer{value, err}
		idle.Reset(idleWorker)
		select {
		case j = <-w.jobs:
		case <-idle.C:
			return
		}
	}
}

// evaluate runs the query. A built-in that panics has failed.
func evaluate(ctx context.Context, query rego.PreparedEvalQuery, input ast.Value) (value any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = failure{policyError, fmt.Errorf("the evaluation panicked: %v", p)}
		}
	}()
	results, err := query.Eval(ctx, rego.EvalParsedInput(input))
	switch {
	case ctx.Err() != nil || topdown.IsCancel(err):
		return nil, failure{policyTimeout, errors.Join(context.Cause(ctx), err)}
	case err != nil:
		return nil, failure{policyError, err}
	case len(results) != 1 || len(results[0].Expressions) != 1:
		return nil, failure{policyUndefined, errors.New("undefined for this input")}
	}
	return results[0].Expressions[0].Value, nil
}
