package api

import (
	"context"
	"io"
	"maps"
	"net/http"

	"github.com/curfew-access/curfew/engine"
)

// evaluator is what answers a check.
type evaluator func(context.Context, engine.Call, engine.Evaluation) (engine.CheckView, error)

// verdicts fits a check to its reader.
func verdicts(check evaluator) useCase[evaluation, verdict] {
	return func(ctx context.Context, call engine.Call, asked evaluation) (verdict, error) {
		view, err := check(ctx, call, asked.Evaluation)
		return verdict{view, asked.explain}, err
	}
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
	case v.explain, v.Fault != nil, v.Extra != nil:
		return v.encoded()
	case v.Decision:
		return `{"decision":true}`
	}
	return `{"decision":false}`
}

// encoded is the answer with its context.
func (v verdict) encoded() string {
	said := map[string]any{}
	if v.explain && v.Fault == nil {
		said["reason"], said["decision_id"] = v.Reason, v.ID
	}
	if v.Fault != nil {
		p, _ := problemOf(v.Fault)
		said["error"] = map[string]any{"status": p.Status, "message": p.line()}
	}
	maps.Copy(said, v.Extra)
	raw, err := encode(struct {
		Decision bool           `json:"decision"`
		Context  map[string]any `json:"context"`
	}{v.Decision, said})
	if err != nil { // booleans, texts and numbers: never
		return `{"decision":false}`
	}
	return string(raw)
}
