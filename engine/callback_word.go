package engine

import (
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// accepted reports whether a target has taken the message and will say later what
// became of it. The message decides, and not what is configured by now.
func accepted(o access.Outcome) bool {
	return o.Failure == nil && !o.Unsent && o.Message.Data.Callback != nil
}

// recordAccepted lets the binding wait for its target's word. It keeps its claim: a
// provision that comes by waits for what may still be taken away.
func recordAccepted(tx *ledger.Tx, b access.Binding, o access.Outcome, by time.Time) (access.Binding, error) {
	by = by.Truncate(time.Microsecond) // as the ledger keeps it
	b.CallbackBy, b.NextAt = &by, &by
	if b.LastClass == access.ClassAccepted || b.LastClass == access.ClassNoCallback || b.LastClass == access.ClassCalledBack {
		return b, nil // told before; what went wrong last stays said until something else is true
	}
	b.LastClass, b.LastError = access.ClassAccepted, ""
	event := attemptEvent(audit.BindingAccepted, b, o.Delivery)
	event.Data["callback_by"] = by
	return b, tx.Append(event)
}

// claimedOpen is until when an attempt may take effect of which nothing is known but
// that it was claimed: the target may take it at the last moment, and its time after.
func claimedOpen(d access.Delivery, t Target) time.Time {
	return d.Until.Add(t.CallbackWithin + t.MaxLag).Truncate(time.Microsecond)
}

// openBeforeWord is until when something else than the request that the target's word
// will be about can take effect: what was open before it, and if it was sent more
// than once any of the others.
func (e *Engine) openBeforeWord(o access.Outcome) time.Time {
	if !accepted(o) || o.Receipt.Tries <= 1 {
		return o.OpenBefore
	}
	return later(o.OpenBefore, claimedOpen(o.Delivery, e.targets[o.Target]))
}

// narrowSpoken closes the window of an attempt that was confirmed by the target's
// word before its response was recorded, now that it is known to have been one
// request. As long as the window is the one that its claim opened, no other attempt
// of its kind has come since.
func (e *Engine) narrowSpoken(tx *ledger.Tx, b *ledger.Claimed, o access.Outcome) (bool, error) {
	if !accepted(o) || o.Receipt.Tries > 1 || b.Generation != o.Generation || b.Observed != b.Desired {
		return false, nil
	}
	open := openAttempts(&b.Binding, o.Message.Type)
	if !open.Equal(claimedOpen(o.Delivery, e.targets[o.Target])) {
		return false, nil
	}
	a, found, err := tx.AttemptOfToken(o.BindingID, o.Message.Data.Callback.Token)
	if err != nil || !found || a.CalledBack != access.CallbackDone {
		return false, err
	}
	*open = o.OpenBefore
	return true, nil
}

// spoken is what a target said of an attempt.
type spoken struct {
	call    Call
	attempt ledger.Attempt
	end     ledger.Finished
	failed  *access.DeliveryError // nil: it is done
}

// speak is a target's word on an attempt at the binding.
func speak(call Call, b access.Binding, a ledger.Attempt, word access.Confirmation) spoken {
	s := spoken{call: call, attempt: a, end: ledger.Finished{
		Delivery: deliveryOf(b, a), Class: access.ClassConfirmed, Status: a.Status, Detail: word.Detail,
	}}
	if word.Outcome == access.CallbackFailed {
		s.end.Class = access.ClassCalledBack
		if s.end.Detail == "" {
			s.end.Detail = "the target called back that it failed"
		}
		s.failed = &access.DeliveryError{Class: s.end.Class, Status: a.Status, Err: errors.New(s.end.Detail)}
	}
	return s
}

// deliveryOf is the delivery of a recorded attempt, as far as that is known.
func deliveryOf(b access.Binding, a ledger.Attempt) access.Delivery {
	d := access.Delivery{
		BindingID: a.BindingID, Generation: a.Generation, Attempt: a.Number, Owner: a.Claim, Target: b.Target, Contract: b.Contract,
		StartedAt: a.StartedAt, DueAt: a.StartedAt, OpenBefore: a.OpenBefore, Message: access.Message{Type: a.Verb},
	}
	if b.DueAt != nil {
		d.DueAt = *b.DueAt
	}
	return d
}

// heed is a binding after a target's word on one of its attempts.
func (e *Engine) heed(tx *ledger.Tx, b ledger.Claimed, s spoken) (ledger.Claimed, error) {
	held := b.Claim != "" && b.Claim == s.attempt.Claim
	target, now := e.targets[b.Target], tx.Now()
	var err error
	switch {
	case b.Generation != s.attempt.Generation:
		return e.heedLate(tx, b, s, held)
	case b.Observed == b.Desired && (s.failed != nil || b.ForcedAt == nil):
		// It is settled: by another attempt, or by people, whom the target can only prove right.
		return b, nil //nolint:nilerr // the target's failure is no error of ours
	case s.failed == nil:
		narrowHeard(&b.Binding, s, target, now)
		b.Binding, err = recordSuccess(tx, b.Binding, s.end.Delivery, &s.call)
	case held:
		narrowHeard(&b.Binding, s, target, now)
		b.Binding, err = recordFailure(tx, b.Binding, s.end, retryAt(target, b.Binding, s.failed, now))
	case b.Claim == "" && s.attempt.Number == b.Attempts:
		b.Binding, err = recordFailure(tx, b.Binding, s.end, *b.NextAt) // it is tried again when it would have been
		return b, err
	default:
		return b, nil // another attempt is under way, and says more
	}
	b.Claim, b.CallbackBy = "", nil
	return b, err
}

// narrowHeard narrows until when the newest attempt may still take effect, now that
// its target has said what became of it. While its response has not come it stays as
// it was claimed: the request may be sent again.
func narrowHeard(b *access.Binding, s spoken, t Target, now time.Time) {
	answered := s.attempt.Class == access.ClassAccepted || s.attempt.Class == access.ClassNoCallback
	overtaken := s.attempt.Generation == b.Generation && s.attempt.Number < b.Attempts
	if !answered || overtaken {
		return
	}
	open := openAttempts(b, s.attempt.Verb)
	*open = s.attempt.OpenBefore
	if s.failed != nil {
		*open = later(*open, now.Add(t.MaxLag))
	}
}

// heedLate is heed of a word whose generation is over. What waited for it goes on at
// once. That something was done which is not desired any more may have undone what
// was confirmed since: that is asserted again at once, and its window stays open.
func (e *Engine) heedLate(tx *ledger.Tx, b ledger.Claimed, s spoken, held bool) (ledger.Claimed, error) {
	now := tx.Now()
	event := overtakenEvent(b.Binding, s.end)
	event.Data["confirmed_by"] = byCallback
	event.Channel, event.Source, event.HTTPRequestID = heardBy(s.call)
	against := openAttempts(&b.Binding, s.attempt.Verb) == openAttempts(&b.Binding, opposite(b.Binding))
	switch {
	case held:
		narrowHeard(&b.Binding, s, e.targets[b.Target], now)
		b.Claim, b.CallbackBy, b.NextAt = "", nil, &now
	case s.failed == nil && against:
		open := openAttempts(&b.Binding, s.attempt.Verb)
		*open = later(*open, now)
		if b.Observed == b.Desired {
			b.Binding = reasserted(b.Binding, now, now)
			event.Data["asserted_again_at"], event.Data["asserted_generation"] = now, b.Generation
			if err := tx.Unsettle(b.Binding); err != nil {
				return b, err
			}
		}
	}
	return b, tx.Append(event)
}

// lapseWaits ends the attempts whose targets' word did not come in time, and lets
// the bindings, which are held, be tried again after a pause. What waited for the
// word of an older generation goes on at once.
func lapseWaits(tx *ledger.Tx, silent []access.Binding, target Target) error {
	if len(silent) == 0 {
		return nil
	}
	ids := make([]string, len(silent))
	for i, b := range silent {
		ids[i] = b.ID
	}
	attempts, err := tx.ClaimedAttempts(ids...)
	if err != nil {
		return err
	}
	var finished []ledger.Finished
	bindings := make([]ledger.Claimed, len(silent))
	for i, b := range silent {
		b.CallbackBy = nil
		f := unheard(b, attempts[b.ID])
		finished = append(finished, f)
		next := retryAt(target, b, errors.New(f.Detail), tx.Now())
		if bindings[i].Binding, err = lapseWait(tx, b, f, next); err != nil {
			return err
		}
	}
	return errors.Join(tx.FinishAttempts(finished), tx.PutBindings(bindings...))
}

// lapseWait is a binding whose target's word is waited for no longer. next is when it
// is tried again, unless the word was of an older generation.
func lapseWait(tx *ledger.Tx, b access.Binding, f ledger.Finished, next time.Time) (access.Binding, error) {
	if b.Generation == f.Generation {
		return recordFailure(tx, b, f, next)
	}
	now := tx.Now()
	b.NextAt = &now
	return b, tx.Append(overtakenEvent(b, f))
}

// unheard is the end of an attempt whose target's word did not come.
func unheard(b access.Binding, a ledger.Attempt) ledger.Finished {
	return ledger.Finished{
		Delivery: deliveryOf(b, a), Class: access.ClassNoCallback, Status: a.Status,
		Detail: "the target accepted the message, and did not call back in time",
	}
}
