package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/decisions"
)

// logged puts a decision with the input into the decision log, and returns its
// id. It was made a second ahead, so that it is behind what was made before.
func (w *world) logged(input string) string {
	w.t.Helper()
	log, err := decisions.New(decisions.Config{Store: w.ledger, Node: "n", Now: w.ledger.Now, Log: slog.New(slog.DiscardHandler)})
	must(w.t, err)
	now := w.ledger.Now().Add(time.Second)
	e := access.DecisionEvent{
		ID: access.NewID(access.KindDecision, now), Path: "check/decision", Revision: "rev-1", BundleRevision: "v7", Input: json.RawMessage(input),
		Result: json.RawMessage(`{"decision":false,"reason":"policy_timeout"}`), Failure: "policy_timeout", At: now, Took: time.Millisecond,
		Caller: alice, Source: "192.0.2.1", HTTPRequestID: "r-1",
	}
	log.Record(e)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	must(w.t, log.Run(ctx))
	return e.ID
}

type decisionPage struct {
	Items []struct {
		ID    string          `json:"decision_id"`
		Path  string          `json:"path"`
		Input json.RawMessage `json:"input"`
	} `json:"items"`
	NextCursor *string `json:"next_cursor"`
}

func TestDecisionsAreListedAndShown(t *testing.T) {
	w := newWorld(t)
	first := want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201).Decision.ID
	const odd = `{"a":1,"a":2,"b":"<\ud800>"}`
	second := w.logged(odd)
	page := want[decisionPage](t, w.get("/v1/decisions"), 200)
	if len(page.Items) != 2 || page.Items[0].ID != first || page.Items[1].ID != second || page.NextCursor != nil || string(page.Items[1].Input) != odd {
		t.Fatalf("got %+v", page)
	}
	rec := w.get("/v1/decisions?format=ndjson")
	lines := strings.Split(strings.TrimSuffix(rec.Body.String(), "\n"), "\n")
	if len(lines) != 2 || rec.Header().Get("Content-Type") != "application/x-ndjson; charset=utf-8" || rec.Header().Get("Curfew-Next-Cursor") != "" {
		t.Fatalf("got %d lines with %v", len(lines), rec.Header())
	}
	for i, id := range []string{first, second} {
		if one := w.get("/v1/decisions/" + id); one.Code != 200 || one.Body.String() != lines[i] {
			t.Errorf("%s is\n%s, and its line is\n%s", id, one.Body, lines[i])
		}
	}
	rec = w.get("/v1/decisions?format=ndjson&limit=1")
	rest := w.get("/v1/decisions?format=ndjson&limit=1&cursor=" + url.QueryEscape(rec.Header().Get("Curfew-Next-Cursor")))
	if rec.Body.String() != lines[0]+"\n" || rest.Body.String() != lines[1]+"\n" {
		t.Errorf("pages of one are\n%s%s", rec.Body, rest.Body)
	}
}

func TestDecisionsAreNarrowed(t *testing.T) {
	w := newWorld(t)
	want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	w.logged(`{}`)
	hour := func(n int) string {
		return url.QueryEscape(time.Now().Add(time.Duration(n) * time.Hour).Format(time.RFC3339))
	}
	for query, n := range map[string]int{
		"path=check/decision": 1, "path=access/decision": 1, "path=access": 0, "from=" + hour(-1): 2, "from=" + hour(1): 0, "to=" + hour(-1): 0,
		"from=" + hour(-1) + "&to=" + hour(1) + "&path=check/decision": 1,
	} {
		if got := want[decisionPage](t, w.get("/v1/decisions?"+query), 200); len(got.Items) != n || got.Items == nil {
			t.Errorf("%q: %d decisions, want %d", query, len(got.Items), n)
		}
	}
}

func TestDecisionsThatAreAskedForWrongly(t *testing.T) {
	w := newWorld(t)
	wantProblem(t, w.get("/v1/decisions?from=yesterday"), 422, "invalid_time", "")
	wantProblem(t, w.get("/v1/decisions?format=csv"), 422, "format_not_offered", "")
	wantProblem(t, w.get("/v1/decisions?subject=user:a@b.c"), 422, "unknown_parameter", "")
	wantProblem(t, w.get("/v1/decisions/dec_none"), 404, "not_found", "")
	for path, operation := range map[string]string{"/v1/decisions": "decision.list", "/v1/decisions/" + w.logged(`{}`): "decision.read"} {
		w.policy.refuse = operation
		wantProblem(t, w.get(path), 403, "not_allowed", "")
	}
}
