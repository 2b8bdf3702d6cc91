package pdp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// evaluation is an evaluation as it was sent: may Alice debug acme.
func evaluation(grants ...access.CheckGrant) access.CheckInput {
	return access.CheckInput{
		Subject:  json.RawMessage(`{"type":"user","id":"alice@example.com","properties":{"clearance":3}}`),
		Resource: json.RawMessage(`{"type":"customer","id":"acme"}`),
		Action:   json.RawMessage(`{"name":"debug"}`),
		Context:  json.RawMessage(`{"device":{"managed":true}}`),
		Grants:   grants,
		Now:      now,
	}
}

var live = access.CheckGrant{
	Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: "acme"}, ExpiresAt: now.Add(time.Hour),
}

func TestCheckIsAnsweredByTheTeamsPolicyOrByLiveGrants(t *testing.T) {
	for name, tc := range map[string]struct {
		policy string
		in     access.CheckInput
		yes    bool
		reason string
		failed bool
	}{
		"shipped, with a live grant":    {"", evaluation(live), true, "live_grant", false},
		"shipped, with none":            {"", evaluation(), false, "no_live_grant", false},
		"by what was sent of a subject": {`decision := {"decision": input.subject.properties.clearance > 2, "reason": "cleared"}`, evaluation(), true, "cleared", false},
		"by what was sent as context":   {`decision := {"decision": input.context.device.managed, "reason": "managed"}`, evaluation(), true, "managed", false},
		"by the grant's end":            {`decision := {"decision": input.grants[_].expires_at == "2026-03-02T11:00:00Z", "reason": "until"}`, evaluation(live), true, "until", false},
		"by the time":                   {`decision := {"decision": input.now == "2026-03-02T10:00:00Z", "reason": "now"}`, evaluation(), true, "now", false},
		"undefined":                     {`decision := {"decision": true, "reason": "x"} if input.nothing`, evaluation(live), false, "policy_undefined", true},
		"a plain boolean":               {`decision := true`, evaluation(live), false, "policy_malformed", true},
		"no reason":                     {`decision := {"decision": true}`, evaluation(live), false, "policy_malformed", true},
		"an empty reason":               {`decision := {"decision": true, "reason": ""}`, evaluation(live), false, "policy_malformed", true},
		"a decision that is a text":     {`decision := {"decision": "true", "reason": "x"}`, evaluation(live), false, "policy_malformed", true},
		"a member too many":             {`decision := {"decision": true, "reason": "x", "allow": true}`, evaluation(live), false, "policy_malformed", true},
		"two answers": {`decision := {"decision": d, "reason": "x"} if some d in [true, false]`,
			evaluation(live), false, "policy_error", true},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			if tc.policy != "" {
				files["check.rego"] = "package check\n" + tc.policy
			}
			p := open(t, files)
			got := p.Check(t.Context(), []access.CheckInput{tc.in}, nil)
			if len(got) != 1 {
				t.Fatalf("got %d answers", len(got))
			}
			a := got[0]
			if a.Decision != tc.yes || a.Reason != tc.reason || (a.Failure != nil) != tc.failed || a.Revision != p.Revision() {
				t.Errorf("got %+v", a)
			}
			if !json.Valid(a.Input) {
				t.Errorf("the input is %s", a.Input)
			}
		})
	}
}

func TestChecksEndWithTheFirstThatIsToBeTheLast(t *testing.T) {
	p := open(t, nil)
	inputs := []access.CheckInput{evaluation(live), evaluation(), evaluation(live)}
	if got := p.Check(t.Context(), inputs, func(a access.CheckAnswer) bool { return !a.Decision }); len(got) != 2 {
		t.Errorf("got %d answers, want it to end with the first no", len(got))
	}
}

func TestCheckThatTakesTooLongDoesNotTakeTheTimeOfOthers(t *testing.T) {
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Timeout: time.Second, Dir: team(t, map[string]string{"check.rego": `package check
decision := {"decision": true, "reason": "quick"} if input.resource.id != "slow"
decision := {"decision": true, "reason": "slow"} if {
	input.resource.id == "slow"
	count([1 | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a + b == 0]) == 0
}`})})
	if err != nil {
		t.Fatal(err)
	}
	quick, slow := evaluation(), evaluation()
	slow.Resource = json.RawMessage(`{"type":"customer","id":"slow"}`)
	var seen []string
	got := p.Check(t.Context(), []access.CheckInput{quick, slow, quick, slow, quick}, func(a access.CheckAnswer) bool {
		seen = append(seen, a.Reason)
		return false
	})
	want := []string{"quick", "policy_timeout", "quick", "policy_timeout", "quick"}
	if !slices.Equal(seen, want) || len(got) != len(want) {
		t.Fatalf("got %v", seen)
	}
	for i, a := range got {
		if a.Reason != want[i] || a.Decision != (want[i] == "quick") || a.Revision != p.Revision() || !json.Valid(a.Input) {
			t.Errorf("the answer %d is %+v", i, a)
		}
	}
}

// TestCheckThatIsStoppedHasOneAnswer asks often: who stops a check and the check
// that is stopped may both want to say so.
func TestCheckThatIsStoppedHasOneAnswer(t *testing.T) {
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Timeout: 400 * time.Millisecond, Dir: team(t, map[string]string{"check.rego": `package check
decision := {"decision": true, "reason": "quick"} if input.resource.id != "slow"
decision := {"decision": true, "reason": "slow"} if {
	input.resource.id == "slow"
	` + loops + `
}`})})
	if err != nil {
		t.Fatal(err)
	}
	slow := evaluation()
	slow.Resource = json.RawMessage(`{"type":"customer","id":"slow"}`)
	inputs := []access.CheckInput{slow, evaluation(), evaluation(), evaluation()}
	for range 6 {
		var seen []string
		for _, a := range p.Check(t.Context(), inputs, nil) {
			seen = append(seen, a.Reason)
		}
		if want := []string{"policy_timeout", "quick", "quick", "quick"}; !slices.Equal(seen, want) {
			t.Fatalf("got %v", seen)
		}
	}
}

func TestPolicySeesOfEachCheckItsOwnInput(t *testing.T) {
	p := open(t, map[string]string{"check.rego": `package check
decision := {"decision": true, "reason": sprintf("%s %s %s %v %d %s", [
	input.subject.id, input.resource.id, input.action.name, object.get(input, "context", "none"), count(input.grants), input.now,
])}`})
	var inputs []access.CheckInput
	var want []string
	for i := range 12 {
		who, what, action, context := fmt.Sprint("s", i/6), fmt.Sprint("r", i%3), fmt.Sprint("a", i/3%2), fmt.Sprintf(`{"n":%d}`, i/4)
		in := access.CheckInput{
			Subject: json.RawMessage(`{"id":"` + who + `"}`), Resource: json.RawMessage(`{"id":"` + what + `"}`),
			Action: json.RawMessage(`{"name":"` + action + `"}`), Context: json.RawMessage(context), Now: now.Add(time.Duration(i/5) * time.Hour),
		}
		shown := strings.ReplaceAll(context, ":", ": ")
		if i%4 == 3 {
			in.Context, shown = nil, "none"
		}
		if i%2 == 1 {
			in.Grants = []access.CheckGrant{live}
		}
		inputs = append(inputs, in)
		want = append(want, fmt.Sprintf("%s %s %s %s %d %s", who, what, action, shown, i%2, in.Now.Format(time.RFC3339)))
	}
	for i, a := range p.Check(t.Context(), inputs, nil) {
		if a.Reason != want[i] {
			t.Errorf("check %d: policy saw %q, want %q (%v)", i, a.Reason, want[i], a.Failure)
		}
	}
}

func TestQueryEvaluatesAnyDocument(t *testing.T) {
	p := open(t, map[string]string{
		"data.yaml":  teams,
		"mine.rego":  "package mine\nx := input.a + 1\ns contains 2\ns contains 1\no[[1]] := {\"a\\n\": \"é\"}\nf(x) := x",
		"wrong.rego": "package wrong\na := e if some e in [1, 2]\nb if to_number(input.text) == 1\nc if not b",
		"n.rego":     "package n\nread := to_number(input.text)\ntwice := input.n * 2",
	})
	for name, tc := range map[string]struct {
		path   []string
		input  string
		strict bool
		want   string
		code   string
	}{
		"a rule":                            {[]string{"mine", "x"}, `{"a": 1}`, false, `2`, ""},
		"a number as it was written":        {[]string{"mine"}, `{"a": 1.50}`, false, `{"o":{"[1]":{"a\n":"é"}},"s":[1,2],"x":2.5}`, ""},
		"data":                              {[]string{"teams", "payments"}, ``, false, `{"schedules":["payments-primary"]}`, ""},
		"undefined":                         {[]string{"mine", "x"}, `{}`, false, ``, ""},
		"without input":                     {[]string{"mine", "x"}, ``, false, ``, ""},
		"no such document":                  {[]string{"a b", "c\"d"}, `{}`, false, ``, ""},
		"a conflict":                        {[]string{"wrong", "a"}, `{}`, false, ``, "policy_error"},
		"an error in a built-in":            {[]string{"wrong", "c"}, `{"text": "x"}`, false, `true`, ""},
		"an error in a built-in, strictly":  {[]string{"wrong", "c"}, `{"text": "x"}`, true, ``, "policy_error"},
		"an input that is not JSON":         {[]string{"mine"}, `{"a": }`, false, ``, "invalid"},
		"an input with a member twice":      {[]string{"mine"}, `{"a": 1, "a": 2}`, false, ``, "invalid"},
		"a number that JSON has not":        {[]string{"n", "read"}, `{"text": "007"}`, false, ``, "policy_malformed"},
		"a number of another base":          {[]string{"n", "read"}, `{"text": "0x1p4"}`, false, ``, "policy_malformed"},
		"a large number":                    {[]string{"n", "twice"}, `{"n": 1e20}`, false, `200000000000000000000`, ""},
		"a number beyond all arithmetic":    {[]string{"n", "twice"}, `{"n": 1e10000000}`, false, ``, "invalid"},
		"one that is as near to nothing":    {[]string{"n", "twice"}, `{"n": 1E-10000000}`, false, ``, "invalid"},
		"an input with half of a character": {[]string{"mine"}, `"\ud800"`, false, ``, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			q := access.Query{Path: tc.path, StrictErrors: tc.strict, Metrics: true}
			if tc.input != "" {
				q.Input = json.RawMessage(tc.input)
			}
			got, err := p.Query(t.Context(), q)
			switch {
			case tc.code == "invalid":
				if !errors.Is(err, access.ErrInvalid) {
					t.Errorf("got %v", err)
				}
			case (err != nil) != (tc.code != "") || err != nil && codeOf(err) != tc.code:
				t.Errorf("got %v", err)
			case string(got.Result) != tc.want:
				t.Errorf("got %s, want %s", got.Result, tc.want)
			case err == nil && got.Metrics["timer_rego_query_eval_ns"] == 0:
				t.Errorf("the metrics are %v", got.Metrics)
			}
		})
	}
}

// A caller chooses the parts of a path, and a part may hold any byte: it must not
// be answered what another path has, nor spoil the answer to that.
func TestPathsShareNoPreparedQuery(t *testing.T) {
	for name, first := range map[string][]string{"the document first": {"teams", "payments"}, "the other first": {"teams\x00payments"}} {
		t.Run(name, func(t *testing.T) {
			p := open(t, map[string]string{"data.yaml": teams})
			for _, path := range [][]string{first, {"teams", "payments"}, {"teams\x00payments"}, {"teams\x00", "payments"}} {
				got, err := p.Query(t.Context(), access.Query{Path: path})
				if there := len(path) == 2 && path[0] == "teams"; err != nil || (got.Result != nil) != there {
					t.Errorf("%q: %s, %v", path, got.Result, err)
				}
			}
		})
	}
}
