package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// GrantView is a grant as callers see it.
type GrantView struct {
	access.Grant
	Live    bool        `json:"live"`
	Binding BindingView `json:"binding"`
}

// BindingView is a binding as callers see it.
type BindingView struct {
	ID          string          `json:"id"`
	Target      string          `json:"target"`
	Desired     access.Presence `json:"desired"`
	Observed    access.Presence `json:"observed"`
	Generation  int64           `json:"generation"`
	Attempts    int             `json:"attempts"`
	Overdue     bool            `json:"overdue"`
	LastError   string          `json:"last_error"`
	NextAt      *time.Time      `json:"next_at"`
	ConfirmedAt *time.Time      `json:"confirmed_at"`
	// CallbackBy is until when the word of a target that has accepted is waited for.
	CallbackBy *time.Time `json:"callback_by"`
	// ForcedAt is when people declared it gone without the target's word.
	ForcedAt *time.Time `json:"forced_at"`
}

// Grant returns a grant that the caller may see.
func (e *Engine) Grant(ctx context.Context, call Call, id string) (GrantView, error) {
	return e.readGrant(ctx, call, opGrant, id)
}

func (e *Engine) readGrant(ctx context.Context, call Call, operation, id string) (answer GrantView, err error) {
	if err := access.CheckID(access.KindGrant, id); err != nil {
		return answer, err
	}
	var r access.Request
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		if answer, err = grantView(tx, id); err != nil {
			return err
		}
		r, err = tx.Request(answer.RequestID)
		return err
	})
	if err != nil {
		return answer, err
	}
	return answer, e.authorize(ctx, call, operation, access.APIObject{
		Subject: &answer.Subject, Requester: &r.Requester, Resource: &answer.Resource, Action: &answer.Action,
	})
}

func grantView(tx *ledger.Tx, id string) (GrantView, error) {
	g, err := tx.Grant(id)
	if err != nil {
		return GrantView{}, err
	}
	return viewOf(tx, g)
}

func viewOf(tx *ledger.Tx, g access.Grant) (GrantView, error) {
	b, err := tx.Binding(g.BindingID)
	return GrantView{
		Grant: g, Live: g.LiveAt(tx.Now()),
		Binding: BindingView{
			ID: b.ID, Target: b.Target, Desired: b.Desired, Observed: b.Observed, Generation: b.Generation,
			Attempts: b.Attempts, Overdue: b.OverdueAt(tx.Now()), LastError: b.LastError, NextAt: b.NextAt, ConfirmedAt: b.ConfirmedAt,
			CallbackBy: b.CallbackBy, ForcedAt: b.ForcedAt,
		},
	}, err
}

// Revocation is the answer to a revoke.
type Revocation struct {
	GrantView
	// Propagating says that the grant has ended and that a check on some node may
	// not know it yet: for a second at the most from when that node has read the
	// ledger.
	Propagating bool `json:"propagating,omitzero"`
}

// Revoke ends a grant now, whether it has started or not. One that has ended is
// ErrConflict.
func (e *Engine) Revoke(ctx context.Context, call Call, id, comment string) (Revocation, error) {
	if err := checkText("/comment", comment); err != nil {
		return Revocation{}, err
	}
	if kept, found, err := replay[GrantView](ctx, e, call); found || err != nil {
		if !found {
			return Revocation{}, err
		}
		return Revocation{kept, !e.apply(ctx, effects{ended: []access.Grant{kept.Grant}})}, err
	}
	before, err := e.readGrant(ctx, call, opRevoke, id)
	if err != nil {
		return Revocation{}, err
	}
	var fx effects
	answer, err := once(ctx, e, call, &fx, func(tx *ledger.Tx) (GrantView, error) {
		if err := tx.LockBindings(before.BindingID); err != nil {
			return GrantView{}, err
		}
		g, err := tx.Grant(id) // as it is now that nobody else can change it
		if err != nil {
			return GrantView{}, err
		}
		if err := e.endOneLocked(tx, call, ledger.Ending{Grant: g, Why: access.EndRevoked}, comment, &fx); err != nil {
			return GrantView{}, err
		}
		return grantView(tx, id)
	})
	if err != nil {
		return Revocation{}, err
	}
	e.step("revoke.committed")
	// Of what the answer says, not of what this call did: a twin of it that was
	// first may not have told the lease yet.
	return Revocation{answer, !e.apply(ctx, effects{ended: []access.Grant{answer.Grant}})}, nil
}

// reconciler makes bindings follow their grants: reconcile or reconcileHeld.
type reconciler func(*ledger.Tx, Call, map[string]*ledger.Ending) error

// endLocked ends grants whose bindings are locked and that are still as they were
// read, and makes the bindings follow. It returns which it ended.
func (e *Engine) endLocked(
	tx *ledger.Tx, call Call, endings []ledger.Ending, comment string, fx *effects, reconcile reconciler,
) (ended map[string]bool, err error) {
	if ended, err = tx.EndGrants(endings); err != nil {
		return nil, err
	}
	last := map[string]*ledger.Ending{} // of each binding
	for i, g := range endings {
		if !ended[g.ID] {
			continue // another was first
		}
		fx.ended = append(fx.ended, g.Grant)
		if other := last[g.BindingID]; other == nil || !g.ExpiresAt.Before(other.ExpiresAt) {
			last[g.BindingID] = &endings[i]
		}
		event := grantEvent(call, audit.GrantEnded, g.Grant)
		event.Revision = audit.Text(g.Revision)
		event.Data["end_reason"] = g.Why
		if comment != "" {
			event.Data["comment"] = comment
		}
		if g.Recheck != nil {
			tellRecheck(&event, *g.Recheck)
		}
		if err := tx.Append(event); err != nil {
			return nil, err
		}
		if e.leaseShared && g.State == access.GrantActive && g.ExpiresAt.After(tx.Now()) {
			if err := tx.MarkUnsaid(g.BindingID, g.ExpiresAt); err != nil {
				return nil, err
			}
		}
	}
	return ended, reconcile(tx, call, last)
}

// endOneLocked is endLocked of one; one that is not ended is ErrConflict.
func (e *Engine) endOneLocked(tx *ledger.Tx, call Call, g ledger.Ending, comment string, fx *effects) error {
	ended, err := e.endLocked(tx, call, []ledger.Ending{g}, comment, fx, e.reconcile)
	if err == nil && !ended[g.ID] {
		err = ledger.GrantEnded(g.ID)
	}
	return err
}

func grantEvent(call Call, typ string, g access.Grant) audit.Event {
	event := call.event(typ).About(g.Entitled)
	event.RequestID, event.GrantID, event.BindingID = audit.Text(g.RequestID), audit.Text(g.ID), audit.Text(g.BindingID)
	event.DecisionID = audit.Text(g.DecisionID)
	event.Data = map[string]any{"starts_at": g.StartsAt, "expires_at": g.ExpiresAt}
	return event
}

// decidedEvent is grantEvent with the decision that the grant is by.
func decidedEvent(call Call, typ string, g access.Grant, d access.DecisionRecord) audit.Event {
	event := grantEvent(call, typ, g)
	event.Revision = audit.Text(d.Revision)
	return event
}

// endAll ends those of the grants that have not ended by then, each for its reason.
func (e *Engine) endAll(tx *ledger.Tx, call Call, grants []access.Grant, why func(access.Grant) access.EndReason, fx *effects) error {
	ids, bindings := make([]string, len(grants)), make([]string, len(grants))
	for i, g := range grants {
		ids[i], bindings[i] = g.ID, g.BindingID
	}
	if err := tx.LockBindings(bindings...); err != nil {
		return err
	}
	current, err := tx.GrantsByID(ids...) // as they are now that nobody else can move them
	if err != nil {
		return err
	}
	endings := make([]ledger.Ending, 0, len(grants))
	for _, g := range grants {
		if now := current[g.ID]; now.State != access.GrantEnded {
			endings = append(endings, ledger.Ending{Grant: now, Why: why(now)})
		}
	}
	_, err = e.endLocked(tx, call, endings, "", fx, e.reconcile)
	return err
}
