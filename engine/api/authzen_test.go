package api_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	searchSubjectPath  = "/access/v1/search/subject"
	searchResourcePath = "/access/v1/search/resource"
	searchActionPath   = "/access/v1/search/action"
	metadataPath       = "/.well-known/authzen-configuration"
)

// authZENPaths is where bodies of AuthZEN go, each with a good one.
func authZENPaths() map[string]string {
	return map[string]string{
		evaluationPath:     asking(""),
		evaluationsPath:    asking(`,"evaluations":[{}]`),
		searchSubjectPath:  asking(""),
		searchResourcePath: asking(""),
		searchActionPath:   asking(""),
	}
}

// documents is a team's policy that knows nothing of grants: who may do what to
// which is data, and a search may try all that it names.
var documents = map[string]string{
	"check/check.rego": `package check

default decision := {"decision": false, "reason": "not_listed"}

decision := {"decision": true, "reason": "listed"} if {
	input.action.name in data.library.rules[input.subject.id][input.resource.type][input.resource.id]
	not input.subject.properties.suspended
}

candidates := {
	"subjects": [{"type": "user", "id": id} | some id, _ in data.library.rules],
	"resources": [{"type": type, "id": id} | some type, ids in data.library.rules[input.subject.id]; some id, _ in ids],
	"actions": [{"name": name} | some name in ["can_read", "can_edit", "can_write", "can_read"]],
}
`,
	"data.yaml": `
library:
  rules:
    alice@acmecorp.com:
      account: {"123": [can_read, can_write], "456": [can_read]}
      document: {boxcarring.md: [can_read], resource-search.md: [can_read]}
      todo: {"1": [can_read]}
    bob@acmecorp.com:
      account: {"123": [can_read]}
    "123":
      account: {"123": [can_read, can_write]}
`,
}

const (
	atAcme  = `{"type":"user","id":"alice@acmecorp.com"}`
	canRead = `{"name":"can_read"}`
)

func at(document string) string { return `"resource":{"type":"document","id":"` + document + `"}` }

// TestAuthZENExamplesAreAnswered sends what the specification shows, as it shows
// it, and compares what it shows as answers.
func TestAuthZENExamplesAreAnswered(t *testing.T) {
	timed := `"context":{"time":"2024-05-31T15:22-07:00"}`
	three := at("boxcarring.md") + `},{` + at("subject-search.md") + `},{`
	w := newRealWorld(t, documents)
	for name, tc := range map[string]struct{ path, body, answer string }{
		"a subject, a resource, an action with properties, a context": {
			evaluationPath,
			`{"subject":` + atAcme + `,"resource":{"type":"account","id":"123"},"action":{"name":"can_read","properties":{"method":"GET"}},"context":{"time":"1985-10-26T01:22-07:00"}}`,
			yes,
		},
		"a subject with properties": {
			evaluationPath,
			`{"subject":{"type":"user","id":"alice@acmecorp.com","properties":{"department":"Sales","ip_address":"172.217.22.14","device_id":"8:65:ee:17:7e:0b"}},` +
				`"resource":{"type":"account","id":"123"},"action":` + canRead + `}`,
			yes,
		},
		"a resource with properties": {
			evaluationPath,
			`{"subject":` + atAcme + `,"resource":{"type":"book","id":"123","properties":{"library_record":{"title":"AuthZEN in Action","isbn":"978-0593383322"}}},"action":` + canRead + `}`,
			no,
		},
		"the todo of the HTTPS binding": {
			evaluationPath,
			`{"subject":` + atAcme + `,"resource":{"type":"todo","id":"1"},"action":` + canRead + `,"context":{"time":"1985-10-26T01:22-07:00"}}`,
			yes,
		},
		"three evaluations without defaults": {
			evaluationsPath,
			`{"evaluations":[` + strings.TrimSuffix(strings.Repeat(`{"subject":`+atAcme+`,"action":`+canRead+`,`+at("boxcarring.md")+`,`+timed+`},`, 3), ",") + `]}`,
			`{"evaluations":[{"decision":true},{"decision":true},{"decision":true}]}`,
		},
		"a subject and a context for three": {
			evaluationsPath,
			`{"subject":` + atAcme + `,` + timed + `,"evaluations":[{"action":` + canRead + `,` + at("boxcarring.md") + `},{"action":` + canRead + `,` + at("subject-search.md") +
				`},{"action":` + canRead + `,` + at("resource-search.md") + `}]}`,
			`{"evaluations":[{"decision":true},{"decision":false},{"decision":true}]}`,
		},
		"a default action that one item replaces": {
			evaluationsPath,
			`{"subject":` + atAcme + `,` + timed + `,"action":` + canRead + `,"evaluations":[{` + three + `"action":{"name":"can_edit"},` + at("resource-search.md") + `}]}`,
			`{"evaluations":[{"decision":true},{"decision":false},{"decision":false}]}`,
		},
		"options beside the list": {
			evaluationsPath,
			`{"evaluations":[{"resource":{"type":"doc","id":"1"},"subject":{"type":"doc","id":"2"},"action":` + canRead + `}],"options":{"evaluation_semantics":"execute_all","another_option":"value"}}`,
			`{"evaluations":[{"decision":false}]}`,
		},
		"execute all": {
			evaluationsPath,
			`{"subject":` + atAcme + `,"action":` + canRead + `,"options":{"evaluations_semantic":"execute_all"},"evaluations":[{` + three + at("resource-search.md") + `}]}`,
			`{"evaluations":[{"decision":true},{"decision":false},{"decision":true}]}`,
		},
		"deny on first deny": {
			evaluationsPath,
			`{"subject":` + atAcme + `,"action":` + canRead + `,"options":{"evaluations_semantic":"deny_on_first_deny"},"evaluations":[{` + three + at("resource-search.md") + `}]}`,
			`{"evaluations":[{"decision":true},{"decision":false}]}`,
		},
		"permit on first permit": {
			evaluationsPath,
			`{"subject":` + atAcme + `,"action":` + canRead + `,"options":{"evaluations_semantic":"permit_on_first_permit"},"evaluations":[{` + three + at("resource-search.md") + `}]}`,
			`{"evaluations":[{"decision":true}]}`,
		},
		"who can read the account": {
			searchSubjectPath,
			`{"subject":{"type":"user"},"action":` + canRead + `,"resource":{"type":"account","id":"123"},"context":{"time":"2024-10-26T01:22-07:00"}}`,
			`{"page":{"next_token":"","count":3},"results":[{"type":"user","id":"123"},{"type":"user","id":"alice@acmecorp.com"},{"type":"user","id":"bob@acmecorp.com"}]}`,
		},
		"which accounts can be read": {
			searchResourcePath,
			`{"subject":` + atAcme + `,"action":` + canRead + `,"resource":{"type":"account"}}`,
			`{"page":{"next_token":"","count":2},"results":[{"type":"account","id":"123"},{"type":"account","id":"456"}]}`,
		},
		"what can be done": {
			searchActionPath,
			`{"subject":{"type":"user","id":"123"},"resource":{"type":"account","id":"123"},"context":{"time":"2024-10-26T01:22-07:00"}}`,
			`{"page":{"next_token":"","count":2},"results":[{"name":"can_read"},{"name":"can_write"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.post(tc.path, tc.body)
			if rec.Code != 200 || rec.Body.String() != tc.answer || rec.Header().Get("Content-Type") != "application/json" {
				t.Fatalf("answered %d %s as %q, want\n%s", rec.Code, rec.Body, rec.Header().Get("Content-Type"), tc.answer)
			}
			if rec.Header().Get("Curfew-Policy-Revision") == "" {
				t.Error("the answer does not say which policy decided")
			}
			conforms(t, "POST", tc.path, rec)
		})
	}
}

// TestAuthZENErrorsAreAnsweredAsItSays holds every route to the status codes of
// the HTTPS binding and to its rule about X-Request-ID.
func TestAuthZENErrorsAreAnsweredAsItSays(t *testing.T) {
	for path, good := range authZENPaths() {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t)
			send := func(body string, header ...string) *httptest.ResponseRecorder {
				t.Helper()
				headers := map[string]string{"X-Request-ID": "bfe9eb29 é"}
				for i := 0; i < len(header); i += 2 {
					headers[header[i]] = header[i+1]
				}
				rec := w.do(sent{method: "POST", path: path, body: body, header: headers})
				if got := rec.Header().Get("X-Request-ID"); got != "bfe9eb29 é" {
					t.Errorf("the request's id came back as %q", got)
				}
				conforms(t, "POST", path, rec)
				return rec
			}
			if rec := send(good); rec.Code != 200 || !jsontext.Value(rec.Body.Bytes()).IsValid() {
				t.Errorf("answered %d %s", rec.Code, rec.Body)
			}
			for body, begins := range map[string]string{
				"":                                  "empty_body: ",
				"{":                                 "malformed_json: ",
				good + good:                         "trailing_data: ",
				`[]`:                                "invalid_evaluation: ",
				`{}`:                                "invalid_evaluation: /subject/type: ",
				`{"subject":{"type":7}}`:            "invalid_evaluation: /subject/type: it is a number; want a string",
				`{"subject":"user:alice"}`:          "invalid_evaluation: /subject: it is a string; want an object",
				`{"x":1,"x":2}`:                     "duplicate_field: /x: ",
				`{"x":"\ud800"}`:                    "invalid_utf8: ",
				"{\"x\":\"\xff\"}":                  "invalid_utf8: ",
				strings.Repeat(`{"x":`, 40):         "nesting_too_deep: ",
				`{"subject":{"type":"user"},"a":1}`: "invalid_evaluation: /",
			} {
				wantPlain(t, send(body), 400, begins)
			}
			unknown := send(good, "Authorization", "")
			wantPlain(t, unknown, 401, "token_missing: ")
			if unknown.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("the headers of 401 are %v", unknown.Header())
			}
			wantPlain(t, send(good, "Authorization", "Bearer nobody-0123456789"), 401, "token_invalid: ")
			wantPlain(t, send(good, "Sec-Fetch-Site", "cross-site"), 403, "cross_origin: ")
			wantProblem(t, w.do(sent{method: "POST", path: path, body: good, header: map[string]string{"Content-Type": "text/plain"}}), 415, "unsupported_media_type", "")
			wantProblem(t, w.post(path, strings.TrimSuffix(good, "}")+`,"x":"`+strings.Repeat("a", 1<<20)+`"}`), 413, "body_too_large", "")
			for _, method := range []string{"GET", "PUT", "DELETE"} {
				rec := w.do(sent{method: method, path: path, header: map[string]string{"X-Request-ID": "é"}})
				if rec.Code != 405 || rec.Header().Get("Allow") != "POST" || rec.Header().Get("X-Request-ID") != "é" {
					t.Errorf("%s: answered %d with %v", method, rec.Code, rec.Header())
				}
			}
			w.policy.panicsOnAllow = true
			wantPlain(t, w.asBob("POST", path, good), 500, "internal: ")
		})
	}
}

func TestAuthZENRoutesRefuseWhoeverPolicyRefuses(t *testing.T) {
	for path, good := range authZENPaths() {
		w := newWorld(t)
		w.policy.refuse = "access.evaluate"
		if strings.Contains(path, "search") {
			w.policy.refuse = "access.search"
		}
		wantPlain(t, w.post(path, good), 403, "not_allowed: ")
	}
}

// TestTooBusyIsNoAnswer: nothing was decided, so that a no would be a lie.
func TestTooBusyIsNoAnswer(t *testing.T) {
	for path, good := range authZENPaths() {
		w := newWorld(t)
		w.policy.busy = true
		rec := w.post(path, good)
		wantProblem(t, rec, 503, "too_busy", "")
		if rec.Header().Get("Retry-After") != "1" || len(w.book.taken()) > 0 {
			t.Errorf("%s: the headers are %v, or something was taken down", path, rec.Header())
		}
		conforms(t, "POST", path, rec)
	}
}

func TestGeneralPolicyOverPropertiesNeedsNoGrant(t *testing.T) {
	w := newRealWorld(t, todos)
	const (
		rick  = "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"
		morty = "CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"
		jerry = "CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"
	)
	mortys := `{"type":"todo","id":"7240d0db","properties":{"ownerID":"morty@the-citadel.com"}}`
	ricks := `{"type":"todo","id":"7240d0dc","properties":{"ownerID":"rick@the-citadel.com"}}`
	for name, tc := range map[string]struct {
		who, action, resource, answer string
	}{
		"a viewer reads the list":                    {jerry, "can_read_todos", `{"type":"todo","id":"todo-1"}`, yes},
		"a viewer makes nothing":                     {jerry, "can_create_todo", `{"type":"todo","id":"todo-1"}`, no},
		"an editor makes one":                        {morty, "can_create_todo", `{"type":"todo","id":"todo-1"}`, yes},
		"an editor changes their own":                {morty, "can_update_todo", mortys, yes},
		"an editor does not change another's":        {morty, "can_update_todo", ricks, no},
		"an admin deletes another's":                 {rick, "can_delete_todo", mortys, yes},
		"nobody changes what has no owner":           {morty, "can_update_todo", `{"type":"todo","id":"7240d0db"}`, no},
		"nor what has one of another type":           {morty, "can_update_todo", `{"type":"todo","id":"7240d0db","properties":{"ownerID":null}}`, no},
		"whoever is not known may nothing":           {"summer", "can_read_todos", `{"type":"todo","id":"todo-1"}`, no},
		"a type that no entity of ours has is fine":  {rick, "can_read_user", `{"type":"Some Type","id":"beth@the-smiths.com"}`, yes},
		"an id that no entity of ours has is fine":   {rick, "can_read_user", `{"type":"user","id":" \u0000 "}`, yes},
		"the order of members does not matter":       {morty, "can_update_todo", `{"properties":{"ownerID":"morty@the-citadel.com"},"id":"7240d0db","type":"todo"}`, yes},
		"policy sees members that nobody else knows": {morty, "can_update_todo", `{"type":"todo","id":"1","shared":true}`, yes},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"subject":{"type":"user","id":"` + tc.who + `"},"action":{"name":"` + tc.action + `"},"resource":` + tc.resource + `}`
			wantVerdict(t, w.post(evaluationPath, body), tc.answer)
			wantVerdict(t, w.post(evaluationPath, `{"resource":`+tc.resource+`,"x":[1e9],"action":{"x":null,"name":"`+tc.action+`"},"subject":{"id":"`+tc.who+`","type":"user"}}`), tc.answer)
		})
	}
	if _, grants, _ := w.stored(); grants != 0 {
		t.Errorf("there are %d grants", grants)
	}
}

// todos is a policy in the manner of the working group's interop scenario.
var todos = map[string]string{
	"check/check.rego": `package check

default decision := {"decision": false, "reason": "no_role"}

decision := {"decision": true, "reason": "role"} if _permitted

_me := data.citadel.people[input.subject.id]

_has(role) if role in _me.roles

_permitted if {
	input.action.name in {"can_read_user", "can_read_todos"}
	count(_me.roles) > 0
}

_permitted if {
	input.action.name == "can_create_todo"
	_has("editor")
}

_permitted if {
	input.action.name in {"can_update_todo", "can_delete_todo"}
	_has("editor")
	input.resource.properties.ownerID == _me.email
}

_permitted if {
	input.action.name == "can_update_todo"
	input.resource.shared == true
}

_permitted if {
	input.action.name == "can_delete_todo"
	_has("admin")
}
`,
	"data.yaml": `
citadel:
  people:
    CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs: {email: rick@the-citadel.com, roles: [admin]}
    CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs: {email: morty@the-citadel.com, roles: [editor]}
    CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs: {email: jerry@the-smiths.com, roles: [viewer]}
`,
}

func TestCheckTellsPolicyWhatWasSent(t *testing.T) {
	w := newRealWorld(t, nil)
	granted := w.granted()
	sent := `{"x":{"y":[1,2.50,null]},"subject":{"z":"<é>","id":"Alice@Example.com","type":"user","properties":{"a":{"b":1}}},` +
		`"action":{"name":"debug","properties":{"method":"GET"},"more":1},"resource":{"properties":null,"type":"customer","id":"ac\u006de"},"context":{"explain":false,"k":1e3}}`
	wantVerdict(t, w.post(evaluationPath, sent), yes)
	event := w.book.taken()[0]
	var saw, wantSeen any
	must(t, json.Unmarshal(event.Input, &saw))
	must(t, json.Unmarshal([]byte(`{"subject":{"z":"<é>","id":"alice@example.com","type":"user","properties":{"a":{"b":1}}},
		"action":{"name":"debug","properties":{"method":"GET"},"more":1},"resource":{"properties":null,"type":"customer","id":"acme"},
		"context":{"explain":false,"k":1e3},
		"grants":[{"action":{"name":"debug"},"resource":{"type":"customer","id":"acme"},"expires_at":`+marshalled(t, granted)+`}],
		"now":`+marshalled(t, event.At)+`}`), &wantSeen))
	if got, want := marshalled(t, saw), marshalled(t, wantSeen); got != want {
		t.Errorf("policy saw\n%s, want\n%s", got, want)
	}
}

func TestCheckIsTakenDown(t *testing.T) {
	w := newRealWorld(t, nil)
	w.granted()
	rec := w.do(sent{method: "POST", path: evaluationPath, body: asking(why), header: map[string]string{"X-Request-ID": "mine"}})
	wantVerdict(t, rec, `{"decision":true,"context":{"reason":"live_grant"}}`)
	events := w.book.taken()
	if len(events) != 1 {
		t.Fatalf("%d decisions were taken down", len(events))
	}
	e := events[0]
	if e.Path != "check/decision" || e.Revision == "" || e.Revision != rec.Header().Get("Curfew-Policy-Revision") || e.Caller != alice ||
		e.HTTPRequestID != "mine" || e.Source != "192.0.2.1" || e.Took <= 0 || string(e.Result) != `{"decision":true,"reason":"live_grant"}` || e.Failure != "" {
		t.Errorf("what was taken down is %+v", e)
	}
	if !strings.Contains(rec.Body.String(), e.ID) || access.CheckID(access.KindDecision, e.ID) != nil {
		t.Errorf("the decision is %q, the answer %s", e.ID, rec.Body)
	}
}

func TestCheckWhosePolicyFailsIsNoAndSaysHow(t *testing.T) {
	for name, tc := range map[string]struct{ rule, reason string }{
		"it is undefined":        {`decision := {"decision": true, "reason": "x"} if input.nothing`, "policy_undefined"},
		"it is no object":        {`decision := true`, "policy_malformed"},
		"its decision is a text": {`decision := {"decision": "true", "reason": "x"}`, "policy_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRealWorld(t, map[string]string{"check/check.rego": "package check\n\n" + tc.rule + "\n"})
			wantVerdict(t, w.post(evaluationPath, asking(why)), `{"decision":false,"context":{"reason":"`+tc.reason+`"}}`)
			if e := w.book.taken(); len(e) != 1 || e[0].Failure != tc.reason || len(e[0].Input) == 0 {
				t.Errorf("taken down: %+v", e)
			}
		})
	}
}

func TestDecisionsAndRequestsSayWhichPolicyDecided(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/v1/decisions", "/v1/requests"} {
		if got := w.post(path, askFor2h).Header().Get("Curfew-Policy-Revision"); got != "rev-1" {
			t.Errorf("%s says %q", path, got)
		}
	}
	if got := w.get("/v1/grants").Header().Get("Curfew-Policy-Revision"); got != "" {
		t.Errorf("a list says %q", got)
	}
}

func TestMetadataSaysWhereTheEndpointsAre(t *testing.T) {
	w := newWorld(t)
	rec := w.do(sent{method: "GET", path: metadataPath, header: map[string]string{"Authorization": "", "X-Request-ID": "é"}})
	conforms(t, "GET", metadataPath, rec)
	m := want[map[string]any](t, rec, 200)
	if m["policy_decision_point"] != externalURL {
		t.Errorf("it is %v", m["policy_decision_point"])
	}
	for name, path := range map[string]string{
		"access_evaluation_endpoint": evaluationPath, "access_evaluations_endpoint": evaluationsPath, "search_subject_endpoint": searchSubjectPath,
		"search_resource_endpoint": searchResourcePath, "search_action_endpoint": searchActionPath,
	} {
		if m[name] != externalURL+path {
			t.Errorf("%s is %v", name, m[name])
		}
	}
	h := rec.Header()
	if h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "public, max-age=300" || h.Get("X-Request-ID") != "é" {
		t.Errorf("the headers are %v", h)
	}
	if rec := w.post(metadataPath, "{}"); rec.Code != 405 || rec.Header().Get("Allow") != "GET" {
		t.Errorf("POST: %d, %v", rec.Code, rec.Header())
	}
}

func marshalled(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v, json.Deterministic(true))
	must(t, err)
	return string(raw)
}
