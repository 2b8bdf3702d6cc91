package pdp_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// held is Alice's live grant at acme, which she was given for being on call.
func held(change func(*access.ContinueInput)) access.ContinueInput {
	in := access.ContinueInput{
		Input: ask(func(in *access.Input) { in.Context.Phase = access.PhaseContinue }),
		Grant: access.ContinueGrant{
			ID: "grt_1", RequestID: "req_1", StartsAt: now, ExpiresAt: now.Add(2 * time.Hour),
			Decision:   access.ContinueDecision{ID: "dec_1", Effect: access.Allow, Reasons: []string{"on_call"}, Revision: "r1"},
			ReviewedBy: []access.Subject{},
		},
	}
	if change != nil {
		change(&in)
	}
	return in
}

func reasonCodes(c access.Continuation) string {
	return codes(access.Decision{Reasons: c.Reasons})
}

func TestShippedPolicyKeepsWhatItWouldStillGiveAndFlagsTheRest(t *testing.T) {
	p := open(t, map[string]string{"data.yaml": teams})
	for name, tc := range map[string]struct {
		change func(*access.ContinueInput)
		action access.ContinueAction
		codes  string
	}{
		"still on call": {nil, access.ContinueKeep, ""},
		"a member still": {func(in *access.ContinueInput) {
			in.Context.OnCall.Shifts = nil
		}, access.ContinueKeep, ""},
		"neither any more": {func(in *access.ContinueInput) {
			in.Context.OnCall.Shifts, in.Subject.Properties.Groups = nil, nil
		}, access.ContinueFlag, "not_on_call_nor_in_team"},
		"the entitlement is not offered any more": {func(in *access.ContinueInput) {
			in.Resource.DurationsSeconds = []int64{}
		}, access.ContinueFlag, "too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.Continue(t.Context(), held(tc.change))
			if err != nil || got.Action != tc.action || reasonCodes(got) != tc.codes || got.Revision != p.Revision() {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestAnswersThatAreNoneFlagTheGrant(t *testing.T) {
	const yes = `{"action": "keep", "reasons": []}`
	for name, tc := range map[string]struct {
		rule, code string // no code: it is an answer
		action     access.ContinueAction
	}{
		"end, with a reason":            {`continue := {"action": "end", "reasons": [{"code": "a", "title": "A"}]}`, "", access.ContinueEnd},
		"flag, with a reason":           {`continue := {"action": "flag", "reasons": [{"code": "a", "title": "A"}]}`, "", access.ContinueFlag},
		"keep, without any":             {`continue := {"action": "keep"}`, "", access.ContinueKeep},
		"keep, of the grant":            {`continue := ` + yes + ` if input.grant.decision.reasons == ["on_call"]`, "", access.ContinueKeep},
		"no rule at all":                {`other := 1`, "continue_undefined", ""},
		"undefined":                     {`continue := ` + yes + ` if input.nothing`, "continue_undefined", ""},
		"a text":                        {`continue := "keep"`, "continue_malformed", ""},
		"null":                          {`continue := null`, "continue_malformed", ""},
		"a set":                         {`continue contains ` + yes, "continue_malformed", ""},
		"an action that does not exist": {`continue := {"action": "extend", "reasons": [{"code": "a", "title": "A"}]}`, "continue_malformed", ""},
		"no action":                     {`continue := {"reasons": [{"code": "a", "title": "A"}]}`, "continue_malformed", ""},
		"an action that is no text":     {`continue := {"action": true, "reasons": []}`, "continue_malformed", ""},
		"end, without a reason":         {`continue := {"action": "end", "reasons": []}`, "continue_malformed", ""},
		"flag, without a reason":        {`continue := {"action": "flag"}`, "continue_malformed", ""},
		"a reason without a title":      {`continue := {"action": "end", "reasons": [{"code": "a"}]}`, "continue_malformed", ""},
		"reasons that are no array":     {`continue := {"action": "end", "reasons": {"code": "a"}}`, "continue_malformed", ""},
		"a member too many":             {`continue := object.union(` + yes + `, {"until": 1})`, "continue_malformed", ""},
		"a decision":                    {`continue := ` + allows, "continue_malformed", ""},
		"a conflict":                    {`continue := c if some c in [` + yes + `, {}]`, "continue_error", ""},
		"an error in a built-in":        {`continue := ` + yes + ` if not to_number("x")`, "continue_error", ""},
		"an answer of 100 MB":           {`continue := object.union(` + yes + `, {"reasons": ` + huge + `})`, "continue_too_large", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, map[string]string{"a.rego": "package access\n" + tc.rule})
			got, err := p.Continue(t.Context(), held(nil))
			switch {
			case tc.code == "" && (err != nil || got.Action != tc.action):
				t.Errorf("got %+v, %v", got, err)
			case tc.code != "" && (err == nil || errors.Is(err, access.ErrBusy) || got.Action != access.ContinueFlag || reasonCodes(got) != tc.code):
				t.Errorf("got %+v, %v", got, err)
			case got.Revision != p.Revision():
				t.Errorf("the revision is %q", got.Revision)
			}
			for _, r := range got.Reasons {
				if r.Title == "" || strings.Contains(r.Detail, "data.access") {
					t.Errorf("whoever sees the flag is told %+v", r)
				}
			}
		})
	}
}

func TestPolicyThatTakesTooLongIsAskedAgain(t *testing.T) {
	slow := team(t, map[string]string{"a.rego": "package access\n" + `continue := {"action": "end", "reasons": []} if ` + loops})
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: slow, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Continue(t.Context(), held(nil)); !errors.Is(err, access.ErrBusy) || got.Action != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := pdp.New(pdp.Config{Library: policies.FS}).Continue(t.Context(), held(nil)); !errors.Is(err, access.ErrBusy) || got.Action != "" {
		t.Errorf("without any policy: %+v, %v", got, err)
	}
}

func TestContinueSeesWhatTheRecordKeeps(t *testing.T) {
	p := open(t, map[string]string{"a.rego": "package access\n" +
		`continue := {"action": "flag", "reasons": [{"code": "a", "title": "A", "detail": json.marshal(input)}]}`})
	for name, in := range map[string]access.ContinueInput{
		"a usual grant": held(nil),
		"a grant that was reviewed": held(func(in *access.ContinueInput) {
			in.Grant.ReviewedBy = []access.Subject{{Type: "user", ID: "bob@example.com"}}
		}),
		"for as long as on call": held(func(in *access.ContinueInput) {
			in.Context.ForSeconds, in.Context.While, in.Grant.While = nil, new("oncall"), new("oncall")
			in.Grant.Bound = &access.ContinueBound{
				OnCall: []access.ShiftRef{{Source: "rota", Schedule: "S", Policy: "P", Level: 1}, {Level: 2}}, GraceSeconds: 60, EndsBy: now,
			}
		}),
		"for an incident": held(func(in *access.ContinueInput) {
			in.Grant.Bound = &access.ContinueBound{OnCall: []access.ShiftRef{}, Incident: new("PT4KHLK"), EndsBy: now}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.Continue(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, got.Reasons[0].Detail, in)
		})
	}
	in := held(func(in *access.ContinueInput) { in.Grant.Decision.Reasons = []string{"a\xff"} })
	if got, err := p.Continue(t.Context(), in); reasonCodes(got) != "continue_input_malformed" || err == nil {
		t.Errorf("a text that is no UTF-8: %+v, %v", got, err)
	}
}

func TestRulesDeclareTheFactsThatTheyDependOn(t *testing.T) {
	rule := func(custom string) string {
		return "# METADATA\n# title: A\n# custom: " + custom + "\nallow contains {\"code\": \"x\", \"title\": \"X\"} if input.nothing\n\n"
	}
	for name, tc := range map[string]struct {
		custom []string
		codes  []string
		facts  []string
		all    bool
	}{
		"one rule":                              {[]string{`{code: a, facts: [oncall, groups]}`}, []string{"a"}, []string{"groups", "oncall"}, false},
		"no fact at all":                        {[]string{`{code: a, facts: []}`}, []string{"a"}, nil, false},
		"several codes":                         {[]string{`{code: a, facts: [oncall]}`, `{code: b, facts: [resource, oncall]}`}, []string{"a", "b"}, []string{"oncall", "resource"}, false},
		"two rules of one code":                 {[]string{`{code: a, facts: [oncall]}`, `{code: a, facts: [incidents]}`}, []string{"a"}, []string{"incidents", "oncall"}, false},
		"two rules of one code, one is silent":  {[]string{`{code: a, facts: [oncall]}`, `{code: a}`}, []string{"a"}, nil, true},
		"a rule that does not say":              {[]string{`{code: a}`}, []string{"a"}, nil, true},
		"a code that no rule has":               {[]string{`{code: a, facts: [oncall]}`}, []string{"a", "b"}, nil, true},
		"no code at all":                        {[]string{`{code: a, facts: [oncall]}`}, nil, nil, true},
		"a rule of the library is not declared": {nil, []string{"on_call"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			text := "package access\n\nother := 1\n\n"
			for _, c := range tc.custom {
				text += rule(c)
			}
			facts, all := open(t, map[string]string{"a.rego": text}).Facts(tc.codes)
			if all != tc.all || !all && !slices.Equal(facts, tc.facts) {
				t.Errorf("got %v, %v", facts, all)
			}
		})
	}
	if facts, all := open(t, nil).Facts([]string{"on_call"}); all || !slices.Equal(facts, []string{"oncall", "resource"}) {
		t.Errorf("shipped: %v, %v", facts, all)
	}
	if _, all := pdp.New(pdp.Config{Library: policies.FS}).Facts([]string{"on_call"}); !all {
		t.Error("without any policy, it does not depend on everything")
	}
}

func TestFactThatDoesNotExistIsAFaultOfThePolicy(t *testing.T) {
	for name, tc := range map[string]struct{ custom, want string }{
		"a name that is no fact": {`{code: a, facts: [oncall, oncal]}`, "there is no fact oncal; there are oncall, incidents, groups, resource"},
		"a text":                 {`{code: a, facts: oncall}`, "want an array"},
		"a number":               {`{code: a, facts: [1]}`, "there is no fact 1"},
		"facts without a code":   {`{facts: [oncall]}`, "custom.facts is for a rule that has a custom.code"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := team(t, map[string]string{"sub/a.rego": "package access\n\n# METADATA\n# title: A\n# custom: " + tc.custom + "\nallow contains {\"code\": \"x\", \"title\": \"X\"} if input.nothing\n"})
			_, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: dir})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "a.rego:3") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTeamEndsWhatItWouldNotGiveAnyMore(t *testing.T) {
	const text = `# METADATA
# schemas:
#   - input: schema.access
package access

import data.curfew.lib.continuation

allow contains {"code": "on_call", "title": "On call"} if input.context.oncall.shifts[0]

# METADATA
# schemas:
#   - input: schema.continue
continue := {"action": "end", "reasons": decision.reasons} if {
	decision.effect == "deny"
	"on_call" in input.grant.decision.reasons
} else := continuation.result
`
	p := open(t, map[string]string{"a.rego": text})
	for action, change := range map[access.ContinueAction]func(*access.ContinueInput){
		access.ContinueKeep: nil,
		access.ContinueEnd:  func(in *access.ContinueInput) { in.Context.OnCall.Shifts = nil },
		access.ContinueFlag: func(in *access.ContinueInput) {
			in.Context.OnCall.Shifts, in.Grant.Decision.Reasons = nil, []string{"team_review"}
		},
	} {
		if got, err := p.Continue(t.Context(), held(change)); err != nil || got.Action != action {
			t.Errorf("want %s, got %+v, %v", action, got, err)
		}
	}
	misspelled := team(t, map[string]string{"a.rego": strings.Replace(text, "input.grant.decision", "input.grant.decisions", 1)})
	if _, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: misspelled}); err == nil || !strings.Contains(err.Error(), "decisions") {
		t.Errorf("misspelled: %v", err)
	}
}

func TestContinuationIsRecordedAsItWasGiven(t *testing.T) {
	raw, err := json.Marshal(access.Continuation{Action: access.ContinueKeep, Reasons: []access.Reason{}, Revision: "r"})
	if err != nil || string(raw) != `{"action":"keep","reasons":[]}` {
		t.Errorf("got %s, %v", raw, err)
	}
}
