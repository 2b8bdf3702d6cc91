package engine

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// RequestView is a request as callers see it.
type RequestView struct {
	access.Request
	Decision DecisionView          `json:"decision"` // the first one about it
	Reviews  []access.ReviewRecord `json:"reviews"`
	Grant    *access.Grant         `json:"grant"`
}

// Submit asks for access. Policy answers at once: the request is approved and
// there is a grant, or it waits for its reviewers, or it is denied.
func (e *Engine) Submit(ctx context.Context, call Call, ask Ask) (RequestView, error) {
	if kept, found, err := replay[RequestView](ctx, e, call); found || err != nil {
		return kept, errors.Join(err, e.again(ctx, kept))
	}
	subject, err := askedFor(call, ask)
	if err != nil {
		return RequestView{}, err
	}
	var fx effects
	answer, err := settled(ctx, e, subject, func() (RequestView, error) {
		a, err := e.admit(ctx, call, opSubmit, ask)
		if err != nil {
			return RequestView{}, err
		}
		a, d, err := e.decideWhen(ctx, a, access.PhaseRequest)
		if err != nil {
			return RequestView{}, err
		}
		return once(ctx, e, call, &fx, func(tx *ledger.Tx) (RequestView, error) {
			return e.submit(tx, call, a, d, &fx)
		})
	})
	if err != nil {
		return RequestView{}, err
	}
	e.step("request.committed")
	e.apply(ctx, fx)
	if len(fx.started) == 0 {
		err = e.again(ctx, answer) // a twin of this call may be about to
	}
	return answer, err
}

// again repeats the lease effect of an answer that was kept, as the ledger has
// the grant now: the process may have died between the commit and the lease.
func (e *Engine) again(ctx context.Context, kept RequestView) error {
	if kept.Grant == nil {
		return nil
	}
	var g access.Grant
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		g, err = tx.Grant(kept.Grant.ID)
		return err
	})
	if err == nil && g.LiveAt(e.ledger.Now()) {
		e.apply(ctx, effects{started: []access.Grant{g}})
	}
	return err
}

func (e *Engine) submit(tx *ledger.Tx, call Call, a asked, d access.DecisionRecord, fx *effects) (RequestView, error) {
	if err := e.current(tx, a, d); err != nil {
		return RequestView{}, err
	}
	now := tx.Now()
	r := a.Request
	r.ID, r.CreatedAt, r.DecisionID = access.NewID(access.KindRequest, now), now, d.ID
	switch d.Decision.Effect {
	case access.Allow:
		r.State, r.ClosedAt = access.RequestApproved, &now
	case access.Review:
		lapses := now.Add(lapse(d.Decision))
		r.State, r.LapsesAt = access.RequestPending, &lapses
	default:
		r.State, r.ClosedAt = access.RequestDenied, &now
	}
	a.Request = r
	if err := errors.Join(tx.PutDecision(d), tx.AddRequest(r)); err != nil {
		return RequestView{}, err
	}
	if err := tx.Append(requestEvent(call, audit.RequestSubmitted, r, d)); err != nil {
		return RequestView{}, err
	}
	answer := RequestView{Request: r, Decision: view(d), Reviews: []access.ReviewRecord{}}
	var err error
	switch r.State {
	case access.RequestPending:
		err = errors.Join(tx.SetReviewers(r.ID, principals(d.Decision.Reviewers)), tx.SetWaiting(r.ID, awaiting(r, d)))
	case access.RequestApproved:
		answer.Grant, err = e.grant(tx, call, a, d, a.For, fx)
	default:
		err = tx.Append(requestEvent(call, audit.RequestDenied, r, d))
	}
	return answer, err
}

// grant turns an approved request into a grant, and its binding to what it then
// should be. It begins at once, or at starts_at when that is ahead.
func (e *Engine) grant(
	tx *ledger.Tx, call Call, a asked, d access.DecisionRecord, length *access.Duration, fx *effects,
) (*access.Grant, error) {
	now := tx.Now()
	from := a.startFrom(now)
	b, err := tx.TakeBinding(access.NewID(access.KindBinding, now), a.Entitled, a.target.Name, a.target.Contract)
	if err != nil {
		return nil, err
	}
	g := access.Grant{
		ID: access.NewID(access.KindGrant, now), RequestID: a.ID, BindingID: b.ID, Entitled: a.Entitled,
		While: a.While, StartsAt: from, State: access.GrantActive, DecisionID: d.ID, CreatedAt: now,
	}
	if length != nil {
		g.ExpiresAt = from.Add(time.Duration(*length))
	} else if err := e.bindGrant(&g, a, d, from); err != nil {
		return nil, err
	}
	typ := audit.GrantStarted
	if from.After(now) {
		g.State, typ = access.GrantScheduled, audit.GrantScheduled
	}
	err = errors.Join(
		tx.AddGrant(g),
		tx.Append(requestEvent(call, audit.RequestApproved, a.Request, d)),
		tx.Append(decidedEvent(call, typ, g, d)))
	if err != nil {
		return nil, err
	}
	if err := afterReview(tx, call, a, d, g); err != nil {
		return nil, err
	}
	if g.State == access.GrantActive {
		fx.started = append(fx.started, g)
		return &g, e.turnPresent(tx, call, b, g)
	}
	fx.scheduled = true // the binding turns when it starts
	return &g, nil
}

// Withdraw takes a pending request back.
func (e *Engine) Withdraw(ctx context.Context, call Call, id, comment string) (RequestView, error) {
	if kept, found, err := replay[RequestView](ctx, e, call); found || err != nil {
		return kept, err
	}
	if err := checkText("/comment", comment); err != nil {
		return RequestView{}, err
	}
	if _, err := e.readRequest(ctx, call, opWithdraw, id); err != nil {
		return RequestView{}, err
	}
	answer, err := once(ctx, e, call, nil, func(tx *ledger.Tx) (RequestView, error) {
		return e.close(tx, call, id, access.RequestWithdrawn, audit.RequestWithdrawn, comment)
	})
	if err == nil {
		e.step("withdrawal.committed")
	}
	return answer, e.sayingState(ctx, id, err)
}

// close moves a pending request to a final state that gives nothing.
func (e *Engine) close(
	tx *ledger.Tx, call Call, id string, to access.RequestState, typ, comment string,
) (RequestView, error) {
	if err := tx.CloseRequest(id, to); err != nil {
		return RequestView{}, err
	}
	answer, err := requestView(tx, id)
	if err != nil {
		return RequestView{}, err
	}
	event := call.event(typ).About(answer.Entitled)
	event.RequestID, event.DecisionID, event.Revision = audit.Text(id), audit.Text(answer.Decision.ID), audit.Text(answer.Decision.Revision)
	if comment != "" {
		event.Data = map[string]any{"comment": comment}
	}
	return answer, tx.Append(event)
}

// Request returns a request that the caller may see.
func (e *Engine) Request(ctx context.Context, call Call, id string) (RequestView, error) {
	return e.readRequest(ctx, call, opRequest, id)
}

// readRequest returns a request if policy lets the caller do the operation on it.
func (e *Engine) readRequest(ctx context.Context, call Call, operation, id string) (RequestView, error) {
	answer, reviewer, err := e.lookUp(ctx, call, id)
	if err != nil {
		return answer, err
	}
	return answer, e.authorize(ctx, call, operation, requestObject(answer, reviewer))
}

// lookUp reads a request, and whether the caller is among its reviewers.
func (e *Engine) lookUp(ctx context.Context, call Call, id string) (answer RequestView, reviewer bool, err error) {
	if err := access.CheckID(access.KindRequest, id); err != nil {
		return answer, false, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		if answer, err = requestView(tx, id); err != nil {
			return err
		}
		groups, _, err := tx.Groups(call.Caller)
		if err != nil {
			return err
		}
		reviewer, err = tx.IsReviewer(id, principalsOf(call.Caller, groups))
		return err
	})
	return answer, reviewer, err
}

func requestObject(r RequestView, reviewer bool) access.APIObject {
	return access.APIObject{
		Subject: &r.Subject, Requester: &r.Requester, Resource: &r.Resource, Action: &r.Action, Reviewer: &reviewer,
	}
}

func requestView(tx *ledger.Tx, id string) (v RequestView, err error) {
	if v.Request, err = tx.Request(id); err != nil {
		return v, err
	}
	d, err := tx.Decision(v.DecisionID)
	if err != nil {
		return v, err
	}
	v.Decision = view(d)
	if v.Reviews, err = tx.Reviews(id); err != nil {
		return v, err
	}
	if v.Reviews == nil {
		v.Reviews = []access.ReviewRecord{}
	}
	v.Grant, err = tx.GrantOfRequest(id)
	return v, err
}

func lapse(d access.Decision) time.Duration {
	if d.LapseSeconds == nil {
		return access.DefaultLapse
	}
	return time.Duration(*d.LapseSeconds) * time.Second
}

// principals names the reviewers as the ledger keeps them.
func principals(r *access.Reviewers) []string {
	if r == nil {
		return nil
	}
	var out []string
	for _, g := range r.Groups {
		out = append(out, "group:"+g)
	}
	for _, s := range r.Subjects {
		out = append(out, s.String())
	}
	return out
}

// principalsOf is what a subject could be listed as among reviewers. A subject's
// type is never "group".
func principalsOf(s access.Subject, groups []string) []string {
	return principals(&access.Reviewers{Groups: groups, Subjects: []access.Subject{s}})
}

func requestEvent(call Call, typ string, r access.Request, d access.DecisionRecord) audit.Event {
	event := call.event(typ).About(r.Entitled)
	event.RequestID, event.DecisionID, event.Revision = audit.Text(r.ID), audit.Text(d.ID), audit.Text(d.Revision)
	event.Data = map[string]any{"effect": d.Decision.Effect, "reasons": codes(d.Decision)}
	if typ == audit.RequestSubmitted {
		event.Data["reason"], event.Data["requester"] = r.Reason, r.Requester.String()
		event.Data["for"], event.Data["while"], event.Data["emergency"] = r.For, r.While, r.Emergency
	}
	return event
}

func codes(d access.Decision) []string {
	out := make([]string, len(d.Reasons))
	for i, r := range d.Reasons {
		out[i] = r.Code
	}
	return out
}

// afterReview opens the task that policy obliges to: a second person, and not
// who asked for the access, must look at it after the fact.
func afterReview(tx *ledger.Tx, call Call, a asked, d access.DecisionRecord, g access.Grant) error {
	if !d.Decision.Obligations.AfterReview {
		return nil
	}
	const reason = "policy asks for a review after the fact"
	id := access.NewID(access.KindTask, tx.Now())
	event := decidedEvent(call, audit.TaskOpened, g, d)
	event.Data = map[string]any{"task_id": id, "kind": access.TaskAfterReview, "reason": reason}
	return errors.Join(tx.OpenTask(id, access.TaskAfterReview, g, a.Requester, reason), tx.Append(event))
}
