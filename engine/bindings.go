package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// reconcile makes the desired state of bindings follow their grants: present
// while any of them is live, absent otherwise. The bindings must be locked and
// their grants changed before, in earlier statements. changed is, for each
// binding, why a grant on it ended; nil when none did.
//
// A turn is a new generation with a schedule of its own: it forgets the retries
// of the one before, so a pending provision never delays a deprovision.
func (e *Engine) reconcile(tx *ledger.Tx, call Call, changed map[string]*ledger.Ending) error {
	turned, _, err := e.turning(tx, call, changed)
	if err != nil {
		return err
	}
	return tx.PutBindings(turned...)
}

// reconcileHeld is reconcile of bindings that are held and whose versions are not
// bumped yet.
func (e *Engine) reconcileHeld(tx *ledger.Tx, call Call, changed map[string]*ledger.Ending) error {
	turned, others, err := e.turning(tx, call, changed)
	if err != nil {
		return err
	}
	return tx.TurnBindings(turned, others...)
}

// turning is the bindings that turn, as they are then, and the others.
func (e *Engine) turning(
	tx *ledger.Tx, call Call, changed map[string]*ledger.Ending,
) (turned []ledger.Claimed, others []string, err error) {
	ids := slices.Sorted(maps.Keys(changed))
	held, err := tx.LiveGrantsOn(ids...)
	if err != nil {
		return nil, nil, err
	}
	bindings, err := tx.Claimed(ids...)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		want := access.Absent
		if len(held[id]) > 0 {
			want = access.Present
		}
		b, turns, err := e.turnOrRenew(tx, call, bindings[id], want, changed[id], held[id])
		if err != nil {
			return nil, nil, err
		}
		if turns {
			turned = append(turned, b)
		} else {
			others = append(others, id)
		}
	}
	return turned, others, nil
}

// turnOrRenew is a locked binding that is to be as wanted, for the live grants on it. It
// reports whether that changed it.
func (e *Engine) turnOrRenew(
	tx *ledger.Tx, call Call, b ledger.Claimed, want access.Presence, ended *ledger.Ending, held []access.Grant,
) (_ ledger.Claimed, changed bool, err error) {
	turns := b.Desired != want
	if turns {
		if b, err = turnOne(tx, call, b, want, ended, held); err != nil {
			return b, false, err
		}
	}
	b, renewed, err := e.renewOne(tx, call, b, held)
	return b, turns || renewed, err
}

// turnPresent makes a locked binding, on which a live grant was put before, be
// present.
func (e *Engine) turnPresent(tx *ledger.Tx, call Call, b ledger.Claimed, g access.Grant) error {
	held := []access.Grant{g}
	if e.targets[b.Target].Renew { // only then it matters which others there are
		live, err := tx.LiveGrantsOn(b.ID)
		if err != nil {
			return err
		}
		held = live[b.ID]
	}
	b, changed, err := e.turnOrRenew(tx, call, b, access.Present, nil, held)
	if err != nil || !changed {
		return err
	}
	return tx.PutBindings(b)
}

// turnOne is a locked binding with its new desired state, of which it tells: with the
// grant whose end or start turned it, where it was one.
func turnOne(
	tx *ledger.Tx, call Call, b ledger.Claimed, want access.Presence, ended *ledger.Ending, held []access.Grant,
) (ledger.Claimed, error) {
	b.Binding, b.Claim = turn(b.Binding, want, ended, b.Claim, tx.Now())
	event := call.event(audit.BindingDesired).About(b.Entitled)
	event.BindingID = audit.Text(b.ID)
	event.Data = map[string]any{"desired": b.Desired, "observed": b.Observed, "generation": b.Generation, "target": b.Target}
	var by access.Grant
	if ended != nil {
		by, event.Data["end_reason"] = ended.Grant, ended.Why
	} else if len(held) == 1 {
		by = held[0]
	}
	event.RequestID, event.GrantID, event.DecisionID = audit.Text(by.RequestID), audit.Text(by.ID), audit.Text(by.DecisionID)
	return b, tx.Append(event)
}

// turn gives a binding a new desired state. An attempt that is under way, or whose
// target's word is waited for, is overtaken at once by a deprovision; a provision
// waits for it, because a removal that lands late would undo it.
func turn(b access.Binding, want access.Presence, ended *ledger.Ending, claim string, now time.Time) (access.Binding, string) {
	b.Desired, b.EndReason = want, nil
	if ended != nil {
		b.EndReason = &ended.Why
	}
	b.Generation++
	b.Attempts, b.LastClass, b.LastError, b.ReportedAt = 0, "", "", nil
	b.Renewing, b.ForcedAt, b.DueAt = false, nil, nil
	if b.Observed != want {
		since := wrongSince(ended, now)
		b.DueAt = &since
	}
	switch {
	case !unsettled(b):
		b.NextAt = nil
	case want == access.Present && claim != "":
		return b, claim // NextAt stays: when the claim lapses, or its holder hands it back, or the target's word comes
	default:
		b.NextAt = &now
	}
	b.CallbackBy = nil
	return b, ""
}

// wrongSince is since when a binding that turns now is not as it should be: from the
// end of the grant on, however late that was noticed.
func wrongSince(ended *ledger.Ending, now time.Time) time.Time {
	if ended == nil || ended.ExpiresAt.After(now) {
		return now
	}
	return ended.ExpiresAt
}

// unsettled reports whether there is anything to tell the target: the state is
// not the desired one, or an older attempt at the opposite may still land.
func unsettled(b access.Binding) bool {
	return b.Observed != b.Desired || !openUntil(b).IsZero()
}

// openUntil is until when an older attempt at the opposite of what is desired
// may still take effect; the zero time for none.
func openUntil(b access.Binding) time.Time { return *openAttempts(&b, opposite(b)) }

// opposite is the verb that would undo what is desired.
func opposite(b access.Binding) access.Verb {
	if b.Desired == access.Absent {
		return access.VerbProvision
	}
	return access.VerbDeprovision
}

// openAttempts is until when attempts of the verb may still take effect.
func openAttempts(b *access.Binding, verb access.Verb) *time.Time {
	if verb == access.VerbDeprovision {
		return &b.DeprovisionOpenUntil
	}
	return &b.ProvisionOpenUntil // of an update too: a target may open what it does not have
}

func bindingEvent(typ string, b access.Binding) audit.Event {
	event := audit.Event{Type: typ, BindingID: audit.Text(b.ID)}.About(b.Entitled)
	event.Data = map[string]any{"generation": b.Generation, "target": b.Target}
	return event
}
