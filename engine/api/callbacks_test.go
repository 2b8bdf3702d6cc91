package api_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// accepted is a message that a target has accepted and is to call back about.
func (w *world) accepted() access.Message {
	w.t.Helper()
	must(w.t, w.syncFlow())
	want[engine.RequestView](w.t, w.post("/v1/requests", strings.Replace(askFor2h, "acme", "flow", 1)), 201)
	claimed, err := w.engine.Claim(context.Background(), "test", 1, map[string]int{"flow-1": 1})
	must(w.t, err)
	_, err = w.engine.Record(context.Background(), access.Outcome{Delivery: claimed[0], Receipt: access.Receipt{Status: 202, Tries: 1}})
	must(w.t, err)
	return claimed[0].Message
}

// syncFlow adds a resource whose target confirms by callback.
func (w *world) syncFlow() error {
	_, err := w.engine.SyncResources(w.t.Context(), "flow", access.Catalogue{Resources: []access.Resource{{
		Type: "customer", ID: "flow", Entitlements: []access.Entitlement{{
			Action: "debug", Durations: []access.Duration{access.Duration(2 * time.Hour)}, Target: "flow",
		}},
	}}})
	return err
}

// call calls back as a target does: without a token of the API.
func (w *world) call(path, token, body string) *httptest.ResponseRecorder {
	rec := w.do(sent{method: "POST", path: path, body: body, header: map[string]string{"Authorization": token}})
	conforms(w.t, "POST", "/v1/callbacks/{binding}", rec)
	return rec
}

func TestTargetCallsBackWithTheTokenOfItsMessage(t *testing.T) {
	w := newWorld(t)
	m := w.accepted()
	url, bearer := m.Data.Callback.URL, "Bearer "+m.Data.Callback.Token
	path := strings.TrimPrefix(url, externalURL)
	if path == url || path != "/v1/callbacks/"+m.Data.Binding.ID {
		t.Fatalf("the address is %s", url)
	}
	said, err := json.Marshal(access.Confirmation{Generation: m.Data.Binding.Generation, Outcome: access.CallbackDone, Detail: "in the group"})
	must(t, err)
	for range 2 { // a repeat is answered as before
		view := want[engine.ConfirmationView](t, w.call(path, bearer, string(said)), 200)
		if view.Binding != m.Data.Binding || view.Outcome != access.CallbackDone {
			t.Errorf("the answer is %+v", view)
		}
	}
	d := want[engine.BindingDetail](t, w.get("/v1/bindings/"+m.Data.Binding.ID), 200)
	if d.Observed != access.Present || d.CallbackBy != nil {
		t.Errorf("the binding is %+v", d.BindingItem)
	}
	wantProblem(t, w.call(path, bearer, strings.Replace(string(said), "done", "failed", 1)), 409, "token_used", "")
	if strings.Contains(w.log.String(), m.Data.Callback.Token) {
		t.Error("the token is in the log")
	}
}

func TestCallbackThatIsNotTakenSaysNothingOfTheBinding(t *testing.T) {
	w := newWorld(t)
	m := w.accepted()
	path, bearer := "/v1/callbacks/"+m.Data.Binding.ID, "Bearer "+m.Data.Callback.Token
	const said = `{"generation":1,"outcome":"done"}`
	other := "/v1/callbacks/" + access.NewID(access.KindBinding, w.ledger.Now())
	for name, tc := range map[string]struct {
		path, token, code string
	}{
		"without a token":              {path, "", "token_missing"},
		"with what is none":            {path, "Basic abc", "token_malformed"},
		"with a token of the API":      {path, "Bearer " + aliceSecret, "token_invalid"},
		"with another token":           {path, "Bearer cbt_" + strings.Repeat("x", 43), "token_invalid"},
		"of a binding that is not":     {other, bearer, "token_invalid"},
		"of what is no binding at all": {"/v1/callbacks/x", bearer, "token_invalid"},
	} {
		rec := w.call(tc.path, tc.token, said)
		wantProblem(t, rec, 401, tc.code, "")
		if rec.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: the headers are %v", name, rec.Header())
		}
	}
	for name, tc := range map[string]struct {
		body, code, pointer string
		status              int
	}{
		"nothing":             {"", "empty_body", "", 400},
		"no JSON":             {"{", "malformed_json", "", 400},
		"more than is taken":  {`{"detail":"` + strings.Repeat("x", 9000) + `"}`, "body_too_large", "", 413},
		"what is not known":   {`{"generation":1,"outcome":"done","token":"x"}`, "unknown_field", "/token", 422},
		"neither of the two":  {`{"generation":1,"outcome":"maybe"}`, "invalid_outcome", "/outcome", 422},
		"another generation":  {`{"generation":7,"outcome":"done"}`, "wrong_generation", "/generation", 422},
		"a text for a number": {`{"generation":"1","outcome":"done"}`, "wrong_type", "/generation", 422},
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, w.call(path, bearer, tc.body), tc.status, tc.code, tc.pointer) })
	}
	want[engine.ConfirmationView](t, w.call(path, bearer, said), 200) // the token is as good as before
	if log := w.log.String(); strings.Contains(log, m.Data.Callback.Token) || strings.Contains(log, "level=ERROR") {
		t.Errorf("the log is\n%s", log)
	}
}
