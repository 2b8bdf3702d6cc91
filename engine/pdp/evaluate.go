package pdp

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// ask evaluates one query for one input, under the time limit. metered counts
// what takes how long; nil for nobody.
func (p *PDP) ask(ctx context.Context, query rego.PreparedEvalQuery, input ast.Value, metered metrics.Metrics) (*ast.Term, error) {
	var term *ast.Term
	var failed error
	err := p.run(ctx, func(stop topdown.Cancel) { term, failed = evaluate(ctx, stop, query, input, metered) })
	if err != nil {
		return nil, err // what is still at work reaches nobody
	}
	return term, failed
}

// object is ask for what a decoder reads: JSON as Go has it.
func (p *PDP) object(ctx context.Context, query rego.PreparedEvalQuery, input ast.Value) (any, error) {
	term, err := p.ask(ctx, query, input, nil)
	if err != nil {
		return nil, err
	}
	if err := checkSize(term, maxOutput); err != nil {
		return nil, err
	}
	value, err := ast.JSON(term.Value)
	if err != nil {
		return nil, failure{policyMalformed, err}
	}
	return value, nil
}

// evaluate runs the query. A built-in that panics has failed.
func evaluate(
	ctx context.Context, stop topdown.Cancel, query rego.PreparedEvalQuery, input ast.Value, metered metrics.Metrics,
) (term *ast.Term, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = failure{policyError, fmt.Errorf("the evaluation panicked: %v", p)}
		}
	}()
	if metered == nil {
		metered = metrics.NoOp()
	}
	results, err := query.Eval(context.WithoutCancel(ctx),
		rego.EvalParsedInput(input), rego.EvalExternalCancel(stop), rego.EvalMetrics(metered), rego.EvalGenerateJSON(asTerm))
	switch {
	case stop.Cancelled() || topdown.IsCancel(err):
		return nil, failure{policyTimeout, errors.Join(errors.New("it was stopped"), err)}
	case err != nil:
		return nil, failure{policyError, err}
	case len(results) != 1 || len(results[0].Expressions) != 1:
		return nil, failure{policyUndefined, errors.New("undefined for this input")}
	}
	term, ok := results[0].Expressions[0].Value.(*ast.Term)
	if !ok {
		return nil, failure{policyError, errors.New("the evaluator gave no term")}
	}
	return term, nil
}

// asTerm keeps the evaluator from turning its answer into JSON.
func asTerm(term *ast.Term, _ *rego.EvalContext) (any, error) { return term, nil }
