package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// FollowFacts lets what depends on a source follow what it says now: the book
// holds it already. before is what it said until then; the zero snapshot when
// that is not known. It is for the node that asked the source. What could not be
// done is in the error, and the next snapshot does it.
func (e *Engine) FollowFacts(ctx context.Context, before, now access.Snapshot) error {
	return errors.Join(e.followBounds(ctx, now), e.recheckFacts(ctx, before, now))
}

// followBounds moves, or ends, the grants that are bound to what a source tells of.
func (e *Engine) followBounds(ctx context.Context, now access.Snapshot) error {
	if _, none := e.snapshots.(unlearned); none {
		return nil
	}
	var faults []error
	var last access.Grant
	for ctx.Err() == nil {
		var page []access.Grant
		err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
			page, err = tx.BoundGrants(now.Kind, last, sweepBatch)
			return err
		})
		if err != nil {
			faults = append(faults, err)
			break
		}
		faults = append(faults, e.followPage(ctx, page, now))
		if len(page) < sweepBatch {
			break
		}
		last = page[len(page)-1]
	}
	return errors.Join(append(faults, ctx.Err())...)
}

func (e *Engine) followPage(ctx context.Context, page []access.Grant, now access.Snapshot) error {
	var turns []factTurn
	var faults []error
	for _, g := range page {
		err := trouble.Caught(func() error {
			if t, turned := e.follow(g, now); turned {
				turns = append(turns, t)
			}
			return nil
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("grant %s: %w", g.ID, err))
		}
	}
	return errors.Join(append(faults, e.carry(ctx, turns, now))...)
}

// Why a grant moved.
const (
	movedShift   = "shift_moved"
	movedRenewed = "renewed"     // what it is bound to goes on without a known end
	movedOffCall = "off_call"    // the subject is not on call any more; it ends after the grace
	movedAgain   = "shift_again" // the subject is on call again before the grace was over
)

// factTurn is what facts do to a bound grant.
type factTurn struct {
	ledger.Move
	why  string           // it moves
	ends access.EndReason // it ends at once; "" when it moves
}

// movedAtLeast is by how much a known end must differ to be another one.
const movedAtLeast = time.Second

// follow is what a snapshot does to a bound grant. Facts that are not newer than
// those that it goes by do nothing.
func (e *Engine) follow(g access.Grant, now access.Snapshot) (t factTurn, turned bool) {
	if !now.FetchedAt.After(g.Bound.FactsAt) {
		return t, false
	}
	t.Was, t.Is = g, g
	b := *g.Bound
	b.FactsAt, b.OverAs = now.FetchedAt, ""
	t.Is.Bound = &b
	if now.Kind == access.SourceIncidents {
		return e.followIncident(t, now)
	}
	return e.followShifts(t, now)
}

// followIncident ends a grant whose incident is closed, whether it has started or
// not: that it is reopened restores nothing. While it is open the grant is renewed.
func (e *Engine) followIncident(t factTurn, now access.Snapshot) (factTurn, bool) {
	if t.Was.Bound.Incident == nil {
		return t, false
	}
	_, state := e.snapshots.Incident(*t.Was.Bound.Incident, now.FetchedAt)
	if state == access.IncidentClosed {
		t.ends = access.EndIncidentResolved
		return t, true
	}
	return e.goesOn(t, goingOf(state), later(now.FetchedAt, t.Was.StartsAt))
}

// followShifts moves a grant with the shifts that policy matched. What is not
// certain, because a source that could tell of them is silent, moves nothing.
func (e *Engine) followShifts(t factTurn, now access.Snapshot) (factTurn, bool) {
	refs := t.Was.Bound.OnCall
	if !couldTell(refs, now.Source) {
		return t, false
	}
	known, unsure := e.snapshots.OnCall(t.Was.Subject, now.FetchedAt)
	if slices.ContainsFunc(unsure, func(source string) bool { return couldTell(refs, source) }) {
		return t, false
	}
	waits := t.Was.State == access.GrantScheduled
	if waits && t.Was.Bound.NextShift {
		if start, found := startOf(known.Shifts, t.Was); found {
			by := start.Sub(t.Was.StartsAt)
			t.Is.StartsAt, t.Is.Bound.EndsBy = start, t.Was.Bound.EndsBy.Add(by)
		}
	}
	at := later(now.FetchedAt, t.Is.StartsAt)
	shifts := coverage(known.Shifts, refs, at)
	switch {
	case shifts.on:
		return e.goesOn(t, shifts, at)
	case waits: // policy decides at the start
		return t, false
	}
	return e.offCall(t, now)
}

// couldTell reports whether one of the references could be of the source.
func couldTell(refs []access.ShiftRef, source string) bool {
	return slices.ContainsFunc(refs, func(r access.ShiftRef) bool { return r.Source == "" || r.Source == source })
}

// goesOn gives a grant its new end, if it is another one: what it is bound to
// goes on at the time.
func (e *Engine) goesOn(t factTurn, g going, at time.Time) (factTurn, bool) {
	end, ok := endOf(g, graceOf(t.Is.Bound.Until), e.renew, at, t.Is.Bound.EndsBy)
	if !ok || !end.After(t.Is.StartsAt) {
		return t, false
	}
	t.Is.ExpiresAt = end
	by := end.Sub(t.Was.ExpiresAt)
	switch {
	case t.Was.Bound.OverAs != "":
		t.why = movedAgain
	case g.open && t.Was.State == access.GrantActive && by >= movedAtLeast:
		t.why = movedRenewed
		return t, t.Was.ExpiresAt.Sub(at) < e.renew/2
	case by >= movedAtLeast, by <= -movedAtLeast, !t.Is.StartsAt.Equal(t.Was.StartsAt):
		t.why = movedShift
	default:
		return t, false
	}
	return t, true
}

// offCall ends a grant whose subject is not on call any more, or lets it end
// after the grace. An end that comes sooner anyway stays: so the grace counts
// from when it was first known, and an end that was always known is no early one.
func (e *Engine) offCall(t factTurn, now access.Snapshot) (factTurn, bool) {
	end := now.FetchedAt.Add(graceOf(t.Was.Bound.Until))
	if !end.Before(t.Was.ExpiresAt) {
		return t, false
	}
	if !end.After(e.ledger.Now()) {
		t.ends = access.EndOffCall
		return t, true
	}
	t.Is.ExpiresAt, t.Is.Bound.OverAs, t.why = end, access.EndOffCall, movedOffCall
	return t, true
}
