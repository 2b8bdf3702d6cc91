package api_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// sinks begins two sinks, of which one is configured no more; the other has one event
// set aside, and fails.
func (w *world) sinks() {
	w.t.Helper()
	w.stored()
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error { return tx.BeginSinks([]string{"old", "splunk"}) }))
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error {
		must(w.t, tx.BeginSinks([]string{"splunk"}))
		must(w.t, tx.ClaimSink("splunk", "node", tx.Now().Add(time.Minute)))
		s, err := tx.Sink("splunk")
		must(w.t, err)
		must(w.t, tx.SinkTook(s, "node", 1, true))
		_, err = tx.SetAside("splunk", access.SetAside{Seq: 1, EventID: "evt_1", Reason: "it is too large"})
		must(w.t, err)
		s.Seq = 1
		return tx.SinkFailed(s, "node", access.SinkFailure{Why: "it does not answer"}, true, tx.Now().Add(time.Minute))
	}))
}

func TestSinksAreShownAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	check := func(method, path string, rec *httptest.ResponseRecorder) *httptest.ResponseRecorder {
		t.Helper()
		conforms(t, method, path, rec)
		return rec
	}
	empty := want[engine.Page[engine.SinkView]](t, check("GET", "/v1/audit/sinks", w.get("/v1/audit/sinks")), 200)
	if len(empty.Items) != 0 {
		t.Errorf("there are %+v", empty)
	}
	w.sinks()
	page := want[engine.Page[engine.SinkView]](t, check("GET", "/v1/audit/sinks", w.get("/v1/audit/sinks?limit=1")), 200)
	if len(page.Items) != 1 || page.Items[0].Name != "old" || page.Items[0].State != access.SinkRetired || page.NextCursor == nil {
		t.Fatalf("the first page is %+v", page)
	}
	page = want[engine.Page[engine.SinkView]](t, check("GET", "/v1/audit/sinks", w.get("/v1/audit/sinks?cursor="+*page.NextCursor)), 200)
	if len(page.Items) != 1 || page.Items[0].State != access.SinkFailing || page.Items[0].Seq != 1 || page.Items[0].LagEvents != page.Items[0].Head-1 || page.Items[0].SetAside != 1 {
		t.Errorf("the second page is %+v", page)
	}
	item := want[engine.SinkItem](t, check("GET", "/v1/audit/sinks/{name}", w.get("/v1/audit/sinks/splunk")), 200)
	if len(item.Events) != 1 || item.Events[0].EventID != "evt_1" || item.Events[0].Reason != "it is too large" || item.LastError == nil || item.NextAt == nil {
		t.Errorf("it is %+v", item)
	}
	retried := want[engine.SinkItem](t, check("POST", "/v1/audit/sinks/{name}/retry", w.asBob("POST", "/v1/audit/sinks/splunk/retry", `{"comment":"mended"}`)), 200)
	if retried.NextAt == nil || retried.NextAt.After(w.ledger.Now()) || len(retried.Events) != 1 || retried.Events[0].WantedBy == nil || *retried.Events[0].WantedBy != bob {
		t.Errorf("retried, it is %+v", retried)
	}
	want[engine.SinkItem](t, check("POST", "/v1/audit/sinks/{name}/retry", w.asBob("POST", "/v1/audit/sinks/splunk/retry", "")), 200)
	wantProblem(t, check("POST", "/v1/audit/sinks/{name}/retry", w.asBob("POST", "/v1/audit/sinks/old/retry", "")), 409, "sink_retired", "")
	wantProblem(t, check("GET", "/v1/audit/sinks/{name}", w.get("/v1/audit/sinks/none")), 404, "not_found", "")
	wantProblem(t, check("POST", "/v1/audit/sinks/{name}/retry", w.post("/v1/audit/sinks/none/retry", "")), 404, "not_found", "")
	wantProblem(t, check("POST", "/v1/audit/sinks/{name}/retry", w.post("/v1/audit/sinks/splunk/retry", `{"force":true}`)), 422, "unknown_field", "/force")
	for _, op := range []string{"sink.list", "sink.retry"} {
		w.policy.refuse = op
		if op == "sink.list" {
			wantProblem(t, check("GET", "/v1/audit/sinks", w.get("/v1/audit/sinks")), 403, "not_allowed", "")
			wantProblem(t, check("GET", "/v1/audit/sinks/{name}", w.get("/v1/audit/sinks/splunk")), 403, "not_allowed", "")
			continue
		}
		wantProblem(t, check("POST", "/v1/audit/sinks/{name}/retry", w.post("/v1/audit/sinks/splunk/retry", "")), 403, "not_allowed", "")
	}
}
