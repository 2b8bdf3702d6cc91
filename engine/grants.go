package engine

import (
	"context"
	"errors"
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
		},
	}, err
}

// Revoke ends a grant now, whether it has started or not. One that has ended is
// ErrConflict.
func (e *Engine) Revoke(ctx context.Context, call Call, id, comment string) (GrantView, error) {
	if err := checkText("/comment", comment); err != nil {
		return GrantView{}, err
	}
	if kept, found, err := replay[GrantView](ctx, e, call); found || err != nil {
		if found {
			e.apply(ctx, effects{ended: []access.Grant{kept.Grant}})
		}
		return kept, err
	}
	before, err := e.readGrant(ctx, call, opRevoke, id)
	if err != nil {
		return GrantView{}, err
	}
	var fx effects
	answer, err := once(ctx, e, call, func(tx *ledger.Tx) (GrantView, error) {
		fx = effects{}
		if err := tx.LockBindings(before.BindingID); err != nil {
			return GrantView{}, err
		}
		g, err := tx.Grant(id) // as it is now that nobody else can change it
		if err != nil {
			return GrantView{}, err
		}
		if err := endGrant(tx, call, g, access.EndRevoked, comment, &fx); err != nil {
			return GrantView{}, err
		}
		if err := e.reconcile(tx, call, before.BindingID, reason(access.EndRevoked)); err != nil {
			return GrantView{}, err
		}
		return grantView(tx, id)
	})
	if err != nil {
		return GrantView{}, err
	}
	e.step("revoke.committed")
	e.apply(ctx, fx)
	return answer, nil
}

// endGrant ends a grant whose binding is locked.
func endGrant(tx *ledger.Tx, call Call, g access.Grant, why access.EndReason, comment string, fx *effects) error {
	event := grantEvent(call, audit.GrantEnded, g)
	event.Data["end_reason"] = why
	if comment != "" {
		event.Data["comment"] = comment
	}
	if err := tx.EndGrant(g, why); err != nil {
		return err
	}
	fx.ended = append(fx.ended, g)
	return tx.Append(event)
}

func grantEvent(call Call, typ string, g access.Grant) audit.Event {
	event := call.event(typ).About(g.Entitled)
	event.RequestID, event.GrantID, event.BindingID = audit.Text(g.RequestID), audit.Text(g.ID), audit.Text(g.BindingID)
	event.DecisionID = audit.Text(g.DecisionID)
	event.Data = map[string]any{"starts_at": g.StartsAt, "expires_at": g.ExpiresAt}
	return event
}

func reason(r access.EndReason) *access.EndReason { return &r }

// endAll ends the grants, each for its reason, and reconciles their bindings.
func (e *Engine) endAll(tx *ledger.Tx, call Call, grants []access.Grant, why func(access.Grant) access.EndReason, fx *effects) error {
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.BindingID
	}
	if err := tx.LockBindings(ids...); err != nil {
		return err
	}
	last := map[string]access.EndReason{}
	for _, g := range grants {
		err := endGrant(tx, call, g, why(g), "", fx)
		if errors.Is(err, access.ErrConflict) {
			continue // another was first
		}
		if err != nil {
			return err
		}
		last[g.BindingID] = why(g)
	}
	for _, g := range grants {
		if r, ok := last[g.BindingID]; ok {
			if err := e.reconcile(tx, call, g.BindingID, &r); err != nil {
				return err
			}
			delete(last, g.BindingID)
		}
	}
	return nil
}
