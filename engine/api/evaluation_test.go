package api_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	evaluationPath  = "/access/v1/evaluation"
	evaluationsPath = "/access/v1/evaluations"
)

// evaluation is a check of alice's access, with the rest put into the object.
func asking(rest string) string {
	return `{"subject":{"type":"user","id":"alice@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"acme"}` + rest + `}`
}

// wantPlain checks an error as AuthZEN has it: a status and a line.
func wantPlain(t *testing.T, rec *httptest.ResponseRecorder, status int, begins string) {
	t.Helper()
	if rec.Code != status || !strings.HasPrefix(rec.Body.String(), begins) || strings.Count(rec.Body.String(), "\n") != 1 {
		t.Fatalf("answered %d %q, want %d and a line that begins with %q", rec.Code, rec.Body, status, begins)
	}
	if got := rec.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Fatalf("content type %q", got)
	}
	code, _, _ := strings.Cut(begins, ":")
	if listed, ok := document(t).codes[code]; !ok || listed.Status != status {
		t.Fatalf("the document lists %q as %+v, want status %d", code, listed, status)
	}
}

// decisionID is what no answer has twice.
var decisionID = regexp.MustCompile(`"decision_id":"dec_[0-9a-z]{26}",`)

// wantVerdict checks the answer to a check, byte for byte.
func wantVerdict(t *testing.T, rec *httptest.ResponseRecorder, body string) {
	t.Helper()
	said := decisionID.ReplaceAllString(rec.Body.String(), "")
	if rec.Code != 200 || said != body || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("answered %d %q as %q, want %q", rec.Code, rec.Body, rec.Header().Get("Content-Type"), body)
	}
	conforms(t, "POST", evaluationPath, rec)
}

const (
	yes = `{"decision":true}`
	no  = `{"decision":false}`
	why = `,"context":{"explain":true}`
)

func TestCheckIsYesExactlyWhileAGrantIsLive(t *testing.T) {
	w := newWorld(t)
	wantVerdict(t, w.post(evaluationPath, asking("")), no)
	granted := want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	wantVerdict(t, w.post(evaluationPath, asking("")), yes)
	wantVerdict(t, w.post(evaluationPath, strings.Replace(asking(""), "alice@", "Alice@", 1)), yes)
	wantVerdict(t, w.asBob("POST", evaluationPath, asking("")), yes)
	wantVerdict(t, w.post(evaluationPath, asking(why)), `{"decision":true,"context":{"reason":"live_grant"}}`)
	wantVerdict(t, w.post(evaluationPath, asking(`,"context":{"explain":"true","a":[1]}`)), yes)
	for _, change := range [][2]string{{"debug", "destroy"}, {"acme", "globex"}, {"customer", "shop"}, {"alice", "bob"}} {
		wantVerdict(t, w.post(evaluationPath, strings.Replace(asking(""), change[0], change[1], 1)), no)
	}
	want[engine.Revocation](t, w.post("/v1/grants/"+granted.Grant.ID+"/revoke", ""), 200)
	wantVerdict(t, w.post(evaluationPath, asking("")), no)
}

// Such a subject has no grants. Policy is asked all the same.
func TestCheckOfWhoCanNotBeOursIsPolicysToAnswer(t *testing.T) {
	w := newWorld(t)
	for _, subject := range []string{`{"type":"user","id":"alice"}`, `{"type":"User","id":"a@b.c"}`, `{"type":"group","id":"security"}`} {
		body := strings.Replace(asking(why), `{"type":"user","id":"alice@example.com"}`, subject, 1)
		wantVerdict(t, w.post(evaluationPath, body), `{"decision":false,"context":{"reason":"no_live_grant"}}`)
	}
}

func TestCheckThatNoStoreAnswersIsNo(t *testing.T) {
	w := newWorld(t)
	want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	wantVerdict(t, w.post(evaluationPath, asking("")), yes)
	must(t, w.ledger.Close())
	wantVerdict(t, w.post(evaluationPath, asking("")), yes) // by the lease
	wantVerdict(t, w.post(evaluationPath, strings.Replace(asking(why), "acme", "globex", 1)),
		`{"decision":false,"context":{"reason":"unavailable"}}`)
	wantPlain(t, w.asBob("POST", evaluationPath, asking("")), 500, "internal: ") // whether bob may ask is not known
}

func TestCheckOfWhatNoStoreCanHoldIsNoWithoutAskingOne(t *testing.T) {
	w := newWorld(t)
	want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	wantVerdict(t, w.post(evaluationPath, asking("")), yes) // that alice may ask is now remembered
	wantVerdict(t, w.post(evaluationPath, strings.Replace(asking(""), "alice", "bob", 1)), no)
	must(t, w.ledger.Close())
	for member, tc := range map[string]struct{ from, to, reason string }{
		"the subject's type":  {`"user"`, `"us\u0000er"`, "no_live_grant"},
		"the subject's id":    {"alice@", `alice\u0000@`, "no_live_grant"},
		"the action's name":   {`"debug"`, `"debug\u0000"`, "no_live_grant"},
		"the resource's type": {`"customer"`, `"\u0000customer"`, "no_live_grant"},
		"the resource's id":   {`"acme"`, `"ac\u0000me"`, "no_live_grant"},
		"nothing but a NUL":   {`"acme"`, `"\u0000"`, "no_live_grant"},
	} {
		t.Run(member, func(t *testing.T) {
			wantVerdict(t, w.post(evaluationPath, strings.Replace(asking(why), tc.from, tc.to, 1)),
				`{"decision":false,"context":{"reason":"`+tc.reason+`"}}`)
			wantVerdict(t, w.post(evaluationPath, strings.Replace(asking(""), tc.from, tc.to, 1)), no)
		})
	}
	if log := w.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("the log is %s", log)
	}
}

func TestCheckIgnoresWhatItDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	for name, body := range map[string]string{
		"context":                 asking(`,"context":{"time":"2030-01-31T09:00:00Z","a":[1,{"b":null}]}`),
		"no context":              asking(`,"context":null`),
		"members of other drafts": asking(`,"evaluations":[{}],"options":{"evaluations_semantic":"execute_all"},"x":1`),
		"properties":              strings.Replace(asking(""), `{"type":"user"`, `{"properties":{"groups":["a"],"type":"b"},"type":"user"`, 1),
		"an action's properties":  strings.Replace(asking(""), `{"name":"debug"`, `{"id":7,"type":null,"properties":null,"name":"debug"`, 1),
		"a subject with a name":   strings.Replace(asking(""), `{"type":"user"`, `{"name":7,"type":"user"`, 1),
		"another order":           `{"resource":{"id":"acme","type":"customer"},"action":{"name":"debug"},"subject":{"id":"alice@example.com","type":"user"}}`,
		"escapes":                 strings.NewReplacer("subject", `s\u0075bject`, "acme", `\u0061cme`).Replace(asking("")),
		"spaces":                  " " + strings.NewReplacer(":", " :\n", ",", "\t, ").Replace(asking("")) + "\r\n",
		"another case beside it":  asking(`,"Subject":7`),
	} {
		t.Run(name, func(t *testing.T) { wantVerdict(t, w.post(evaluationPath, body), yes) })
	}
}

func TestCheckThatIsNoEvaluationIsRefused(t *testing.T) {
	swap := func(from, to string) string { return strings.Replace(asking(""), from, to, 1) }
	cases := map[string]struct{ body, begins string }{
		"no body":                 {"", "empty_body: "},
		"spaces":                  {" \n", "malformed_json: "},
		"not JSON":                {"subject=alice", "malformed_json: "},
		"an object that ends":     {`{"subject":{"type":"user"`, "malformed_json: "},
		"an unquoted name":        {`{subject:{}}`, "malformed_json: "},
		"a brace instead":         {`{"subject":}`, "malformed_json: "},
		"an array":                {`[]`, "invalid_evaluation: it is an array; want an object"},
		"null":                    {`null`, "invalid_evaluation: it is null"},
		"two objects":             {asking("") + asking(""), "trailing_data: "},
		"an object and a brace":   {asking("") + "}", "trailing_data: "},
		"a byte that is not UTF8": {swap("acme", "acme\xff"), "invalid_utf8: "},
		"such a byte in context":  {asking(",\"context\":{\"x\":\"\xff\"}"), "invalid_utf8: "},
		"half a surrogate pair":   {swap("acme", `\ud800`), "invalid_utf8: "},
		"a member twice":          {asking(`,"subject":{"type":"user","id":"bob@example.com"}`), "duplicate_field: /subject: "},
		"a member twice, escaped": {asking(`,"\u0073ubject":{}`), "duplicate_field: /subject: "},
		"an id twice":             {swap(`"id":"acme"`, `"id":"acme","id":"globex"`), "duplicate_field: /resource/id: "},
		"a twin in context":       {asking(`,"context":{"a":1,"a":2}`), "duplicate_field: /context/a: "},
		"a twin that is ignored":  {asking(`,"x":{"a":1,"a":2}`), "duplicate_field: /x/a: "},
		"deep nesting":            {asking(`,"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20)), "nesting_too_deep: "},
		"nothing":                 {`{}`, "invalid_evaluation: /subject/type: "},
		"no subject":              {swap(`"subject"`, `"who"`), "invalid_evaluation: /subject/type: "},
		"no id of the subject":    {swap(`,"id":"alice@example.com"`, ""), "invalid_evaluation: /subject/id: "},
		"an empty id":             {swap("alice@example.com", ""), "invalid_evaluation: /subject/id: "},
		"no action":               {swap(`"name"`, `"Name"`), "invalid_evaluation: /action/name: "},
		"no type of the resource": {swap(`"type":"customer",`, ""), "invalid_evaluation: /resource/type: "},
		"no resource":             {swap(`"resource"`, `"resources"`), "invalid_evaluation: /resource/type: "},
		"a subject as a text":     {swap(`{"type":"user","id":"alice@example.com"}`, `"user:alice@example.com"`), "invalid_evaluation: /subject: it is a string; want an object"},
		"a subject that is null":  {swap(`{"type":"user","id":"alice@example.com"}`, `null`), "invalid_evaluation: /subject: it is null; want an object"},
		"an id as a number":       {swap(`"acme"`, `7`), "invalid_evaluation: /resource/id: it is a number; want a string"},
		"an id that is null":      {swap(`"acme"`, `null`), "invalid_evaluation: /resource/id: it is null; want a string"},
		"an action as a text":     {swap(`{"name":"debug"}`, `"debug"`), "invalid_evaluation: /action: "},
		"properties as a list":    {swap(`"id":"acme"`, `"id":"acme","properties":[]`), "invalid_evaluation: /resource/properties: it is an array; want an object"},
		"context as a text":       {asking(`,"context":"now"`), "invalid_evaluation: /context: "},
	}
	w := newWorld(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rec := w.post(evaluationPath, tc.body)
			wantPlain(t, rec, 400, tc.begins)
			conforms(t, "POST", evaluationPath, rec)
		})
	}
}

func TestCheckIsRefusedAsAuthZENSays(t *testing.T) {
	w := newWorld(t)
	do := func(header, value string) *httptest.ResponseRecorder {
		return w.do(sent{method: "POST", path: evaluationPath, body: asking(""), header: map[string]string{header: value}})
	}
	refused := do("Authorization", "")
	wantPlain(t, refused, 401, "token_missing: ")
	if refused.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("headers are %v", refused.Header())
	}
	wantPlain(t, do("Authorization", "Bearer nobody-0123456789"), 401, "token_invalid: ")
	wantPlain(t, do("Sec-Fetch-Site", "cross-site"), 403, "cross_origin: ")
	w.policy.refuse = "access.evaluate"
	wantPlain(t, do("X-Request-ID", "mine"), 403, "not_allowed: ")
	// What AuthZEN leaves open is as everywhere else.
	wantProblem(t, do("Content-Type", "text/plain"), 415, "unsupported_media_type", "")
	wantProblem(t, w.post(evaluationPath, asking(`,"x":"`+strings.Repeat("a", 100_000)+`"`)), 413, "body_too_large", "")
	wantProblem(t, w.get(evaluationPath), 405, "method_not_allowed", "")
}

func TestCheckThatPanicsIsSurvived(t *testing.T) {
	w := newWorld(t)
	w.policy.panicsOnAllow = true
	wantPlain(t, w.post(evaluationPath, asking("")), 500, "internal: ")
	if log := w.log.String(); !strings.Contains(log, "policy fell over") {
		t.Errorf("the log is %s", log)
	}
}

func TestCheckEchoesTheRequestID(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{asking(""), "{"} {
		rec := w.do(sent{method: "POST", path: evaluationPath, body: body, header: map[string]string{"X-Request-ID": "mine-1"}})
		if got := rec.Header().Get("X-Request-ID"); got != "mine-1" {
			t.Errorf("%s: echoed %q", body, got)
		}
	}
}

// TestCheckEchoesAnyRequestIDThatHTTPAllows is AuthZEN's word, which has no
// alphabet for it.
func TestCheckEchoesAnyRequestIDThatHTTPAllows(t *testing.T) {
	w := newWorld(t)
	w.policy.refuse = "access.evaluate" // so that the id also goes into an event
	for sentID, kept := range map[string]bool{
		"bfe9eb29-ab87-4ca3-be83-a1d5d8305716": true, "a b": true, "é": true, "caf\xe9": true, `"{}\`: true,
		strings.Repeat("x", 1024): true, strings.Repeat("é", 512): true,
		"": false, strings.Repeat("x", 1025): false, "a\tb": false, "a\x00b": false, "a\x7fb": false, "a\r\nX: y": false, "a\u0085b": false,
	} {
		rec := w.do(sent{method: "POST", path: evaluationPath, body: asking(""), header: map[string]string{"X-Request-ID": sentID}})
		wantPlain(t, rec, 403, "not_allowed: ")
		if got := rec.Header().Get("X-Request-ID"); (got == sentID) != kept || got == "" {
			t.Errorf("sent %q, answered %q", sentID, got)
		}
	}
	if log := w.log.String(); !utf8.ValidString(log) {
		t.Errorf("the log is %q", log)
	}
}

func TestCheckThatIsAnsweredLeavesNoLine(t *testing.T) {
	w := newWorld(t)
	wantVerdict(t, w.post(evaluationPath, asking("")), no)
	if log := w.log.String(); strings.Contains(log, evaluationPath) {
		t.Errorf("the log is %s", log)
	}
	wantPlain(t, w.post(evaluationPath, "{"), 400, "malformed_json: ")
	if log := w.log.String(); !strings.Contains(log, "status=400") || strings.Contains(log, "acme") {
		t.Errorf("the log is %s", log)
	}
}

func TestChecksAtOnceDoNotMixUp(t *testing.T) {
	w := newWorld(t)
	want[engine.RequestView](t, w.post("/v1/requests", askFor2h), 201)
	other := strings.Replace(asking(`,"context":{"long":"`+strings.Repeat("x", 5000)+`"}`), "acme", "globex", 1)
	var calls sync.WaitGroup
	for i := range 8 {
		calls.Go(func() {
			for range 50 {
				body, answer := asking(""), yes
				if i%2 == 0 {
					body, answer = other, no
				}
				if rec := w.post(evaluationPath, body); rec.Body.String() != answer {
					t.Errorf("answered %s, want %s", rec.Body, answer)
				}
			}
		})
	}
	calls.Wait()
}

// FuzzEvaluationIsReadAsJSON holds the reader against one made by reflection:
// what is accepted is what that would have read.
func FuzzEvaluationIsReadAsJSON(f *testing.F) {
	f.Add(asking(""))
	f.Add(asking(`,"context":{"a":[true,null,1e9,"\u00e9"]},"x":{}`))
	f.Add(`{"subject":{"type":"user","id":"\ud83d\ude00@b"},"action":{"name":""}}`)
	f.Add(`{"subject":{"type":"user","id":"a@b.c","id":"x"}}`)
	w := newWorld(f)
	w.policy.panicsOnAllow = true // reached only once the body was read
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, evaluationPath, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+aliceSecret)
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		var x access.Entitled
		err := json.Unmarshal([]byte(body), &x)
		accepted := rec.Code != http.StatusBadRequest && rec.Code != http.StatusRequestEntityTooLarge
		if accepted && (err != nil || x.Subject.ID == "" || x.Action.Name == "" || x.Resource.ID == "") {
			t.Fatalf("answered %d %s to %q, which is read as %+v, %v", rec.Code, rec.Body, body, x, err)
		}
	})
}
