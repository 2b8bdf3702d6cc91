package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// carry does in one transaction what a snapshot does to grants. If that fails each
// grant gets its own, so that a broken one does not hold the others up, nor the
// snapshot, which the other nodes wait for: it is an error only when the ledger does not answer.
func (e *Engine) carry(ctx context.Context, turns []factTurn, heard access.Snapshot) error {
	if len(turns) == 0 {
		return nil
	}
	err := trouble.Caught(func() error { return e.carryOut(ctx, turns, heard) })
	if err == nil || ctx.Err() != nil {
		return err
	}
	var faults []error
	for _, t := range turns {
		if err := trouble.Caught(func() error { return e.carryOut(ctx, []factTurn{t}, heard) }); err != nil {
			faults = append(faults, fmt.Errorf("grant %s: %w", t.Was.ID, err))
		}
	}
	err = errors.Join(faults...)
	if err != nil && (len(faults) < len(turns) || e.ledger.Ping(ctx) == nil) {
		e.complain("grants do not follow what they are bound to; the next poll tries again", err)
		err = nil
	}
	return err
}

func (e *Engine) carryOut(ctx context.Context, turns []factTurn, heard access.Snapshot) error {
	var moved []ledger.Move
	var fx effects
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		moved, fx = nil, effects{}
		ids := make([]string, len(turns))
		for i, t := range turns {
			ids[i] = t.Was.BindingID
		}
		if err := tx.LockBindings(ids...); err != nil {
			return err
		}
		if late, err := overtaken(tx, heard); late || err != nil {
			return err
		}
		if moved, err = e.moveLocked(tx, turns); err != nil {
			return err
		}
		return e.endByFacts(tx, turns, &fx)
	})
	if err != nil {
		return err
	}
	e.step("facts.committed")
	e.tellMoved(ctx, moved)
	if len(fx.ended) > 0 {
		e.apply(ctx, fx)
	}
	return nil
}

// overtaken reports whether something newer that the source said has been followed
// already: by another node, while this one took its time. What that left as it was
// has no newer facts of its own to say so.
func overtaken(tx *ledger.Tx, heard access.Snapshot) (bool, error) {
	kept, err := tx.SourceRecord(heard.Source)
	return kept.FetchedAt.After(heard.FetchedAt), err
}

// moveLocked moves the grants that move and that are still as they were read. The
// bindings stay as they are, because what is live stays so; only a target that wants
// to know is told of the new end.
func (e *Engine) moveLocked(tx *ledger.Tx, turns []factTurn) (moved []ledger.Move, err error) {
	var moves []ledger.Move
	why := map[string]string{}
	for _, t := range turns {
		if t.ends == "" {
			moves, why[t.Was.ID] = append(moves, t.Move), t.why
		}
	}
	if len(moves) == 0 {
		return nil, nil
	}
	done, err := tx.MoveGrants(moves)
	if err != nil {
		return nil, err
	}
	for _, m := range moves {
		if !done[m.Was.ID] {
			continue // another was first
		}
		moved = append(moved, m)
		if err := errors.Join(tx.Append(movedEvent(m, why[m.Was.ID])), e.maybeUnsaid(tx, m)); err != nil {
			return nil, err
		}
	}
	return moved, e.renewMoved(tx, moved)
}

// maybeUnsaid notes an end that comes sooner than the lease holds.
func (e *Engine) maybeUnsaid(tx *ledger.Tx, m ledger.Move) error {
	if !e.leaseShared || m.Was.State != access.GrantActive || !m.Is.ExpiresAt.Before(m.Was.ExpiresAt) {
		return nil
	}
	return tx.MarkUnsaid(m.Was.BindingID, m.Was.ExpiresAt)
}

func movedEvent(m ledger.Move, why string) audit.Event {
	event := grantEvent(Call{}, audit.GrantMoved, m.Is)
	event.Data["from"], event.Data["to"] = m.Was.ExpiresAt, m.Is.ExpiresAt
	event.Data["why"], event.Data["facts_at"] = why, m.Is.Bound.FactsAt
	if !m.Is.StartsAt.Equal(m.Was.StartsAt) {
		event.Data["started_from"] = m.Was.StartsAt
	}
	return event
}

// endByFacts ends the grants that end at once, each only if no newer facts have
// spoken since it was read.
func (e *Engine) endByFacts(tx *ledger.Tx, turns []factTurn, fx *effects) error {
	var endings []ledger.Ending
	var ids []string
	for _, t := range turns {
		if t.ends != "" {
			ids = append(ids, t.Was.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	current, err := tx.GrantsByID(ids...)
	if err != nil {
		return err
	}
	for _, t := range turns {
		g := current[t.Was.ID]
		if t.ends != "" && g.Bound != nil && g.Bound.FactsAt.Before(t.Is.Bound.FactsAt) {
			endings = append(endings, ledger.Ending{Grant: t.Was, Why: t.ends})
		}
	}
	_, err = e.endLocked(tx, Call{}, endings, "", fx, e.reconcile)
	return err
}

// tellMoved tells the lease, and the loops that wait for a time, of grants that
// moved.
func (e *Engine) tellMoved(ctx context.Context, moved []ledger.Move) {
	var holds []access.Hold
	var active []access.Grant
	now := e.ledger.Now()
	for _, m := range moved {
		e.expect(m.Is.ExpiresAt)
		if m.Is.State == access.GrantScheduled {
			poke(e.startWake)
			continue
		}
		if m.Is.ExpiresAt.After(now) { // else the sweep is about to end it
			holds = append(holds, access.Hold{GrantID: m.Is.ID, Until: m.Is.ExpiresAt})
		}
		g := m.Is
		g.ExpiresAt = later(m.Was.ExpiresAt, m.Is.ExpiresAt) // until then the lease must remember that it moved
		active = append(active, g)
	}
	if len(active) == 0 {
		return
	}
	poke(e.deliveryWake) // a target may be told too
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leasePatience)
	defer cancel()
	if err := e.lease.Hold(ctx, holds...); err != nil {
		e.complain("grants that moved are not held by the lease; the ledger ends them", err)
	}
	if err := e.stand(ctx, active); err != nil {
		e.complain("the lease does not say yet what access there is; checks ask the ledger", err)
	}
}
