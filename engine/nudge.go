package engine

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// nudgeEvery is the longest that nobody looks whether people are to be asked again
// or told of an end. All of that comes due a minute after it is known, or later,
// so that the look before it learns of it, and nobody need wake the loop.
const nudgeEvery = 15 * time.Second

// nudgeDue asks people again, and tells them of what is about to end. Nothing here
// gives or ends access. What fails does not hold up the rest, and is tried again.
func (e *Engine) nudgeDue(ctx context.Context) error {
	return errors.Join(
		inBatches(ctx, e.nudgeRequests),
		e.tellEndings(ctx),
		inBatches(ctx, e.remindTasks),
	)
}

// nudgeRequests reminds and escalates a batch, each request in a transaction of
// its own.
func (e *Engine) nudgeRequests(ctx context.Context) (n int, err error) {
	var due []string
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		due, err = tx.RequestsToNudge(sweepBatch)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(due), eachAlone(ctx, e, "request", due, func(id string) string { return id }, nudge)
}

// nudge escalates a request, and reminds its reviewers, if it is time for that.
func nudge(tx *ledger.Tx, id string) error {
	err := tx.LockRequest(id)
	if errors.Is(err, access.ErrConflict) {
		return nil // it was answered, or lapses
	}
	if err != nil {
		return err
	}
	r, err := tx.Request(id)
	if err != nil {
		return err
	}
	w, err := tx.Waiting(id)
	if err != nil {
		return err
	}
	said, err := reviewSaid(tx, r)
	if err != nil {
		return err
	}
	now := tx.Now()
	var faults []error
	if w.EscalateAt != nil && !w.EscalateAt.After(now) {
		if w.EscalateAt = nil; said.escalation() != nil {
			w.EscalatedAt = &now
			faults = append(faults, escalate(tx, r, said))
		}
	}
	if w.RemindAt != nil && !w.RemindAt.After(now) {
		w.Reminded++
		w.RemindAt = within(r, now.Add(remindAfter(r, said.newest)<<min(w.Reminded, 16)))
		faults = append(faults, remind(tx, r, said.newest, w))
	}
	return errors.Join(append(faults, tx.SetWaiting(id, w))...)
}

// remind writes down that the reviewers are asked again.
func remind(tx *ledger.Tx, r access.Request, d access.DecisionRecord, w ledger.Waiting) error {
	event := requestEvent(Call{}, audit.RequestReminded, r, d)
	event.Data = map[string]any{"count": w.Reminded}
	return tx.Append(event)
}

// escalate lets those answer too whom policy names for that.
func escalate(tx *ledger.Tx, r access.Request, said policySaid) error {
	esc := said.escalation()
	event := requestEvent(Call{}, audit.RequestEscalated, r, said.newest)
	event.Data = map[string]any{
		"groups": listed(esc.Groups), "subjects": listed(principals(&access.Reviewers{Subjects: esc.Subjects})), "channels": listed(esc.Channels),
	}
	return errors.Join(tx.Append(event), tx.SetReviewers(r.ID, principals(widened(said.reviewers(), esc))))
}

// listed is the list, and never null in JSON.
func listed(names []string) []string { return append([]string{}, names...) }
