package api

import (
	"context"
	"io"
	"net/http"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// evaluationPath is where OpenID AuthZEN 1.0 puts its single check.
const evaluationPath = "/access/v1/evaluation"

// evaluator is what answers a check.
type evaluator func(context.Context, engine.Call, access.Entitled) (engine.CheckView, error)

// verdicts fits a check to its reader. A subject that can not be one of ours has
// no access, which is an answer: to AuthZEN any type and id is a subject.
func verdicts(check evaluator) useCase[access.Entitled, verdict] {
	return func(ctx context.Context, call engine.Call, x access.Entitled) (verdict, error) {
		view, err := check(ctx, call, x)
		if isCode(err, codeInvalidSubject) {
			return verdict{Reason: codeInvalidSubject}, nil
		}
		return verdict(view), err
	}
}

const codeInvalidSubject = "invalid_subject"

// verdict is the answer to a check. It is the most frequent one that there is.
type verdict engine.CheckView

func (v verdict) render(w http.ResponseWriter, status int) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err := io.WriteString(w, v.json())
	return err
}

// json is written by hand: the answers are few, and reflection would cost more
// than finding them.
func (v verdict) json() string {
	switch v {
	case verdict{true, "live_grant"}:
		return `{"decision":true,"context":{"reason":"live_grant"}}`
	case verdict{false, "no_live_grant"}:
		return `{"decision":false,"context":{"reason":"no_live_grant"}}`
	case verdict{false, "unavailable"}:
		return `{"decision":false,"context":{"reason":"unavailable"}}`
	case verdict{false, codeInvalidSubject}:
		return `{"decision":false,"context":{"reason":"invalid_subject"}}`
	}
	return v.encoded()
}

// encoded is any other answer: a reason that policy made up.
func (v verdict) encoded() string {
	raw, err := encode(struct {
		Decision bool              `json:"decision"`
		Context  map[string]string `json:"context"`
	}{v.Decision, map[string]string{"reason": v.Reason}})
	if err != nil { // a boolean and a text: never
		return `{"decision":false}`
	}
	return string(raw)
}
