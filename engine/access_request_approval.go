package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/denial"
	"github.com/curfew-access/curfew/engine/ledger"
)

// What a caller should do after a denial, and why: the profile's words.
const (
	nextRequest = "request"
	nextRetry   = "retry"
	nextNone    = "none"

	reasonApprovalRequired = "approval_required"
	reasonApprovalExpired  = "approval_expired"
	reasonOutOfScope       = "out_of_scope"
	reasonGrantPending     = "grant_pending"
	reasonPolicyDenied     = "policy_denied"
	reasonUnverifiable     = "approval_unverifiable"
)

// approved is what the ledger has of an approval.
type approved struct {
	task  access.RequestTask
	grant access.Grant
	found bool
	err   error // why it is not known
}

// approvalShown looks up the approval that an evaluation shows; nil: it shows none.
func (e *Engine) approvalShown(ctx context.Context, x Evaluation) *approved {
	if e.accessRequests == nil {
		return nil
	}
	sent := approvalIn(x.Sent.Context)
	if sent == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, offerPatience) // the lease may answer the check without the ledger
	defer cancel()
	a, err := e.approvalOf(ctx, sent)
	a.err = err
	return &a
}

// approvalIn is the approval that an evaluation's context shows; nil: none. Most
// contexts have none, which is told without reading them.
func approvalIn(sent json.RawMessage) json.RawMessage {
	if !bytes.Contains(sent, []byte(`"approval"`)) {
		return nil
	}
	var context struct {
		Approval json.RawMessage `json:"approval"`
	}
	if json.Unmarshal(sent, &context) != nil || string(context.Approval) == "null" {
		return nil
	}
	return context.Approval
}

// reevaluated is what an answer says of the approval that was shown. The approval
// never made the decision: a live grant did, or policy.
func (e *Engine) reevaluated(ctx context.Context, call Call, x Evaluation, v CheckView, a approved) map[string]any {
	inScope := a.err == nil && a.found && inScope(a.task, x.Sent)
	live := inScope && a.grant.LiveAt(e.ledger.Now())
	switch {
	case v.Decision && live:
		return map[string]any{"approval": Approval{ID: a.task.ApprovalID, ApprovedUntil: a.grant.ExpiresAt}}
	case v.Decision:
		return nil // for another reason than this approval
	case a.err != nil:
		return next(denied(v, v.Reason), nextRetry, 1)
	case !a.found:
		return next(denied(v, reasonUnverifiable), nextNone, 0)
	case !inScope:
		return e.orRequest(ctx, call, x, v, reasonOutOfScope)
	case a.grant.State == access.GrantScheduled:
		return next(denied(v, reasonGrantPending), nextRetry, secondsUntil(a.grant.StartsAt, e.ledger.Now()))
	case !live:
		return e.orRequest(ctx, call, x, v, reasonApprovalExpired)
	case v.Reason == checkNone, v.Reason == checkUnavailable:
		return next(denied(v, reasonGrantPending), nextRetry, 1)
	}
	return next(denied(v, reasonPolicyDenied), nextNone, 0)
}

// next adds what the caller should do, after so many seconds.
func next(said map[string]any, action string, after int) map[string]any {
	said["next_action"] = action
	if after > 0 {
		said["retry_after"] = after
	}
	return said
}

// orRequest says that a new request would help, if one can be made.
func (e *Engine) orRequest(ctx context.Context, call Call, x Evaluation, v CheckView, reason string) map[string]any {
	said := denied(v, reason)
	offer := e.offer(ctx, call, x, v)
	if offer == nil {
		return next(said, nextNone, 0)
	}
	said["access_request"] = offer
	return next(said, nextRequest, 0)
}

// approvalOf finds the approval in the ledger, which alone says what it is worth:
// nothing that is sent with its id is believed. A state is none of ours.
func (e *Engine) approvalOf(ctx context.Context, sent json.RawMessage) (a approved, err error) {
	var named struct {
		ID    string          `json:"id"`
		State json.RawMessage `json:"state"`
	}
	if json.Unmarshal(sent, &named) != nil || access.CheckID(kindApproval, named.ID) != nil || named.State != nil {
		return a, nil
	}
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		a.task, err = tx.AccessTaskOfApproval(named.ID)
		return err
	})
	if err != nil {
		if isNotFound(err) {
			err = nil
		}
		return approved{}, err
	}
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		g, err := tx.GrantOfRequest(a.task.RequestID)
		if g != nil {
			a.grant, a.found = *g, true
		}
		return err
	})
	return a, err
}

// inScope: the approval is for exactly what was evaluated.
func inScope(t access.RequestTask, sent Sent) bool {
	return denial.SameSubject(t.Subject, sent.Subject) && denial.Same(t.Resource, sent.Resource) && denial.Same(t.Action, sent.Action)
}

func secondsUntil(at, now time.Time) int { return max(1, int(math.Ceil(at.Sub(now).Seconds()))) }
