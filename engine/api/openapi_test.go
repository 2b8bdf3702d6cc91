package api_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

type described struct {
	*openapi3.T
	codes map[string]problemCode
}

type problemCode struct {
	Status  int    `json:"status"`
	Meaning string `json:"meaning"`
}

// document is openapi.json with every object closed, so that an answer with a
// member that is not described is found.
func document(t testing.TB) described {
	t.Helper()
	d, err := loaded()
	must(t, err)
	return d
}

var loaded = sync.OnceValues(func() (d described, err error) {
	raw, err := os.ReadFile("openapi.json")
	if err != nil {
		return d, err
	}
	if d.T, err = openapi3.NewLoader().LoadFromData(raw); err != nil {
		return d, err
	}
	for _, s := range d.Components.Schemas {
		err := s.WalkSubtree(func(_ string, ref *openapi3.SchemaRef) error {
			if len(ref.Value.Properties) > 0 {
				ref.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: openapi3.Ptr(false)}
			}
			return nil
		})
		if err != nil {
			return d, err
		}
	}
	var codes struct {
		Codes map[string]problemCode `json:"x-problem-codes"`
	}
	err = json.Unmarshal(raw, &codes)
	d.codes = codes.Codes
	return d, err
})

func TestDocumentIsValidAndServedAsItIs(t *testing.T) {
	raw, err := os.ReadFile("openapi.json")
	must(t, err)
	if rec := newWorld(t).get("/openapi.json"); !bytes.Equal(rec.Body.Bytes(), raw) {
		t.Fatal("another document is served")
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	must(t, err)
	must(t, doc.Validate(t.Context(), openapi3.EnableSchemaFormatValidation()))
}

func TestDocumentDescribesTheRoutesAndNoOthers(t *testing.T) {
	var routed, written []string
	for _, r := range newWorld(t).handler.(*gin.Engine).Routes() {
		if strings.HasPrefix(r.Path, "/hooks/") {
			continue
		}
		parts := strings.Split(r.Path, "/")
		for i, p := range parts {
			if p != "" && strings.Contains(":*", p[:1]) {
				parts[i] = "{" + p[1:] + "}"
			}
		}
		routed = append(routed, r.Method+" "+strings.Join(parts, "/"))
	}
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			written = append(written, method+" "+path)
			open := op.Security != nil && len(*op.Security) == 0
			closed := strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/access/") && path != engine.RequestSchemaPath
			if open == closed {
				t.Errorf("%s %s: security is %v", method, path, op.Security)
			}
		}
	}
	slices.Sort(routed)
	slices.Sort(written)
	if !slices.Equal(routed, written) {
		t.Fatalf("routes are\n%s\nthe document has\n%s", strings.Join(routed, "\n"), strings.Join(written, "\n"))
	}
}

func TestDocumentListsTheQueryParametersThatAreTaken(t *testing.T) {
	w := newWorld(t)
	for path, item := range document(t).Paths.Map() {
		if item.Get == nil || !strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v1/data") {
			continue // OPA ignores what it does not know
		}
		var names []string
		for _, p := range item.Get.Parameters {
			if p.Value.In == "query" {
				names = append(names, p.Value.Name)
			}
		}
		p := want[struct{ Detail string }](t, w.get(path+"?nothing=1"), 422)
		_, taken, _ := strings.Cut(p.Detail, "this route takes ")
		got := strings.Split(taken, ", ")
		if len(names) == 0 {
			names = []string{"no query parameters"}
		}
		slices.Sort(names)
		slices.Sort(got)
		if !slices.Equal(names, got) {
			t.Errorf("%s takes %v, the document has %v", path, got, names)
		}
	}
}

func TestAnswersAreAsTheDocumentSays(t *testing.T) {
	w := newWorld(t)
	check := func(method, path string, rec *httptest.ResponseRecorder) *httptest.ResponseRecorder {
		t.Helper()
		conforms(t, method, path, rec)
		return rec
	}
	check("POST", "/v1/decisions", w.post("/v1/decisions", askFor2h))
	approved := want[engine.RequestView](t, check("POST", "/v1/requests", w.post("/v1/requests", askFor2h)), 201)
	w.policy.set(access.Review)
	check("POST", "/v1/decisions", w.post("/v1/decisions", ask(`,"while":"oncall","reason":"x"`)))
	var ids [3]string
	for i := range ids {
		ids[i] = want[engine.RequestView](t, check("POST", "/v1/requests", w.post("/v1/requests", ask(`,"for":"2h","reason":"x","emergency":true`))), 201).ID
	}
	check("POST", "/v1/requests/{id}/approve", w.asBob("POST", "/v1/requests/"+ids[0]+"/approve", `{"for":"30s","comment":"y"}`))
	check("POST", "/v1/requests/{id}/deny", w.asBob("POST", "/v1/requests/"+ids[1]+"/deny", `{"comment":"n"}`))
	check("POST", "/v1/requests/{id}/withdraw", w.post("/v1/requests/"+ids[2]+"/withdraw", ""))
	w.policy.set(access.Deny)
	check("POST", "/v1/requests", w.post("/v1/requests", askFor2h))
	check("GET", "/v1/requests", w.get("/v1/requests?limit=2"))
	check("GET", "/v1/requests/{id}", w.get("/v1/requests/"+ids[0]))
	check("GET", "/v1/grants/{id}", w.get("/v1/grants/"+approved.Grant.ID))
	check("POST", "/v1/grants/{id}/revoke", w.post("/v1/grants/"+approved.Grant.ID+"/revoke", ""))
	check("GET", "/v1/grants", w.get("/v1/grants"))
	check("GET", "/v1/resources", w.get("/v1/resources?limit=1"))
	check("GET", "/v1/resources/{type}/{id}", w.get("/v1/resources/customer/acme"))
	check("GET", "/v1/resources/{type}/{id}", w.get("/v1/resources/customer/none"))
	check("GET", "/v1/audit/events", w.do(sent{method: "GET", path: "/v1/audit/events", header: map[string]string{"Authorization": ""}}))
	w.stored()
	check("GET", "/v1/audit/events", w.get("/v1/audit/events"))
	w.logged(`{"a":1}`)
	check("GET", "/v1/decisions", w.get("/v1/decisions"))
	check("GET", "/v1/decisions/{id}", w.get("/v1/decisions/"+approved.Decision.ID))
	check("GET", "/healthz", w.get("/healthz"))
	check("GET", "/readyz", w.get("/readyz"))
	w.ready.Status = "unavailable"
	check("GET", "/readyz", w.get("/readyz"))
	check("POST", "/v1/requests", w.post("/v1/requests", "{"))
	check("POST", "/v1/requests", w.post("/v1/requests", ask(`,"for":1`)))
	check("POST", "/v1/requests", w.post("/v1/requests", strings.Repeat(" ", 100_000)))
	check("POST", "/v1/requests/{id}/approve", w.asBob("POST", "/v1/requests/"+ids[0]+"/approve", ""))
	w.policy.refuse = "grant.list"
	check("GET", "/v1/grants", w.get("/v1/grants"))
}

// conforms holds an answer against its schema in the document.
func conforms(t testing.TB, method, path string, rec *httptest.ResponseRecorder) {
	t.Helper()
	op := document(t).Paths.Find(path).GetOperation(method)
	response := op.Responses.Value(strconv.Itoa(rec.Code))
	if response == nil {
		t.Fatalf("%s %s: %d is not described: %s", method, path, rec.Code, rec.Body)
	}
	media, _, _ := strings.Cut(rec.Header().Get("Content-Type"), ";")
	content := response.Value.Content[media]
	if content == nil {
		t.Fatalf("%s %s: %d as %q is not described", method, path, rec.Code, media)
	}
	var answer any = rec.Body.String()
	if strings.HasSuffix(media, "json") {
		must(t, json.Unmarshal(rec.Body.Bytes(), &answer))
	}
	if err := content.Schema.Value.VisitJSON(answer, openapi3.EnableJSONSchema2020(), openapi3.EnableFormatValidation(), openapi3.MultiErrors()); err != nil {
		t.Errorf("%s %s: %d is not as described: %v\n%s", method, path, rec.Code, err, rec.Body)
	}
}

// TestConformsFindsFaults shows that the check above can fail.
func TestConformsFindsFaults(t *testing.T) {
	schema := document(t).Components.Schemas["Problem"].Value
	good := map[string]any{"type": "x", "title": "X", "status": 422.0, "code": "x", "request_id": "x"}
	if err := schema.VisitJSON(good, openapi3.EnableJSONSchema2020()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]any){
		"a member too many": func(m map[string]any) { m["stack"] = "x" },
		"a member too few":  func(m map[string]any) { delete(m, "code") },
		"another type":      func(m map[string]any) { m["status"] = "422" },
	} {
		bad := map[string]any{}
		for k, v := range good {
			bad[k] = v
		}
		change(bad)
		if err := schema.VisitJSON(bad, openapi3.EnableJSONSchema2020()); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
}
