package engine

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

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
// lag when it was answered. When an answer did not come it stays as it was
// claimed: the target may be at it still.
func settleOpen(b *access.Binding, d access.Delivery, t Target, receipt access.Receipt, failure error, now time.Time) {
	open := openAttempts(b, d.Message.Type)
	var de *access.DeliveryError
	switch {
	case failure == nil && receipt.Tries <= 1:
		*open = d.OpenBefore
	case failure == nil && !receipt.Open, errors.As(failure, &de) && de.Status != 0 && !de.Open:
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
		*openAttempts(&b, opposite(b)) = time.Time{}
	}
	return errors.Join(tx.PutBinding(b, ""), tx.Append(event))
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
