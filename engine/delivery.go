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
// Until. It satisfies outbox.Store.
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
		some, err := e.claim(ctx, target, owner, n)
		claimed = append(claimed, some...)
		if err != nil {
			return claimed, err
		}
	}
	for _, d := range claimed {
		e.step(stepOf(d.Message.Type, "claimed"))
	}
	return claimed, nil
}

// dueTargets lists the targets with room that something is due at, in no order,
// so that none is always the last.
func (e *Engine) dueTargets(ctx context.Context, room map[string]int) (due []Target, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		for _, target := range e.targets {
			if room[target.Contract] <= 0 {
				continue
			}
			some, err := tx.Deliverable(target.Contract)
			if err != nil {
				return err
			}
			if some {
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
	take := func(n int, skip map[string]bool) error {
		claimed = nil
		return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
			claimed = nil
			due, err := tx.BindingsToDeliver(target.Contract, n)
			for _, b := range due {
				if err != nil {
					break
				}
				if skip[b.ID] {
					continue
				}
				var d access.Delivery
				d, err = claimOne(tx, b, target, owner)
				claimed = append(claimed, d)
			}
			return err
		})
	}
	if err := take(limit, nil); err == nil || ctx.Err() != nil {
		return claimed, err
	}
	broken := e.findBroken(ctx, target, owner)
	if err := take(limit+len(broken), broken); err != nil {
		return nil, err
	}
	return claimed, errBrokenBindings
}

// errBrokenBindings says that some deliveries can not be claimed, each of which
// was logged. The others were.
var errBrokenBindings = errors.New("some deliveries can not be claimed")

// errTrial ends a transaction that only tried something.
var errTrial = errors.New("only tried")

// findBroken tries to claim each due binding of the target by itself, undoes
// that, and returns those for which it failed.
func (e *Engine) findBroken(ctx context.Context, target Target, owner string) map[string]bool {
	broken := map[string]bool{}
	var due []access.Binding
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		due, err = tx.BindingsToDeliver(target.Contract, sweepBatch)
		return err
	})
	if err != nil {
		return nil
	}
	for _, b := range due {
		var failure error
		_ = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
			_, failure = claimOne(tx, b, target, owner)
			return errTrial
		})
		if failure != nil {
			broken[b.ID] = true
			e.log.Error("a delivery can not be claimed; the others go on", "binding", b.ID, "error", failure)
		}
	}
	return broken
}

// putOffWithoutTarget puts off what is due at targets that are not configured as
// they were, and says so.
func (e *Engine) putOffWithoutTarget(ctx context.Context) error {
	var known []string
	for _, t := range e.targets {
		known = append(known, t.Contract)
	}
	lost, err := e.nothing(ctx, func(tx *ledger.Tx) (int, error) {
		due, err := tx.BindingsWithoutTarget(known, 1)
		return len(due), err
	})
	if lost || err != nil {
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
	open := &b.DeprovisionOpenUntil
	if d.Message.Type == access.VerbProvision {
		open = &b.ProvisionOpenUntil
	}
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

// Record writes down how an attempt ended: confirmed when failure is nil. Only
// the holder of the claim, at the binding's current generation, settles what is
// observed; a late outcome is kept with its attempt and changes nothing else.
func (e *Engine) Record(ctx context.Context, d access.Delivery, receipt access.Receipt, failure error) error {
	target := e.targets[d.Target]
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.LockBindings(d.BindingID); err != nil {
			return err
		}
		class, status, detail := outcome(receipt, failure)
		if err := tx.FinishAttempt(d, class, status, detail); err != nil {
			return err
		}
		claim, err := tx.Claim(d.BindingID)
		if err != nil || claim != d.Owner {
			return err
		}
		b, err := tx.Binding(d.BindingID)
		if err != nil {
			return err
		}
		now := tx.Now()
		settleOpen(&b, d, target, receipt, failure, now)
		switch {
		case b.Generation != d.Generation:
			b.NextAt = &now // a turn waited for this attempt to end
			event := attemptEvent(audit.BindingOvertaken, b, d)
			event.Data["class"], event.Data["status"] = class, status
			return errors.Join(tx.PutBinding(b, ""), tx.Append(event))
		case failure != nil:
			return recordFailure(tx, b, d, class, status, detail, retryAt(target, b, failure, now))
		default:
			return recordSuccess(tx, b, d)
		}
	})
	if err != nil {
		return err
	}
	if failure == nil {
		e.step(stepOf(d.Message.Type, "recorded"))
	}
	poke(e.deliveryWake)
	return nil
}

// settleOpen narrows until when this attempt may still take effect, now that it
// is over: not at all when its first request was confirmed, and for the target's
// lag when it was answered. When no answer came it stays as it was claimed: the
// target may be at it still.
func settleOpen(b *access.Binding, d access.Delivery, t Target, receipt access.Receipt, failure error, now time.Time) {
	open := &b.DeprovisionOpenUntil
	if d.Message.Type == access.VerbProvision {
		open = &b.ProvisionOpenUntil
	}
	var de *access.DeliveryError
	switch {
	case failure == nil && receipt.Tries <= 1:
		*open = d.OpenBefore
	case failure == nil, errors.As(failure, &de) && de.Status != 0:
		*open = later(d.OpenBefore, now.Add(t.MaxLag))
	}
}

// recordSuccess settles the binding. If an older attempt at the opposite could
// have landed after this one began, the state is asserted again, once that is
// over, under a new generation.
func recordSuccess(tx *ledger.Tx, b access.Binding, d access.Delivery) error {
	now := tx.Now()
	b.Observed, b.ConfirmedAt, b.NextAt, b.DueAt = b.Desired, &now, nil, nil
	b.LastClass, b.LastError = access.ClassConfirmed, ""
	typ := audit.BindingProvisioned
	if b.Desired == access.Absent {
		typ = audit.BindingDeprovisioned
	}
	event := attemptEvent(typ, b, d)
	event.Data["due_at"] = d.DueAt
	if open := openUntil(b); open.After(d.StartedAt) {
		again := later(open, now)
		b.Generation++
		b.Attempts, b.NextAt = 0, &again
		event.Data["asserted_again_at"] = again
	} else {
		b.ProvisionOpenUntil, b.DeprovisionOpenUntil = forgotten(b)
	}
	return errors.Join(tx.PutBinding(b, ""), tx.Append(event))
}

// forgotten is the open attempts without those at the opposite of what was just
// confirmed.
func forgotten(b access.Binding) (provision, deprovision time.Time) {
	if b.Desired == access.Absent {
		return time.Time{}, b.DeprovisionOpenUntil
	}
	return b.ProvisionOpenUntil, time.Time{}
}

// reportEvery is how often a delivery that goes on failing in the same way is an
// audit event; every attempt is a row.
const reportEvery = time.Hour

func recordFailure(
	tx *ledger.Tx, b access.Binding, d access.Delivery, class access.Class, status int, detail string, next time.Time,
) error {
	now := tx.Now()
	report := b.LastClass != class || b.ReportedAt == nil || now.Sub(*b.ReportedAt) >= reportEvery
	b.NextAt, b.LastClass, b.LastError = &next, class, detail
	if !report {
		return tx.PutBinding(b, "")
	}
	b.ReportedAt = &now
	event := attemptEvent(audit.BindingFailed, b, d)
	event.Data["class"], event.Data["status"], event.Data["detail"], event.Data["next_at"] = class, status, detail, next
	return errors.Join(tx.PutBinding(b, ""), tx.Append(event))
}

func outcome(receipt access.Receipt, failure error) (class access.Class, status int, detail string) {
	if failure == nil {
		return access.ClassConfirmed, receipt.Status, receipt.Detail
	}
	var de *access.DeliveryError
	if errors.As(failure, &de) {
		return de.Class, de.Status, de.Error()
	}
	return access.ClassUnreachable, 0, failure.Error()
}

func retryAt(t Target, b access.Binding, failure error, now time.Time) time.Time {
	wait := t.Retry.after(b.Attempts, access.IsPermanent(failure))
	var de *access.DeliveryError
	if errors.As(failure, &de) {
		wait = max(wait, min(de.RetryAfter, t.Retry.cap()))
	}
	return now.Add(wait).Truncate(time.Microsecond) // as the ledger keeps it
}

func attemptEvent(typ string, b access.Binding, d access.Delivery) audit.Event {
	event := bindingEvent(typ, b)
	event.Data["verb"], event.Data["generation"], event.Data["attempt"] = d.Message.Type, d.Generation, d.Attempt
	return event
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

// Now is the ledger's clock.
func (e *Engine) Now() time.Time { return e.ledger.Now() }

// TakeOverdue returns bindings that became overdue, each once, and records that
// they were.
func (e *Engine) TakeOverdue(ctx context.Context) (overdue []access.Binding, err error) {
	since := e.ledger.Now().Add(-access.OverdueAfter)
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		overdue, err = tx.BindingsToAlert(since, sweepBatch)
		return err
	})
	if err != nil || len(overdue) == 0 {
		return nil, err
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if overdue, err = tx.BindingsToAlert(since, sweepBatch); err != nil {
			return err
		}
		for _, b := range overdue {
			event := bindingEvent(audit.BindingOverdue, b)
			event.Data["due_at"], event.Data["desired"], event.Data["error"] = b.DueAt, b.Desired, b.LastError
			if err := errors.Join(tx.MarkAlerted(b.ID), tx.Append(event)); err != nil {
				return err
			}
		}
		return nil
	})
	return overdue, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func stepOf(verb access.Verb, what string) string {
	if verb == access.VerbProvision {
		return "provision." + what
	}
	return "deprovision." + what
}
