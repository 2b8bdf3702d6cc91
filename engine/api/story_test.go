package api_test

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

func TestRequestIsReviewedAndItsGrantRevoked(t *testing.T) {
	w := newWorld(t)
	w.policy.set(access.Review)
	r := want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	if r.State != access.RequestPending || r.LapsesAt == nil || r.Decision.Reasons[0].Code != "because" {
		t.Fatalf("request is %+v", r)
	}
	path := "/v1/requests/" + r.ID
	wantProblem(t, w.post(path+"/approve", ""), 403, "own_request", "")
	wantProblem(t, w.asBob("POST", path+"/approve", `{"for":"9h"}`), 422, "review_lengthens", "/for")
	approved := want[engine.RequestView](t, w.asBob("POST", path+"/approve", `{"for":"30s","comment":"go"}`), 200)
	if approved.State != access.RequestApproved || approved.Grant == nil || len(approved.Reviews) != 1 {
		t.Fatalf("approved request is %+v", approved)
	}
	wantProblem(t, w.asBob("POST", path+"/approve", ""), 409, "request_not_pending", "")
	grant := "/v1/grants/" + approved.Grant.ID
	g := want[engine.GrantView](t, w.get(grant), 200)
	if !g.Live || g.Binding.Desired != access.Present || g.ExpiresAt.Sub(g.StartsAt).Seconds() != 30 {
		t.Fatalf("grant is %+v", g)
	}
	ended := want[engine.GrantView](t, w.post(grant+"/revoke", ""), 200)
	if ended.State != access.GrantEnded || *ended.EndReason != access.EndRevoked || ended.Live {
		t.Fatalf("revoked grant is %+v", ended)
	}
	if rec := w.post(grant+"/revoke", `{"comment":"again"}`); rec.Code != 409 {
		t.Fatalf("second revoke: %d %s", rec.Code, rec.Body)
	}
}

func TestRevokeThatNotEveryNodeSeesIsAccepted(t *testing.T) {
	w := newWorld(t)
	for _, late := range []bool{false, true} {
		grant := want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201).Grant.ID
		w.lease.late.Store(late)
		rec := w.post("/v1/grants/"+grant+"/revoke", "")
		status := map[bool]int{false: 200, true: 202}[late]
		if r := want[engine.Revocation](t, rec, status); r.Propagating != late || r.State != access.GrantEnded {
			t.Errorf("late is %v: %+v", late, r)
		}
		if strings.Contains(rec.Body.String(), "propagating") != late {
			t.Errorf("late is %v: %s", late, rec.Body)
		}
		conforms(t, "POST", "/v1/grants/{id}/revoke", rec)
	}
}

func TestDeniedRequestIsCreatedAndPendingOneIsWithdrawn(t *testing.T) {
	w := newWorld(t)
	w.policy.set(access.Deny)
	if r := want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201); r.State != access.RequestDenied || r.Grant != nil {
		t.Fatalf("denied request is %+v", r)
	}
	w.policy.set(access.Review)
	r := want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	done := want[engine.RequestView](t, w.post("/v1/requests/"+r.ID+"/withdraw", `{"comment":"never mind"}`), 200)
	if done.State != access.RequestWithdrawn {
		t.Fatalf("withdrawn request is %+v", done)
	}
	r = want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	if denied := want[engine.RequestView](t, w.asBob("POST", "/v1/requests/"+r.ID+"/deny", ""), 200); denied.State != access.RequestDenied {
		t.Fatalf("refused request is %+v", denied)
	}
}

func TestDecisionChangesNothing(t *testing.T) {
	w := newWorld(t)
	d := want[engine.DecisionView](t, w.post("/v1/decisions", askFor2h), 200)
	if d.Effect != access.Allow || d.Revision != "rev-1" || !strings.HasPrefix(d.ID, "dec_") {
		t.Fatalf("decision is %+v", d)
	}
	if requests, grants, events := w.stored(); requests+grants+len(events) != 0 {
		t.Fatalf("%d requests, %d grants, events %v", requests, grants, events)
	}
}

func TestSameIdempotencyKeyIsOneEffect(t *testing.T) {
	w := newWorld(t)
	keyed := func(path, body string) *httptest.ResponseRecorder {
		return w.do(sent{method: "POST", path: path, body: body, header: map[string]string{"Idempotency-Key": "key 1"}})
	}
	first := keyed("/v1/requests", askFor2h)
	again := keyed("/v1/requests", "  "+strings.ReplaceAll(askFor2h, `":`, `" : `)+"\n")
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() {
		t.Fatalf("answers differ:\n%d %s\n%d %s", first.Code, first.Body, again.Code, again.Body)
	}
	wantProblem(t, keyed("/v1/requests", strings.Replace(askFor2h, "2h", "30s", 1)), 422, "idempotency_key_reused", "")
	if requests, grants, _ := w.stored(); requests != 1 || grants != 1 {
		t.Fatalf("%d requests and %d grants, want one of each", requests, grants)
	}
	grant := want[engine.RequestView](t, first, 201).Grant.ID
	revoked := keyed("/v1/grants/"+grant+"/revoke", "")
	if rec := keyed("/v1/grants/"+grant+"/revoke", ""); rec.Code != 200 || rec.Body.String() != revoked.Body.String() {
		t.Fatalf("revoke again: %d %s", rec.Code, rec.Body)
	}
	wantProblem(t, keyed("/v1/grants/"+grant+"/revoke", "{}"), 422, "idempotency_key_reused", "")
}

func TestReviewsAreKeyedByRequest(t *testing.T) {
	w := newWorld(t)
	w.policy.set(access.Review)
	for range 2 { // the same key on another request is another route
		r := want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
		var bodies [2]string
		for i := range bodies {
			bodies[i] = w.do(sent{method: "POST", path: "/v1/requests/" + r.ID + "/approve", header: map[string]string{
				"Authorization": "Bearer " + bobSecret, "Idempotency-Key": "k",
			}}).Body.String()
		}
		if bodies[0] != bodies[1] || !strings.Contains(bodies[0], r.ID) || !strings.Contains(bodies[0], `"approved"`) {
			t.Fatalf("answers are\n%s\n%s", bodies[0], bodies[1])
		}
	}
}

func TestConcurrentTwinsAreOneEffect(t *testing.T) {
	w := newWorld(t)
	answers := make([]*httptest.ResponseRecorder, 8)
	var calls sync.WaitGroup
	for i := range answers {
		calls.Go(func() {
			answers[i] = w.do(sent{method: "POST", path: "/v1/requests", body: askFor2h, header: map[string]string{"Idempotency-Key": "twin"}})
		})
	}
	calls.Wait()
	for _, a := range answers {
		if a.Code != 201 || a.Body.String() != answers[0].Body.String() {
			t.Fatalf("answers differ:\n%d %s\n%d %s", a.Code, a.Body, answers[0].Code, answers[0].Body)
		}
	}
	if requests, grants, _ := w.stored(); requests != 1 || grants != 1 {
		t.Fatalf("%d requests and %d grants, want one of each", requests, grants)
	}
}

func (w *world) asBob(method, path, body string) *httptest.ResponseRecorder {
	return w.do(sent{method: method, path: path, body: body, header: map[string]string{"Authorization": "Bearer " + bobSecret}})
}
