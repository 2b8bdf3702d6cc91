package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// keepInbound is how long ids of inbound events are remembered: longer than
// their sender tries, and than an event may be old when it comes.
const keepInbound = 49 * time.Hour

// TakeIncidentEvent takes what a source told of an incident. The same event has
// one effect however often and wherever it comes; fresh says that this was the
// time. One that says the incident is resolved ends the grants that are bound to
// it. One that says it is reopened restores nothing.
//
// Many grants end in several transactions. The event counts as taken with the
// last of them: if the others never come, the sender brings it again, and what
// has ended by then does not end twice.
func (e *Engine) TakeIncidentEvent(ctx context.Context, event access.IncidentEvent) (fresh bool, err error) {
	ended := 0
	fresh, more, err := e.takeSome(ctx, event, &ended)
	for more && err == nil { // what has begun goes on, also if nobody waits any more
		fresh, more, err = e.takeSome(context.WithoutCancel(ctx), event, &ended)
	}
	if err != nil {
		return false, fmt.Errorf("take event %s of %s: %w", event.ID, event.Source, err)
	}
	return fresh, nil
}

// takeSome takes the event, or ends as many grants for it as one transaction
// does. It adds to ended how many those were.
func (e *Engine) takeSome(ctx context.Context, event access.IncidentEvent, ended *int) (fresh, more bool, err error) {
	var fx effects
	var at time.Time
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		fx, at = effects{}, tx.Now()
		fresh, more, err = e.takeIncidentEvent(tx, event, *ended, &fx)
		return err
	})
	if err != nil {
		return false, false, err
	}
	if fresh && event.Type == access.IncidentResolved { // decisions here know it at once; its source says it later
		e.snapshots.Close(access.ClosedIncident{ID: event.Incident, At: at})
	}
	e.step("inbound.committed")
	e.apply(ctx, fx)
	*ended += len(fx.ended)
	return fresh, more, nil
}

// takeIncidentEvent is one transaction of it. ended is how many grants those
// before it ended; more says that another one must follow.
func (e *Engine) takeIncidentEvent(tx *ledger.Tx, event access.IncidentEvent, ended int, fx *effects) (fresh, more bool, err error) {
	if event.Type == access.IncidentResolved { // who gives access for it sees it, or is seen
		if err := tx.LockIncident(event.Incident); err != nil {
			return false, false, err
		}
	}
	fresh, err = tx.TakeInbound(event)
	if err != nil || !fresh {
		return false, false, err
	}
	switch event.Type {
	case access.IncidentReopened:
		return true, false, tx.Append(incidentEvent(audit.IncidentReopened, event))
	case access.IncidentResolved:
		if more, err = e.endWhile(tx, incidentBounds(event), access.EndIncidentResolved, fx); err != nil {
			return false, false, err
		}
		if more {
			return true, true, tx.ReturnInbound(event)
		}
		resolved := incidentEvent(audit.IncidentResolved, event)
		resolved.Data["grants_ended"] = ended + len(fx.ended)
		return true, false, tx.Append(resolved)
	}
	return true, false, nil
}

// incidentBounds is what a grant that is bound to the incident was asked for
// with: its id, or the number that people know it by.
func incidentBounds(event access.IncidentEvent) []string {
	bounds := []string{access.WhileIncident + ":" + event.Incident}
	if event.Number > 0 {
		bounds = append(bounds, access.WhileIncident+":"+strconv.FormatInt(event.Number, 10))
	}
	return bounds
}

// endWhile ends a batch of the grants, scheduled or active, that are bound to one
// of the things, and reports whether there may be more. They are read again once
// their bindings are locked: their ends may have moved before.
func (e *Engine) endWhile(tx *ledger.Tx, bounds []string, why access.EndReason, fx *effects) (more bool, err error) {
	found, err := tx.UnendedGrantsWhile(bounds, sweepBatch)
	if err != nil || len(found) == 0 {
		return false, err
	}
	locked := make([]string, len(found))
	for i, g := range found {
		locked[i] = g.BindingID
	}
	if err := tx.LockBindings(locked...); err != nil {
		return false, err
	}
	current, err := tx.UnendedGrantsWhile(bounds, sweepBatch)
	if err != nil {
		return false, err
	}
	var endings []ledger.Ending
	for _, g := range current {
		if slices.Contains(locked, g.BindingID) {
			endings = append(endings, ledger.Ending{Grant: g, Why: why})
		}
	}
	ended, err := e.endLocked(tx, Call{}, endings, "", fx, e.reconcile)
	if err == nil && len(ended) < len(endings) {
		err = access.Conflict("grant_changed", "%d grants changed while they were ended", len(endings)-len(ended))
	}
	return len(found) == sweepBatch || len(endings) < len(current), err
}

func incidentEvent(typ string, event access.IncidentEvent) audit.Event {
	data := map[string]any{
		"source": event.Source, "event_id": event.ID, "incident": event.Incident, "occurred_at": event.OccurredAt.UTC(),
	}
	if event.Number > 0 {
		data["number"] = event.Number
	}
	return audit.Event{Type: typ, Source: audit.Text(event.From), Data: data}
}

// ClosedIncidents lists incidents that a source has told, unasked, to be resolved
// since the time, by the ledger's clock, and not told to be reopened after that.
// Whoever holds what a source said when it was asked before an incident's At must
// not take that incident to be open.
//
// It reads only what came since then. It keeps no newest time that it has seen to
// save the read: transactions at once do not commit in the order of their times.
func (e *Engine) ClosedIncidents(ctx context.Context, since time.Time) (closed []access.ClosedIncident, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		closed, err = tx.ClosedIncidents(since)
		return err
	})
	return closed, err
}

// RefuseHook records that a message to a hook was refused, because nothing shows
// that it is from whom it should be.
func (e *Engine) RefuseHook(ctx context.Context, hook, source, reason string) {
	event := Call{Source: source}.event(audit.HookRefused)
	event.Data = map[string]any{"hook": hook, "reason": reason}
	_ = e.recordRefusal(ctx, event, hook+" "+source, nil)
}

func (e *Engine) forgetInbound(ctx context.Context, before time.Time) {
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.ForgetInbound(before) })
	if err != nil && ctx.Err() == nil {
		e.log.Error("old inbound events were not forgotten", "error", err)
	}
}
