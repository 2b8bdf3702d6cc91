package main

import (
	"context"

	"github.com/curfew-access/curfew/connectors/slack"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// asks is what somebody asks for, in the engine's words. Nobody asks for another
// here.
func asks(a slack.Ask) engine.Ask {
	return engine.Ask{Action: a.Action, Resource: a.Resource, For: a.For, While: a.While, Reason: a.Reason, Emergency: a.Emergency}
}

// Decide says what policy would answer.
func (d *desk) Decide(ctx context.Context, who slack.Caller, a slack.Ask) (access.Decision, error) {
	v, err := d.engine.Decide(ctx, call(who), asks(a))
	return decisionOf(v), err
}

func decisionOf(v engine.DecisionView) access.Decision {
	d := v.Decision
	d.Revision = v.Revision
	return d
}

// Submit asks for access.
func (d *desk) Submit(ctx context.Context, who slack.Caller, key string, a slack.Ask) (access.Case, error) {
	v, err := d.engine.Submit(ctx, changes(who, "submit", key, a), asks(a))
	return d.after(ctx, who, v, err)
}

// Review answers a request.
func (d *desk) Review(ctx context.Context, who slack.Caller, key, requestID string, answer slack.Answer) (access.Case, error) {
	does := d.engine.Approve
	if answer.Verdict != access.VerdictApprove {
		does = d.engine.Deny
	}
	v, err := does(ctx, changes(who, "review", key, requestID, answer), requestID, engine.Review{Comment: answer.Comment, For: answer.For})
	return d.after(ctx, who, v, err)
}

// Withdraw takes a request back.
func (d *desk) Withdraw(ctx context.Context, who slack.Caller, key, requestID string) (access.Case, error) {
	v, err := d.engine.Withdraw(ctx, changes(who, "withdraw", key, requestID), requestID, "")
	if err != nil {
		return access.Case{}, err
	}
	return d.after(ctx, who, v, nil)
}

// after is the case of a request that was just changed. An answer of the engine's
// that names the request is of something that was committed: what can not be read
// or repeated afterwards takes nothing from that.
func (d *desk) after(ctx context.Context, who slack.Caller, v engine.RequestView, err error) (access.Case, error) {
	if err != nil {
		if v.ID == "" {
			return access.Case{}, err
		}
		d.log.Warn("slack: a lease could not be written again; the ledger answers in its place", "request", v.ID, "error", err)
	}
	c, err := d.cases.Case(ctx, call(who), v.ID)
	if err == nil {
		return c, nil
	}
	d.log.Warn("slack: a request was changed, and what became of it can not be read", "request", v.ID, "error", err)
	return known(v), nil
}

// known is a case as far as the engine's answer tells it.
func known(v engine.RequestView) access.Case {
	c := access.Case{
		Request: v.Request, ResourceName: v.Resource.ID, Decision: decisionOf(v.Decision), Reviews: v.Reviews, Grant: v.Grant,
	}
	if v.State == access.RequestPending {
		c.Reviewers = v.Decision.Reviewers
	}
	for _, r := range v.Reviews {
		if r.Verdict == access.VerdictApprove {
			c.Counted = append(c.Counted, r.Reviewer)
		} else {
			c.Comment = r.Comment
		}
	}
	return c
}
