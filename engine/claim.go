package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// claimMargin is how much longer a claim lasts than the attempt can.
const claimMargin = 10 * time.Second

// Claim takes deliveries that are due, for the owner: for each contract at most
// its room, and limit in all. From the commit on, the ledger says of each binding
// that its state is unknown, and nobody else works on it until the delivery's
// Until. What could not be claimed is an error beside what was. It satisfies
// outbox.Store.
func (e *Engine) Claim(ctx context.Context, owner string, limit int, room map[string]int) ([]access.Delivery, error) {
	if err := e.putOffWithoutTarget(ctx); err != nil {
		return nil, err
	}
	due, err := e.dueTargets(ctx, room)
	if err != nil {
		return nil, err
	}
	var claimed []access.Delivery
	for _, target := range due {
		n := min(limit-len(claimed), room[target.Contract])
		if n <= 0 {
			continue
		}
		some, failure := e.claim(ctx, target, owner, n)
		claimed = append(claimed, some...)
		err = errors.Join(err, failure)
	}
	for _, d := range claimed {
		e.step(stepOf(d.Message.Type, "claimed"))
	}
	return claimed, err
}

// dueTargets lists the targets with room that something is due at, in no order,
// so that none is always the last.
func (e *Engine) dueTargets(ctx context.Context, room map[string]int) (due []Target, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		for _, target := range e.targets {
			if room[target.Contract] <= 0 {
				continue
			}
			some, err := tx.Deliverable(target.Contract, 1)
			if err != nil {
				return err
			}
			if len(some) > 0 {
				due = append(due, target)
			}
		}
		return nil
	})
	return due, err
}

// claim takes what is due at one target, in one transaction. If that fails, each
// binding gets its own, so that a broken one does not hold the others up.
func (e *Engine) claim(ctx context.Context, target Target, owner string, limit int) (claimed []access.Delivery, err error) {
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		due, err := tx.HoldDeliverable(target.Contract, limit)
		if err != nil {
			return err
		}
		claimed, err = claimAll(tx, due, target, owner)
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
			one, err = claimAll(tx, held, target, owner)
			return err
		})
		if failure != nil {
			err = errors.Join(err, fmt.Errorf("binding %s can not be claimed: %w", b.ID, failure))
			continue
		}
		claimed = append(claimed, one...)
	}
	return claimed, err
}

func claimAll(tx *ledger.Tx, due []access.Binding, target Target, owner string) (claimed []access.Delivery, err error) {
	for _, b := range due {
		d, err := claimOne(tx, b, target, owner)
		if err != nil {
			return nil, err
		}
		claimed = append(claimed, d)
	}
	return claimed, nil
}

// putOffWithoutTarget puts off what is due at targets that are not configured as
// they were, and says so.
func (e *Engine) putOffWithoutTarget(ctx context.Context) error {
	var known []string
	for _, t := range e.targets {
		known = append(known, t.Contract)
	}
	none, err := e.nothing(ctx, func(tx *ledger.Tx) (int, error) {
		due, err := tx.BindingsWithoutTarget(known, 1)
		return len(due), err
	})
	if none || err != nil {
		return err
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		due, err := tx.BindingsWithoutTarget(known, sweepBatch)
		for _, b := range due {
			if err != nil {
				break
			}
			err = e.missingTarget(tx, b)
		}
		return err
	})
}

func claimOne(tx *ledger.Tx, b access.Binding, target Target, owner string) (access.Delivery, error) {
	now := tx.Now()
	until := now.Add(target.Deadline + claimMargin)
	b.Observed = access.Unknown
	b.Attempts++
	b.NextAt = &until
	d := access.Delivery{
		BindingID: b.ID, Generation: b.Generation, Attempt: b.Attempts, Target: b.Target, Contract: b.Contract,
		Owner:     access.NewID(owner, now),
		StartedAt: now, Until: until,
	}
	var err error
	if d.Message, err = message(tx, b); err != nil {
		return d, err
	}
	open := openAttempts(&b, d.Message.Type)
	d.OpenBefore = *open
	*open = later(*open, until.Add(target.MaxLag))
	if b.DueAt == nil {
		b.DueAt = &now
	}
	d.DueAt = *b.DueAt
	if err := errors.Join(tx.PutBinding(b, d.Owner), tx.AddAttempt(d)); err != nil || b.Attempts > 1 {
		return d, err
	}
	return d, tx.Append(attemptEvent(audit.BindingAttempted, b, d))
}

// missingTarget puts a delivery off whose target is not configured, and says so.
func (e *Engine) missingTarget(tx *ledger.Tx, b access.Binding) error {
	again := tx.Now().Add(Backoff{}.cap())
	first := b.LastClass != access.ClassTargetMissing
	b.NextAt, b.LastClass = &again, access.ClassTargetMissing
	if now := tx.Now(); b.DueAt == nil {
		b.DueAt = &now
	}
	b.LastError = fmt.Sprintf("the target %q is not configured as it was when this access was given; "+
		"put it back as it was, with retired: true, until it is drained", b.Target)
	if err := tx.PutBinding(b, ""); err != nil || !first {
		return err
	}
	event := bindingEvent(audit.BindingFailed, b)
	event.Data["class"] = b.LastClass
	return tx.Append(event)
}

// message is what the target is told of a binding.
func message(tx *ledger.Tx, b access.Binding) (access.Message, error) {
	grants, err := tx.LiveGrantsOn(b.ID)
	m := access.Message{
		Type: access.VerbDeprovision, Timestamp: tx.Now(),
		Data: access.MessageData{
			Binding: access.BindingRef{ID: b.ID, Generation: b.Generation},
			Subject: b.Subject, Action: b.Action, Resource: b.Resource, EndReason: b.EndReason, Grants: []access.MessageGrant{},
		},
	}
	if b.Desired == access.Present {
		m.Type, m.Data.EndReason = access.VerbProvision, nil
	}
	for _, g := range grants {
		r, err := tx.Request(g.RequestID)
		if err != nil {
			return m, err
		}
		reviews, err := tx.Reviews(g.RequestID)
		if err != nil {
			return m, err
		}
		by := []access.Subject{}
		for _, v := range reviews {
			by = append(by, v.Reviewer)
		}
		m.Data.Grants = append(m.Data.Grants, access.MessageGrant{
			ID: g.ID, RequestID: g.RequestID, Reason: r.Reason, ReviewedBy: by, ExpiresAt: g.ExpiresAt,
		})
		m.Data.ExpiresAt = &g.ExpiresAt // they come soonest end first: the last is the deadline
	}
	return m, err
}

// NextDelivery returns when the next delivery is due among the contracts that
// there is room for; the zero time for never.
func (e *Engine) NextDelivery(ctx context.Context, room map[string]int) (next time.Time, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		for contract, n := range room {
			if n <= 0 {
				continue
			}
			at, err := tx.NextDelivery(contract)
			if err != nil {
				return err
			}
			if next.IsZero() || !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		return nil
	})
	return next, err
}
