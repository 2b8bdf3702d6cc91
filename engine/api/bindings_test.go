package api_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// stuck is a binding whose access was revoked, after an attempt to open it that nobody
// knows the outcome of.
func (w *world) stuck() string {
	w.t.Helper()
	g := want[engine.RequestView](w.t, w.post("/v1/requests", askFor2h), 201).Grant
	w.deliver(func(access.Delivery) error { return errors.New("time-out") })
	want[engine.Revocation](w.t, w.post("/v1/grants/"+g.ID+"/revoke", ""), 200)
	w.deliver(func(access.Delivery) error { return errors.New("time-out") })
	return g.BindingID
}

// deliver does what is due at the target as the outcome says.
func (w *world) deliver(outcome func(access.Delivery) error) {
	w.t.Helper()
	claimed, err := w.engine.Claim(context.Background(), "test", 10, map[string]int{"box-1": 10})
	must(w.t, err)
	for _, d := range claimed {
		_, err := w.engine.Record(context.Background(), access.Outcome{Delivery: d, Receipt: access.Receipt{Status: 204, Tries: 1}, Failure: outcome(d)})
		must(w.t, err)
	}
}

func TestBindingsAreShownAndOperated(t *testing.T) {
	w := newWorld(t)
	check := func(method, path string, rec *httptest.ResponseRecorder) *httptest.ResponseRecorder {
		t.Helper()
		conforms(t, method, path, rec)
		return rec
	}
	id := w.stuck()
	page := want[engine.Page[engine.BindingItem]](t, check("GET", "/v1/bindings",
		w.get("/v1/bindings?state=pending&target=box&subject=user:Alice@example.com&resource=customer:acme&limit=1")), 200)
	if len(page.Items) != 1 || page.Items[0].ID != id || page.Items[0].Subject != alice || page.Items[0].LastClass != access.ClassUnreachable {
		t.Errorf("the page is %+v", page)
	}
	d := want[engine.BindingDetail](t, check("GET", "/v1/bindings/{id}", w.get("/v1/bindings/"+id)), 200)
	if d.Removal == nil || d.Removal.ConfirmedAt != nil || len(d.Timeline) == 0 || d.DueAt == nil || d.LastError != "time-out" {
		t.Errorf("the binding is %+v", d)
	}
	retried := want[engine.BindingItem](t, check("POST", "/v1/bindings/{id}/retry", w.asBob("POST", "/v1/bindings/"+id+"/retry", `{"comment":"mended"}`)), 200)
	if retried.NextAt == nil || retried.NextAt.After(w.ledger.Now()) {
		t.Errorf("retried, it is %+v", retried)
	}
	_, err := w.engine.Claim(t.Context(), "test", 10, map[string]int{"box-1": 10}) // and its outcome is never known
	must(t, err)
	wantProblem(t, check("POST", "/v1/bindings/{id}/retry", w.asBob("POST", "/v1/bindings/"+id+"/retry", "")), 409, "attempt_under_way", "")

	for body, fault := range map[string][2]string{
		`{}`: {"reason_required", "/reason"}, `{"reason":""}`: {"reason_required", "/reason"}, `{"comment":"x"}`: {"unknown_field", "/comment"},
		`{"reason":"` + strings.Repeat("é", 1001) + `"}`: {"text_too_long", "/reason"},
	} {
		wantProblem(t, check("POST", "/v1/bindings/{id}/force-close", w.asBob("POST", "/v1/bindings/"+id+"/force-close", body)), 422, fault[0], fault[1])
	}
	wantProblem(t, w.asBob("POST", "/v1/bindings/"+id+"/force-close", ""), 400, "empty_body", "")
	task := want[engine.TaskItem](t, check("POST", "/v1/bindings/{id}/force-close", w.asBob("POST", "/v1/bindings/"+id+"/force-close", `{"reason":"it is gone"}`)), 202)
	if task.Kind != access.TaskForceClose || task.Binding == nil || task.Binding.ID != id || task.Reason != "it is gone" {
		t.Errorf("the task is %+v", task)
	}
	again := wantProblem(t, check("POST", "/v1/bindings/{id}/force-close", w.asBob("POST", "/v1/bindings/"+id+"/force-close", `{"reason":"x"}`)), 409, "task_open", "")
	if !strings.Contains(again.Detail, task.ID) {
		t.Errorf("the detail is %q", again.Detail)
	}
	check("GET", "/v1/tasks/{id}", w.get("/v1/tasks/"+task.ID))
	wantProblem(t, w.asBob("POST", "/v1/tasks/"+task.ID+"/approve", ""), 403, "own_task", "")
	closed := want[engine.TaskItem](t, check("POST", "/v1/tasks/{id}/approve", w.asCarol("POST", "/v1/tasks/"+task.ID+"/approve", "")), 200)
	if closed.Binding.ForcedAt == nil || closed.Binding.Observed != access.Absent {
		t.Errorf("approved, the binding is %+v", closed.Binding)
	}
	d = want[engine.BindingDetail](t, check("GET", "/v1/bindings/{id}", w.get("/v1/bindings/"+id)), 200)
	if d.Removal == nil || d.Removal.ConfirmedBy == nil || *d.Removal.ConfirmedBy != engine.ByForce {
		t.Errorf("the proof is %+v", d.Removal)
	}
	wantProblem(t, w.get("/v1/bindings?state=lost"), 422, "invalid_state", "")
	wantProblem(t, w.get("/v1/bindings?resource=acme"), 422, "invalid_resource", "")
	wantProblem(t, w.get("/v1/bindings/bnd_1"), 404, "not_found", "")
}

func TestVerifiedBindingIsAsDescribed(t *testing.T) {
	w := newWorld(t)
	g := want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201).Grant
	w.deliver(func(access.Delivery) error { return nil })
	want[engine.Revocation](t, w.post("/v1/grants/"+g.ID+"/revoke", ""), 200)
	w.deliver(func(access.Delivery) error { return nil })
	at := w.ledger.Now().Add(time.Second)
	put := func(v access.Verification) {
		must(t, w.ledger.Update(t.Context(), func(tx *ledger.Tx) error {
			return errors.Join(tx.AskAt(ledger.Asking{BindingID: g.BindingID, Contract: "box-1", At: at}),
				tx.PutVerifications(ledger.Verified{BindingID: g.BindingID, Verification: v}))
		}))
	}
	put(access.Verification{Answer: access.Absent, AnsweredAt: &at, VerifiedAt: &at, NextAt: &at})
	rec := w.get("/v1/bindings/" + g.BindingID)
	conforms(t, "GET", "/v1/bindings/{id}", rec)
	d := want[engine.BindingDetail](t, rec, 200)
	if d.Removal == nil || d.Removal.Verified == nil || !*d.Removal.Verified || !d.Removal.VerifiedAt.Equal(at) || d.Verification.Answer != access.Absent {
		t.Errorf("it is %+v", d)
	}
	if last := d.Timeline[len(d.Timeline)-1]; last.Event != audit.BindingVerified || !last.At.Equal(at) || last.EventID != "" {
		t.Errorf("the last entry is %+v", last)
	}
	put(access.Verification{Answer: access.Present, AnsweredAt: &at, VerifiedAt: &at, DriftedSince: &at, NextAt: &at, Error: "x"})
	rec = w.get("/v1/bindings?state=drifted")
	conforms(t, "GET", "/v1/bindings", rec)
	if page := want[engine.Page[engine.BindingItem]](t, rec, 200); len(page.Items) != 1 {
		t.Errorf("drifted are %+v", page)
	}
	if d = want[engine.BindingDetail](t, w.get("/v1/bindings/"+g.BindingID), 200); d.Removal.Verified == nil || *d.Removal.Verified {
		t.Errorf("drifted, it is %+v", d.Removal)
	}
}

func TestBindingsAreForThoseWhomPolicyLets(t *testing.T) {
	w := newWorld(t)
	id := w.stuck()
	for operation, call := range map[string]sent{
		"binding.list":        {method: "GET", path: "/v1/bindings"},
		"binding.read":        {method: "GET", path: "/v1/bindings/" + id},
		"binding.retry":       {method: "POST", path: "/v1/bindings/" + id + "/retry"},
		"binding.force_close": {method: "POST", path: "/v1/bindings/" + id + "/force-close", body: `{"reason":"x"}`},
	} {
		w.policy.refuse = operation
		wantProblem(t, w.asBob(call.method, call.path, call.body), 403, "not_allowed", "")
	}
}
