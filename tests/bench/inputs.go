package main

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// question is something that policy is asked.
type question struct {
	name   string
	effect access.Effect // what it must answer; "" for data.api.allow
	in     access.Input
}

// questions is one input for each effect, as the gateway would build it for the
// quickstart.
func questions(now time.Time) []question {
	review := ask(now)
	review.Context.OnCall.Shifts = nil // in the owner's group, not on call
	deny := ask(now)
	deny.Subject.Properties.Groups = []string{"eng", "platform"}
	deny.Context.OnCall.Shifts = nil
	deny.Context.ForSeconds = new(int64(6 * 3600))
	return []question{
		{"allow: on call", access.Allow, ask(now)},
		{"review: in the owner's group", access.Review, review},
		{"deny: neither, and too long", access.Deny, deny},
	}
}

// ask is Alice, on call for payments, who asks for two hours at acme and holds
// one other grant.
func ask(now time.Time) access.Input {
	age := int64(0)
	return access.Input{
		Subject: access.InputSubject{
			Type: "user", ID: "alice@example.com",
			Properties: access.SubjectProperties{Groups: []string{"eng", "payments"}, GroupsKnown: true},
		},
		Requester: access.Subject{Type: "user", ID: "alice@example.com"},
		Action:    access.Action{Name: "debug"},
		Resource: access.InputResource{
			Type: "customer", ID: "acme", Properties: map[string]any{"owner": "payments", "tier": "gold"},
			DurationsSeconds: []int64{30, 7200, 14400}, While: []string{"oncall"},
		},
		Context: access.InputContext{
			Now: now, ForSeconds: new(int64(7200)), Reason: reason, Channel: access.ChannelAPI, Phase: access.PhaseRequest,
			OnCall: access.OnCall{Known: true, AgeSeconds: &age, Shifts: []access.Shift{{
				Schedule: &access.Ref{ID: "payments-primary", Name: "Payments, primary"}, Level: 1,
				Start: new(now.Add(-time.Hour)), End: new(now.Add(7 * time.Hour)),
			}}},
			Grants: []access.InputGrant{{
				ID: access.NewID(access.KindGrant, now), Action: access.Action{Name: "debug"},
				Resource: access.ResourceRef{Type: "customer", ID: "initech"}, StartsAt: now.Add(-time.Hour), ExpiresAt: now.Add(time.Hour),
			}},
		},
	}
}

// submission is what data.api.allow is asked about POST /v1/requests.
func submission() access.APIInput {
	in := ask(time.Time{})
	return access.APIInput{
		Actor: in.Subject, Operation: "request.submit",
		Object: access.APIObject{
			Subject: &in.Requester, Requester: &in.Requester, Action: &in.Action,
			Resource: &access.ResourceRef{Type: in.Resource.Type, ID: in.Resource.ID},
		},
	}
}

const reason = "PD-4711: payouts of this customer are stuck in settlement since the deployment of this morning; " +
	"want to look at the queue and, if it is the known deadlock, to restart its consumer"
