// Package official compares what is said to PagerDuty, and what the fake answers,
// with PagerDuty's own description of its API.
package official

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/curfew-access/curfew/tests/contract"
)

const (
	file = "pagerduty/pagerduty-rest-v2-subset.json"
	// Scripted is the header by which the fake marks an answer that misbehaves.
	Scripted = "X-Fake-Scripted"
)

// Description is PagerDuty's, of the API.
type Description struct{ router routers.Router }

// Find returns where the description lies, or why there is none.
func Find() (path string, err error) { return contract.Find(file) }

// Load reads the description, once for a process: to check it takes half a second.
var Load = sync.OnceValues(load)

func load() (*Description, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	return read(path)
}

func read(path string) (*Description, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	loosen(document)
	raw, err = json.Marshal(document)
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
	if err != nil {
		return nil, err
	}
	return &Description{router}, nil
}

// loosen writes down what the documentation says and the description does not: any
// field may be null, but arrays and booleans; and an on-call's user is whole when it
// is asked for.
func loosen(document map[string]any) {
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	onCall := schemas["Oncall"].(map[string]any)["properties"].(map[string]any)
	onCall["user"] = map[string]any{"anyOf": []any{onCall["user"], map[string]any{"$ref": "#/components/schemas/User"}}}
	nullable(schemas)
}

func nullable(node any) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			nullable(child)
		}
	case map[string]any:
		if properties, ok := node["properties"].(map[string]any); ok {
			for name, property := range properties {
				properties[name] = orNull(property)
			}
		}
		for name, child := range node {
			if name != "example" && name != "examples" {
				nullable(child)
			}
		}
	}
}

// orNull lets a property be null. A reference, and a choice, become one more choice.
func orNull(property any) any {
	p, ok := property.(map[string]any)
	if !ok || p["type"] == "array" || p["type"] == "boolean" {
		return property
	}
	if _, plain := p["type"]; plain && p["enum"] == nil {
		p["nullable"] = true
		return p
	}
	if _, done := p["x-or-null"]; done {
		return p
	}
	null := map[string]any{"type": "object", "nullable": true, "maxProperties": 0, "additionalProperties": false}
	return map[string]any{"anyOf": []any{p, null}, "x-or-null": true}
}

// Watch returns a transport that makes the test fail for every request and every
// answer that is not as the description says. Without the description it watches
// nothing.
func Watch(tb testing.TB, next http.RoundTripper) http.RoundTripper {
	tb.Helper()
	if _, err := Find(); err != nil {
		return next
	}
	d, err := Load()
	if err != nil {
		tb.Fatal(err)
	}
	return watching{tb, d, next}
}

type watching struct {
	tb   testing.TB
	d    *Description
	next http.RoundTripper
}

// RoundTrip passes the request on, and looks at both sides.
func (w watching) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/oauth/") {
		return w.next.RoundTrip(r)
	}
	input, err := w.d.Request(r)
	if err != nil {
		w.tb.Errorf("the request %s %s: %v", r.Method, r.URL, err)
	}
	response, err := w.next.RoundTrip(r)
	if err != nil || input == nil || response.Header.Get(Scripted) != "" {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if err := w.d.Response(r.Context(), input, response, body); err != nil {
		w.tb.Errorf("the answer %d to %s %s: %v", response.StatusCode, r.Method, r.URL, err)
	}
	return response, nil
}

// Request compares a request.
func (d *Description) Request(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	local := r.Clone(r.Context())
	local.URL.Scheme, local.URL.Host, local.Host = "", "", ""
	if r.Body != nil && r.Body != http.NoBody {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body, local.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
	}
	route, values, err := d.router.FindRoute(local)
	if err != nil {
		return nil, err
	}
	input := &openapi3filter.RequestValidationInput{
		Request: local, PathParams: values, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, IncludeResponseStatus: true},
	}
	if err := unknown(route.Operation, local); err != nil {
		return input, err
	}
	return input, openapi3filter.ValidateRequest(r.Context(), input)
}

// unknown reports parameters that the operation does not have.
func unknown(operation *openapi3.Operation, r *http.Request) error {
	for name := range r.URL.Query() {
		if !slices.ContainsFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.In == "query" && p.Value.Name == name }) {
			return fmt.Errorf("the operation has no parameter %q", name)
		}
	}
	return nil
}

// Response compares an answer.
func (d *Description) Response(ctx context.Context, input *openapi3filter.RequestValidationInput, response *http.Response, body []byte) error {
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: input.Options,
	})
}
