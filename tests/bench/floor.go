package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// floor is a ledger into which a bare loop writes what POST /v1/requests leaves
// behind when access is granted: a decision with its input, a request, a
// binding, a grant and four events. It reads nothing and decides nothing. What
// several callers write at once shares commits, as it does in the gateway.
type floor struct {
	ledger *ledger.Ledger
	record access.DecisionRecord // what each decision looks like
	calls  atomic.Int64
}

func newFloor(ctx context.Context, where, teamDir string) (*floor, error) {
	p, err := pdp.Open(ctx, pdp.Config{Library: policies.FS, Dir: teamDir})
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	in := ask(now)
	in.Context.Grants = []access.InputGrant{}
	d, err := p.Decide(ctx, in)
	if err != nil {
		return nil, err
	}
	l, err := openLedger(ctx, where)
	return &floor{ledger: l, record: access.DecisionRecord{Phase: access.PhaseRequest, Revision: d.Revision, Input: in, Decision: d}}, err
}

// load writes from so many callers at once, one request after another, for the
// window.
func (f *floor) load(ctx context.Context, callers int, window time.Duration) (callFigure, error) {
	return repeat(callers, window, func() error {
		n := int(f.calls.Add(1))
		return f.ledger.Update(ctx, func(tx *ledger.Tx) error { return f.write(tx, subject("f", n)) })
	})
}

// write stores one granted request.
func (f *floor) write(tx *ledger.Tx, who access.Subject) error {
	now, d := tx.Now(), f.record
	d.ID, d.DecidedAt = access.NewID(access.KindDecision, now), now
	entitled := access.Entitled{Subject: who, Action: d.Input.Action, Resource: access.ResourceRef{Type: "customer", ID: "acme"}}
	r := access.Request{
		ID: access.NewID(access.KindRequest, now), Entitled: entitled, Requester: caller, For: new(access.Duration(2 * time.Hour)),
		Reason: reason, Channel: access.ChannelAPI, State: access.RequestApproved, DecisionID: d.ID, CreatedAt: now, ClosedAt: &now,
	}
	if err := errors.Join(tx.PutDecision(d), tx.AddRequest(r)); err != nil {
		return err
	}
	taken, err := tx.TakeBinding(access.NewID(access.KindBinding, now), entitled, "target", "contract")
	if err != nil {
		return err
	}
	g := access.Grant{
		ID: access.NewID(access.KindGrant, now), RequestID: r.ID, BindingID: taken.ID, Entitled: entitled, StartsAt: now,
		ExpiresAt: now.Add(2 * time.Hour), State: access.GrantActive, DecisionID: d.ID, CreatedAt: now,
	}
	b := access.Binding{ID: taken.ID, Entitled: entitled, Desired: access.Present, Observed: access.Absent, Generation: 1, NextAt: &now, DueAt: &now}
	return errors.Join(tx.AddGrant(g), tx.PutBindings(ledger.Claimed{Binding: b}),
		tx.Append(event(audit.RequestSubmitted, r, g)), tx.Append(event(audit.RequestApproved, r, g)),
		tx.Append(event(audit.GrantStarted, r, g)), tx.Append(event(audit.BindingDesired, r, g)))
}

// event is one of the size that the engine writes.
func event(typ string, r access.Request, g access.Grant) audit.Event {
	e := audit.Event{
		Type: typ, Actor: &caller, RequestID: audit.Text(r.ID), GrantID: audit.Text(g.ID), BindingID: audit.Text(g.BindingID),
		DecisionID: audit.Text(r.DecisionID), Channel: audit.Text(r.Channel), Source: "127.0.0.1", HTTPRequestID: audit.Text(g.ID),
		Data: map[string]any{"starts_at": g.StartsAt, "expires_at": g.ExpiresAt},
	}
	if typ == audit.RequestSubmitted {
		e.Data["reason"] = r.Reason
	}
	return e.About(r.Entitled)
}
