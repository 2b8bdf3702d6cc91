package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// RetryBinding makes the next attempt at a binding due now, for whoever has mended
// what was in its way. A target's word that is waited for is given up; and where
// there is nothing to do, the target is told anew what is to be so. An attempt that
// is under way is ErrConflict: it is left to its end.
func (e *Engine) RetryBinding(ctx context.Context, call Call, id, comment string) (BindingItem, error) {
	if kept, found, err := replay[BindingItem](ctx, e, call); found || err != nil {
		return kept, err
	}
	if err := checkText("/comment", comment); err != nil {
		return BindingItem{}, err
	}
	b, err := e.readBinding(ctx, id)
	if err != nil {
		return BindingItem{}, err
	}
	if err := e.authorize(ctx, call, opRetryBinding, bindingObject(b)); err != nil {
		return BindingItem{}, err
	}
	item, err := once(ctx, e, call, nil, func(tx *ledger.Tx) (BindingItem, error) {
		held, err := tx.HoldClaimed(id)
		if err != nil {
			return BindingItem{}, err
		}
		if err := retry(tx, call, held[id], strings.TrimSpace(comment)); err != nil {
			return BindingItem{}, err
		}
		return bindingItem(tx, id)
	})
	if err == nil {
		e.step("retry.committed")
		poke(e.deliveryWake)
	}
	return item, err
}

// retry makes the next attempt at a binding, which is held, due now.
func retry(tx *ledger.Tx, call Call, b ledger.Claimed, comment string) (err error) {
	now, was := tx.Now(), b.Binding
	switch {
	case b.CallbackBy != nil:
		if b, err = giveUpWord(tx, b); err != nil {
			return err
		}
	case b.Claim != "" && b.NextAt != nil && b.NextAt.After(now):
		return access.Conflict("attempt_under_way", "an attempt at binding %s is under way; it ends by %s: try again then",
			b.ID, b.NextAt.UTC().Format(time.RFC3339))
	case b.NextAt == nil:
		b.Binding = reasserted(b.Binding, now, now)
	}
	b.Claim, b.NextAt = "", &now
	event := personEvent(call, audit.BindingRetried, b.Binding, comment)
	event.Data["next_at"] = was.NextAt // when it would have been
	if was.NextAt == nil {
		event = personEvent(call, audit.BindingReasserted, b.Binding, comment)
		event.Data["cause"] = "person"
	}
	return errors.Join(tx.PutBindings(b), tx.Append(event))
}

// personEvent tells what a person did about a binding.
func personEvent(call Call, typ string, b access.Binding, comment string) audit.Event {
	event := bindingEvent(typ, b)
	by := call.event(typ)
	event.Actor, event.Channel, event.Source, event.HTTPRequestID = by.Actor, by.Channel, by.Source, by.HTTPRequestID
	event.Data["desired"], event.Data["observed"] = b.Desired, b.Observed
	if comment != "" {
		event.Data["comment"] = comment
	}
	return event
}

// giveUpWord ends the attempt whose target's word is waited for. If the word comes
// after all, it still counts.
func giveUpWord(tx *ledger.Tx, b ledger.Claimed) (ledger.Claimed, error) {
	attempts, err := tx.ClaimedAttempts(b.ID)
	if err != nil {
		return b, err
	}
	f := unheard(b.Binding, attempts[b.ID])
	f.Detail = "the target accepted the message, and a person did not wait for its callback"
	b.CallbackBy = nil
	b.Binding, err = lapseWait(tx, b.Binding, f, tx.Now())
	return b, errors.Join(err, tx.FinishAttempts([]ledger.Finished{f}))
}
