package api_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/api"
)

func newRequest(t *testing.T, method, path string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), method, path, nil)
}

func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

func TestRequestIDIsEchoedOrChosen(t *testing.T) {
	w := newWorld(t)
	for sentID, kept := range map[string]bool{
		"abc-1": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "a\tb": false, "é": false,
	} {
		for _, path := range []string{"/v1/requests", "/healthz", "/nowhere"} {
			rec := w.do(sent{method: "GET", path: path, header: map[string]string{"X-Request-ID": sentID}})
			if got := rec.Header().Get("X-Request-ID"); (got == sentID) != kept || got == "" {
				t.Errorf("%s: sent %q, answered %q", path, sentID, got)
			}
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/v1/requests", "/healthz", "/nowhere", "/hooks/panics", "/openapi.json"} {
		h := w.get(path).Header()
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers are %v", path, h)
		}
	}
}

func TestPanicIsAnInternalErrorThatShowsNothing(t *testing.T) {
	w := newWorld(t)
	p := wantProblem(t, w.get("/hooks/panics"), 500, "internal", "")
	if strings.Contains(p.Detail, "purpose") {
		t.Fatalf("detail is %q", p.Detail)
	}
	w.policy.panics = true
	wantProblem(t, w.post("/v1/requests", askFor2h), 500, "internal", "")
	log := w.log.String()
	for _, says := range []string{"on purpose", "policy fell over", "goroutine", p.RequestID} {
		if !strings.Contains(log, says) {
			t.Errorf("the log does not hold %q", says)
		}
	}
}

func TestUnknownErrorIsLoggedAndNotShown(t *testing.T) {
	w := newWorld(t)
	must(t, w.ledger.Close())
	p := wantProblem(t, w.get("/v1/requests"), 500, "internal", "")
	if strings.Contains(p.Detail, "database") || strings.Contains(p.Detail, "closed") {
		t.Fatalf("detail is %q", p.Detail)
	}
	if log := w.log.String(); !strings.Contains(log, "internal error") || !strings.Contains(log, p.RequestID) {
		t.Fatalf("log is\n%s", log)
	}
}

func TestCallerThatLeftIsNoErrorOfOurs(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := newRequest(t, "GET", "/v1/requests").WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+aliceSecret)
	wantProblem(t, w.serve(r), 503, "interrupted", "")
	if log := w.log.String(); strings.Contains(log, "level=ERROR") {
		t.Fatalf("log is\n%s", log)
	}
}

func TestLogLineHasNoSecretBodyOrQuery(t *testing.T) {
	w := newWorld(t)
	bodies := ""
	for _, s := range []sent{
		{method: "POST", path: "/v1/requests", body: strings.Replace(askFor2h, "PD-1", "private-reason", 1)},
		{method: "POST", path: "/v1/requests", body: `{"private-reason":1}`},
		{method: "GET", path: "/v1/requests?subject=user:private-query@example.com"},
		{method: "GET", path: "/v1/requests", header: map[string]string{"Authorization": "Bearer unknown-" + aliceSecret}},
		{method: "GET", path: "/v1/requests", header: map[string]string{"Authorization": "Basic " + aliceSecret}},
	} {
		bodies += w.do(s).Body.String()
	}
	log := w.log.String()
	for _, secret := range []string{aliceSecret, "private-query"} {
		if strings.Contains(log, secret) || strings.Contains(strings.ReplaceAll(bodies, "private-reason", ""), aliceSecret) {
			t.Errorf("%q is in the log or an answer:\n%s", secret, log)
		}
	}
	if strings.Contains(log, "private-reason") {
		t.Errorf("a body is in the log:\n%s", log)
	}
	for _, says := range []string{"method=POST", "route=/v1/requests", "status=201", "duration=", "request_id=", "caller=user:alice@example.com"} {
		if !strings.Contains(log, says) {
			t.Errorf("the log does not hold %q:\n%s", says, log)
		}
	}
}

func TestReadiness(t *testing.T) {
	w := newWorld(t)
	for status, code := range map[string]int{"ok": 200, "degraded": 200, "unavailable": 503, "": 503, "fine": 503} {
		w.ready.Status = status
		if r := want[api.Readiness](t, w.get("/readyz"), code); r.Status != status || len(r.Checks) != 1 {
			t.Errorf("%q: %+v", status, r)
		}
	}
	if h := want[map[string]string](t, w.get("/healthz"), 200); h["status"] != "ok" || h["version"] != "1.2.3" {
		t.Errorf("health is %v", h)
	}
}

func TestMetricsAreReadWithoutAToken(t *testing.T) {
	w := newWorld(t)
	anybody := sent{method: "GET", path: "/metrics", header: map[string]string{"Authorization": ""}}
	rec := w.do(anybody)
	if rec.Code != 200 || !strings.HasPrefix(rec.Body.String(), "curfew_grants_live") {
		t.Errorf("answered %d %s", rec.Code, rec.Body)
	}
	conforms(t, "GET", "/metrics", rec)
	var err error
	w.handler, err = api.New(api.Config{Engine: w.engine, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	wantProblem(t, w.do(anybody), 404, "unknown_route", "")
}

func TestHooksSeeTheRawBody(t *testing.T) {
	w := newWorld(t)
	echo := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.Copy(rw, r.Body) })
	log := slog.New(slog.DiscardHandler)
	h, err := api.New(api.Config{Engine: w.engine, Log: log, Hooks: map[string]http.Handler{"/hooks/one": echo, "/hooks/many/": echo}})
	must(t, err)
	for path, status := range map[string]int{"/hooks/one": 200, "/hooks/many/x/y": 200, "/hooks/none": 404} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader("a=1&\xff")))
		if rec.Code != status || status == 200 && rec.Body.String() != "a=1&\xff" {
			t.Errorf("%s: %d %q", path, rec.Code, rec.Body)
		}
	}
	for name, hooks := range map[string]map[string]http.Handler{
		"a route of ours": {"/v1/requests": echo}, "no slash": {"hooks": echo}, "no handler": {"/hooks/x": nil},
	} {
		if _, err := api.New(api.Config{Engine: w.engine, Log: log, Hooks: hooks}); err == nil {
			t.Errorf("%s: the hook was taken", name)
		}
	}
}

// TestLargeBodyOverTheNetworkIsAnswered sends more than is read.
func TestLargeBodyOverTheNetworkIsAnswered(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	body := io.LimitReader(strings.NewReader(strings.Repeat(" ", 10<<20)), 10<<20)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/requests", body)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+aliceSecret)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 5e9}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("status %d", resp.StatusCode)
	}
}
