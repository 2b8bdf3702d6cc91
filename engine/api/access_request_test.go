package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/connectors/callback"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/denial"
	gather "github.com/curfew-access/curfew/engine/facts"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

const arapPrefix = "urn:openid:authzen:access-request:error:"

// onCall says that one person is on call for the payments team.
type onCall struct{ who access.Subject }

func (o onCall) Shifts(_ context.Context, s access.Subject, _ time.Time) (access.OnCall, error) {
	known := access.OnCall{Known: true}
	if s == o.who {
		known.Shifts = []access.Shift{{Schedule: &access.Ref{ID: "payments-primary"}, Level: 1}}
	}
	return known, nil
}

// newRequestWorld is the whole gateway behind its API: the shipped policies on a
// real decision point, a real ledger, and access requests with their keys. Alice
// is in the owner's group, and so needs a review; Carol is on call, and does not;
// Erin is neither. Bob reviews.
func newRequestWorld(t *testing.T) *world {
	t.Helper()
	return newRequestWorldWith(t, nil)
}

// newRequestWorldWith is newRequestWorld that sends callbacks, and runs what sends
// them.
func newRequestWorldWith(t *testing.T, callbacks engine.Callbacks) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "curfew.db"))
	must(t, err)
	l, err := ledger.Open(t.Context(), db)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "data.yaml"), []byte("teams:\n  payments: {group: payments, schedules: [payments-primary]}\n"), 0o600))
	decider, err := pdp.Open(context.WithoutCancel(t.Context()), pdp.Config{Library: policies.FS, Dir: dir})
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	w := &world{t: t, ledger: l, lease: &slowLease{Memory: lease.NewMemory(l.Now, true)}, log: &lockedBuffer{}}
	person := func(name string) access.Subject { return access.Subject{Type: "user", ID: name + "@example.com"} }
	w.engine = engine.New(engine.Config{
		Ledger: l, Policy: decider, Facts: &gather.Gatherer{People: l, OnCall: onCall{person("carol")}, Log: log}, Lease: w.lease, Log: log,
		Targets: []engine.Target{{Name: "box", Contract: "box-1", Deadline: 15 * time.Second}},
		AccessRequests: &engine.AccessRequests{
			URL: externalURL, Denials: denial.New(externalURL, externalURL+engine.AccessRequestPath, l, l.Now), Callbacks: callbacks,
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	if callbacks != nil {
		running.Go(func() { _ = w.engine.Run(ctx) })
	}
	t.Cleanup(func() { stop(); running.Wait() }) // before the ledger is closed
	w.seed()
	must(t, w.engine.LoadPeople(t.Context(), "groups", []access.Person{
		{Subject: person("alice"), Groups: []string{"payments"}}, {Subject: person("carol"), Groups: []string{}}, {Subject: person("erin"), Groups: []string{}},
	}))
	var tokens []api.Token
	for _, name := range []string{"alice", "bob", "carol", "erin"} {
		tokens = append(tokens, api.Token{Name: name, Subject: person(name), Secret: name + "-0123456789abcdef"})
	}
	w.handler, err = api.New(api.Config{Engine: w.engine, Log: log, ExternalURL: externalURL, Tokens: tokens})
	must(t, err)
	return w
}

// by sends a request as a person.
func (w *world) by(name, method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.do(sent{method: method, path: path, body: body, header: map[string]string{"Authorization": "Bearer " + name + "-0123456789abcdef"}})
}

// said is an evaluation's answer.
type said struct {
	Decision bool
	Context  struct {
		EvaluationID  string `json:"evaluation_id"`
		EvaluatedAt   string `json:"evaluated_at"`
		Reason        string
		NextAction    string `json:"next_action"`
		AccessRequest *struct {
			Endpoint         string
			ExpiresAt        string `json:"expires_at"`
			BindingToken     string `json:"binding_token"`
			RequestSchemaURL string `json:"request_schema_url"`
		} `json:"access_request"`
		Approval json.RawMessage
	}
}

// evaluate asks whether the person may debug acme, showing an approval if it is
// not "".
func (w *world) evaluate(name, approval string) said {
	w.t.Helper()
	shown := ""
	if approval != "" {
		shown = `,"context":{"approval":` + approval + `}`
	}
	rec := w.by(name, "POST", "/access/v1/evaluation", names(name)[:len(names(name))-1]+shown+"}")
	conforms(w.t, "POST", "/access/v1/evaluation", rec)
	return want[said](w.t, rec, 200)
}

func names(name string) string {
	return `{"subject":{"type":"user","id":"` + name + `@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"acme"}}`
}

// answering is the submission that answers the denial, with more members.
func answering(t *testing.T, name string, s said, more string) string {
	t.Helper()
	if s.Context.AccessRequest == nil {
		t.Fatalf("the denial can not be answered: %+v", s)
	}
	a := s.Context.AccessRequest
	denied, err := json.Marshal(map[string]string{
		"binding_token": a.BindingToken, "expires_at": a.ExpiresAt, "evaluation_id": s.Context.EvaluationID,
		"evaluated_at": s.Context.EvaluatedAt, "reason": s.Context.Reason,
	})
	must(t, err)
	return strings.TrimSuffix(names(name), "}") + `,"denial":` + string(denied) + more + "}"
}

const because = `,"context":{"business_justification":"PD-1"}`

// submit answers a denial, and holds what is answered against the document.
func (w *world) submit(name, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := w.by(name, "POST", engine.AccessRequestPath, body)
	conforms(w.t, "POST", engine.AccessRequestPath, rec)
	return rec
}

// wantProfileProblem checks a problem of the profile's own, with its type.
func wantProfileProblem(t *testing.T, rec *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	p := want[api.Problem](t, rec, status)
	if p.Code != code || p.Type != arapPrefix+code || p.Title == "" || rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("problem is %+v, want %s", p, code)
	}
	if listed := document(t).codes[code]; listed.Status != status {
		t.Fatalf("the document lists %q as %+v", code, listed)
	}
}

func TestDenialIsRequestedReviewedAndEvaluatedAgain(t *testing.T) {
	w := newRequestWorld(t)
	denied := w.evaluate("alice", "")
	offer := denied.Context.AccessRequest
	if denied.Decision || denied.Context.Reason != "approval_required" || offer == nil || offer.Endpoint != externalURL+engine.AccessRequestPath ||
		offer.RequestSchemaURL != externalURL+engine.RequestSchemaPath {
		t.Fatalf("the denial is %+v", denied)
	}
	rec := w.submit("alice", answering(t, "alice", denied, because+`,"requested_access":{"duration":"2h"},"client":{"id":"pep"}`))
	pending := want[engine.TaskView](t, rec, 202)
	if pending.Task.Status != engine.TaskPending || rec.Header().Get("Location") != pending.Task.StatusEndpoint || rec.Header().Get("Retry-After") == "" {
		t.Fatalf("the task is %+v, with %v", pending, rec.Header())
	}
	status := strings.TrimPrefix(pending.Task.StatusEndpoint, externalURL)
	if rec := w.by("alice", "GET", status, ""); rec.Header().Get("Retry-After") == "" || want[engine.TaskView](t, rec, 200).Task.Status != engine.TaskPending {
		t.Fatalf("the status is %s", rec.Body)
	}
	if w.evaluate("alice", "").Decision {
		t.Fatal("a pending task gives access")
	}
	waiting := want[engine.Page[engine.RequestView]](t, w.by("bob", "GET", "/v1/requests", ""), 200)
	request := waiting.Items[0]
	if len(waiting.Items) != 1 || request.Reason != "PD-1" || request.For.String() != "2h" || request.Requester != alice {
		t.Fatalf("the reviewer sees %+v", waiting.Items)
	}
	want[engine.RequestView](t, w.by("bob", "POST", "/v1/requests/"+request.ID+"/approve", ""), 200)

	rec = w.by("alice", "GET", status, "")
	conforms(t, "GET", engine.AccessRequestPath+"/{task}", rec)
	var approved struct {
		Task   engine.Task
		Result struct {
			Mode     string
			Approval json.RawMessage
		}
	}
	must(t, json.Unmarshal(rec.Body.Bytes(), &approved))
	if approved.Task.Status != engine.TaskApproved || approved.Result.Mode != "reevaluate" || rec.Header().Get("Retry-After") != "" {
		t.Fatalf("the task is %s", rec.Body)
	}
	shown := string(approved.Result.Approval)
	yes := w.evaluate("alice", shown)
	var echoed struct{ ID string }
	must(t, json.Unmarshal(yes.Context.Approval, &echoed))
	if !yes.Decision || !strings.Contains(shown, echoed.ID) {
		t.Fatalf("the evaluation with the approval is %+v", yes)
	}
	grants := want[engine.Page[engine.GrantView]](t, w.by("alice", "GET", "/v1/grants", ""), 200)
	want[engine.Revocation](t, w.by("alice", "POST", "/v1/grants/"+grants.Items[0].ID+"/revoke", ""), 200)
	no := w.evaluate("alice", shown)
	if no.Decision || no.Context.Reason != "approval_expired" || no.Context.NextAction != "request" || no.Context.AccessRequest == nil {
		t.Fatalf("after the revoke the evaluation is %+v", no)
	}
	rec = w.by("alice", "POST", status+"/cancel", `{"reason":"done"}`)
	conforms(t, "POST", engine.AccessRequestPath+"/{task}/cancel", rec)
	wantProfileProblem(t, rec, 409, "invalid_task_state")
}

func TestWhoIsOnCallIsAnsweredAtOnceAndOthersAreOfferedNothing(t *testing.T) {
	w := newRequestWorld(t)
	rec := w.submit("carol", answering(t, "carol", w.evaluate("carol", ""), because))
	if v := want[engine.TaskView](t, rec, 201); v.Task.Status != engine.TaskApproved || v.Result == nil || rec.Header().Get("Location") == "" {
		t.Fatalf("the task is %+v", v)
	}
	if !w.evaluate("carol", "").Decision {
		t.Fatal("approved, and no access")
	}
	if s := w.evaluate("erin", ""); s.Context.AccessRequest != nil {
		t.Fatalf("a request would be denied, and is offered: %+v", s)
	}
	noReason := want[engine.TaskView](t, w.submit("alice", answering(t, "alice", w.evaluate("alice", ""), "")), 201)
	if noReason.Task.Status != engine.TaskDenied || noReason.Result != nil {
		t.Fatalf("without a reason the task is %+v", noReason)
	}
}

func TestPendingTaskIsCancelled(t *testing.T) {
	w := newRequestWorld(t)
	v := want[engine.TaskView](t, w.submit("alice", answering(t, "alice", w.evaluate("alice", ""), because)), 202)
	cancel := strings.TrimPrefix(v.Task.Links.Cancel, externalURL)
	wantProfileProblem(t, w.by("erin", "POST", cancel, ""), 404, "unknown_task")
	rec := w.by("alice", "POST", cancel, `{"reason":"solved","comment":"It is fixed","more":1}`)
	conforms(t, "POST", engine.AccessRequestPath+"/{task}/cancel", rec)
	if done := want[engine.TaskView](t, rec, 200); done.Task.Status != engine.TaskCancelled || done.Result != nil {
		t.Fatalf("the task is %+v", done)
	}
	wantProfileProblem(t, w.by("alice", "POST", cancel, ""), 409, "invalid_task_state")
}

func TestProfileErrorsHaveTheirTypesAndStatuses(t *testing.T) {
	w := newRequestWorld(t)
	s := w.evaluate("alice", "")
	body := func(old, by string) string { return strings.Replace(answering(t, "alice", s, because), old, by, 1) }
	token := s.Context.AccessRequest.BindingToken
	for name, tc := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"another resource":        {body(`"id":"acme"`, `"id":"a/b+c d"`), 400, "invalid_denial_binding"},
		"another subject":         {body(`alice@`, `mallory@`), 400, "invalid_denial_binding"},
		"another action":          {body(`"debug"`, `"drop"`), 400, "invalid_denial_binding"},
		"a token that was edited": {body(token, token[:len(token)-8]+"AAAAAAAA"), 400, "invalid_denial_binding"},
		"no denial":               {names("alice"), 400, "invalid_denial_binding"},
		"a denial without a bind": {body(`"binding_token":"`+token+`",`, ""), 400, "invalid_denial_binding"},
		"what is not on offer":    {answering(t, "alice", s, because+`,"requested_access":{"duration":"7h"}`), 400, "not_requestable"},
	} {
		t.Run(name, func(t *testing.T) { wantProfileProblem(t, w.submit("alice", tc.body), tc.status, tc.code) })
	}
	want[engine.TaskView](t, w.submit("alice", answering(t, "alice", s, because)), 202)
	wantProfileProblem(t, w.submit("alice", answering(t, "alice", s, because)), 409, "duplicate_request")
	unknown := engine.AccessRequestPath + "/" + access.NewOpaqueID("art")
	wantProfileProblem(t, w.by("alice", "GET", unknown, ""), 404, "unknown_task")
	wantProfileProblem(t, w.by("alice", "POST", unknown+"/cancel", ""), 404, "unknown_task")
}

func TestSubmissionIsReadStrictlyAndMoreIsIgnored(t *testing.T) {
	w := newRequestWorld(t)
	s := w.evaluate("alice", "")
	good := answering(t, "alice", s, because)
	for name, tc := range map[string]struct {
		body    string
		status  int
		code    string
		pointer string
	}{
		"nothing":                        {"", 400, "empty_body", ""},
		"no JSON":                        {"{", 400, "malformed_json", ""},
		"a member twice":                 {strings.Replace(good, `{"subject"`, `{"subject":1,"subject"`, 1), 400, "duplicate_field", "/subject"},
		"a subject that is no object":    {strings.Replace(good, `"subject":{"type":"user","id":"alice@example.com"}`, `"subject":"alice"`, 1), 400, "invalid_access_request", "/subject/type"},
		"no id of the resource":          {strings.Replace(good, `,"id":"acme"`, ``, 1), 400, "invalid_access_request", "/resource/id"},
		"no end of the denial":           {strings.Replace(good, `"expires_at"`, `"expired_at"`, 1), 400, "invalid_access_request", "/denial/expires_at"},
		"an end that is no time":         {strings.Replace(good, s.Context.AccessRequest.ExpiresAt, "soon", 1), 400, "invalid_access_request", "/denial/expires_at"},
		"a duration that is none":        {answering(t, "alice", s, `,"requested_access":{"duration":"long"}`), 400, "invalid_access_request", "/requested_access/duration"},
		"two lengths":                    {answering(t, "alice", s, `,"requested_access":{"duration":"2h","while":"oncall"}`), 400, "invalid_access_request", "/requested_access"},
		"an emergency that is no answer": {answering(t, "alice", s, `,"requested_access":{"emergency":"yes"}`), 400, "invalid_access_request", "/requested_access/emergency"},
		"several items":                  {answering(t, "alice", s, `,"items":[{}]`), 400, "items_not_offered", "/items"},
		"a callback, not offered here":   {answering(t, "alice", s, `,"callback":{"endpoint":"https://x.example.com"}`), 400, "callback_not_offered", "/callback"},
		"a callback to nowhere":          {answering(t, "alice", s, `,"callback":{}`), 400, "invalid_access_request", "/callback/endpoint"},
		"a client that is no object":     {answering(t, "alice", s, `,"client":"me"`), 400, "invalid_access_request", "/client"},
		"a client beyond all doubles":    {answering(t, "alice", s, `,"client":{"n":1e400}`), 400, "invalid_access_request", "/client"},
		"a reason that is too long":      {answering(t, "alice", s, `,"context":{"reason":"`+strings.Repeat("x", 2001)+`"}`), 422, "text_too_long", "/reason"},
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, w.submit("alice", tc.body), tc.status, tc.code, tc.pointer)
		})
	}
	rich := answering(t, "alice", s, `,"context":{"reason":{"free":"form"},"business_justification":"PD-1"},"requested_access":{"role":"x"},"x":{"y":1},"items":null`)
	if v := want[engine.TaskView](t, w.submit("alice", rich), 202); v.Task.Status != engine.TaskPending {
		t.Fatalf("the task is %+v", v)
	}
}

func TestCallerIsToldOfTheEndWhereAnOperatorAllowsIt(t *testing.T) {
	const secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	told := make(chan []byte, 16)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hook, err := standard.NewWebhook(secret)
		if err == nil {
			err = hook.Verify(body, r.Header)
		}
		if err != nil {
			t.Errorf("a callback that nobody can verify: %v", err)
		}
		told <- body
	}))
	defer receiver.Close()
	sender, err := callback.New(callback.Config{Secrets: []string{secret}, Hosts: []string{strings.TrimPrefix(receiver.URL, "http://")}})
	must(t, err)
	w := newRequestWorldWith(t, sender)
	to := func(endpoint string) string {
		return answering(t, "carol", w.evaluate("carol", ""), because+`,"callback":{"endpoint":"`+endpoint+`","state":{"flow":7},"events":["approved"]}`)
	}
	for name, endpoint := range map[string]string{
		"a private address": "https://10.0.0.1/", "metadata": "http://169.254.169.254/latest", "a host that is not listed": "https://example.com/",
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, w.submit("carol", to(endpoint)), 400, "invalid_callback", "/callback/endpoint")
		})
	}
	v := want[engine.TaskView](t, w.submit("carol", to(receiver.URL+"/hook")), 201)
	select {
	case body := <-told:
		var said struct {
			State struct{ Flow int }
			Task  engine.Task
		}
		must(t, json.Unmarshal(body, &said))
		if said.State.Flow != 7 || said.Task.ID != v.Task.ID || said.Task.Status != engine.TaskApproved {
			t.Fatalf("told %s", body)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody was told")
	}
}

func TestWhoMayNotAskForASubjectIsRefused(t *testing.T) {
	w := newRequestWorld(t)
	body := answering(t, "alice", w.evaluate("alice", ""), because)
	wantProblem(t, w.submit("erin", body), 403, "not_allowed", "")
}

func TestTasksAreSeenByThoseWhomTheyConcern(t *testing.T) {
	w := newRequestWorld(t)
	v := want[engine.TaskView](t, w.submit("alice", answering(t, "alice", w.evaluate("alice", ""), because)), 202)
	status := strings.TrimPrefix(v.Task.StatusEndpoint, externalURL)
	for name, code := range map[string]int{"alice": 200, "bob": 200, "erin": 404} {
		if rec := w.by(name, "GET", status, ""); rec.Code != code {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

// What a submission must repeat, and hold in its token too, has to fit into one.
func TestDenialThatNoSubmissionCouldHoldIsAPlainOne(t *testing.T) {
	w := newRequestWorld(t)
	for size, offered := range map[int]bool{16_000: true, 17_000: false, 50_000: false} {
		asked := strings.Replace(names("alice"), `"type":"user"`, `"type":"user","properties":{"x":"`+strings.Repeat("x", size)+`"}`, 1)
		s := want[said](t, w.by("alice", "POST", "/access/v1/evaluation", asked), 200)
		if s.Decision || (s.Context.AccessRequest != nil) != offered {
			t.Errorf("%d bytes: offered %v", size, !offered)
		}
		if offered {
			body := strings.Replace(answering(t, "alice", s, because), names("alice")[:len(names("alice"))-1], asked[:len(asked)-1], 1)
			want[engine.TaskView](t, w.submit("alice", body), 202)
		}
	}
}

// Whether a denial is requestable is remembered of as many names as a caller likes
// to make up: not what was sent with them.
func TestDenialsKeepNothingOfWhatWasSent(t *testing.T) {
	w := newRequestWorld(t)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	long := strings.Repeat("x", 60_000)
	before := heap()
	for i := range 1000 {
		for _, body := range []string{
			fmt.Sprintf(`{"subject":{"type":"user","id":"erin@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"no-%d"},"x":"%s"}`, i, long),
			fmt.Sprintf(`{"subject":{"type":"user","id":"erin@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"no-%d%s"}}`, i, long),
		} {
			if rec := w.by("erin", "POST", "/access/v1/evaluation", body); rec.Code != 200 {
				t.Fatalf("answered %d %s", rec.Code, rec.Body)
			}
		}
	}
	if after := heap(); after > before+20<<20 {
		t.Errorf("%d MiB are kept", (after-before)>>20)
	}
	runtime.KeepAlive(w)
}

func TestMetadataKeysAndSchemaAreForEverybody(t *testing.T) {
	w := newRequestWorld(t)
	open := func(path string) *httptest.ResponseRecorder {
		rec := w.do(sent{method: "GET", path: path, header: map[string]string{"Authorization": ""}})
		conforms(t, "GET", path, rec)
		if rec.Code != 200 || !strings.Contains(rec.Header().Get("Cache-Control"), "public") {
			t.Fatalf("%s: %d, %s", path, rec.Code, rec.Header().Get("Cache-Control"))
		}
		return rec
	}
	m := want[struct {
		Endpoint     string `json:"access_request_endpoint"`
		JWKS         string `json:"jwks_uri"`
		Capabilities []string
	}](t, open("/.well-known/authzen-configuration"), 200)
	if m.Endpoint != externalURL+engine.AccessRequestPath || m.JWKS != externalURL+engine.KeySetPath ||
		len(m.Capabilities) != 1 || m.Capabilities[0] != engine.AccessRequestCapability {
		t.Fatalf("the metadata is %+v", m)
	}
	w.evaluate("alice", "")
	if keys := want[struct {
		Keys []struct{ Kid, Use, Kty, Crv, X, D string }
	}](t, open(engine.KeySetPath), 200).Keys; len(keys) != 1 ||
		keys[0].Kid == "" || keys[0].Use != "sig" || keys[0].Kty != "OKP" || keys[0].Crv != "Ed25519" || keys[0].D != "" {
		t.Fatalf("the keys are %+v", keys)
	}
	var schema openapi3.Schema
	must(t, json.Unmarshal(open(engine.RequestSchemaPath).Body.Bytes(), &schema))
	var submission any
	must(t, json.Unmarshal([]byte(answering(t, "alice", w.evaluate("alice", ""), because+`,"requested_access":{"duration":"2h"}`)), &submission))
	if err := schema.VisitJSON(submission, openapi3.EnableJSONSchema2020()); err != nil {
		t.Fatalf("what is taken is not as the schema says: %v", err)
	}
	delete(submission.(map[string]any), "denial")
	if err := schema.VisitJSON(submission, openapi3.EnableJSONSchema2020()); err == nil {
		t.Fatal("the schema does not want a denial")
	}
}
