package engine

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// reconcile makes a binding's desired state follow its grants: present while any
// of them is live, absent otherwise. The binding must be locked and its grants
// changed before, in earlier statements. ended is why the last grant ended, nil
// when none did.
//
// A turn is a new generation with a schedule of its own: it forgets the retries
// of the one before, so a pending provision never delays a deprovision.
func (e *Engine) reconcile(tx *ledger.Tx, call Call, bindingID string, ended *access.EndReason) error {
	grants, err := tx.LiveGrantsOn(bindingID)
	if err != nil {
		return err
	}
	b, err := tx.Binding(bindingID)
	if err != nil {
		return err
	}
	want := access.Absent
	if len(grants) > 0 {
		want = access.Present
	}
	if want == b.Desired {
		return nil
	}
	claim, err := tx.Claim(bindingID)
	if err != nil {
		return err
	}
	b, claim = turn(b, want, ended, claim, tx.Now())
	if err := tx.PutBinding(b, claim); err != nil {
		return err
	}
	event := call.event(audit.BindingDesired).About(b.Entitled)
	event.BindingID = audit.Text(b.ID)
	event.Data = map[string]any{"desired": b.Desired, "observed": b.Observed, "generation": b.Generation}
	return tx.Append(event)
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
