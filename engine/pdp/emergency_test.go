package pdp_test

import (
	"reflect"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

// What the shipped policy says of emergencies and of reviews in time is what the
// gateway reads.
func TestShippedPolicyInAnEmergency(t *testing.T) {
	p := open(t, map[string]string{"data.yaml": `
teams:
  payments:
    review_channels: ["#payments"]
    escalate: {after_seconds: 600, groups: [leads], channels: ["#leads"]}
curfew: {config: {break_glass: {groups: [sre], notify: ["#incidents"]}}}
`})
	emergency := func(seconds int64, groups ...string) access.Input {
		return ask(func(in *access.Input) {
			in.Subject.Properties.Groups, in.Context.Emergency, in.Context.ForSeconds = groups, true, &seconds
		})
	}
	d, err := p.Decide(t.Context(), emergency(3600, "sre"))
	if err != nil || d.Effect != access.Allow || codes(d) != "break_glass" || *d.MaxSeconds != 3600 ||
		!d.Obligations.AfterReview || !reflect.DeepEqual(d.Obligations.Notify, []string{"#incidents"}) {
		t.Errorf("who may break the glass: %+v (%v)", d, err)
	}
	d, err = p.Decide(t.Context(), emergency(7200, "payments"))
	want := &access.Reviewers{
		Groups: []string{"security"}, Quorum: 1, Channels: []string{"#payments"}, RemindSeconds: new(int64(120)),
		Escalate: &access.Escalation{AfterSeconds: 600, Groups: []string{"leads"}, Channels: []string{"#leads"}},
	}
	if err != nil || d.Effect != access.Review || !reflect.DeepEqual(d.Reviewers, want) {
		t.Errorf("who may not: %+v (%v)", d.Reviewers, err)
	}
	if d, err = p.Decide(t.Context(), emergency(7200, "sre")); err != nil || codes(d) != "break_glass_too_long not_on_call_nor_in_team" {
		t.Errorf("who asks for too long: %q (%v)", codes(d), err)
	}
}

func TestNobodyMayBreakTheGlassAsItIsShipped(t *testing.T) {
	p := open(t, map[string]string{"data.yaml": teams})
	d, err := p.Decide(t.Context(), ask(func(in *access.Input) {
		in.Context.Emergency, in.Context.ForSeconds, in.Context.OnCall.Shifts = true, new(int64(3600)), nil
		in.Subject.Properties.Groups = []string{"security", "admins"}
	}))
	if err != nil || d.Effect != access.Deny {
		t.Errorf("answered %s, %q (%v)", d.Effect, codes(d), err)
	}
}
