package engine

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// opQuery is what data.api.allow is asked about: may the actor read a document
// of the policies, and what its rules say of any input.
const opQuery = "data.query"

// Document is what the policies have for a query.
type Document struct {
	DecisionID string
	access.QueryAnswer
	Failure string // a code: why policy gave no answer; "" when it did
}

// Query evaluates a document of the policies and has it taken down as a decision.
// That policy failed is an answer, of which only the log says more. The error is
// of the caller's: its input, or that it may not ask, or that there is too much
// to do.
func (e *Engine) Query(ctx context.Context, call Call, q access.Query) (Document, error) {
	path := pathOf(q.Path)
	if err := e.mayAsk(ctx, call, opQuery, path, access.APIObject{Path: &path}); err != nil {
		return Document{}, err
	}
	now, began := e.ledger.Now(), time.Now()
	answer, err := e.policy.Query(ctx, q)
	if errors.Is(err, access.ErrInvalid) || errors.Is(err, access.ErrBusy) {
		return Document{}, err
	}
	d := Document{DecisionID: access.NewID(access.KindDecision, now), QueryAnswer: answer}
	d.Took = time.Since(began)
	if err != nil {
		d.Failure, d.Result = failureOf(err), nil
		e.log.Error("policy failed; a query has no answer", "path", path, "decision_id", d.DecisionID, "error", err)
	}
	event := call.decision(d.DecisionID, path, now)
	event.Revision, event.BundleRevision, event.Took = d.Revision, d.BundleRevision, d.Took
	event.Input, event.Result, event.Failure = q.Input, d.Result, d.Failure
	e.decisions.Record(event)
	return d, nil
}

// pathOf writes a path as one text, in which a slash within a part can not be
// taken for one between two.
func pathOf(parts []string) string {
	if len(parts) == 1 {
		return url.PathEscape(parts[0])
	}
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return strings.Join(escaped, "/")
}

// codePolicyError is the code of a failure that has none of its own.
const codePolicyError = "policy_error"

// failureOf is the code of a policy's failure.
func failureOf(err error) string {
	var coded interface{ Code() string }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return codePolicyError
}
