package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// tellEndings writes down which live grants are about to end, once for each end,
// so that their holders can ask again in time. What goes on to be renewed waits.
func (e *Engine) tellEndings(ctx context.Context) error {
	var faults []error
	var last access.Grant
	for ctx.Err() == nil {
		var page []access.Grant
		err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
			page, err = tx.GrantsToTell(last, sweepBatch)
			return err
		})
		if err != nil {
			faults = append(faults, err)
			break
		}
		full := len(page) == sweepBatch
		if full {
			last = page[sweepBatch-1]
		}
		faults = append(faults, e.tell(ctx, slices.DeleteFunc(page, e.movesOn)))
		if !full {
			break
		}
	}
	return errors.Join(append(faults, ctx.Err())...)
}

// tell does so in one transaction and, if that fails, in one for each grant.
func (e *Engine) tell(ctx context.Context, grants []access.Grant) error {
	if len(grants) == 0 {
		return nil
	}
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		told, err := tx.TellEnding(grants)
		for _, g := range grants {
			if err == nil && told[g.ID] {
				event := grantEvent(Call{}, audit.GrantEnding, g)
				event.Data = map[string]any{"expires_at": g.ExpiresAt}
				err = tx.Append(event)
			}
		}
		return err
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	if len(grants) == 1 {
		return fmt.Errorf("grant %s: %w", grants[0].ID, err)
	}
	var faults []error
	for _, g := range grants {
		faults = append(faults, e.tell(ctx, []access.Grant{g}))
	}
	return errors.Join(faults...)
}

// movesOn reports whether the end of a bound grant is about to move ahead: what it
// is bound to goes on by what is known now, and its next news will renew it. An end
// by the cap, or by a shift whose end is known, is definite; and so is one that
// nobody renews because its source is silent.
func (e *Engine) movesOn(g access.Grant) bool {
	if g.Bound == nil {
		return false
	}
	now := e.ledger.Now()
	end, ok := endOf(e.goingOfBound(g, now), graceOf(g.Bound.Until), e.renew, now, g.Bound.EndsBy)
	return ok && end.Sub(g.ExpiresAt) >= movedAtLeast
}

// goingOfBound is how that goes on which a live grant is bound to, by what its
// sources said last.
func (e *Engine) goingOfBound(g access.Grant, now time.Time) going {
	if g.Bound.Incident != nil {
		_, state := e.snapshots.Incident(*g.Bound.Incident, now)
		return goingOf(state)
	}
	known, unsure := e.snapshots.OnCall(g.Subject, now)
	if slices.ContainsFunc(unsure, func(source string) bool { return couldTell(g.Bound.OnCall, source) }) {
		return going{}
	}
	return coverage(known.Shifts, g.Bound.OnCall, now)
}
