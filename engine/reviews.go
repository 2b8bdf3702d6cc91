package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Review is a reviewer's answer: the body of approve and deny.
type Review struct {
	Comment string           `json:"comment"`
	For     *access.Duration `json:"for"` // approve only: shorter than asked for
}

// Approve answers a pending request with yes. Policy is asked again first: if it
// has become a deny the request stays as it is and the answer is ErrConflict
// with the code no_longer_allowed. The request is approved when as many people
// as policy now wants, and who are still eligible, have said yes.
func (e *Engine) Approve(ctx context.Context, call Call, id string, review Review) (RequestView, error) {
	return e.review(ctx, call, id, access.VerdictApprove, review)
}

// Deny answers a pending request with no, which is final.
func (e *Engine) Deny(ctx context.Context, call Call, id string, review Review) (RequestView, error) {
	if review.For != nil {
		return RequestView{}, access.Invalid("for_with_deny", "/for", "a denial has no duration; leave for out")
	}
	return e.review(ctx, call, id, access.VerdictDeny, review)
}

func (e *Engine) review(ctx context.Context, call Call, id string, verdict access.Verdict, review Review) (RequestView, error) {
	if kept, found, err := replay[RequestView](ctx, e, call); found || err != nil {
		return kept, errors.Join(err, e.again(ctx, kept))
	}
	if err := checkText("/comment", review.Comment); err != nil {
		return RequestView{}, err
	}
	before, listed, err := e.lookUp(ctx, call, id)
	if err != nil {
		return RequestView{}, err
	}
	if before.State != access.RequestPending { // policy has nothing more to say about it
		err := e.authorize(ctx, call, opRequest, requestObject(before, listed))
		return RequestView{}, cmp.Or(err, notPending(before.Request))
	}
	var fx effects
	answer, err := settled(ctx, e, before.Subject, func() (RequestView, error) {
		a, d, err := e.decideReview(ctx, before, verdict)
		if err != nil {
			return RequestView{}, err
		}
		named, err := e.names(ctx, d, before.Request, call.Caller)
		if err != nil {
			return RequestView{}, err
		}
		if err := e.authorize(ctx, call, opReview, requestObject(before, listed || named)); err != nil {
			return RequestView{}, err
		}
		if err := checkShortened(before, review.For); err != nil {
			return RequestView{}, err
		}
		if verdict == access.VerdictApprove && d.Decision.Effect == access.Deny {
			return RequestView{}, e.noLongerAllowed(ctx, call, a, d)
		}
		record := access.ReviewRecord{
			RequestID: id, Reviewer: call.Caller, Verdict: verdict, For: review.For, DecisionID: d.ID,
			Comment: strings.TrimSpace(review.Comment),
		}
		return once(ctx, e, call, &fx, func(tx *ledger.Tx) (RequestView, error) {
			return e.count(tx, call, a, d, record, &fx)
		})
	})
	if err != nil {
		err = e.refusePerson(ctx, call, opReview, requestObject(before, listed), err)
		return RequestView{}, e.sayingState(ctx, id, err)
	}
	e.step("review.committed")
	e.apply(ctx, fx)
	if len(fx.started) == 0 {
		err = e.again(ctx, answer) // a twin of this call may be about to
	}
	return answer, err
}

// sayingState says of a request that can not be answered any more what it is: its
// reviewer came second.
func (e *Engine) sayingState(ctx context.Context, id string, err error) error {
	if !isNotPending(err) {
		return err
	}
	var r access.Request
	failure := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		r, err = tx.Request(id)
		return err
	})
	if failure != nil {
		return err
	}
	return notPending(r)
}

// codeNotPending says that a request can not be answered any more.
const codeNotPending = "request_not_pending"

func isNotPending(err error) bool { return access.CodeOf(err) == codeNotPending }

func notPending(r access.Request) error {
	state := r.State
	if state == access.RequestPending {
		state = access.RequestLapsed // as it is about to be
	}
	return access.Conflict(codeNotPending, "request %s is %s already", r.ID, state)
}

// decideReview asks policy anew about a request that is reviewed. A denial needs
// neither the resource nor the target to be there still: the reviewers of the
// request's first decision may give it.
func (e *Engine) decideReview(
	ctx context.Context, before RequestView, verdict access.Verdict,
) (a asked, d access.DecisionRecord, err error) {
	a, err = e.reconsider(ctx, before.Request)
	if err == nil {
		a, d, err = e.decideWhen(ctx, a, access.PhaseReview)
	}
	if verdict == access.VerdictApprove || !errors.Is(err, access.ErrConflict) {
		return a, d, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		d, err = tx.Decision(before.DecisionID)
		return err
	})
	d.ID, d.Phase, d.DecidedAt = access.NewID(access.KindDecision, e.ledger.Now()), access.PhaseReview, e.ledger.Now()
	return asked{Request: before.Request}, d, err
}

// names reports whether a decision makes the subject a reviewer of the request.
func (e *Engine) names(ctx context.Context, d access.DecisionRecord, r access.Request, s access.Subject) (bool, error) {
	groups, _, err := e.ledger.Groups(ctx, s)
	reviewers := d.Decision.Reviewers
	if reviewers != nil && r.EscalatedAt != nil {
		reviewers = widened(reviewers, reviewers.Escalate)
	}
	return reviewers.Includes(s, groups), err
}

// reconsider holds a stored request against today's catalogue and targets.
func (e *Engine) reconsider(ctx context.Context, r access.Request) (a asked, err error) {
	a.Request = r
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		a.resource, err = tx.Resource(r.Resource)
		return err
	})
	if err != nil {
		if isNotFound(err) {
			err = access.Conflict("no_longer_allowed", "the resource %s left the catalogue", r.Resource)
		}
		return a, err
	}
	var ok bool
	if a.entitlement, ok = a.resource.Entitlement(r.Action.Name); !ok {
		return a, access.Conflict("no_longer_allowed", "%s does not offer %s any more", r.Resource, r.Action.Name)
	}
	a.While = e.named(a.While, e.ledger.Now())
	a.target, err = e.target(a.entitlement.Target)
	return a, err
}

func checkShortened(r RequestView, d *access.Duration) error {
	switch {
	case d == nil:
		return nil
	case r.For == nil:
		return access.Invalid("review_lengthens", "/for", "the request is for while %s, which has no length to shorten", *r.While)
	case *d > *r.For:
		return access.Invalid("review_lengthens", "/for", "a reviewer may shorten, never lengthen: %s was asked for", *r.For)
	}
	return nil
}

// noLongerAllowed records the decision that stands in the way of an approval.
func (e *Engine) noLongerAllowed(ctx context.Context, call Call, a asked, d access.DecisionRecord) error {
	event := requestEvent(call, audit.RequestReviewed, a.Request, d)
	event.Data["verdict"], event.Data["counted"] = access.VerdictApprove, false
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return errors.Join(tx.PutDecision(d), tx.Append(event)) })
	return errors.Join(access.Conflict("no_longer_allowed", "policy does not allow this any more: %s", sentence(d.Decision)), err)
}

// count adds a review and draws the consequence, with the request locked.
func (e *Engine) count(
	tx *ledger.Tx, call Call, a asked, d access.DecisionRecord, record access.ReviewRecord, fx *effects,
) (RequestView, error) {
	record.CreatedAt = tx.Now()
	if err := tx.LockRequest(a.ID); err != nil {
		return RequestView{}, err
	}
	if record.Verdict == access.VerdictApprove {
		if err := e.current(tx, a, d); err != nil {
			return RequestView{}, err
		}
	}
	reviewers, err := e.reviewersNow(tx, a, d)
	if err != nil {
		return RequestView{}, err
	}
	if err := eligible(tx, a.Request, reviewers, call.Caller); err != nil {
		return RequestView{}, err
	}
	event := requestEvent(call, audit.RequestReviewed, a.Request, d)
	event.Data["verdict"], event.Data["comment"], event.Data["for"] = record.Verdict, record.Comment, record.For
	if err := errors.Join(tx.PutDecision(d), tx.AddReview(record), tx.Append(event)); err != nil {
		return RequestView{}, err
	}
	if record.Verdict == access.VerdictDeny {
		return e.close(tx, call, a.ID, access.RequestDenied, audit.RequestDenied, record.Comment)
	}
	approvals, err := countable(tx, a.Request, reviewers)
	if err != nil {
		return RequestView{}, err
	}
	if len(approvals) < reviewers.Quorum {
		if err := errors.Join(tx.SetReviewers(a.ID, principals(reviewers)), awaitingStill(tx, a.Request, d)); err != nil {
			return RequestView{}, err
		}
		return requestView(tx, a.ID)
	}
	if err := tx.CloseRequest(a.ID, access.RequestApproved); err != nil {
		return RequestView{}, err
	}
	if _, err := e.grant(tx, call, a, d, shortest(a.For, approvals), fx); err != nil {
		return RequestView{}, err
	}
	return requestView(tx, a.ID)
}

// reviewersNow is who may answer under the new decision. One that needs no
// review any more leaves those of the decision before it. Once the request is
// escalated, those may too whom the new decision names for that or, when it names
// nobody, the first one.
func (e *Engine) reviewersNow(tx *ledger.Tx, a asked, d access.DecisionRecord) (*access.Reviewers, error) {
	first, err := tx.Decision(a.DecisionID)
	if err != nil {
		return nil, err
	}
	said := policySaid{first: first, newest: d}
	reviewers := said.reviewers()
	if reviewers == nil {
		return nil, access.Conflict("no_longer_allowed", "nobody may answer this request")
	}
	if d.Decision.Effect == access.Allow {
		reviewers = &access.Reviewers{Groups: reviewers.Groups, Subjects: reviewers.Subjects, Quorum: 1}
	}
	w, err := tx.Waiting(a.ID)
	if err == nil && w.EscalatedAt != nil {
		reviewers = widened(reviewers, said.escalation())
	}
	return reviewers, err
}

// eligible reports ErrDenied unless s may answer the request: a person, one of
// the reviewers, and neither whose access it is nor who asked for it.
func eligible(tx *ledger.Tx, r access.Request, reviewers *access.Reviewers, s access.Subject) error {
	if s.Type != access.TypeUser {
		return access.Denied("reviewer_not_a_person", "%s is not a user; a person must review", s)
	}
	own, err := tx.SamePerson(s, r.Subject, r.Requester)
	if err != nil {
		return err
	}
	if own {
		return access.Denied("own_request", "%s can not review a request for or by themselves; another reviewer must", s)
	}
	groups, _, err := tx.Groups(s)
	if err != nil {
		return err
	}
	if !reviewers.Includes(s, groups) {
		return access.Denied("not_a_reviewer", "%s is not one of the reviewers: %s", s, strings.Join(principals(reviewers), ", "))
	}
	return nil
}

// countable lists the approvals by people who are eligible now.
func countable(tx *ledger.Tx, r access.Request, reviewers *access.Reviewers) ([]access.ReviewRecord, error) {
	reviews, err := tx.Reviews(r.ID)
	if err != nil {
		return nil, err
	}
	var failed error
	counted := slices.DeleteFunc(reviews, func(v access.ReviewRecord) bool {
		err := eligible(tx, r, reviewers, v.Reviewer)
		if err != nil && !errors.Is(err, access.ErrDenied) {
			failed = err
		}
		return err != nil || v.Verdict != access.VerdictApprove
	})
	return counted, failed
}

// shortest is what was asked for, or the shortest that an approval left of it.
func shortest(asked *access.Duration, approvals []access.ReviewRecord) *access.Duration {
	for _, v := range approvals {
		if asked != nil && v.For != nil && *v.For < *asked {
			asked = v.For
		}
	}
	return asked
}

func sentence(d access.Decision) string {
	var parts []string
	for _, r := range d.Reasons {
		parts = append(parts, strings.TrimSpace(r.Title+". "+r.Detail))
	}
	return strings.Join(parts, " ")
}
