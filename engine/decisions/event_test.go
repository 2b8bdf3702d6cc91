package decisions_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/decisions"
)

// opaEvent has the members of OPA's EventV1 (v1/plugins/logs), with their types.
type opaEvent struct {
	Labels              map[string]string `json:"labels"`
	DecisionID          string            `json:"decision_id"`
	BatchDecisionID     string            `json:"batch_decision_id,omitempty"`
	TraceID             string            `json:"trace_id,omitempty"`
	SpanID              string            `json:"span_id,omitempty"`
	Revision            string            `json:"revision,omitempty"`
	Bundles             map[string]bundle `json:"bundles,omitempty"`
	Path                string            `json:"path,omitempty"`
	Query               string            `json:"query,omitempty"`
	Input               *any              `json:"input,omitempty"`
	Result              *any              `json:"result,omitempty"`
	IntermediateResults map[string]any    `json:"intermediate_results,omitempty"`
	MappedResult        *any              `json:"mapped_result,omitempty"`
	NDBuiltinCache      *any              `json:"nd_builtin_cache,omitempty"`
	Erased              []string          `json:"erased,omitempty"`
	Masked              []string          `json:"masked,omitempty"`
	Error               *opaError         `json:"error,omitempty"` // an interface there, which is written as such an object
	RequestedBy         string            `json:"requested_by,omitempty"`
	Timestamp           time.Time         `json:"timestamp"`
	Metrics             map[string]any    `json:"metrics,omitempty"`
	RequestID           uint64            `json:"req_id,omitempty"`
	RuleLabels          []map[string]any  `json:"rule_labels,omitempty"`
	Custom              map[string]any    `json:"custom,omitempty"`
}

type bundle struct {
	Revision string `json:"revision,omitempty"`
}

type opaError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func decodeStrictly(t *testing.T, line []byte) (e opaEvent) {
	t.Helper()
	if bytes.ContainsAny(line, "\r\n") {
		t.Fatalf("a line is several: %q", line)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return e
}

func TestLineIsAnEventOfOPA(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 9, 0, 0, 123456000, time.FixedZone("", 3600))
	in := access.DecisionEvent{
		ID: "dec_01", Path: "access/decision", Revision: "abc", BundleRevision: "v7", Input: json.RawMessage("{\"a\":\r\n [1,\n2]}"),
		Result: json.RawMessage(`{"effect":"deny"}`), Failure: "policy_timeout", At: at, Took: 1500 * time.Nanosecond,
		Caller: access.Subject{Type: "user", ID: "alice@example.com"}, Source: "192.0.2.7", HTTPRequestID: "r\"1",
	}
	var input, result any = map[string]any{"a": []any{1.0, 2.0}}, map[string]any{"effect": "deny"}
	want := opaEvent{
		Labels: map[string]string{"id": "node", "version": "1"}, DecisionID: "dec_01", Path: "access/decision", Revision: "abc",
		Bundles: map[string]bundle{"policies": {"v7"}}, Input: &input, Result: &result, RequestedBy: "192.0.2.7", Timestamp: at.UTC(),
		Error:   &opaError{"policy_timeout", "policy gave no answer of its own"},
		Metrics: map[string]any{"timer_server_handler_ns": 1500.0},
		Custom:  map[string]any{"caller": "user:alice@example.com", "http_request_id": "r\"1"},
	}
	got := decodeStrictly(t, decisions.NewForm(map[string]string{"id": "node", "version": "1"}, decisions.Masks{}).Line(in))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestWhatIsAbsentIsLeftOut(t *testing.T) {
	t.Parallel()
	line := decisions.Form{}.Line(access.DecisionEvent{ID: "dec_01", Path: "check/decision"})
	for _, name := range []string{"input", "result", "error", "erased", "bundles", "revision", "requested_by", "http_request_id"} {
		if bytes.Contains(line, []byte(`"`+name+`"`)) {
			t.Errorf("%s is in %s", name, line)
		}
	}
	if got := decodeStrictly(t, line); got.Labels == nil {
		t.Errorf("labels are not in %s", line)
	}
	null := decisions.Form{}.Line(access.DecisionEvent{ID: "dec_01", Input: json.RawMessage("null")})
	if !bytes.Contains(null, []byte(`"input":null`)) {
		t.Errorf("an input that is null is not in %s", null)
	}
}

func TestEventThatIsTooLongLosesItsResultFirst(t *testing.T) {
	t.Parallel()
	long := json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)
	for name, tc := range map[string]struct {
		input, result json.RawMessage
		erased        []string
	}{
		"a long result":      {json.RawMessage(`{}`), long, []string{"/result"}},
		"a long input":       {long, json.RawMessage(`{}`), []string{"/result", "/input"}},
		"a long input alone": {long, nil, []string{"/input"}},
		"neither":            {json.RawMessage(`{}`), json.RawMessage(`{}`), nil},
	} {
		got := decodeStrictly(t, decisions.Form{}.Line(access.DecisionEvent{ID: "dec_01", Input: tc.input, Result: tc.result}))
		if !reflect.DeepEqual(got.Erased, tc.erased) {
			t.Errorf("%s: erased are %v, want %v", name, got.Erased, tc.erased)
		}
	}
}

// FuzzLine: whatever the texts and documents, a line is one JSON object that says
// what was recorded.
func FuzzLine(f *testing.F) {
	f.Add("dec_01", "access/decision", "req-1", "alice@example.com", `{"a":1}`, `true`, int64(1), "/input/a")
	f.Add("dec_01", "a\"b\\c\n", "\xff\x00é\u2028", "", "{\"a\":\n[1,\r\n{}]}", `"\n"`, int64(-1), "/result/x/*/~1")
	f.Add("", "", "", "", `null`, `[[],{"":null}]`, int64(1e18), "/input")
	f.Add("x", "\x7f", "\xc3\x28", "🙂", "{\"a\":{\"a\":[1,2,3]}}", `1e400`, int64(0), "/input/a/a/1")
	f.Fuzz(func(t *testing.T, id, path, request, caller, input, result string, nanos int64, mask string) {
		e := access.DecisionEvent{
			ID: id, Path: path, HTTPRequestID: request, Revision: caller, Failure: path, Source: request,
			Caller: access.Subject{Type: "user", ID: caller}, At: time.Unix(0, nanos), Took: time.Duration(nanos),
		}
		if json.Valid([]byte(input)) {
			e.Input = json.RawMessage(input)
		}
		if json.Valid([]byte(result)) {
			e.Result = json.RawMessage(result)
		}
		masks, _ := decisions.ParseMasks([]string{mask})
		for _, form := range []decisions.Form{{}, decisions.NewForm(map[string]string{request: path}, masks)} {
			line := form.Line(e)
			if bytes.ContainsAny(line, "\r\n") {
				t.Fatalf("a line is several: %q", line)
			}
			if !json.Valid(line) {
				t.Fatalf("not JSON: %q", line)
			}
			var got struct {
				DecisionID string          `json:"decision_id"`
				Path       string          `json:"path"`
				Input      json.RawMessage `json:"input"`
				Erased     []string        `json:"erased"`
			}
			must(t, json.Unmarshal(line, &got))
			if got.DecisionID != mended(id) || got.Path != mended(path) {
				t.Errorf("%q and %q came back as %q and %q", id, path, got.DecisionID, got.Path)
			}
			if len(got.Erased) == 0 && e.Input != nil && !same(t, got.Input, e.Input) {
				t.Errorf("the input %s came back as %s", e.Input, got.Input)
			}
		}
	})
}

func mended(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	raw, _ := json.Marshal(text)
	var out string
	_ = json.Unmarshal(raw, &out)
	return out
}

func same(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var compactA, compactB bytes.Buffer
	must(t, json.Compact(&compactA, a))
	must(t, json.Compact(&compactB, b))
	return bytes.Equal(compactA.Bytes(), compactB.Bytes())
}
