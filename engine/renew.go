package engine

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// noNews is how far a deadline moves without its target being told.
const noNews = time.Second

// renewOne makes a locked binding whose deadline moved be told anew, under a generation
// of its own, if its target wants that. held are the live grants on it, soonest end
// first. changed is false when there is nothing to tell, or when it will be told by
// a message that is not claimed yet.
func (e *Engine) renewOne(
	tx *ledger.Tx, call Call, b ledger.Claimed, held []access.Grant,
) (_ ledger.Claimed, changed bool, err error) {
	if len(held) == 0 || !e.renewsAt(b.Binding) {
		return b, false, nil
	}
	until := held[len(held)-1].ExpiresAt
	if b.ToldUntil != nil && until.Sub(*b.ToldUntil).Abs() < noNews || untold(b.Binding) {
		return b, false, nil
	}
	b.Binding = renewed(b.Binding, tx.Now())
	event := call.event(audit.BindingDesired).About(b.Entitled)
	event.BindingID = audit.Text(b.ID)
	event.Data = map[string]any{
		"desired": b.Desired, "observed": b.Observed, "generation": b.Generation, "target": b.Target,
		"expires_at": until, "told_until": b.ToldUntil,
	}
	return b, true, tx.Append(event)
}

// renewsAt reports whether the binding is to be present at a target, configured as
// it was, that is told when deadlines move.
func (e *Engine) renewsAt(b access.Binding) bool {
	target := e.targets[b.Target]
	return target.Renew && target.Contract == b.Contract && b.Desired == access.Present
}

// untold reports whether a message is to come at this generation that nobody has
// claimed: it will name the deadline of then.
func untold(b access.Binding) bool {
	return b.Attempts == 0 && b.NextAt != nil && (b.Renewing || b.Observed != b.Desired)
}

// renewed is a binding with a new deadline to tell. What the target has confirmed is
// updated at once. What is under way, or waits for its next attempt, goes on as what
// it is when that time comes, only under a generation that names the new deadline.
func renewed(b access.Binding, now time.Time) access.Binding {
	b.Generation++
	b.Attempts = 0
	if b.Observed != b.Desired {
		return b
	}
	b.Renewing = true
	b.NextAt, b.DueAt = &now, &now
	b.LastClass, b.LastError, b.ReportedAt = "", "", nil
	return b
}

// renewMoved renews the locked bindings of grants that moved. It costs nothing where
// no target wants to be told.
func (e *Engine) renewMoved(tx *ledger.Tx, moved []ledger.Move) error {
	var ids []string
	for _, m := range moved {
		if m.Was.State == access.GrantActive {
			ids = append(ids, m.Was.BindingID)
		}
	}
	if len(ids) == 0 || !e.anyRenews() {
		return nil
	}
	bindings, err := tx.Claimed(ids...)
	if err != nil {
		return err
	}
	held, err := tx.LiveGrantsOn(ids...)
	if err != nil {
		return err
	}
	var changed []ledger.Claimed
	for id, b := range bindings {
		b, renewed, err := e.renewOne(tx, Call{}, b, held[id])
		if err != nil {
			return err
		}
		if renewed {
			changed = append(changed, b)
		}
	}
	return tx.PutBindings(changed...)
}

func (e *Engine) anyRenews() bool {
	for _, t := range e.targets {
		if t.Renew {
			return true
		}
	}
	return false
}
