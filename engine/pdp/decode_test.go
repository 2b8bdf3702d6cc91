package pdp_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

// The shift in ask, by its ids.
const primary = `{"schedule": "payments-primary", "level": 1}`

func TestDecisionIsReadWhole(t *testing.T) {
	p := open(t, map[string]string{"policy.rego": `package access
decision := {
	"effect": "review",
	"reasons": [{"code": "a", "title": "A", "detail": "An A."}, {"code": "b", "title": "B"}],
	"max_seconds": 3600, "lapse_seconds": 62,
	"until": {"oncall": [` + primary + `], "incident": null, "grace_seconds": 30},
	"reviewers": {
		"groups": {"security"}, "subjects": [{"type": "user", "id": "Bob@Example.com"}], "quorum": 2,
		"channels": ["#payments"], "remind_seconds": 60,
		"escalate": {"after_seconds": 61, "groups": ["leads"], "subjects": [{"type": "user", "id": "Eve@Example.com"}], "channels": ["C1"]},
	},
	"obligations": {"notify": ["#security"], "after_review": true},
}`})
	got, err := p.Decide(t.Context(), ask(while("oncall")))
	if err != nil {
		t.Fatal(err)
	}
	want := access.Decision{
		Effect:     access.Review,
		Reasons:    []access.Reason{{Code: "a", Title: "A", Detail: "An A."}, {Code: "b", Title: "B"}},
		MaxSeconds: new(int64(3600)), LapseSeconds: new(int64(62)),
		Until: &access.Until{OnCall: []access.ShiftRef{{Schedule: "payments-primary", Level: 1}}, GraceSeconds: 30},
		Reviewers: &access.Reviewers{Groups: []string{"security"}, Quorum: 2,
			Subjects: []access.Subject{{Type: "user", ID: "bob@example.com"}},
			Channels: []string{"#payments"}, RemindSeconds: new(int64(60)),
			Escalate: &access.Escalation{AfterSeconds: 61, Groups: []string{"leads"},
				Subjects: []access.Subject{{Type: "user", ID: "eve@example.com"}}, Channels: []string{"C1"}}},
		Obligations: access.Obligations{Notify: []string{"#security"}, AfterReview: true},
		Revision:    p.Revision(),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDecisionThatCanNotBeUsedIsADenial(t *testing.T) {
	const (
		reasons = `"reasons": [{"code": "a", "title": "A"}]`
		allow   = `"effect": "allow", ` + reasons
		review  = `"effect": "review", ` + reasons
		asked   = review + `, "reviewers": {"groups": ["security"], "quorum": 1, `
		leads   = `"after_seconds": 600, "groups": ["leads"]`
	)
	for name, tc := range map[string]struct {
		change   func(*access.Input)
		decision string
		code     string
	}{
		"not an object":               {nil, `"allow"`, "policy_malformed"},
		"a boolean":                   {nil, `true`, "policy_malformed"},
		"empty":                       {nil, `{}`, "policy_malformed"},
		"no reasons":                  {nil, `{"effect": "allow"}`, "policy_malformed"},
		"empty reasons":               {nil, `{"effect": "allow", "reasons": []}`, "policy_malformed"},
		"reasons are an object":       {nil, `{"effect": "allow", "reasons": {"code": "a", "title": "A"}}`, "policy_malformed"},
		"a reason is a text":          {nil, `{"effect": "allow", "reasons": ["a"]}`, "policy_malformed"},
		"a reason without code":       {nil, `{"effect": "deny", "reasons": [{"title": "A"}]}`, "policy_malformed"},
		"a reason without title":      {nil, `{"effect": "deny", "reasons": [{"code": "a"}]}`, "policy_malformed"},
		"an unknown member of reason": {nil, `{"effect": "allow", "reasons": [{"code": "a", "title": "A", "why": "B"}]}`, "policy_malformed"},
		"no effect":                   {nil, `{` + reasons + `}`, "policy_malformed"},
		"an unknown effect":           {nil, `{"effect": "permit", ` + reasons + `}`, "policy_malformed"},
		"an effect in capitals":       {nil, `{"effect": "ALLOW", ` + reasons + `}`, "policy_malformed"},
		"an unknown member":           {nil, `{` + allow + `, "maxseconds": 60}`, "policy_malformed"},
		"a member in other letters":   {nil, `{` + allow + `, "Max_Seconds": 60}`, "policy_malformed"},
		"seconds as a text":           {nil, `{` + allow + `, "max_seconds": "7200"}`, "policy_malformed"},
		"seconds with a fraction":     {nil, `{` + allow + `, "max_seconds": 7200.5}`, "policy_malformed"},
		"seconds below zero":          {nil, `{` + allow + `, "max_seconds": -1}`, "policy_malformed"},
		"no seconds":                  {nil, `{` + allow + `, "max_seconds": 0}`, "policy_malformed"},
		"seconds beyond a year":       {nil, `{` + allow + `, "max_seconds": 31536001}`, "policy_malformed"},
		"seconds beyond 64 bits":      {nil, `{` + allow + `, "max_seconds": 1e40}`, "policy_malformed"},
		"lapse below zero":            {nil, `{` + allow + `, "lapse_seconds": -1}`, "policy_malformed"},
		"notify is a text":            {nil, `{` + allow + `, "obligations": {"notify": "#security"}}`, "policy_malformed"},
		"notify holds nothing":        {nil, `{` + allow + `, "obligations": {"notify": [""]}}`, "policy_malformed"},
		"after_review is a number":    {nil, `{` + allow + `, "obligations": {"after_review": 1}}`, "policy_malformed"},
		"allowed, and reviewers":      {nil, `{` + allow + `, "reviewers": {"groups": ["security"], "quorum": 1}}`, "policy_malformed"},
		"a length, and until":         {nil, `{` + allow + `, "until": {"oncall": [` + primary + `]}}`, "policy_malformed"},

		"review by nobody":                {nil, `{` + review + `}`, "no_reviewers"},
		"review by an empty set":          {nil, `{` + review + `, "reviewers": {"groups": [], "subjects": [], "quorum": 1}}`, "no_reviewers"},
		"review by fewer than the quorum": {nil, `{` + review + `, "reviewers": {"subjects": [{"type": "user", "id": "bob@example.com"}], "quorum": 2}}`, "no_reviewers"},
		"review without quorum":           {nil, `{` + review + `, "reviewers": {"groups": ["security"]}}`, "policy_malformed"},
		"review with a quorum of none":    {nil, `{` + review + `, "reviewers": {"groups": ["security"], "quorum": 0}}`, "policy_malformed"},
		"review by a group without name":  {nil, `{` + review + `, "reviewers": {"groups": [""], "quorum": 1}}`, "policy_malformed"},
		"review by no address":            {nil, `{` + review + `, "reviewers": {"subjects": [{"type": "user", "id": "bob"}], "quorum": 1}}`, "policy_malformed"},
		"review while, without until":     {while("oncall"), `{` + review + `, "reviewers": {"groups": ["security"], "quorum": 1}}`, "policy_malformed"},

		"channels are a text":                   {nil, `{` + asked + `"channels": "#security"}}`, "policy_malformed"},
		"a channel without name":                {nil, `{` + asked + `"channels": [""]}}`, "policy_malformed"},
		"a channel with too long a name":        {nil, `{` + asked + `"channels": ["` + strings.Repeat("é", 81) + `"]}}`, "policy_malformed"},
		"too many channels":                     {nil, `{` + asked + `"channels": [` + strings.Repeat(`"#a", `, 10) + `"#a"]}}`, "policy_malformed"},
		"reminded within a minute":              {nil, `{` + asked + `"remind_seconds": 59}}`, "policy_malformed"},
		"reminded after more than a day":        {nil, `{` + asked + `"remind_seconds": 86401}}`, "policy_malformed"},
		"escalation is a text":                  {nil, `{` + asked + `"escalate": "leads"}}`, "policy_malformed"},
		"escalation without a time":             {nil, `{` + asked + `"escalate": {"groups": ["leads"]}}}`, "policy_malformed"},
		"escalated within a minute":             {nil, `{` + asked + `"escalate": {"after_seconds": 59, "groups": ["leads"]}}}`, "policy_malformed"},
		"escalated to a channel alone":          {nil, `{` + asked + `"escalate": {"after_seconds": 600, "channels": ["#leads"]}}}`, "policy_malformed"},
		"escalated to a subject without id":     {nil, `{` + asked + `"escalate": {"after_seconds": 600, "subjects": [{"type": "user"}]}}}`, "policy_malformed"},
		"an unknown member of escalation":       {nil, `{` + asked + `"escalate": {` + leads + `, "quorum": 1}}}`, "policy_malformed"},
		"escalated when the request has lapsed": {nil, `{` + asked + `"escalate": {` + leads + `}}, "lapse_seconds": 600}`, "policy_malformed"},
		"escalated after the usual lapse":       {nil, `{` + asked + `"escalate": {"after_seconds": 86400, "groups": ["leads"]}}}`, "policy_malformed"},

		"while, without until":               {while("oncall"), `{` + allow + `}`, "policy_malformed"},
		"while, and until names nothing":     {while("oncall"), `{` + allow + `, "until": {"oncall": []}}`, "policy_malformed"},
		"while, and a shift of nobody":       {while("oncall"), `{` + allow + `, "until": {"oncall": [{"schedule": "other", "level": 1}]}}`, "policy_malformed"},
		"while, and a shift without level":   {while("oncall"), `{` + allow + `, "until": {"oncall": [{"schedule": "payments-primary"}]}}`, "policy_malformed"},
		"while on call, and an incident":     {while("oncall"), `{` + allow + `, "until": {"incident": "P1", "oncall": [` + primary + `]}}`, "policy_malformed"},
		"while an incident, and a shift":     {while("incident:P1"), `{` + allow + `, "until": {"oncall": [` + primary + `]}}`, "policy_malformed"},
		"while an incident, and another":     {while("incident:P1"), `{` + allow + `, "until": {"incident": "P2"}}`, "policy_malformed"},
		"while, and the grace is below zero": {while("oncall"), `{` + allow + `, "until": {"oncall": [` + primary + `], "grace_seconds": -1}}`, "policy_malformed"},

		"good: nulls and what names nothing": {nil, `{` + allow + `, "max_seconds": null, "until": {"oncall": [], "incident": null}, "reviewers": {"groups": []}, "obligations": null}`, "a"},
		"good: the longest names, and waits": {nil, `{` + asked + `"channels": ["` + strings.Repeat("é", 80) + `"], "remind_seconds": 86400, "escalate": {"after_seconds": 86399, "groups": ["leads"]}}}`, "a"},
		"good: no escalation, no reminder":   {nil, `{` + asked + `"channels": [], "remind_seconds": null, "escalate": null}}`, "a"},
		"good: while an incident":            {while("incident:P1"), `{` + allow + `, "until": {"incident": "P1"}}`, "a"},
		"good: a denial with other members":  {nil, `{"effect": "deny", ` + reasons + `, "reviewers": {"groups": ["security"], "quorum": 1}}`, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, map[string]string{"policy.rego": "package access\ndecision := " + tc.decision})
			d, err := p.Decide(t.Context(), ask(tc.change))
			if codes(d) != tc.code {
				t.Fatalf("got %s for %q, want %s (%v)", d.Effect, codes(d), tc.code, err)
			}
			if strings.HasPrefix(name, "good: ") {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if d.Effect != access.Deny || len(d.Reasons) != 1 || d.Reasons[0].Title == "" || d.Reasons[0].Detail == "" {
				t.Errorf("the denial does not explain itself: %+v", d)
			}
			if err == nil {
				t.Error("there is no error for the log")
			}
		})
	}
}

func TestEveryFaultOfADecisionIsListed(t *testing.T) {
	p := open(t, map[string]string{"policy.rego": `package access
decision := {"effect": "permit", "reasons": [{}], "max_seconds": -1, "more": 1}`})
	_, err := p.Decide(t.Context(), ask(nil))
	for _, want := range []string{"decision.effect", "decision.reasons[0]", "decision.max_seconds", `"more"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
}

func TestPermission(t *testing.T) {
	for name, tc := range map[string]struct {
		policy string
		want   access.Permission
		failed bool
	}{
		"true":                 {`allow := true`, access.Permission{Allowed: true}, false},
		"false":                {`allow := false`, access.Permission{}, false},
		"an object":            {`allow := {"allowed": true}`, access.Permission{Allowed: true}, false},
		"an object, no":        {`allow := {"allowed": false, "reason": "No."}`, access.Permission{Reason: "No."}, false},
		"undefined":            {`allow if input.operation == "other"`, access.Permission{Reason: "The policy does not allow this."}, false},
		"a text":               {`allow := "true"`, unusable, true},
		"without allowed":      {`allow := {"reason": "Yes."}`, unusable, true},
		"allowed is a text":    {`allow := {"allowed": "true"}`, unusable, true},
		"an unknown member":    {`allow := {"allowed": true, "why": "Yes."}`, unusable, true},
		"a reason as a number": {`allow := {"allowed": true, "reason": 1}`, unusable, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, map[string]string{"policy.rego": "package api\n" + tc.policy})
			got, err := p.Allow(t.Context(), access.APIInput{Operation: "request.list"})
			if got != tc.want || (err != nil) != tc.failed {
				t.Errorf("got %+v and %v, want %+v", got, err, tc.want)
			}
		})
	}
}

var unusable = access.Permission{
	Reason: "The policy gave an answer that is malformed or contradicts itself. The gateway's log says how; tell whoever maintains the policy.",
}
