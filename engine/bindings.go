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
func (e *Engine) reconcile(tx *ledger.Tx, call Call, changed map[string]*access.EndReason) error {
	turned, _, err := e.turning(tx, call, changed)
	if err != nil {
		return err
	}
	return tx.PutBindings(turned...)
}

// reconcileHeld is reconcile of bindings that are held and whose versions are not
// bumped yet.
func (e *Engine) reconcileHeld(tx *ledger.Tx, call Call, changed map[string]*access.EndReason) error {
	turned, others, err := e.turning(tx, call, changed)
	if err != nil {
		return err
	}
	return tx.TurnBindings(turned, others...)
}

// turning is the bindings that turn, as they are then, and the others.
func (e *Engine) turning(
	tx *ledger.Tx, call Call, changed map[string]*access.EndReason,
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
		b := bindings[id]
		if b.Desired == want {
			others = append(others, id)
			continue
		}
		if b, err = turnOne(tx, call, b, want, changed[id]); err != nil {
			return nil, nil, err
		}
		turned = append(turned, b)
	}
	return turned, others, nil
}

// turnTo makes the desired state of a locked binding what a change of its grants,
// made before, has made certain.
func (e *Engine) turnTo(tx *ledger.Tx, call Call, b ledger.Claimed, want access.Presence, ended *access.EndReason) error {
	if b.Desired == want {
		return nil
	}
	b, err := turnOne(tx, call, b, want, ended)
	if err != nil {
		return err
	}
	return tx.PutBindings(b)
}

// turnOne is a locked binding with its new desired state, of which it tells.
func turnOne(tx *ledger.Tx, call Call, b ledger.Claimed, want access.Presence, ended *access.EndReason) (ledger.Claimed, error) {
	b.Binding, b.Claim = turn(b.Binding, want, ended, b.Claim, tx.Now())
	event := call.event(audit.BindingDesired).About(b.Entitled)
	event.BindingID = audit.Text(b.ID)
	event.Data = map[string]any{"desired": b.Desired, "observed": b.Observed, "generation": b.Generation}
	return b, tx.Append(event)
}

// turn gives a binding a new desired state. An attempt that is under way is
// overtaken at once by a deprovision; a provision waits for it, because a
// removal that lands late would undo it.
func turn(b access.Binding, want access.Presence, ended *access.EndReason, claim string, now time.Time) (access.Binding, string) {
	b.Desired, b.EndReason = want, ended
	b.Generation++
	b.Attempts, b.LastClass, b.LastError, b.ReportedAt = 0, "", "", nil
	b.DueAt = nil
	if b.Observed != want {
		b.DueAt = &now
	}
	switch {
	case !unsettled(b):
		b.NextAt = nil
	case want == access.Present && claim != "":
		return b, claim // NextAt stays: when the claim lapses, or its holder hands it back
	default:
		b.NextAt = &now
	}
	return b, ""
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
	if verb == access.VerbProvision {
		return &b.ProvisionOpenUntil
	}
	return &b.DeprovisionOpenUntil
}

func bindingEvent(typ string, b access.Binding) audit.Event {
	event := audit.Event{Type: typ, BindingID: audit.Text(b.ID)}.About(b.Entitled)
	event.Data = map[string]any{"generation": b.Generation, "target": b.Target}
	return event
}
