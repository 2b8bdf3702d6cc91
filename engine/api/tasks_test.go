package api_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// opened opens a flag about a new grant of alice's, and a bulk end that waits.
func (w *world) opened() (flag, bulk string) {
	w.t.Helper()
	g := want[engine.RequestView](w.t, w.post("/v1/requests", askFor2h), 201).Grant
	gateway := access.Subject{Type: "service", ID: "curfew"}
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error {
		flag, bulk = access.NewID(access.KindTask, tx.Now()), access.NewID(access.KindTask, tx.Now())
		why := access.FlagData{Rechecks: []access.Recheck{{
			Cause: access.CauseResource, Reasons: []access.Reason{{Code: "a", Title: "A"}}, Revision: "rev-1",
			DecisionID: access.NewID(access.KindDecision, tx.Now()), At: tx.Now(),
		}}}
		ends := access.BulkEndData{Revision: "rev-1", Evaluated: 3, Ends: 2, Sample: []string{g.ID}}
		listing := ledger.PolicyRecheck{Revision: "rev-1", Stage: ledger.StageListing}
		return errors.Join(
			tx.AddTask(access.Task{
				ID: flag, Kind: access.TaskFlag, RequestID: g.RequestID, GrantID: g.ID, BindingID: g.BindingID, OpenedBy: gateway, Reason: "A.", Data: asJSON(w.t, why),
			}),
			tx.AddTask(access.Task{ID: bulk, Kind: access.TaskBulkEnd, OpenedBy: gateway, Reason: "much would end", Data: asJSON(w.t, ends)}),
			tx.BeginPolicyRecheck("rev-1"), tx.MovePolicyRecheck(listing, ledger.PolicyRecheck{Stage: ledger.StageWaiting}))
	}))
	return flag, bulk
}

func asJSON(t testing.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	must(t, err)
	return raw
}

func TestTasksAreShownAndClosed(t *testing.T) {
	w := newWorld(t)
	check := func(method, path string, rec *httptest.ResponseRecorder) *httptest.ResponseRecorder {
		t.Helper()
		conforms(t, method, path, rec)
		return rec
	}
	flag, bulk := w.opened()
	page := want[engine.Page[engine.TaskItem]](t, check("GET", "/v1/tasks", w.get("/v1/tasks?state=open&limit=1")), 200)
	if len(page.Items) != 1 || page.NextCursor == nil {
		t.Errorf("a page of one is %+v", page)
	}
	if page = want[engine.Page[engine.TaskItem]](t, w.get("/v1/tasks?kind=flag"), 200); len(page.Items) != 1 || page.Items[0].ID != flag {
		t.Errorf("the flags are %+v", page)
	}
	shown := want[engine.TaskItem](t, check("GET", "/v1/tasks/{id}", w.get("/v1/tasks/"+flag)), 200)
	if shown.Grant == nil || shown.Grant.Binding.Target == "" || *shown.Subject != alice || shown.OpenedBy.String() != "service:curfew" {
		t.Errorf("the flag is %+v", shown)
	}
	wantProblem(t, check("POST", "/v1/tasks/{id}/close", w.post("/v1/tasks/"+flag+"/close", "")), 403, "own_task", "")
	wantProblem(t, check("POST", "/v1/tasks/{id}/approve", w.asBob("POST", "/v1/tasks/"+flag+"/approve", "")), 422, "wrong_task_kind", "")
	closed := want[engine.TaskItem](t, check("POST", "/v1/tasks/{id}/close", w.asBob("POST", "/v1/tasks/"+flag+"/close", `{"comment":"seen"}`)), 200)
	if closed.State != access.TaskDone || closed.Comment != "seen" {
		t.Errorf("closed, it is %+v", closed)
	}
	wantProblem(t, w.asBob("POST", "/v1/tasks/"+flag+"/close", ""), 409, "task_not_open", "")
	check("POST", "/v1/tasks/{id}/reject", w.asBob("POST", "/v1/tasks/"+bulk+"/reject", ""))
	_, bulk = w.opened()
	check("POST", "/v1/tasks/{id}/approve", w.asBob("POST", "/v1/tasks/"+bulk+"/approve", `{"comment":"meant so"}`))
	wantProblem(t, w.get("/v1/tasks?state=closed"), 422, "invalid_state", "")
	wantProblem(t, w.get("/v1/tasks?kind=flags"), 422, "invalid_kind", "")
	wantProblem(t, w.get("/v1/tasks/tsk_1"), 404, "not_found", "")
	for operation, path := range map[string]string{
		"task.list": "GET /v1/tasks", "task.read": "GET /v1/tasks/" + flag, "task.close": "POST /v1/tasks/" + flag + "/close",
		"task.approve": "POST /v1/tasks/" + bulk + "/reject",
	} {
		w.policy.refuse = operation
		method, path, _ := strings.Cut(path, " ")
		wantProblem(t, w.asBob(method, path, ""), 403, "not_allowed", "")
	}
}
