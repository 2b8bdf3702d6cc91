package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// claimMargin is how much longer a claim lasts than the attempt can.
const claimMargin = 10 * time.Second

// Claim takes deliveries that are due, for the owner: for each contract at most
// its room, and limit in all. From the commit on, the ledger says of each binding
// that its state is unknown, and nobody else works on it until the delivery's
// Until. What could not be claimed is an error beside what was. It satisfies
// outbox.Store.
func (e *Engine) Claim(ctx context.Context, owner string, limit int, room map[string]int) ([]access.Delivery, error) {
	if err := e.noteMissingTargets(ctx); err != nil {
		return nil, err
	}
	due, err := e.targetsWith(ctx, room, func(tx *ledger.Tx, target Target) (bool, error) {
		some, err := tx.Deliverable(target.Contract, 1)
		return len(some) > 0, err
	})
	if err != nil {
		return nil, err
	}
	claimed, err := claimFrom(due, limit, room, func(target Target, n int) ([]access.Delivery, error) {
		return e.claim(ctx, target, owner, n)
	})
	for _, d := range claimed {
		e.step(stepOf(d.Message.Type, "claimed"))
	}
	return claimed, err
}

// claim takes what is due at one target, in one transaction. If that fails, each
// binding gets its own, so that a broken one does not hold the others up.
func (e *Engine) claim(ctx context.Context, target Target, owner string, limit int) (claimed []access.Delivery, err error) {
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		due, err := tx.HoldDeliverable(target.Contract, limit)
		if err != nil {
			return err
		}
		claimed, err = e.claimAll(tx, due, target, owner)
		return err
	})
	switch {
	case err == nil:
		return claimed, nil
	case ctx.Err() != nil:
		return nil, err // nothing of it was committed
	}
	return e.claimEach(ctx, target, owner, limit)
}

func (e *Engine) claimEach(ctx context.Context, target Target, owner string, limit int) (claimed []access.Delivery, err error) {
	var due []access.Binding
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		due, err = tx.Deliverable(target.Contract, sweepBatch)
		return err
	})
	for _, b := range due {
		if len(claimed) == limit {
			break
		}
		var one []access.Delivery
		failure := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
			held, err := tx.HoldOneDeliverable(target.Contract, b.ID)
			if err != nil {
				return err
			}
			one, err = e.claimAll(tx, held, target, owner)
			return err
		})
		if failure != nil {
			err = errors.Join(err, fmt.Errorf("binding %s can not be claimed: %w", b.ID, failure), e.putOff(ctx, b.ID))
			continue
		}
		claimed = append(claimed, one...)
	}
	return claimed, err
}

// putOff makes a binding that can not be claimed wait, so that it is not first
// among those that can.
func (e *Engine) putOff(ctx context.Context, id string) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.PutOff(id, tx.Now().Add(trouble.Backoff{}.Longest())) })
}

// claimAll claims bindings that are held, in as many statements for a hundred as
// for one. Those whose target's word was waited for, and did not come, it does not
// claim: they are due again after a pause, as after every failure.
func (e *Engine) claimAll(tx *ledger.Tx, due []access.Binding, target Target, owner string) ([]access.Delivery, error) {
	var silent []access.Binding
	due = slices.DeleteFunc(due, func(b access.Binding) bool {
		if b.CallbackBy != nil {
			silent = append(silent, b)
		}
		return b.CallbackBy != nil
	})
	if err := lapseWaits(tx, silent, target); err != nil || len(due) == 0 {
		return nil, err
	}
	messages, err := messages(tx, due)
	if err != nil {
		return nil, err
	}
	claimed, bindings := make([]access.Delivery, len(due)), make([]ledger.Claimed, len(due))
	for i, b := range due {
		claimed[i], bindings[i] = e.claimOne(b, messages[i], target, owner, tx.Now())
		if bindings[i].Attempts == 1 {
			if err := tx.Append(attemptEvent(audit.BindingAttempted, bindings[i].Binding, claimed[i])); err != nil {
				return nil, err
			}
		}
	}
	return claimed, errors.Join(tx.PutBindings(bindings...), tx.AddAttempts(claimed))
}

// othersHave is how long a delivery at a target that this node does not have is
// left to the nodes that may have it, before it is said to be missing.
const othersHave = 30 * time.Second

// noteMissingTargets notes of what is due at targets that are not configured as
// they were, and says so. It stays due: whoever has the target claims it at once.
func (e *Engine) noteMissingTargets(ctx context.Context) error {
	var known []string
	for _, t := range e.targets {
		known = append(known, t.Contract)
	}
	since := e.ledger.Now()
	if !e.ledger.Alone() {
		since = since.Add(-othersHave)
	}
	none, err := e.nothing(ctx, func(tx *ledger.Tx) (int, error) {
		due, err := tx.BindingsWithoutTarget(known, since, 1)
		return len(due), err
	})
	if none || err != nil {
		return err
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		due, err := tx.HoldBindingsWithoutTarget(known, since, sweepBatch)
		for _, b := range due {
			if err != nil {
				break
			}
			err = e.missingTarget(tx, b)
		}
		return err
	})
}

// claimOne is an attempt at a binding, and the binding with the attempt under
// way: from now on nobody knows its state.
func (e *Engine) claimOne(
	b access.Binding, m access.Message, target Target, owner string, now time.Time,
) (access.Delivery, ledger.Claimed) {
	until := now.Add(target.Deadline + claimMargin)
	// A target that is not told of deadlines would not know the word; and a node of an
	// older release ends access without forgetting that there was a new one.
	if b.Renewing && target.Renew && b.Desired == access.Present {
		m.Type = access.VerbUpdate
	}
	m.Data.Callback = e.callback(b.ID, target, now)
	b.Observed = access.Unknown
	b.Attempts++
	b.NextAt, b.ToldUntil = &until, m.Data.ExpiresAt
	d := access.Delivery{
		BindingID: b.ID, Generation: b.Generation, Attempt: b.Attempts, Target: b.Target, Contract: b.Contract,
		Owner:     access.NewID(owner, now),
		StartedAt: now, Until: until, Message: m,
	}
	open := openAttempts(&b, m.Type)
	d.OpenBefore = *open
	*open = later(*open, until.Add(target.CallbackWithin+target.MaxLag))
	if b.DueAt == nil {
		b.DueAt = &now
	}
	d.DueAt = *b.DueAt
	return d, ledger.Claimed{Binding: b, Claim: d.Owner}
}

// missingTarget notes that the target of a delivery is not configured.
func (e *Engine) missingTarget(tx *ledger.Tx, b ledger.Claimed) error {
	b.LastClass = access.ClassTargetMissing
	if now := tx.Now(); b.DueAt == nil {
		b.DueAt = &now
	}
	b.LastError = fmt.Sprintf("the target %q is not configured as it was when this access was given; "+
		"put it back as it was, with retired: true, until it is drained", b.Target)
	if err := tx.PutBindings(b); err != nil { // with its claim: whoever has the target may be told yet
		return err
	}
	event := bindingEvent(audit.BindingFailed, b.Binding)
	event.Data["class"] = b.LastClass
	return tx.Append(event)
}

// messages is what the target is told of each of the bindings.
func messages(tx *ledger.Tx, bindings []access.Binding) ([]access.Message, error) {
	ids := make([]string, len(bindings))
	for i, b := range bindings {
		ids[i] = b.ID
	}
	held, err := tx.LiveGrantsOn(ids...)
	if err != nil {
		return nil, err
	}
	var asked []string
	for _, grants := range held {
		for _, g := range grants {
			asked = append(asked, g.RequestID)
		}
	}
	slices.Sort(asked)
	requests, reviews, err := tx.RequestsAndReviews(asked)
	out := make([]access.Message, len(bindings))
	for i, b := range bindings {
		out[i] = message(b, held[b.ID], requests, reviews, tx.Now())
	}
	return out, err
}

func message(
	b access.Binding, held []access.Grant, requests map[string]access.Request, reviews map[string][]access.ReviewRecord, now time.Time,
) access.Message {
	m := access.Message{
		Type: access.VerbDeprovision, Timestamp: now,
		Data: access.MessageData{
			Binding: access.BindingRef{ID: b.ID, Generation: b.Generation},
			Subject: b.Subject, Action: b.Action, Resource: b.Resource, EndReason: b.EndReason, Grants: []access.MessageGrant{},
		},
	}
	if b.Desired == access.Present {
		m.Type, m.Data.EndReason = access.VerbProvision, nil
	}
	for _, g := range held {
		by := []access.Subject{}
		for _, v := range reviews[g.RequestID] {
			by = append(by, v.Reviewer)
		}
		m.Data.Grants = append(m.Data.Grants, access.MessageGrant{
			ID: g.ID, RequestID: g.RequestID, Reason: requests[g.RequestID].Reason, ReviewedBy: by, ExpiresAt: g.ExpiresAt,
		})
		m.Data.ExpiresAt = &g.ExpiresAt // they come soonest end first: the last is the deadline
	}
	return m
}

// NextDelivery returns when the next delivery is due among the contracts that
// there is room for; the zero time for never.
func (e *Engine) NextDelivery(ctx context.Context, room map[string]int) (time.Time, error) {
	return e.soonestOf(ctx, room, (*ledger.Tx).NextDelivery)
}
