package pdp_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// faulty is a policy with one fault, as each entry point would have it, and the
// code that each answers with. An entry point that can not have it is "".
type faulty struct {
	decision, check, allow, document string
	code                             string
}

const (
	allows = `{"effect": "allow", "reasons": [{"code": "a", "title": "A"}], "max_seconds": 7200}`
	says   = `{"decision": true, "reason": "yes"}`
	loops  = `count([1 | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a + b == 0]) == 0`
	// huge is 100 MB of text, in pieces.
	huge = `[s | s := sprintf("%01000000d", [1]); some _ in numbers.range(1, 100)]`
)

var faults = map[string]faulty{
	"undefined": {
		decision: `decision := ` + allows + ` if input.nothing`, check: `decision := ` + says + ` if input.nothing`,
		allow: `allow if input.nothing`, code: "policy_undefined",
	},
	"a text":                    {decision: `decision := "allow"`, check: `decision := "true"`, allow: `allow := "true"`, code: "policy_malformed"},
	"a number":                  {decision: `decision := 1`, check: `decision := 1`, allow: `allow := 1`, code: "policy_malformed"},
	"null":                      {decision: `decision := null`, check: `decision := null`, allow: `allow := null`, code: "policy_malformed"},
	"an array":                  {decision: `decision := [` + allows + `]`, check: `decision := [` + says + `]`, allow: `allow := [true]`, code: "policy_malformed"},
	"a set":                     {decision: `decision contains ` + allows, check: `decision contains ` + says, allow: `allow contains true`, code: "policy_malformed"},
	"an object of another kind": {decision: `decision := ` + says, check: `decision := {"allowed": true}`, allow: `allow := ` + says, code: "policy_malformed"},
	"members of wrong types": {
		decision: `decision := {"effect": true, "reasons": {}}`, check: `decision := {"decision": 1, "reason": "yes"}`,
		allow: `allow := {"allowed": "true"}`, code: "policy_malformed",
	},
	"a conflict": {
		decision: `decision := d if some d in [` + allows + `, {}]`, check: `decision := d if some d in [` + says + `, {}]`,
		allow: `allow := d if some d in [true, false]`, document: `x := d if some d in [1, 2]`, code: "policy_error",
	},
	"an error in a built-in": {
		decision: `decision := ` + allows + ` if not to_number("x")`, check: `decision := ` + says + ` if not to_number("x")`,
		allow: `allow if not to_number("x")`, code: "policy_error",
	},
	"an endless loop": {
		decision: `decision := ` + allows + ` if ` + loops, check: `decision := ` + says + ` if ` + loops,
		allow: `allow if ` + loops, document: `x if ` + loops, code: "policy_timeout",
	},
	"an answer of 100 MB": {
		decision: `decision := object.union(` + allows + `, {"obligations": {"notify": ` + huge + `}})`,
		check:    `decision := {"decision": true, "reason": concat("", ` + huge + `)}`,
		allow:    `allow := {"allowed": true, "reason": concat("", ` + huge + `)}`,
		document: `x := ` + huge, code: "policy_too_large",
	},
	"no reviewers": {
		decision: `decision := {"effect": "review", "reasons": [{"code": "a", "title": "A"}], "reviewers": {"groups": [], "subjects": [], "quorum": 1}}`,
		code:     "no_reviewers",
	},
	"a review by nobody": {
		decision: `decision := {"effect": "review", "reasons": [{"code": "a", "title": "A"}]}`, code: "no_reviewers",
	},
	"a bound below zero": {decision: `decision := object.union(` + allows + `, {"max_seconds": -1})`, code: "policy_malformed"},
	"a bound of zero":    {decision: `decision := object.union(` + allows + `, {"max_seconds": 0})`, code: "policy_malformed"},
	"a quorum below zero": {
		decision: `decision := {"effect": "review", "reasons": [{"code": "a", "title": "A"}], "reviewers": {"groups": ["g"], "quorum": -1}}`,
		code:     "policy_malformed",
	},
}

func TestFaultyPolicyIsADenialWithItsCodeAndTheNextQuestionIsAnswered(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"sound.rego": "package sound\n\nnext := input + 1\n"}
			for pkg, rule := range map[string]string{"access": f.decision, "check": f.check, "api": f.allow, "mine": f.document} {
				if rule != "" {
					files[pkg+".rego"] = "package " + pkg + "\n\n" + rule + "\n"
				}
			}
			timeout := 5 * time.Second
			if f.code == "policy_timeout" {
				timeout = 50 * time.Millisecond
			}
			p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: team(t, files), Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			denies(t, p, f)
			got, err := p.Query(t.Context(), access.Query{Path: []string{"sound", "next"}, Input: json.RawMessage("1")})
			if string(got.Result) != "2" {
				t.Errorf("the next question is answered %s, %v", got.Result, err)
			}
		})
	}
}

// denies asks each entry point that has the fault.
func denies(t *testing.T, p *pdp.PDP, f faulty) {
	t.Helper()
	if d, err := p.Decide(t.Context(), ask(nil)); f.decision != "" && (d.Effect != access.Deny || codes(d) != f.code || err == nil) {
		t.Errorf("the decision is %s for %s (%v), want deny for %s", d.Effect, codes(d), err, f.code)
	}
	if a := p.Check(t.Context(), []access.CheckInput{evaluation(live)}, nil)[0]; f.check != "" && (a.Decision || a.Reason != f.code || a.Failure == nil) {
		t.Errorf("the check is %v for %.80s (%v), want no for %s", a.Decision, a.Reason, a.Failure, f.code)
	}
	allowed, err := p.Allow(t.Context(), access.APIInput{Operation: "grant.list"})
	if undefined := f.code == "policy_undefined"; f.allow != "" && (allowed.Allowed || allowed.Reason == "" || (err == nil) != undefined || err != nil && codeOf(err) != f.code) {
		t.Errorf("the permission is %v for %.80s (%v), want none for %s", allowed.Allowed, allowed.Reason, err, f.code)
	}
	if got, err := p.Query(t.Context(), access.Query{Path: []string{"mine", "x"}}); f.document != "" && (got.Result != nil || codeOf(err) != f.code) {
		t.Errorf("the document is %.80s (%v), want none for %s", got.Result, err, f.code)
	}
}

// codeOf is the code of a failure, as the engine reads it.
func codeOf(err error) string {
	coded, ok := errors.AsType[interface {
		error
		Code() string
	}](err)
	if !ok {
		return ""
	}
	return coded.Code()
}

func TestPolicyThatIsMissingOrDoesNotCompileGrantsNothing(t *testing.T) {
	missing := faulty{decision: "x", check: "x", allow: "x", document: "x", code: "policy_missing"}
	p := pdp.New(pdp.Config{Library: policies.FS})
	denies(t, p, missing)
	broken := team(t, map[string]string{"data.yaml": teams, "access.rego": "package access\n\ndecision := {\"effect\": \"allow\""})
	if r, err := p.Load(t.Context(), broken); err == nil || r != nil || !strings.Contains(err.Error(), "access.rego:3") {
		t.Fatalf("loaded %v: %v", r, err)
	}
	denies(t, p, missing)
	// What is not JSON is no decision, and is not to be taken down as one.
	if _, err := p.Query(t.Context(), access.Query{Path: []string{"x"}, Input: json.RawMessage(`{"a":1,"a":2}`)}); !errors.Is(err, access.ErrInvalid) {
		t.Errorf("an input that can not be read: %v", err)
	}
	if p.Revision() != "" {
		t.Errorf("the revision is %q", p.Revision())
	}

	sound, err := p.Load(t.Context(), team(t, map[string]string{"data.yaml": teams}))
	if err != nil {
		t.Fatal(err)
	}
	p.Use(t.Context(), sound)
	if _, err := p.Load(t.Context(), broken); err == nil {
		t.Fatal("it was loaded")
	}
	if d, err := p.Decide(t.Context(), ask(nil)); d.Effect != access.Allow || d.Revision != sound.Name() {
		t.Errorf("the last good policy says %s (%v)", d.Effect, err)
	}
}

// TestBeyondWhatCanWaitTheAnswerIsAtOnceThatItIsTooMuch fills every place and the
// queue with questions that take long.
func TestBeyondWhatCanWaitTheAnswerIsAtOnceThatItIsTooMuch(t *testing.T) {
	dir := team(t, map[string]string{"mine.rego": "package mine\n\nslow if " + loops + "\n\nnext := input + 1\n"})
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: dir, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	most := 8*runtime.GOMAXPROCS(0) + 1024 // at work, and waiting
	results := make(chan error, most+1)
	for range most + 1 {
		go func() {
			_, err := p.Query(ctx, access.Query{Path: []string{"mine", "slow"}})
			results <- err
		}()
	}
	select {
	case err := <-results:
		if !errors.Is(err, access.ErrBusy) {
			t.Fatalf("the first answer is %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nobody is told that it is too much")
	}
	if d, err := p.Decide(t.Context(), ask(nil)); !errors.Is(err, access.ErrBusy) || d.Effect == access.Allow {
		t.Errorf("the decision is %s, %v", d.Effect, err)
	}
	if allowed, err := p.Allow(t.Context(), access.APIInput{Operation: "resource.list"}); !errors.Is(err, access.ErrBusy) || allowed.Allowed {
		t.Errorf("the permission is %+v, %v", allowed, err)
	}
	if a := p.Check(t.Context(), []access.CheckInput{evaluation(live)}, nil)[0]; a.Decision || !errors.Is(a.Failure, access.ErrBusy) {
		t.Errorf("the check is %+v", a)
	}

	leave()
	for range most {
		if err := <-results; err == nil {
			t.Error("an endless loop gave an answer")
		}
	}
	for deadline := time.Now().Add(30 * time.Second); ; { // those at work hear that nobody waits
		got, err := p.Query(t.Context(), access.Query{Path: []string{"mine", "next"}, Input: json.RawMessage("1")})
		if string(got.Result) == "2" {
			return
		}
		if !errors.Is(err, access.ErrBusy) || time.Now().After(deadline) {
			t.Fatalf("the next question is answered %s, %v", got.Result, err)
		}
	}
}
