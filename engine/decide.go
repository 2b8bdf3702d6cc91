package engine

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// DecisionView is a decision as callers see it.
type DecisionView struct {
	ID        string    `json:"id"`
	Revision  string    `json:"revision"`
	DecidedAt time.Time `json:"decided_at"`
	access.Decision
}

func view(d access.DecisionRecord) DecisionView {
	return DecisionView{ID: d.ID, Revision: d.Revision, DecidedAt: d.DecidedAt, Decision: d.Decision}
}

// Decide says what policy would answer, and changes nothing but the record that
// it was asked.
func (e *Engine) Decide(ctx context.Context, call Call, ask Ask) (DecisionView, error) {
	if kept, found, err := replay[DecisionView](ctx, e, call); found || err != nil {
		return kept, err
	}
	a, err := e.admit(ctx, call, opDecide, ask)
	if err != nil {
		return DecisionView{}, err
	}
	d, err := e.decide(ctx, a, access.PhaseRequest)
	if err != nil {
		return DecisionView{}, err
	}
	event := call.event(audit.DecisionAsked).About(a.Entitled)
	event.DecisionID, event.Revision = audit.Text(d.ID), audit.Text(d.Revision)
	event.Data = map[string]any{"effect": d.Decision.Effect}
	return once(ctx, e, call, func(tx *ledger.Tx) (DecisionView, error) {
		return view(d), errors.Join(tx.PutDecision(d), tx.Append(event))
	})
}

// admit asks data.api.allow and then checks the input: a caller that may not
// ask learns nothing of the catalogue.
func (e *Engine) admit(ctx context.Context, call Call, operation string, ask Ask) (asked, error) {
	subject := call.Caller
	if ask.Subject != nil {
		canonical, err := ask.Subject.Canonical()
		if err != nil {
			return asked{}, err
		}
		subject = canonical
	}
	err := e.authorize(ctx, call, operation, access.APIObject{
		Subject: &subject, Requester: &call.Caller, Resource: &ask.Resource, Action: &ask.Action,
	})
	if err != nil {
		return asked{}, err
	}
	return e.check(ctx, call, ask)
}

// decide gathers facts and asks policy. Its answer is complete and within what
// the entitlement offers, or a deny.
func (e *Engine) decide(ctx context.Context, a asked, phase access.Phase) (access.DecisionRecord, error) {
	now := e.ledger.Now()
	facts := e.facts.Gather(ctx, a.Subject, now)
	held, err := e.liveGrants(ctx, a.Subject)
	if err != nil {
		return access.DecisionRecord{}, err
	}
	input := a.input(phase, now, facts, held)
	decision, err := e.policy.Decide(ctx, input)
	if err != nil {
		e.log.Error("policy failed; the answer is deny", "subject", a.Subject, "resource", a.Resource, "error", err)
	}
	if decision.Effect != access.Deny {
		decision = bounded(a, decision, facts, now)
	}
	return access.DecisionRecord{
		ID: access.NewID(access.KindDecision, now), Phase: phase, Revision: decision.Revision,
		DecidedAt: now, Input: input, Decision: decision,
	}, nil
}

func (e *Engine) liveGrants(ctx context.Context, s access.Subject) (held []access.Grant, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		held, err = tx.LiveGrantsOf(s)
		return err
	})
	return held, err
}

// input builds the document that policy sees.
func (a asked) input(phase access.Phase, now time.Time, facts access.Facts, held []access.Grant) access.Input {
	in := access.Input{
		Subject: access.InputSubject{
			Type: a.Subject.Type, ID: a.Subject.ID,
			Properties: access.SubjectProperties{Groups: facts.Groups, GroupsKnown: facts.GroupsKnown},
		},
		Requester: a.Requester,
		Action:    a.Action,
		Resource: access.InputResource{
			Type: a.Resource.Type, ID: a.Resource.ID, Properties: a.resource.Properties,
			DurationsSeconds: []int64{}, While: append([]string{}, a.entitlement.While...),
		},
		Context: access.InputContext{
			Now: now, While: a.While, StartsAt: a.StartsAt, Reason: a.Reason, Emergency: a.Emergency, Channel: a.Channel,
			Phase: phase, OnCall: facts.OnCall, Incidents: facts.Incidents, Grants: []access.InputGrant{},
		},
	}
	for _, d := range a.entitlement.Durations {
		in.Resource.DurationsSeconds = append(in.Resource.DurationsSeconds, d.Seconds())
	}
	if a.For != nil {
		seconds := a.For.Seconds()
		in.Context.ForSeconds = &seconds
	}
	for _, g := range held {
		in.Context.Grants = append(in.Context.Grants, access.InputGrant{
			ID: g.ID, Action: g.Action, Resource: g.Resource, StartsAt: g.StartsAt, ExpiresAt: g.ExpiresAt,
		})
	}
	return in
}

// bounded turns an answer that would give more than policy or the entitlement
// bounds it to, or that has no end, into a deny: nothing is ever clamped.
func bounded(a asked, d access.Decision, facts access.Facts, now time.Time) access.Decision {
	longest := longest(a.entitlement, d)
	from := a.startFrom(now)
	switch {
	case longest <= 0:
		return refuse(d, "no_bound", "Nothing bounds this access",
			"Neither policy (max_seconds) nor the resource (durations) says how long this may last at most.")
	case a.For != nil && time.Duration(*a.For) > longest:
		return refuse(d, "too_long", "Longer than allowed", "At most "+access.Duration(longest).String()+" is allowed.")
	case a.While != nil && d.Effect == access.Allow && !endOf(d, facts.OnCall, from, longest).After(from):
		return refuse(d, "bound_over", "What the access is bound to is over",
			"No shift or incident that policy matched lasts beyond the start of the access.")
	}
	return d
}

// longest is the longest access under a decision.
func longest(e access.Entitlement, d access.Decision) time.Duration {
	if d.MaxSeconds != nil {
		return min(time.Duration(*d.MaxSeconds)*time.Second, time.Duration(access.MaxDuration))
	}
	return time.Duration(e.Longest())
}

// endOf is when a `while` grant that begins at from ends: with the last of the
// shifts that policy matched, plus its grace, and never after longest.
func endOf(d access.Decision, oncall access.OnCall, from time.Time, longest time.Duration) time.Time {
	limit := from.Add(longest)
	if d.Until == nil || !oncall.Known {
		return time.Time{}
	}
	var end time.Time
	for _, s := range oncall.Shifts {
		if !s.Covers(from) || !picked(d.Until.OnCall, s) {
			continue
		}
		if s.End == nil {
			return limit
		}
		if t := s.End.Add(time.Duration(d.Until.GraceSeconds) * time.Second); t.After(end) {
			end = t
		}
	}
	if end.After(limit) {
		return limit
	}
	return end
}

func picked(refs []access.ShiftRef, s access.Shift) bool {
	for _, r := range refs {
		if r.Picks(s) {
			return true
		}
	}
	return false
}

// startFrom is when the access would begin if it were approved now.
func (a asked) startFrom(now time.Time) time.Time {
	if a.StartsAt != nil && a.StartsAt.After(now) {
		return *a.StartsAt
	}
	return now
}

func refuse(d access.Decision, code, title, detail string) access.Decision {
	return access.Decision{
		Effect: access.Deny, Revision: d.Revision,
		Reasons: []access.Reason{{Code: code, Title: title, Detail: detail}},
	}
}

func isNotFound(err error) bool { return errors.Is(err, access.ErrNotFound) }
