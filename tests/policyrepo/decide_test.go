package policyrepo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

var monday = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func TestTheGatewayDecidesByTheRepository(t *testing.T) {
	p := open(t)
	for name, tc := range map[string]struct {
		change func(*access.Input)
		effect access.Effect
		code   string
	}{
		"on call":              {nil, access.Allow, "on_call"},
		"in the team":          {func(in *access.Input) { in.Context.OnCall.Shifts = nil }, access.Review, "leads_review"},
		"in a freeze":          {func(in *access.Input) { in.Action.Name = "deploy"; in.Context.Now = monday.AddDate(0, 9, 22) }, access.Deny, "change_freeze"},
		"from another region":  {func(in *access.Input) { in.Subject.Properties.Groups = []string{"payments", "staff-us"} }, access.Deny, "wrong_region"},
		"what is regulated":    {func(in *access.Input) { in.Resource.Properties["tier"] = "regulated" }, access.Review, "restricted_review"},
		"groups are not known": {func(in *access.Input) { in.Subject.Properties = access.SubjectProperties{} }, access.Deny, "wrong_region"},
	} {
		t.Run(name, func(t *testing.T) {
			in := ask()
			if tc.change != nil {
				tc.change(&in)
			}
			d, err := p.Decide(t.Context(), in)
			if err != nil || d.Effect != tc.effect || len(d.Reasons) != 1 || d.Reasons[0].Code != tc.code {
				t.Errorf("got %s for %+v and %v, want %s for %s", d.Effect, d.Reasons, err, tc.effect, tc.code)
			}
			if d.Effect == access.Review && (d.Reviewers == nil || len(d.Reviewers.Groups) != 1) {
				t.Errorf("the reviewers are %+v", d.Reviewers)
			}
		})
	}
}

func TestTheGatewayChecksByTheRepository(t *testing.T) {
	p := open(t)
	for name, tc := range map[string]struct {
		subject, action, resource, context string
		grants                             []access.CheckGrant
		yes                                bool
		reason                             string
	}{
		"a live grant": {`{"type":"user","id":"alice@example.com"}`, "debug", `{"type":"customer","id":"acme"}`, `{}`,
			[]access.CheckGrant{{Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: "acme"}, ExpiresAt: monday.Add(1)}},
			true, "live_grant"},
		"no live grant": {`{"type":"user","id":"alice@example.com"}`, "debug", `{"type":"customer","id":"acme"}`, `{}`, nil, false, "no_live_grant"},
		"an auditor on a managed device": {`{"type":"user","id":"dana@example.com","properties":{"groups":["auditors"]}}`, "read",
			`{"type":"report","id":"q1"}`, `{"device":{"managed":true}}`, nil, true, "standing_audit"},
		"an auditor on any device": {`{"type":"user","id":"dana@example.com","properties":{"groups":["auditors"]}}`, "read",
			`{"type":"report","id":"q1"}`, `{}`, nil, false, "device_not_managed"},
		"a document by its properties alone": {`{"type":"user","id":"bob@example.com","properties":{"department":"sales"}}`, "read",
			`{"type":"document","id":"plan","properties":{"status":"published","department":"sales"}}`, `{}`, nil, true, "document_published"},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.Check(t.Context(), []access.CheckInput{{
				Subject: json.RawMessage(tc.subject), Action: json.RawMessage(`{"name":"` + tc.action + `"}`),
				Resource: json.RawMessage(tc.resource), Context: json.RawMessage(tc.context), Grants: tc.grants, Now: monday,
			}}, nil)
			if len(got) != 1 || got[0].Failure != nil || got[0].Decision != tc.yes || got[0].Reason != tc.reason {
				t.Errorf("got %+v, want %v for %s", got, tc.yes, tc.reason)
			}
		})
	}
}

// The roles of the API are the repository's, by the shipped rules.
func TestTheGatewayTakesItsRolesFromTheRepository(t *testing.T) {
	p := open(t)
	for group, allowed := range map[string]bool{"gateways": true, "enforcers": false} {
		permission, err := p.Allow(t.Context(), access.APIInput{
			Actor: access.InputSubject{Type: "service", ID: "proxy",
				Properties: access.SubjectProperties{Groups: []string{group}, GroupsKnown: true}},
			Operation: "access.evaluate", Object: access.APIObject{Scope: "all"},
		})
		if err != nil || permission.Allowed != allowed {
			t.Errorf("a member of %s: %+v and %v", group, permission, err)
		}
	}
}

func open(t *testing.T) *pdp.PDP {
	t.Helper()
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: example(t)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask is Alice, on call for payments and of its team, who asks for two hours.
func ask() access.Input {
	return access.Input{
		Subject: access.InputSubject{Type: "user", ID: "alice@example.com",
			Properties: access.SubjectProperties{Groups: []string{"payments", "staff-eu"}, GroupsKnown: true}},
		Requester: access.Subject{Type: "user", ID: "alice@example.com"},
		Action:    access.Action{Name: "debug"},
		Resource: access.InputResource{Type: "customer", ID: "acme",
			Properties:       map[string]any{"owner": "payments", "tier": "gold", "region": "eu"},
			DurationsSeconds: []int64{7200, 14400}, While: []string{"oncall"}},
		Context: access.InputContext{
			Now: monday, ForSeconds: new(int64(7200)), Reason: "Ticket 4711", Phase: access.PhaseRequest, Channel: access.ChannelAPI,
			OnCall: access.OnCall{Known: true, Shifts: []access.Shift{{Schedule: &access.Ref{ID: "payments-primary"}, Level: 1}}},
		},
	}
}
