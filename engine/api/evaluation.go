package api

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// evaluationPath is where OpenID AuthZEN 1.0 puts its single check.
const evaluationPath = "/access/v1/evaluation"

// evaluator is what answers a check.
type evaluator func(context.Context, engine.Call, access.Entitled) (engine.CheckView, error)

// verdicts fits a check to its reader. A subject that can not be one of ours has
// no access, which is an answer: to AuthZEN any type and id is a subject. Nobody has
// any to what no store can hold, and then none is asked.
func verdicts(check evaluator) useCase[evaluation, verdict] {
	return func(ctx context.Context, call engine.Call, asked evaluation) (verdict, error) {
		if unnameable(asked.Entitled) {
			return verdict{engine.CheckView{Reason: codeNoLiveGrant}, asked.explain}, nil
		}
		view, err := check(ctx, call, asked.Entitled)
		if isCode(err, codeInvalidSubject) {
			view, err = engine.CheckView{Reason: codeInvalidSubject}, nil
		}
		return verdict{view, asked.explain}, err
	}
}

const (
	codeInvalidSubject = "invalid_subject"
	codeNoLiveGrant    = "no_live_grant"
)

// unnameable reports whether the resource or the action holds a NUL, which JSON
// can carry and a text of PostgreSQL can not. What a subject holds the engine
// refuses, with a reason of its own.
func unnameable(x access.Entitled) bool {
	for _, name := range [...]string{x.Resource.Type, x.Resource.ID, x.Action.Name} {
		if strings.IndexByte(name, 0) >= 0 {
			return true
		}
	}
	return false
}

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
