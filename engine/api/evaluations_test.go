package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// all puts members beside a list of evaluations.
func all(beside string, items ...string) string {
	return `{` + beside + `"evaluations":[` + strings.Join(items, ",") + `]}`
}

const (
	meAndDebug = `"subject":{"type":"user","id":"alice@example.com"},"action":{"name":"debug"},`
	onAcme     = `{"resource":{"type":"customer","id":"acme"}}`
	onGlobex   = `{"resource":{"type":"customer","id":"globex"}}`
)

func wantList(t *testing.T, rec *httptest.ResponseRecorder, items ...string) {
	t.Helper()
	body := `{"evaluations":[` + strings.Join(items, ",") + `]}`
	said := decisionID.ReplaceAllString(rec.Body.String(), "")
	if rec.Code != 200 || said != body || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("answered %d %s, want\n%s", rec.Code, rec.Body, body)
	}
	conforms(t, "POST", evaluationsPath, rec)
}

func fault(message string) string {
	return `{"decision":false,"context":{"error":{"message":"` + message + `","status":400}}}`
}

func TestBatchIsTakenAsFarAsItsSemanticSays(t *testing.T) {
	w := newRealWorld(t, nil)
	w.granted()
	beside := func(semantic string) string {
		return meAndDebug + `"options":{"evaluations_semantic":"` + semantic + `"},`
	}
	broken := `{"resource":7}`
	itsFault := fault("invalid_evaluation: /resource: it is a number; want an object")
	for name, tc := range map[string]struct {
		body   string
		want   []string
		decide int // how many of them policy decided
	}{
		"all by default":                        {all(meAndDebug, onAcme, onGlobex, onAcme), []string{yes, no, yes}, 3},
		"all":                                   {all(beside("execute_all"), onGlobex, onAcme), []string{no, yes}, 2},
		"to the first no":                       {all(beside("deny_on_first_deny"), onAcme, onGlobex, onAcme), []string{yes, no}, 2},
		"to the first yes":                      {all(beside("permit_on_first_permit"), onGlobex, onAcme, onGlobex), []string{no, yes}, 2},
		"to the end if there is no no":          {all(beside("deny_on_first_deny"), onAcme, onAcme), []string{yes, yes}, 2},
		"to the end if there is no yes":         {all(beside("permit_on_first_permit"), onGlobex, onGlobex), []string{no, no}, 2},
		"a fault is a no, and the rest goes on": {all(meAndDebug, onAcme, broken, onAcme), []string{yes, itsFault, yes}, 2},
		"a fault is the first no":               {all(beside("deny_on_first_deny"), onAcme, broken, onAcme), []string{yes, itsFault}, 1},
		"a fault is no yes":                     {all(beside("permit_on_first_permit"), broken, onGlobex, broken, onAcme, onAcme), []string{itsFault, no, itsFault, yes}, 2},
		"nothing but faults":                    {all(meAndDebug, broken, broken), []string{itsFault, itsFault}, 0},
		"the first is a fault":                  {all(beside("deny_on_first_deny"), broken, onAcme), []string{itsFault}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			wantList(t, w.post(evaluationsPath, tc.body), tc.want...)
			if got := len(w.book.taken()); got != tc.decide {
				t.Errorf("%d decisions were taken down, want %d", got, tc.decide)
			}
		})
	}
}

func TestItemsReplaceDefaultsWhole(t *testing.T) {
	w := newRealWorld(t, map[string]string{"check/check.rego": `package check

decision := {"decision": input.subject.properties.a == 1, "reason": reason} if true

default reason := "nothing"

reason := input.context.is
`})
	const entities = `"subject":{"type":"user","id":"x","properties":{"a":1}},"action":{"name":"a"},"resource":{"type":"t","id":"r"}`
	explained := func(reason string) string { return `{"decision":true,"context":{"reason":"` + reason + `"}}` }
	beside := entities + `,"context":{"explain":true,"is":"default"},`
	for name, tc := range map[string]struct {
		body string
		want []string
	}{
		"an item of nothing is the defaults":       {all(beside, `{}`), []string{explained("default")}},
		"defaults may stand after the list":        {`{"evaluations":[{}],` + strings.TrimSuffix(beside, ",") + `}`, []string{explained("default")}},
		"a context replaces the default one":       {all(beside, `{"context":{"explain":true}}`), []string{explained("nothing")}},
		"a context of null is none":                {all(beside, `{"context":null}`), []string{yes}},
		"one that does not ask is not explained":   {all(beside, `{"context":{}}`, `{}`), []string{yes, explained("default")}},
		"an entity is not merged with the default": {all(beside, `{"subject":{"id":"y"}}`), []string{fault("invalid_evaluation: /subject/type: it is missing or empty, and required")}},
		"an entity of null is none":                {all(beside, `{"subject":null}`), []string{fault("invalid_evaluation: /subject: it is null; want an object")}},
		"an item that is none is a fault":          {all(beside, `7`, `null`), []string{fault("invalid_evaluation: it is a number; want an object"), fault("invalid_evaluation: it is null; want an object")}},
		"what nobody has is missing":               {all("", `{`+entities+`}`, `{}`), []string{yes, fault("invalid_evaluation: /subject/type: it is missing or empty, and required")}},
		"members that are not known are ignored":   {all(`"x":{"evaluations":[1]},`+beside, `{"x":1,"evaluations":[{}]}`), []string{explained("default")}},
	} {
		t.Run(name, func(t *testing.T) {
			wantList(t, w.post(evaluationsPath, tc.body), tc.want...)
		})
	}
	if wrong := w.post(evaluationsPath, all(entities+`,`, `{"subject":{"type":"user","id":"x"}}`)); wrong.Code != 200 || strings.Contains(wrong.Body.String(), "true") {
		t.Errorf("with a subject of its own, without the property: %d %s", wrong.Code, wrong.Body)
	}
}

func TestBatchWithoutAListIsOneEvaluation(t *testing.T) {
	w := newRealWorld(t, nil)
	w.granted()
	for name, rest := range map[string]string{
		"no list": "", "an empty one": `,"evaluations":[]`, "null": `,"evaluations":null`, "with options": `,"options":{"evaluations_semantic":"deny_on_first_deny"}`,
		"with other options": `,"options":{"x":1}`, "with null for options": `,"options":null`,
	} {
		rec := w.post(evaluationsPath, asking(rest))
		if rec.Code != 200 || rec.Body.String() != yes {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		conforms(t, "POST", evaluationsPath, rec)
	}
	wantPlain(t, w.post(evaluationsPath, `{"evaluations":[]}`), 400, "invalid_evaluation: /subject/type: ")
}

func TestBatchThatIsNoneIsRefusedWhole(t *testing.T) {
	w := newWorld(t)
	many := make([]string, 1001)
	for i := range many {
		many[i] = `{}`
	}
	for name, tc := range map[string]struct{ body, begins string }{
		"a list of another type":    {`{"evaluations":{}}`, "invalid_evaluation: /evaluations: it is an object; want an array"},
		"a default of another type": {all(`"subject":7,`, onAcme), "invalid_evaluation: /subject: it is a number"},
		"an unknown semantic":       {all(`"options":{"evaluations_semantic":"some"},`, onAcme), "invalid_evaluation: /options/evaluations_semantic: "},
		"a semantic that is null":   {all(`"options":{"evaluations_semantic":null},`, onAcme), "invalid_evaluation: /options/evaluations_semantic: "},
		"options of another type":   {all(`"options":[],`, onAcme), "invalid_evaluation: /options: it is an array"},
		"more than a thousand":      {all(meAndDebug, many...), "too_many_evaluations: /evaluations: "},
		"a list that does not end":  {`{"evaluations":[{}`, "malformed_json: "},
		"a brace in the list":       {`{"evaluations":[{}}`, "malformed_json: "},
		"a member twice in an item": {all(meAndDebug, `{"action":{"name":"a"},"action":{"name":"b"}}`), "duplicate_field: /evaluations/0/action: "},
	} {
		t.Run(name, func(t *testing.T) { wantPlain(t, w.post(evaluationsPath, tc.body), 400, tc.begins) })
	}
	if rec := w.post(evaluationsPath, all(asking("")[1:len(asking(""))-1]+",", many[:1000]...)); rec.Code != 200 || strings.Count(rec.Body.String(), "decision") != 1000 {
		t.Errorf("a thousand: %d %.100s", rec.Code, rec.Body)
	}
	if events := w.book.taken(); len(events) != 1000 {
		t.Errorf("%d decisions were taken down", len(events))
	}
}

// A batch may be larger than any other body.
func TestBatchOfHalfAMegabyteIsRead(t *testing.T) {
	w := newWorld(t)
	item := `{"resource":{"type":"customer","id":"globex","properties":{"x":"` + strings.Repeat("a", 500) + `"}}}`
	items := make([]string, 1000)
	for i := range items {
		items[i] = item
	}
	if rec := w.post(evaluationsPath, all(meAndDebug, items...)); rec.Code != 200 {
		t.Errorf("answered %d %s", rec.Code, rec.Body)
	}
}

func TestBatchIsOfTheScopeOfAllUnlessAllIsOnesOwn(t *testing.T) {
	w := newRealWorld(t, nil) // in which bob may see everything, and carol only her own
	mine := `{"subject":{"type":"user","id":"carol@example.com"},"resource":{"type":"customer","id":"acme"}}`
	for name, tc := range map[string]struct {
		items  []string
		status int
	}{
		"one's own":                     {[]string{mine, mine}, 200},
		"one's own, spelled otherwise":  {[]string{strings.Replace(mine, "carol", "Carol", 1)}, 200},
		"one's own and one that is not": {[]string{mine, onAcme}, 403},
		"somebody who can not be":       {[]string{strings.Replace(mine, "user", "group", 1)}, 403},
		"a fault asks about nobody":     {[]string{mine, `7`}, 200},
	} {
		rec := w.asCarol("POST", evaluationsPath, all(meAndDebug, tc.items...))
		if rec.Code != tc.status {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	if rec := w.asBob("POST", evaluationsPath, all(meAndDebug, mine, onAcme)); rec.Code != 200 {
		t.Errorf("bob: %d %s", rec.Code, rec.Body)
	}
}

func TestBatchThatNoStoreAnswersIsNo(t *testing.T) {
	w := newWorld(t)
	w.granted()
	wantList(t, w.post(evaluationsPath, all(meAndDebug, onAcme, onGlobex)), yes, no)
	w.book.taken()
	must(t, w.ledger.Close())
	explain := meAndDebug + `"context":{"explain":true},`
	unavailable := `{"decision":false,"context":{"reason":"unavailable"}}`
	live := `{"decision":true,"context":{"reason":"live_grant"}}`
	wantList(t, w.post(evaluationsPath, all(explain, onGlobex, onAcme, onGlobex)), unavailable, live, unavailable) // acme by the lease
	first := explain + `"options":{"evaluations_semantic":"deny_on_first_deny"},`
	wantList(t, w.post(evaluationsPath, all(first, onAcme, onGlobex, onAcme)), live, unavailable)
	if got := len(w.book.taken()); got != 5 {
		t.Errorf("%d decisions were taken down, want 5", got)
	}
}

// A default is sent once and decided as often as it is inherited.
func TestBatchIsBoundedWithWhatItInherits(t *testing.T) {
	w := newRealWorld(t, nil)
	beside := meAndDebug + `"resource":{"type":"customer","id":"acme"},"context":{"x":"` + strings.Repeat("a", 100_000) + `"},`
	many := strings.Split(strings.Repeat(`{} `, 1000), " ")[:1000]
	rec := w.post(evaluationsPath, all(beside, many...))
	wantProblem(t, rec, 413, "body_too_large", "/evaluations")
	if got := len(w.book.taken()); got != 0 {
		t.Errorf("%d were decided", got)
	}
	wantList(t, w.post(evaluationsPath, all(beside, many[:2]...)), no, no)
	wantList(t, w.post(evaluationsPath, all(beside, many[0], `{"context":{}}`)), no, no)
}

// FuzzEvaluationsAreReadAsJSON holds the reader of batches against one made by
// reflection.
func FuzzEvaluationsAreReadAsJSON(f *testing.F) {
	f.Add(asking(""))
	f.Add(all(meAndDebug, onAcme, `{}`, `7`, `{"context":null}`))
	f.Add(all(`"options":{"evaluations_semantic":"deny_on_first_deny"},`, `{"subject":{"type":"\u0061","id":"\ud83d\ude00"}}`))
	f.Add(`{"evaluations":[{"context":{"explain":true},"x":[[{}]]},[],""],"context":{"a":1e400}}`)
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, evaluationsPath, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+aliceSecret)
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		var sent struct {
			Evaluations []any `json:"evaluations"`
		}
		err := json.Unmarshal([]byte(body), &sent)
		for _, event := range w.book.taken() {
			if !jsontext.Value(event.Input).IsValid() {
				t.Errorf("policy saw %s of %q", event.Input, body)
			}
		}
		switch rec.Code {
		case http.StatusOK:
			var answer struct {
				Evaluations []any `json:"evaluations"`
				Decision    *bool `json:"decision"`
			}
			must(t, json.Unmarshal(rec.Body.Bytes(), &answer))
			if err != nil || len(answer.Evaluations) > len(sent.Evaluations) || (answer.Decision == nil) != (len(sent.Evaluations) > 0) {
				t.Errorf("answered %s to %q, which is %d evaluations, %v", rec.Body, body, len(sent.Evaluations), err)
			}
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("answered %d %s to %q", rec.Code, rec.Body, body)
		}
	})
}
