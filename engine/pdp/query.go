package pdp

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/curfew-access/curfew/engine/access"
)

// maxQueries bounds how many prepared queries a revision keeps: a caller chooses
// the paths.
const maxQueries = 256

// queries are what was asked of a revision before, prepared.
type queries struct {
	mu       sync.RWMutex
	prepared map[queryKey]rego.PreparedEvalQuery
}

type queryKey struct {
	path   string
	strict bool
}

// Query evaluates a document of the policies in force, under the time limit. An
// error that wraps access.ErrInvalid is the caller's.
func (p *PDP) Query(ctx context.Context, q access.Query) (answer access.QueryAnswer, err error) {
	began := time.Now()
	metered := metered(q.Metrics)
	metered.Timer(metrics.RegoInputParse).Start()
	input, err := queryInput(q) // also without a policy: what is taken down must be JSON
	metered.Timer(metrics.RegoInputParse).Stop()
	if err != nil {
		return answer, err
	}
	r, err := p.now()
	if err != nil {
		return answer, err
	}
	answer.Revision, answer.BundleRevision = r.name, r.bundle
	query, err := r.queries.get(ctx, r.program, q, metered)
	if err != nil {
		return answer, err
	}
	term, err := p.ask(ctx, query, input, metered)
	switch {
	case is(err, policyUndefined):
	case err != nil:
		return answer, err
	default:
		if answer.Result, err = appendJSON(nil, term, maxDocument); err != nil {
			return answer, err
		}
	}
	answer.Took = time.Since(began)
	if q.Metrics {
		answer.Metrics = numbers(metered, answer.Took)
	}
	return answer, nil
}

func metered(asked bool) metrics.Metrics {
	if asked {
		return metrics.New()
	}
	return metrics.NoOp()
}

// numbers are the metrics that are numbers, by OPA's names.
func numbers(m metrics.Metrics, took time.Duration) map[string]uint64 {
	out := map[string]uint64{"timer_server_handler_ns": uint64(max(took, 0).Nanoseconds())} //nolint:gosec // not negative
	for name, value := range m.All() {
		switch n := value.(type) {
		case int64:
			out[name] = uint64(max(n, 0))
		case uint64:
			out[name] = n
		}
	}
	return out
}

func queryInput(q access.Query) (ast.Value, error) {
	if q.Input == nil {
		return nil, nil //nolint:nilnil // which is how `input` is undefined
	}
	input, err := parseJSON(q.Input)
	if err != nil {
		return nil, access.Invalid("malformed_input", "/input", "%v", err)
	}
	return input, nil
}

// get returns the query for the path, prepared.
func (c *queries) get(ctx context.Context, program program, q access.Query, m metrics.Metrics) (rego.PreparedEvalQuery, error) {
	key := queryKey{pathKey(q.Path), q.StrictErrors}
	c.mu.RLock()
	query, known := c.prepared[key]
	c.mu.RUnlock()
	if known {
		m.Counter(metrics.ServerQueryCacheHit).Incr()
		return query, nil
	}
	query, err := program.query(ctx, q, m)
	if err != nil {
		return query, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prepared == nil || len(c.prepared) >= maxQueries {
		c.prepared = map[queryKey]rego.PreparedEvalQuery{}
	}
	c.prepared[key] = query
	return query, nil
}

// pathKey is the path as one text. Each part has its length before it: a part may
// hold any byte, and no two paths may share what was prepared.
func pathKey(path []string) string {
	size := 0
	for _, part := range path {
		size += len(part) + 2
	}
	key := make([]byte, 0, size)
	for _, part := range path {
		key = binary.AppendUvarint(key, uint64(len(part)))
		key = append(key, part...)
	}
	return string(key)
}

// query prepares any document. Its path is never read as Rego.
func (p program) query(ctx context.Context, q access.Query, m metrics.Metrics) (rego.PreparedEvalQuery, error) {
	ref := make(ast.Ref, 1, len(q.Path)+1)
	ref[0] = ast.DefaultRootDocument
	for _, part := range q.Path {
		ref = append(ref, partTerm(part))
	}
	query, err := ready(ctx, rego.New(
		rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(ref)))),
		rego.Compiler(p.compiler),
		rego.Capabilities(capabilities()),
		rego.Store(p.store),
		rego.StrictBuiltinErrors(q.StrictErrors),
		rego.Metrics(m),
	))
	if err != nil {
		return query, failure{policyError, fmt.Errorf("%s: %w", ref, err)}
	}
	return query, nil
}

// partTerm is a part of a path: a whole number counts within an array, as in OPA.
func partTerm(part string) *ast.Term {
	if n, err := strconv.Atoi(part); err == nil && strconv.Itoa(n) == part {
		return ast.IntNumberTerm(n)
	}
	return ast.StringTerm(part)
}
