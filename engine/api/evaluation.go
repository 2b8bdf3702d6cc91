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
func verdicts(check evaluator) useCase[evaluation, verdict] {
	return func(ctx context.Context, call engine.Call, asked evaluation) (verdict, error) {
		view, err := check(ctx, call, asked.Entitled)
		if isCode(err, codeInvalidSubject) {
			view, err = engine.CheckView{Reason: codeInvalidSubject}, nil
		}
		return verdict{view, asked.explain}, err
	}
}

const codeInvalidSubject = "invalid_subject"

// verdict is the answer to a check. It is the most frequent one that there is.
type verdict struct {
	engine.CheckView
	explain bool // the reason is asked for; clients that do not ask may compare bytes
}

func (v verdict) render(w http.ResponseWriter, status int) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err := io.WriteString(w, v.json())
	return err
}

// json is written by hand: reflection would cost more than finding the answer.
func (v verdict) json() string {
	switch {
	case v.explain:
		return v.encoded()
	case v.Decision:
		return `{"decision":true}`
	}
	return `{"decision":false}`
}

// encoded is the answer with its reason.
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
