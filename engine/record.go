package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Record writes down how attempts ended, together, and if that fails each by
// itself, so that a broken one does not hold the others up. Only the holder of
// the claim, at the binding's current generation, settles what is observed; a
// late outcome is kept with its attempt and changes nothing else. What was not
// recorded is returned with the reason.
func (e *Engine) Record(ctx context.Context, outcomes ...access.Outcome) (left []access.Outcome, err error) {
	if err = e.record(ctx, outcomes); err != nil && len(outcomes) > 1 && ctx.Err() == nil {
		err = nil
		for _, o := range outcomes {
			some, failure := e.Record(ctx, o)
			left, err = append(left, some...), errors.Join(err, failure)
		}
		return left, err
	}
	if err != nil {
		return outcomes, err
	}
	for _, o := range outcomes {
		if o.Failure == nil && !o.Unsent {
			e.step(stepOf(o.Message.Type, "recorded"))
		}
	}
	poke(e.deliveryWake)
	return nil, nil
}

func (e *Engine) record(ctx context.Context, outcomes []access.Outcome) error {
	ids, finished := make([]string, len(outcomes)), make([]ledger.Finished, len(outcomes))
	for i, o := range outcomes {
		ids[i], finished[i] = o.BindingID, ledger.Finished{Delivery: o.Delivery}
		finished[i].Class, finished[i].Status, finished[i].Detail = outcome(o)
		finished[i].OpenBefore = e.openBeforeWord(o)
	}
	var confirmed []time.Duration
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		confirmed = confirmed[:0]
		bindings, err := tx.HoldClaimed(ids...)
		if err != nil {
			return err
		}
		if err := tx.FinishAttempts(finished); err != nil {
			return err
		}
		settled := map[string]ledger.Claimed{} // two attempts at one binding can end at once
		for i, o := range outcomes {
			b := bindings[o.BindingID]
			if b.Claim != o.Owner {
				if narrowed, err := e.narrowSpoken(tx, &b, o); err != nil {
					return err
				} else if narrowed {
					bindings[o.BindingID], settled[o.BindingID] = b, b
				}
				continue
			}
			if b.Binding, err = e.settle(tx, b.Binding, o, finished[i]); err != nil {
				return err
			}
			if !accepted(o) {
				b.Claim = ""
			}
			bindings[o.BindingID], settled[o.BindingID] = b, b
			if finished[i].Class == access.ClassConfirmed && b.Desired == access.Absent {
				confirmed = append(confirmed, tx.Now().Sub(o.DueAt))
			}
		}
		all := slices.Collect(maps.Values(settled))
		return errors.Join(tx.PutBindings(all...), e.askLater(tx, all...))
	})
	if err == nil {
		for _, late := range confirmed {
			e.observer.Confirmed(late)
		}
	}
	return err
}

// settle is a binding after an attempt of its current claim.
func (e *Engine) settle(tx *ledger.Tx, b access.Binding, o access.Outcome, f ledger.Finished) (access.Binding, error) {
	now, target := tx.Now(), e.targets[o.Target]
	settleOpen(&b, o, target, now)
	switch {
	case accepted(o):
		return recordAccepted(tx, b, o, now.Add(target.CallbackWithin))
	case b.Generation != o.Generation:
		b.NextAt = &now // a turn waited for this attempt to end
		return b, tx.Append(overtakenEvent(b, f))
	case o.Unsent:
		b.NextAt = &now
		return b, nil
	case o.Failure != nil:
		return recordFailure(tx, b, f, retryAt(target, b, o.Failure, now))
	}
	return recordSuccess(tx, b, o.Delivery, nil)
}

// settleOpen narrows until when this attempt may still take effect, now that it
// is over: not at all when its first request was confirmed, and for the target's
// lag when it was answered. When an answer did not come it stays as it was
// claimed: the target may be at it still.
func settleOpen(b *access.Binding, o access.Outcome, t Target, now time.Time) {
	open := openAttempts(b, o.Message.Type)
	var de *access.DeliveryError
	switch {
	case accepted(o):
		if !o.Receipt.Open {
			*open = later(o.OpenBefore, now.Add(t.CallbackWithin+t.MaxLag))
		}
	case o.Unsent, o.Failure == nil && o.Receipt.Tries <= 1:
		*open = o.OpenBefore
	case o.Failure == nil && !o.Receipt.Open, errors.As(o.Failure, &de) && de.Status != 0 && !de.Open:
		*open = later(o.OpenBefore, now.Add(t.MaxLag))
	}
}

// recordSuccess settles the binding. If an older attempt at the opposite could
// have landed after this one began, the state is asserted again, once that is
// over, under a new generation. word is the target's callback; nil: its response
// confirmed it.
func recordSuccess(tx *ledger.Tx, b access.Binding, d access.Delivery, word *Call) (access.Binding, error) {
	now := tx.Now()
	b.Observed, b.ConfirmedAt, b.NextAt, b.DueAt = b.Desired, &now, nil, nil
	b.LastClass, b.LastError = access.ClassConfirmed, ""
	b.Renewing, b.ForcedAt = false, nil
	event := attemptEvent(confirmedAs(d.Message.Type), b, d)
	event.Data["due_at"] = d.DueAt
	if word != nil {
		event.Data["confirmed_by"] = byCallback
		event.Channel, event.Source, event.HTTPRequestID = heardBy(*word)
	}
	if open := openUntil(b); open.After(d.StartedAt) {
		again := later(open, now)
		b.Generation++
		b.Attempts, b.NextAt = 0, &again
		event.Data["asserted_again_at"] = again
	} else {
		*openAttempts(&b, opposite(b)) = time.Time{}
	}
	return b, tx.Append(event)
}

// heardBy is how a target's callback came, for its event.
func heardBy(call Call) (channel, source, httpRequestID audit.Text) {
	return audit.Text(call.Channel), audit.Text(call.Source), audit.Text(call.HTTPRequestID)
}

// confirmedAs is the event of a message that is confirmed.
func confirmedAs(verb access.Verb) string {
	switch verb {
	case access.VerbDeprovision:
		return audit.BindingDeprovisioned
	case access.VerbUpdate:
		return audit.BindingUpdated
	default:
		return audit.BindingProvisioned
	}
}

// reportEvery is how often a delivery that goes on failing in the same way is an
// audit event; every attempt is a row.
const reportEvery = time.Hour

func recordFailure(tx *ledger.Tx, b access.Binding, f ledger.Finished, next time.Time) (access.Binding, error) {
	now := tx.Now()
	report := b.LastClass != f.Class || b.ReportedAt == nil || now.Sub(*b.ReportedAt) >= reportEvery
	b.NextAt, b.LastClass, b.LastError = &next, f.Class, f.Detail
	if !report {
		return b, nil
	}
	b.ReportedAt = &now
	event := attemptEvent(audit.BindingFailed, b, f.Delivery)
	event.Data["class"], event.Data["status"], event.Data["detail"], event.Data["next_at"] = f.Class, f.Status, f.Detail, next
	return b, tx.Append(event)
}

func outcome(o access.Outcome) (class access.Class, status int, detail string) {
	switch {
	case o.Unsent:
		return access.ClassUnsent, 0, "handed back before it was sent"
	case accepted(o):
		return access.ClassAccepted, o.Receipt.Status, o.Receipt.Detail
	case o.Failure == nil:
		return access.ClassConfirmed, o.Receipt.Status, o.Receipt.Detail
	}
	var de *access.DeliveryError
	if errors.As(o.Failure, &de) {
		return de.Class, de.Status, de.Error()
	}
	return access.ClassUnreachable, 0, o.Failure.Error()
}

func retryAt(t Target, b access.Binding, failure error, now time.Time) time.Time {
	wait := t.Retry.After(b.Attempts, access.IsPermanent(failure))
	var de *access.DeliveryError
	if errors.As(failure, &de) {
		wait = max(wait, min(de.RetryAfter, t.Retry.Longest()))
	}
	return now.Add(wait).Truncate(time.Microsecond) // as the ledger keeps it
}

func attemptEvent(typ string, b access.Binding, d access.Delivery) audit.Event {
	event := bindingEvent(typ, b)
	event.Data["verb"], event.Data["generation"], event.Data["attempt"] = d.Message.Type, d.Generation, d.Attempt
	return event
}

// overtakenEvent tells of an attempt that ended after what is desired had turned.
func overtakenEvent(b access.Binding, f ledger.Finished) audit.Event {
	event := attemptEvent(audit.BindingOvertaken, b, f.Delivery)
	event.Data["class"], event.Data["status"] = f.Class, f.Status
	return event
}

// Now is the ledger's clock.
func (e *Engine) Now() time.Time { return e.ledger.Now() }

// TakeOverdue returns bindings that became overdue, each once, and records that
// they were.
func (e *Engine) TakeOverdue(ctx context.Context) (overdue []access.Binding, err error) {
	since := e.ledger.Now().Add(-access.OverdueAfter)
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		overdue, err = tx.BindingsToAlert(since, sweepBatch)
		return err
	})
	if err != nil || len(overdue) == 0 {
		return nil, err
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if overdue, err = tx.HoldBindingsToAlert(since, sweepBatch); err != nil {
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
	if err != nil {
		return nil, err
	}
	return overdue, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// stepOf names a step of a delivery: "provision.claimed".
func stepOf(verb access.Verb, what string) string {
	return strings.TrimPrefix(string(verb), "access.") + "." + what
}
