package pdp_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

var now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// ask is Alice, on call for payments and in its group, who asks for two hours
// at acme; change makes it something else.
func ask(change func(*access.Input)) access.Input {
	in := access.Input{
		Subject: access.InputSubject{Type: "user", ID: "alice@example.com",
			Properties: access.SubjectProperties{Groups: []string{"payments"}, GroupsKnown: true}},
		Requester: access.Subject{Type: "user", ID: "alice@example.com"},
		Action:    access.Action{Name: "debug"},
		Resource: access.InputResource{Type: "customer", ID: "acme",
			Properties:       map[string]any{"owner": "payments", "tier": "gold"},
			DurationsSeconds: []int64{7200, 14400}, While: []string{"oncall", "incident"}},
		Context: access.InputContext{Now: now, ForSeconds: new(int64(7200)), Reason: "Ticket 4711",
			Channel: access.ChannelAPI, Phase: access.PhaseRequest,
			OnCall: access.OnCall{Known: true, Shifts: []access.Shift{
				{Schedule: &access.Ref{ID: "payments-primary"}, Level: 1, End: new(now.Add(time.Hour))},
			}}},
	}
	if change != nil {
		change(&in)
	}
	return in
}

func while(what string) func(*access.Input) {
	return func(in *access.Input) { in.Context.ForSeconds, in.Context.While = nil, &what }
}

// team writes a team's directory: path to content.
func team(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t *testing.T, files map[string]string) *pdp.PDP {
	t.Helper()
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: team(t, files)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const teams = `teams: {payments: {schedules: [payments-primary]}}`

func codes(d access.Decision) string {
	all := []string{}
	for _, r := range d.Reasons {
		all = append(all, r.Code)
	}
	return strings.Join(all, " ")
}

func TestShippedPolicyDecides(t *testing.T) {
	p := open(t, map[string]string{"data.yaml": teams})
	for name, tc := range map[string]struct {
		change func(*access.Input)
		effect access.Effect
		codes  string
	}{
		"on call: allowed":            {nil, access.Allow, "on_call"},
		"as long as on call: allowed": {while("oncall"), access.Allow, "on_call"},
		"on call until the year 9999: allowed": {func(in *access.Input) {
			in.Context.OnCall.Shifts[0].End = new(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
		}, access.Allow, "on_call"},
		"no longer on call when it starts: review": {func(in *access.Input) {
			in.Context.StartsAt = new(now.Add(2 * time.Hour))
		}, access.Review, "team_review"},
		"nothing is known of on-call: review": {func(in *access.Input) {
			in.Context.OnCall = access.OnCall{}
		}, access.Review, "team_review"},
		"restricted: review": {func(in *access.Input) {
			in.Resource.Properties["tier"] = "restricted"
		}, access.Review, "restricted_review"},
		"restricted, as long as on call: review": {func(in *access.Input) {
			while("oncall")(in)
			in.Resource.Properties["tier"] = "restricted"
		}, access.Review, "restricted_review"},
		"too long: denied": {func(in *access.Input) {
			in.Context.ForSeconds = new(int64(14401))
		}, access.Deny, "too_long"},
		"for an incident: denied": {while("incident:PT4KHLK"), access.Deny, "incidents_unknown"},
		"no facts at all: denied": {func(in *access.Input) {
			*in = access.Input{Context: access.InputContext{ForSeconds: new(int64(60))}}
		}, access.Deny, "no_reason owner_unknown too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := p.Decide(t.Context(), ask(tc.change))
			if err != nil {
				t.Fatal(err)
			}
			if d.Effect != tc.effect || codes(d) != tc.codes {
				t.Errorf("got %s for %q, want %s for %q", d.Effect, codes(d), tc.effect, tc.codes)
			}
			if d.Revision != p.Revision() || len(d.Revision) != 64 {
				t.Errorf("the revision is %q, want the policies' %q", d.Revision, p.Revision())
			}
			for _, r := range d.Reasons {
				if r.Title == "" || r.Detail == "" {
					t.Errorf("the reason %s does not explain itself: %+v", r.Code, r)
				}
			}
		})
	}
}

func TestShippedPolicyNamesTheShiftsAndTheReviewers(t *testing.T) {
	p := open(t, map[string]string{"data.yaml": teams})
	in := ask(while("oncall"))
	in.Resource.Properties["tier"] = "restricted"
	d, err := p.Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if d.MaxSeconds == nil || *d.MaxSeconds != 43200 {
		t.Errorf("max_seconds is %v, want the cap of what is bound to a shift", d.MaxSeconds)
	}
	if d.Until == nil || len(d.Until.OnCall) != 1 || !d.Until.OnCall[0].Picks(in.Context.OnCall.Shifts[0]) {
		t.Errorf("until is %+v, want the one shift", d.Until)
	}
	if !d.Reviewers.Includes(access.Subject{}, []string{"security"}) || d.Reviewers.Quorum != 1 {
		t.Errorf("the reviewers are %+v, want one of security", d.Reviewers)
	}
}

func TestPolicyThatFailsNeverGrants(t *testing.T) {
	for name, tc := range map[string]struct {
		policy string
		code   string
	}{
		"undefined":                    {`decision := {"effect": "allow"} if input.context.reason == "another"`, "policy_undefined"},
		"two answers":                  {`decision := {"effect": e} if some e in ["allow", "deny"]`, "policy_error"},
		"error in a built-in, negated": {`allow contains {"code": "a", "title": "A"} if not time.parse_rfc3339_ns(input.context.reason) > 0`, "policy_error"},
		"loop": {`decision := {"effect": "allow"} if {
			count([1 | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a + b == 0]) == 0
		}`, "policy_timeout"},
		"one built-in that takes long":  {`decision := {"effect": "allow"} if count(numbers.range(1, 1000000000)) > 1`, "policy_timeout"},
		"a built-in that panics":        {`decision := {"effect": "allow"} if bits.lsh(1, 9000000000000000000) > 1`, "policy_error"},
		"a built-in that does not hear": {`decision := {"effect": "allow"} if count(format_int(bits.lsh(1, 3000000), 10)) > 1`, "policy_timeout"},
		"reason without METADATA":       {"import data.curfew.lib.reason\ndeny contains reason.of(rego.metadata.rule())", "policy_malformed"},
		"deny that is no set":           {"deny if input.action.name", "policy_error"},
		"item that is no object":        {"deny contains input.context.reason", "policy_error"},
		"nothing said":                  {`allow contains {"code": "a", "title": "A"} if input.context.reason == "another"`, "no_rule_applies"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := team(t, map[string]string{"policy.rego": "package access\n" + tc.policy})
			p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: dir, Timeout: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			d, err := p.Decide(t.Context(), ask(nil))
			if d.Effect != access.Deny || codes(d) != tc.code {
				t.Errorf("got %s for %q, want deny for %s (%v)", d.Effect, codes(d), tc.code, err)
			}
			if d.Revision != p.Revision() {
				t.Errorf("the revision is %q, want %q", d.Revision, p.Revision())
			}
			if failed := strings.HasPrefix(tc.code, "policy_"); failed != (err != nil) {
				t.Errorf("the error is %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestAnswerThatComesTooLateForTheCallerIsNo(t *testing.T) {
	p := open(t, map[string]string{"data.yaml": teams})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := p.Decide(ctx, ask(nil))
	if d.Effect != access.Deny || codes(d) != "policy_timeout" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %s for %q and %v", d.Effect, codes(d), err)
	}
	allowed, err := p.Allow(ctx, access.APIInput{})
	if allowed.Allowed || allowed.Reason == "" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v and %v", allowed, err)
	}
}

func TestRequestWithoutOneEndIsNotPutToPolicy(t *testing.T) {
	p := open(t, map[string]string{"policy.rego": `package access
decision := {"effect": "allow", "reasons": [{"code": "a", "title": "A"}], "max_seconds": 86400}`})
	for name, change := range map[string]func(*access.Input){
		"neither a length nor a while": func(in *access.Input) { in.Context.ForSeconds = nil },
		"both":                         func(in *access.Input) { in.Context.While = new("oncall") },
		"no length":                    func(in *access.Input) { in.Context.ForSeconds = new(int64(0)) },
		"a while that nobody knows":    while("lunch"),
		"an incident without an id":    while("incident:"),
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := p.Decide(t.Context(), ask(change)); d.Effect != access.Deny || codes(d) != "input_malformed" || err == nil {
				t.Errorf("got %s for %q and %v", d.Effect, codes(d), err)
			}
		})
	}
}

func TestMoreThanPolicyGivesIsDeniedAndNotClamped(t *testing.T) {
	for name, tc := range map[string]struct {
		terms string
		code  string
	}{
		"less than the longest on offer":          {`"effect": "allow"`, "a"},
		"max_seconds as long":                     {`"effect": "allow", "max_seconds": 7200`, "a"},
		"max_seconds shorter":                     {`"effect": "allow", "max_seconds": 7199`, "too_long"},
		"max_seconds shorter, and to be reviewed": {`"effect": "review", "max_seconds": 60, "reviewers": {"groups": ["security"], "quorum": 1}`, "too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, map[string]string{"policy.rego": `package access
decision := {"reasons": [{"code": "a", "title": "A"}], ` + tc.terms + "}"})
			if d, err := p.Decide(t.Context(), ask(nil)); codes(d) != tc.code || err != nil {
				t.Errorf("got %s for %q and %v, want %s", d.Effect, codes(d), err, tc.code)
			}
		})
	}
	t.Run("longer than anything on offer", func(t *testing.T) {
		p := open(t, map[string]string{"policy.rego": `package access
decision := {"effect": "allow", "reasons": [{"code": "a", "title": "A"}]}`})
		d, _ := p.Decide(t.Context(), ask(func(in *access.Input) { in.Resource.DurationsSeconds = nil }))
		if d.Effect != access.Deny || codes(d) != "too_long" {
			t.Errorf("got %s for %q", d.Effect, codes(d))
		}
	})
}
