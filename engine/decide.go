package engine

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/curfew-access/curfew/engine/access"
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

// Decide says what policy would answer. It changes nothing, and so is in the
// decision log alone.
func (e *Engine) Decide(ctx context.Context, call Call, ask Ask) (DecisionView, error) {
	if kept, found, err := replay[DecisionView](ctx, e, call); found || err != nil {
		return kept, err
	}
	a, err := e.admit(ctx, call, opDecide, ask)
	if err != nil {
		return DecisionView{}, err
	}
	_, d, err := e.decideWhen(ctx, a, access.PhaseRequest)
	if err != nil {
		return DecisionView{}, err
	}
	answer := view(d)
	if call.Once.Key != "" {
		answer, err = once(ctx, e, call, nil, func(*ledger.Tx) (DecisionView, error) { return view(d), nil })
	}
	if err == nil && answer.ID == d.ID { // else a twin was first, whose decision is taken down
		e.takeDown(call, d)
	}
	return answer, err
}

// pathDecision is the entry point that decides requests, as the decision log has
// it.
const pathDecision = "access/decision"

// takeDown has a decision that leads to nothing recorded.
func (e *Engine) takeDown(call Call, d access.DecisionRecord) {
	input, err := json.Marshal(d.Input)
	result, failure := json.Marshal(d.Decision)
	if err = errors.Join(err, failure); err != nil {
		e.log.Error("a decision is not in the decision log", "decision", d.ID, "error", err)
		return
	}
	event := call.decision(d.ID, pathDecision, d.DecidedAt)
	event.Revision, event.Input, event.Result, event.Took = d.Revision, input, result, d.Took
	if d.Failed && len(d.Decision.Reasons) > 0 {
		event.Failure = d.Decision.Reasons[0].Code
	}
	e.decisions.Record(event)
}

// askedFor is whose access is asked for: the caller's if nobody is named.
func askedFor(call Call, ask Ask) (access.Subject, error) {
	if ask.Subject == nil {
		return call.Caller, nil
	}
	return ask.Subject.Canonical()
}

// admit asks data.api.allow and then checks the input: a caller that may not
// ask learns nothing of the catalogue.
func (e *Engine) admit(ctx context.Context, call Call, operation string, ask Ask) (asked, error) {
	subject, err := askedFor(call, ask)
	if err != nil {
		return asked{}, err
	}
	err = e.authorize(ctx, call, operation, access.APIObject{
		Subject: &subject, Requester: &call.Caller, Resource: &ask.Resource, Action: &ask.Action,
	})
	if err != nil {
		return asked{}, err
	}
	return e.check(ctx, call, subject, ask)
}

// known is what was learned about a subject for a decision.
type known struct {
	at    time.Time // when
	facts access.Facts
	held  []access.Grant
}

// learn gathers what a decision about the subject needs.
func (e *Engine) learn(ctx context.Context, s access.Subject) (k known, err error) {
	k.at = e.ledger.Now()
	k.facts = e.facts.Gather(ctx, s, k.at)
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		k.held, err = tx.LiveGrantsOf(s)
		return err
	})
	return k, err
}

// decide gathers facts and asks policy.
func (e *Engine) decide(ctx context.Context, a asked, phase access.Phase) (access.DecisionRecord, error) {
	k, err := e.learn(ctx, a.Subject)
	if err != nil {
		return access.DecisionRecord{}, err
	}
	return e.judge(ctx, a, phase, k)
}

// judge asks policy. Its answer is complete and within what the entitlement
// offers, or a deny. ErrBusy says that policy was not asked: that is no decision.
func (e *Engine) judge(ctx context.Context, a asked, phase access.Phase, k known) (access.DecisionRecord, error) {
	now := e.ledger.Now()
	input := a.input(phase, now, k.facts, k.held)
	began := time.Now()
	decision, err := e.policy.Decide(ctx, input)
	took := time.Since(began).Truncate(time.Microsecond)
	if errors.Is(err, access.ErrBusy) {
		return access.DecisionRecord{}, err
	}
	if err != nil {
		e.log.Error("policy failed; the answer is deny", "subject", a.Subject, "resource", a.Resource, "error", err)
	}
	switch {
	case err != nil && decision.Effect != access.Deny:
		decision = refuse(decision, "policy_error", "The policy failed", "Ask whoever maintains the policy; the log says why.")
	case decision.Effect == access.Review && (decision.Reviewers == nil || decision.Reviewers.Quorum < 1):
		decision = refuse(decision, "no_reviewers", "Nobody may review this", "Ask whoever maintains the policy.")
	case decision.Effect == access.Allow, decision.Effect == access.Review:
		decision = e.bounded(a, decision, input.Context)
	case decision.Effect != access.Deny:
		decision = refuse(decision, "policy_malformed", "The policy gave no answer", "Ask whoever maintains the policy.")
	}
	return access.DecisionRecord{
		ID: access.NewID(access.KindDecision, now), Phase: phase, Revision: decision.Revision,
		DecidedAt: now, FactsAt: factsAt(a, k), Input: input, Decision: decision, Took: took, Failed: err != nil,
	}, nil
}

// errMovedOn says that what policy saw of the ledger is not as it is at the
// moment of the commit: the decision must be made again.
var errMovedOn = errors.New("the ledger moved on during the decision")

// current reports errMovedOn unless the resource and the subject's live grants
// are those that the decision was made on, so that requests at once see each
// other, also on other nodes, and nothing is given that is no longer on offer; and
// unless the incident goes on that the access is to be bound to. It holds them
// until the transaction ends, and so must come before any row's lock.
func (e *Engine) current(tx *ledger.Tx, a asked, d access.DecisionRecord) error {
	if err := tx.LockEntitled(a.Entitled); err != nil {
		return err
	}
	r, err := tx.Resource(a.Resource)
	if isNotFound(err) || err == nil && !reflect.DeepEqual(r, a.resource) {
		return errMovedOn
	}
	if err != nil {
		return err
	}
	held, err := tx.LiveGrantsOf(a.Subject)
	if err != nil {
		return err
	}
	saw := d.Input.Context.Grants
	if len(saw) != len(held) {
		return errMovedOn
	}
	for i := range held {
		if held[i].ID != saw[i].ID {
			return errMovedOn
		}
	}
	return e.stillOpen(tx, a, d.Decision)
}

// stillOpen reports errMovedOn if the ledger was told that the incident is closed
// which a decision binds access to, on whichever node, and its source has not said
// since then that it is open. The decision that is made in its place knows it.
func (e *Engine) stillOpen(tx *ledger.Tx, a asked, d access.Decision) error {
	if a.While == nil || !ofIncident(*a.While) || d.Effect == access.Deny || d.Until == nil || d.Until.Incident == nil {
		return nil
	}
	closed, err := tx.HoldIncident(*d.Until.Incident)
	if err != nil || closed == nil {
		return err
	}
	e.snapshots.Close(*closed)
	if _, state := e.snapshots.Incident(closed.ID, tx.Now()); state != access.IncidentOpen {
		return errMovedOn
	}
	return nil
}

// maxDecisions bounds how often a decision is made again because its subject's
// grants moved on.
const maxDecisions = 8

// settled makes a decision about the subject and commits it, in the subject's
// turn, and again until the decision is current at its commit.
func settled[T any](ctx context.Context, e *Engine, s access.Subject, decideAndCommit func() (T, error)) (answer T, err error) {
	done, err := e.turns.take(ctx, s)
	if err != nil {
		return answer, err
	}
	defer done()
	for range maxDecisions {
		if answer, err = decideAndCommit(); !errors.Is(err, errMovedOn) {
			return answer, err
		}
	}
	return answer, access.Conflict("too_many_at_once", "too many requests for this subject at once; ask again")
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
func (e *Engine) bounded(a asked, d access.Decision, in access.InputContext) access.Decision {
	longest := longest(a.entitlement, d)
	switch {
	case longest <= 0:
		return refuse(d, "no_bound", "Nothing bounds this access",
			"Neither policy (max_seconds) nor the resource (durations) says how long this may last at most.")
	case a.For != nil && time.Duration(*a.For) > longest:
		return refuse(d, "too_long", "Longer than allowed", "At most "+access.Duration(longest).String()+" is allowed.")
	case a.While == nil || d.Effect != access.Allow:
		return d
	}
	from := a.startFrom(in.Now)
	switch _, _, err := e.bind(a, d, in, from, from); {
	case isBoundUnknown(err):
		return refuse(d, codeBoundUnknown, "It is not known whether what the access is bound to goes on", "Ask again when it is known.")
	case err != nil:
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

func isDenied(err error) bool { return errors.Is(err, access.ErrDenied) }
