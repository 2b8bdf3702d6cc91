package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
)

// oracle is a policy that answers a query with what a test says, and a log that
// keeps what it is told.
type oracle struct {
	*policy
	mu       sync.Mutex
	answer   access.QueryAnswer
	err      error // of every question
	unasked  error // of every call
	asked    []access.Query
	allowed  []access.APIInput
	recorded []access.DecisionEvent
}

func (o *oracle) Query(_ context.Context, q access.Query) (access.QueryAnswer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, q)
	return o.answer, o.err
}

func (o *oracle) Decide(ctx context.Context, in access.Input) (access.Decision, error) {
	if o.err != nil {
		return access.Decision{Effect: access.Deny}, o.err
	}
	return o.policy.Decide(ctx, in)
}

func (o *oracle) Allow(ctx context.Context, in access.APIInput) (access.Permission, error) {
	o.mu.Lock()
	o.allowed = append(o.allowed, in)
	o.mu.Unlock()
	if o.unasked != nil {
		return access.Permission{}, o.unasked
	}
	return o.policy.Allow(ctx, in)
}

func (o *oracle) Record(e access.DecisionEvent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.recorded = append(o.recorded, e)
}

// failed is how a policy fails: the code is for everybody, the text for the log.
type failed string

func (f failed) Error() string { return string(f) + ": data.secret.rule at line 7" }

func (f failed) Code() string { return string(f) }

func withOracle(t testing.TB) (*world, *oracle) {
	t.Helper()
	w := newWorld(t)
	o := &oracle{policy: w.policy, answer: access.QueryAnswer{Result: json.RawMessage(`true`), Revision: "rev-1"}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.engine = engine.New(engine.Config{
		Ledger: w.ledger, Policy: o, Facts: facts{}, Lease: w.lease, Log: log, Decisions: o,
		Targets: []engine.Target{{Name: "box", Contract: "box-1"}},
	})
	var err error
	w.handler, err = api.New(api.Config{Engine: w.engine, Log: log, Version: "1.2.3", Tokens: []api.Token{
		{Name: "alice", Subject: alice, Secret: aliceSecret}, {Name: "bob", Subject: bob, Secret: bobSecret},
	}})
	must(t, err)
	return w, o
}

// opaProblem is a refusal in OPA's words.
type opaProblem struct {
	Code    string
	Message string
	Errors  []struct{ Code, Message string }
}

const opaUnauthorized = "unauthorized" //nolint:misspell // as OPA spells it

func wantOPA(t *testing.T, rec *httptest.ResponseRecorder, status int, code, why string) opaProblem {
	t.Helper()
	p := want[opaProblem](t, rec, status)
	if len(p.Errors) == 0 {
		p.Errors = append(p.Errors, struct{ Code, Message string }{p.Code, ""})
	}
	if p.Code != code || p.Message == "" || p.Errors[0].Code != why || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("answered %s with %v, want %q for %q", rec.Body, rec.Header(), code, why)
	}
	return p
}

func TestQueryIsPutToPolicyAndTakenDown(t *testing.T) {
	w, o := withOracle(t)
	rec := w.do(sent{method: "POST", path: "/v1/data/a%2Fb/%22c%22//d?strict-builtin-errors&metrics", body: `{"input": {"a" : 1.50}}`,
		header: map[string]string{"X-Request-ID": "r-1"}})
	answer := want[struct {
		DecisionID string `json:"decision_id"`
		Result     bool
	}](t, rec, 200)
	if rec.Header().Get("Curfew-Policy-Revision") != "rev-1" || !strings.HasPrefix(answer.DecisionID, "dec_") || !answer.Result {
		t.Errorf("answered %s with %v", rec.Body, rec.Header())
	}
	asked := o.asked[0]
	if fmt.Sprint(asked.Path) != `[a/b "c" d]` || string(asked.Input) != `{"a" : 1.50}` || !asked.StrictErrors || !asked.Metrics {
		t.Errorf("asked %+v", asked)
	}
	if got := *o.allowed[0].Object.Path; got != "a%2Fb/%22c%22/d" || o.allowed[0].Operation != "data.query" {
		t.Errorf("may it? %+v of %q", o.allowed[0], got)
	}
	d := o.recorded[0]
	if d.ID != answer.DecisionID || d.Path != "a%2Fb/%22c%22/d" || d.Revision != "rev-1" || string(d.Input) != `{"a" : 1.50}` || string(d.Result) != "true" ||
		d.Failure != "" || d.Caller != alice || d.HTTPRequestID != "r-1" || d.At.IsZero() || d.Took <= 0 {
		t.Errorf("taken down is %+v", d)
	}
	if strings.Contains(w.log.String(), "msg=request") {
		t.Errorf("there is a line in the log: %s", w.log)
	}
}

func TestQuerySaysWhereTheAnswerIsFrom(t *testing.T) {
	w, o := withOracle(t)
	o.answer.Metrics = map[string]uint64{"timer_rego_query_eval_ns": 7}
	for bundle, text := range map[string]string{
		"":   `"provenance":{"version":"1.2.3","revision":"rev-1"},"metrics":{"timer_rego_query_eval_ns":7},"result":true}` + "\n",
		"v7": `"provenance":{"version":"1.2.3","revision":"rev-1","bundles":{"policies":{"revision":"v7"}}},"metrics":{"timer_rego_query_eval_ns":7},"result":true}` + "\n",
	} {
		o.answer.BundleRevision = bundle
		rec := w.post("/v1/data/mine?provenance=true", `{"input":1}`)
		if _, rest, _ := strings.Cut(rec.Body.String(), ","); rest != text {
			t.Errorf("answered %s, want %s", rest, text)
		}
		conforms(t, "POST", "/v1/data/{path}", rec)
	}
	o.answer = access.QueryAnswer{Result: json.RawMessage(`[1]`)}
	if got := w.get("/v1/data?pretty").Body.String(); !strings.HasSuffix(got, "\",\n  \"result\": [\n    1\n  ]\n}\n") {
		t.Errorf("pretty is %s", got)
	}
	o.answer.Result = nil
	rec := w.post("/v1/data", ``)
	conforms(t, "POST", "/v1/data", rec)
	if !strings.Contains(rec.Body.String(), `"warning":{"code":"api_usage_warning"`) || strings.Contains(rec.Body.String(), "result") {
		t.Errorf("without an input: %s", rec.Body)
	}
}

func TestWhoMayNotQueryIsToldInOPAsWords(t *testing.T) {
	w, o := withOracle(t)
	anybody := sent{method: "GET", path: "/v1/data/mine", header: map[string]string{"Authorization": ""}}
	rec := w.do(anybody)
	wantOPA(t, rec, 401, opaUnauthorized, "token_missing")
	if rec.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("headers are %v", rec.Header())
	}
	conforms(t, "GET", "/v1/data/{path}", rec)
	w.policy.refuse = "data.query"
	rec = w.get("/v1/data/mine")
	wantOPA(t, rec, 403, opaUnauthorized, "not_allowed")
	conforms(t, "GET", "/v1/data/{path}", rec)
	wantOPA(t, w.do(sent{method: "POST", path: "/v1/data", body: "{}", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}), 403, opaUnauthorized, "cross_origin")
	if len(o.asked) > 0 || len(o.recorded) > 0 {
		t.Errorf("policy was asked %v", o.asked)
	}
}

func TestThatACallerMayQueryIsRememberedForThePath(t *testing.T) {
	w, o := withOracle(t)
	for _, path := range []string{"a", "a", "%61", "a", "b", "a/b", "a%2Fb", "b"} {
		want[any](t, w.get("/v1/data/"+path), 200)
	}
	var asked []string
	for _, in := range o.allowed {
		asked = append(asked, *in.Object.Path)
	}
	if got := strings.Join(asked, " "); got != "a b a/b a%2Fb" {
		t.Errorf("policy was asked about %s", got)
	}
	w.do(sent{method: "GET", path: "/v1/data/a", header: map[string]string{"Authorization": "Bearer " + bobSecret}})
	if len(o.allowed) != 5 || o.allowed[4].Actor.ID != bob.ID {
		t.Errorf("another caller was not asked about")
	}
}

func TestPolicyThatFailsAQueryShowsNothingOfItself(t *testing.T) {
	for err, why := range map[error]string{
		failed("policy_timeout"):           "eval_cancel_error",
		failed("policy_error"):             "policy_error",
		failed("policy_missing"):           "policy_missing",
		errors.New("data.secret.rule: no"): "policy_error",
	} {
		w, o := withOracle(t)
		o.answer.Result = json.RawMessage(`true`)
		o.err = err
		rec := w.post("/v1/data/mine", `{"input":{}}`)
		wantOPA(t, rec, 500, "internal_error", why)
		conforms(t, "POST", "/v1/data/{path}", rec)
		if strings.Contains(rec.Body.String(), "secret") || strings.Contains(rec.Body.String(), "result") {
			t.Errorf("answered %s", rec.Body)
		}
		if d := o.recorded[0]; d.Failure == "" || d.Result != nil || d.Revision != "rev-1" {
			t.Errorf("taken down is %+v", d)
		}
		if !strings.Contains(w.log.String(), "data.secret.rule") || !strings.Contains(w.log.String(), o.recorded[0].ID) {
			t.Errorf("the log is %s", w.log)
		}
	}
}

func TestTooMuchToDoIsSaidAtOnceAndIsNoDecision(t *testing.T) {
	w, o := withOracle(t)
	busy := fmt.Errorf("1024 wait: %w", access.ErrBusy)
	want[any](t, w.get("/v1/data/mine"), 200)
	o.err = busy
	rec := w.get("/v1/data/mine")
	wantOPA(t, rec, 503, "too_busy", "too_busy")
	conforms(t, "GET", "/v1/data/{path}", rec)
	for _, path := range []string{"/v1/decisions", "/v1/requests"} {
		other := w.post(path, askFor2h)
		wantProblem(t, other, 503, "too_busy", "")
		conforms(t, "POST", path, other)
		if other.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: headers are %v", path, other.Header())
		}
	}
	other := w.get("/v1/resources")
	wantProblem(t, other, 503, "too_busy", "")
	if rec.Header().Get("Retry-After") != "1" || len(o.recorded) != 1 || other.Header().Get("Retry-After") != "1" {
		t.Errorf("headers are %v, taken down %v", rec.Header(), o.recorded)
	}
	o.unasked = busy
	wantOPA(t, w.get("/v1/data/other"), 503, "too_busy", "too_busy")
	for _, path := range []string{"/v1/requests", "/v1/grants", "/v1/audit/events", "/v1/resources"} {
		wantProblem(t, w.get(path), 503, "too_busy", "")
	}
	if requests, _, events := w.stored(); requests != 0 || len(events) != 0 {
		t.Errorf("%d requests, events %v", requests, events)
	}
}

func TestLargeAnswerIsCompressedForWhoAsks(t *testing.T) {
	w, o := withOracle(t)
	small, large := `"`+strings.Repeat("a", 100)+`"`, `"`+strings.Repeat("a", 100_000)+`"`
	for accepts, zips := range map[string]bool{
		"gzip": true, "deflate, GZIP;q=0.5": true, "*": true, "gzip; q=1": true,
		"": false, "identity": false, "gzip;q=0": false, "gzip;q=x": false, "br, x-gzip2": false,
	} {
		for _, text := range []string{small, large} {
			o.answer.Result = json.RawMessage(text)
			rec := w.do(sent{method: "GET", path: "/v1/data", header: map[string]string{"Accept-Encoding": accepts}})
			var body io.Reader = rec.Body
			if wanted := zips && text == large; (rec.Header().Get("Content-Encoding") == "gzip") != wanted {
				t.Errorf("%q, %d bytes: headers are %v", accepts, len(text), rec.Header())
			} else if wanted {
				z, err := gzip.NewReader(rec.Body)
				must(t, err)
				body = z
			}
			raw, err := io.ReadAll(body)
			must(t, err)
			if !strings.HasSuffix(string(raw), `,"result":`+text+"}\n") || rec.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q: %d bytes with %v", accepts, len(raw), rec.Header())
			}
		}
	}
}

func TestBodyOfAQueryIsBounded(t *testing.T) {
	w, o := withOracle(t)
	fits, over := `{"input":"`+strings.Repeat("a", 1<<20-12)+`"}`, `{"input":"`+strings.Repeat("a", 1<<20-11)+`"}`
	gz := map[string]string{"Content-Encoding": "gzip"}
	for name, tc := range map[string]struct {
		ask    sent
		status int
		why    string
	}{
		"as large as may be":                {post("/v1/data/x", fits), 200, ""},
		"larger":                            {post("/v1/data/x", over), 413, "body_too_large"},
		"as large as may be, compressed":    {sent{method: "POST", path: "/v1/data/x", body: zipped(fits), header: gz}, 200, ""},
		"larger, compressed":                {sent{method: "POST", path: "/v1/data/x", body: zipped(over), header: gz}, 413, "body_too_large"},
		"compressed, and cut off":           {sent{method: "POST", path: "/v1/data/x", body: zipped(fits)[:100], header: gz}, 400, "unreadable_body"},
		"compressed, with more behind it":   {sent{method: "POST", path: "/v1/data/x", body: zipped(`{}`) + "x", header: gz}, 400, "unreadable_body"},
		"compressed in a way nobody reads":  {sent{method: "POST", path: "/v1/data/x", body: `{}`, header: map[string]string{"Content-Encoding": "br"}}, 415, "unsupported_media_type"},
		"YAML, by whatever name":            {sent{method: "POST", path: "/v1/data/x", body: `{}`, header: map[string]string{"Content-Type": "text/x-YAML"}}, 415, "unsupported_media_type"},
		"a query that can not be read":      {post("/v1/data/x?pretty=%zz", `{}`), 400, "malformed_query"},
		"a path that is too long":           {post("/v1/data/"+strings.Repeat("a", 2100), `{}`), 400, "path_too_long"},
		"many members beside the input":     {post("/v1/data/x", `{`+strings.Repeat(`"a":1,`, 2)+`"b":1}`), 400, "duplicate_field"},
		"a key for repeats, as on any POST": {sent{method: "POST", path: "/v1/data/x", body: `{}`, header: map[string]string{"Idempotency-Key": "k"}}, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.do(tc.ask)
			if tc.status == 200 {
				want[any](t, rec, 200)
				return
			}
			wantOPA(t, rec, tc.status, "invalid_parameter", tc.why)
			conforms(t, "POST", "/v1/data/{path}", rec)
		})
	}
	if len(o.asked) != 3 {
		t.Errorf("policy was asked %d times", len(o.asked))
	}
}

func TestBodyThatInflatesWithoutEndIsNotInflated(t *testing.T) {
	w, _ := withOracle(t)
	body := zipped(strings.Repeat(" ", 64<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rec := w.do(sent{method: "POST", path: "/v1/data/x", body: body, header: map[string]string{"Content-Encoding": "gzip"}})
	runtime.ReadMemStats(&after)
	wantOPA(t, rec, 413, "invalid_parameter", "body_too_large")
	if took := after.TotalAlloc - before.TotalAlloc; took > 20<<20 {
		t.Errorf("it took %d MiB", took>>20)
	}
}

func TestWhatOPAOffersAndWeDoNotIsSaidInItsWords(t *testing.T) {
	w, _ := withOracle(t)
	for ask, status := range map[[2]string]int{
		{"PUT", "/v1/data"}: 405, {"PUT", "/v1/data/x"}: 405, {"HEAD", "/v1/data/x"}: 405,
		{"GET", "/v1/policies/x"}: 501, {"PUT", "/v1/policies/x"}: 501, {"POST", "/v1/query"}: 501, {"POST", "/v1/compile/x"}: 501,
		{"GET", "/v1/config"}: 501, {"POST", "/v0/data"}: 501, {"POST", "/"}: 501,
	} {
		code, why := "invalid_parameter", "method_not_allowed"
		if status == 501 {
			code, why = "not_offered", "not_offered"
		}
		rec := w.do(sent{method: ask[0], path: ask[1]})
		wantOPA(t, rec, status, code, why)
		if allow := rec.Header().Get("Allow"); status == 405 && allow != "GET, POST" && allow != "POST, GET" {
			t.Errorf("%v: Allow is %q", ask, allow)
		}
	}
	for _, path := range []string{"/v1/dataset", "/v1/policiesx", "/v0/other", "/"} {
		wantProblem(t, w.get(path), 404, "unknown_route", "")
	}
}

// FuzzInputIsFoundInAnyBody holds the splitting of a body against a reader of the
// whole of it.
func FuzzInputIsFoundInAnyBody(f *testing.F) {
	for _, text := range []string{
		``, `{}`, `null`, `{"input":1}`, `{"input":{"a":[1,"}"]},"x":"\"}"}`, `{"input":[}]}`, `{"input":"\\","x":{}}`, `{"input":1,"input":2}`,
		`{"a":1,"a":2}`, `{"\u0069nput":1}`, `{"INPUT":1}`, `{"input":1}x`, `{"input":`, `{"input":1,}`, `{"input":tru}`, `{"input" 1}`, `{"input":]}`, "{\"\xff\":1}",
		`{"x":{"a":1,"a":2},"input":1}`, `[{"input":1}]`, `{"input":1 2}`, `{"input":""""}`, `{"":1,"input":{}}`,
	} {
		f.Add([]byte(text))
	}
	w, o := withOracle(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		o.asked = nil
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/data/x", bytes.NewReader(text))
		r.Header.Set("Authorization", "Bearer "+aliceSecret)
		rec := w.serve(r)
		var whole map[string]json.RawMessage
		err := json.Unmarshal(text, &whole)
		if rec.Code != 200 {
			return // strict where the standard library is not
		}
		got := o.asked[0].Input
		switch want, found := whole["input"]; {
		case got != nil && !json.Valid(got):
			// Whoever evaluates refuses it.
		case err != nil && len(strings.Trim(string(text), " \t\r\n")) > 0:
			t.Errorf("took %q: %v", text, err)
		case found && string(want) != "null" && string(want) != string(got), !found && got != nil:
			t.Errorf("of %q the input is %q, want %q", text, got, want)
		}
	})
}
