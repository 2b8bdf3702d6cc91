package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/denial"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Submission is a request that answers a denial, as it was sent.
type Submission struct {
	Evaluation // what was denied, sent once more
	Denial     SubmittedDenial
	Wish       Wish
	Reason     string
	Client     json.RawMessage      // nil: the caller says nothing of itself
	Callback   *access.TaskCallback // nil: the caller polls
}

// SubmittedDenial is what a caller says of the denial that it answers.
type SubmittedDenial struct {
	BindingToken string
	EvaluationID string // "" when it is left to the token
	ExpiresAt    time.Time
}

// Wish is what a caller wants of the access. Of For, While and Until there is one
// at most; without any, it is the least that is on offer.
type Wish struct {
	For       *access.Duration
	While     *string
	Until     *time.Time
	Emergency bool
}

// The kinds of id of the profile.
const (
	kindAccessTask = "art"
	kindApproval   = "apr"
)

// taskRef is what is kept of an answer: a repeat is told how the task is by then.
type taskRef struct {
	ID string `json:"id"`
}

// SubmitAccessRequest asks for access that was denied. The denial must be one of
// this gateway's, for exactly this subject, resource and action, and not answered
// yet. From there on it is a request as any other.
func (e *Engine) SubmitAccessRequest(ctx context.Context, call Call, s Submission) (TaskView, error) {
	if e.accessRequests == nil {
		return TaskView{}, notRequestable("access requests are not offered here")
	}
	ref, err := e.submitAccess(ctx, call, s)
	if err != nil {
		return TaskView{}, asReused(err)
	}
	t, r, err := e.lookUpTask(ctx, ref.ID)
	if err != nil {
		return TaskView{}, err
	}
	return e.taskView(t, r), e.again(ctx, r)
}

// asReused is how the profile names an Idempotency-Key with another body.
func asReused(err error) error {
	var fault *access.Error
	if errors.As(err, &fault) && fault.Code == codeKeyReused {
		return access.Conflict(codeDuplicateRequest, "%s", fault.Detail)
	}
	return err
}

const codeKeyReused = "idempotency_key_reused"

func (e *Engine) submitAccess(ctx context.Context, call Call, s Submission) (taskRef, error) {
	if kept, found, err := replay[taskRef](ctx, e, call); found || err != nil {
		return kept, err
	}
	x, ours := s.known()
	if s.Evaluation = x; !ours {
		return taskRef{}, notRequestable("no access can be held for what is named")
	}
	b, err := e.bound(ctx, s)
	if err != nil {
		return taskRef{}, err
	}
	ask, err := e.askOf(ctx, call, s)
	if err != nil {
		return taskRef{}, err
	}
	if err := e.checkCallback(ctx, s.Callback); err != nil {
		return taskRef{}, err
	}
	var fx effects
	ref, err := settled(ctx, e, *ask.Subject, func() (taskRef, error) {
		a, err := e.check(ctx, call, *ask.Subject, ask)
		if err != nil {
			return taskRef{}, asNotRequestable(err)
		}
		d, err := e.decide(ctx, a, access.PhaseRequest)
		if err != nil {
			return taskRef{}, err
		}
		return once(ctx, e, call, &fx, func(tx *ledger.Tx) (taskRef, error) {
			return e.submitTask(tx, call, s, b, a, d, &fx)
		})
	})
	if err != nil {
		return taskRef{}, err
	}
	e.step("access_request.committed")
	e.apply(ctx, fx)
	return ref, nil
}

// bound verifies that the submission answers a denial of this gateway.
func (e *Engine) bound(ctx context.Context, s Submission) (b access.DenialBinding, err error) {
	if s.Denial.BindingToken == "" {
		return b, notBound("/denial/binding_token", "send the token of the denial; an evaluation_id alone binds nothing here")
	}
	if b, err = e.accessRequests.Denials.Verify(ctx, s.Denial.BindingToken); err != nil {
		return b, err
	}
	switch {
	case !s.Denial.ExpiresAt.Equal(b.ExpiresAt):
		return b, notBound("/denial/expires_at", "it is not the denial's")
	case s.Denial.EvaluationID != "" && s.Denial.EvaluationID != b.EvaluationID:
		return b, notBound("/denial/evaluation_id", "it is not the one of the binding token")
	case !denial.SameSubject(s.Sent.Subject, b.Subject):
		return b, notBound("/subject", "it is not the one that was denied")
	case !denial.Same(s.Sent.Resource, b.Resource):
		return b, notBound("/resource", "it is not the one that was denied")
	case !denial.Same(s.Sent.Action, b.Action):
		return b, notBound("/action", "it is not the one that was denied")
	}
	return b, nil
}

func notBound(field, why string) error { return access.Invalid(codeInvalidBinding, field, "%s", why) }

func notRequestable(why string) error { return access.Invalid(codeNotRequestable, "", "%s", why) }

// asNotRequestable is a fault of what is asked for, in the profile's words. What
// is wrong with a text stays what it is.
func asNotRequestable(err error) error {
	var fault *access.Error
	if errors.As(err, &fault) && fault.Field != "/reason" {
		return notRequestable(fault.Detail)
	}
	return err
}

// askOf is the submission as a request of Curfew's. A caller that may not ask for
// the subject learns nothing of the catalogue.
func (e *Engine) askOf(ctx context.Context, call Call, s Submission) (ask Ask, err error) {
	ask = Ask{
		Subject: &s.Subject, Action: s.Action, Resource: s.Resource,
		For: s.Wish.For, While: s.Wish.While, Reason: s.Reason, Emergency: s.Wish.Emergency,
	}
	err = e.authorize(ctx, call, opSubmit, access.APIObject{
		Subject: ask.Subject, Requester: &call.Caller, Resource: &ask.Resource, Action: &ask.Action,
	})
	if err != nil || ask.For != nil || ask.While != nil {
		return ask, err
	}
	var r access.Resource
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		r, err = tx.Resource(ask.Resource)
		return err
	})
	entitlement, offered := r.Entitlement(ask.Action.Name)
	switch {
	case isNotFound(err), err == nil && !offered:
		return ask, notRequestable("what was denied is not on offer any more")
	case err != nil:
		return ask, err
	case s.Wish.Until == nil:
		ask.For, ask.While = shortestOf(entitlement)
		return ask, nil
	}
	ask.For, err = leastUntil(entitlement, *s.Wish.Until, e.ledger.Now())
	return ask, err
}

// leastUntil is the shortest duration on offer that lasts until the time.
func leastUntil(entitlement access.Entitlement, until, now time.Time) (*access.Duration, error) {
	if !until.After(now) {
		return nil, notRequestable("requested_until is over")
	}
	var least *access.Duration
	for _, d := range entitlement.Durations {
		if time.Duration(d) >= until.Sub(now) && (least == nil || d < *least) {
			least = &d
		}
	}
	if least == nil {
		return nil, notRequestable("nothing on offer lasts until then; on offer: " + offers(entitlement))
	}
	return least, nil
}

// submitTask stores the request and its task together.
func (e *Engine) submitTask(
	tx *ledger.Tx, call Call, s Submission, b access.DenialBinding, a asked, d access.DecisionRecord, fx *effects,
) (taskRef, error) {
	r, err := e.submit(tx, call, a, d, fx)
	if err != nil {
		return taskRef{}, err
	}
	t := access.RequestTask{
		ID: access.NewOpaqueID(kindAccessTask), RequestID: r.ID, ApprovalID: access.NewOpaqueID(kindApproval), EvaluationID: b.EvaluationID,
		Subject: b.Subject, Resource: b.Resource, Action: b.Action, Client: s.Client, CreatedAt: tx.Now(),
	}
	if err := tx.AddAccessTask(t); err != nil {
		return taskRef{}, err
	}
	if s.Callback != nil {
		c := *s.Callback
		c.TaskID = t.ID
		if err := tx.AddCallback(c, r.ID); err != nil {
			return taskRef{}, err
		}
	}
	event := call.event(audit.AccessRequestSubmitted).About(a.Entitled)
	event.RequestID, event.DecisionID, event.Revision = audit.Text(r.ID), audit.Text(d.ID), audit.Text(d.Revision)
	event.Data = map[string]any{"task_id": t.ID, "evaluation_id": b.EvaluationID, "client": s.Client}
	return taskRef{t.ID}, tx.Append(event)
}
