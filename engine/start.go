package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// startsAtOnce bounds how many scheduled grants are decided at the same time, and
// startPatience how long one may take before it is left for the next round, so
// that none holds the others up.
const (
	startsAtOnce  = 8
	startPatience = 10 * time.Second
	maxFailing    = 10_000 // starts that failed and are remembered
)

// failing remembers starts that failed, so that they do not stand before those
// that would not: each is tried again later and later.
type failing struct {
	mu     sync.Mutex
	starts map[string]failure // by grant
}

type failure struct {
	times int
	again time.Time
}

// due leaves out of the grants those that failed of late.
func (f *failing) due(grants []access.Grant, now time.Time) []access.Grant {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(grants, func(g access.Grant) bool { return f.starts[g.ID].again.After(now) })
}

// keep forgets starts that are not due any more: they were ended, or another
// node started them.
func (f *failing) keep(due []access.Grant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.starts) == 0 {
		return
	}
	still := map[string]bool{}
	for _, g := range due {
		still[g.ID] = true
	}
	maps.DeleteFunc(f.starts, func(id string, _ failure) bool { return !still[id] })
}

// after remembers how the start of a grant went.
func (f *failing) after(id string, err error, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		delete(f.starts, id)
		return
	}
	if f.starts == nil || len(f.starts) >= maxFailing {
		f.starts = map[string]failure{}
	}
	n := f.starts[id].times + 1
	f.starts[id] = failure{n, now.Add(trouble.Backoff{First: time.Second, Cap: time.Minute}.After(n, false))}
}

// soonest is when the first of them is tried again; the zero time when there are
// none.
func (f *failing) soonest() (at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, failed := range f.starts {
		if at.IsZero() || failed.again.Before(at) {
			at = failed.again
		}
	}
	return at
}

func (f *failing) len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.starts)
}

// nextStart is when the next grant starts, or is tried to be started again.
func (e *Engine) nextStart(tx *ledger.Tx) (time.Time, error) {
	again := e.failing.soonest()
	if again.IsZero() {
		return tx.NextStart(time.Time{})
	}
	next, err := tx.NextStart(tx.Now())
	if next.IsZero() || again.Before(next) {
		next = again
	}
	return next, err
}

// startDue asks policy about each scheduled grant whose start has come, and
// starts or ends it.
func (e *Engine) startDue(ctx context.Context) error {
	var due []access.Grant
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		due, err = tx.GrantsToStart(sweepBatch + e.failing.len())
		return err
	})
	if err != nil {
		return err
	}
	e.failing.keep(due)
	due = e.failing.due(due, e.ledger.Now())
	faults := make([]error, len(due))
	places := make(chan struct{}, startsAtOnce)
	var starting sync.WaitGroup
	for i, g := range due {
		places <- struct{}{}
		starting.Go(func() {
			defer func() { <-places }()
			ctx, cancel := context.WithTimeout(ctx, startPatience)
			defer cancel()
			err := trouble.Caught(func() error { return e.startOne(ctx, g) })
			e.failing.after(g.ID, err, e.ledger.Now())
			if err != nil {
				faults[i] = fmt.Errorf("grant %s: %w", g.ID, err)
			}
		})
	}
	starting.Wait()
	return errors.Join(faults...)
}

func (e *Engine) startOne(ctx context.Context, g access.Grant) error {
	var r RequestView
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		r, err = requestView(tx, g.RequestID)
		return err
	})
	if err != nil {
		return err
	}
	_, err = settled(ctx, e, g.Subject, func() (struct{}, error) {
		a, err := e.reconsider(ctx, r.Request)
		a.StartsAt = &g.StartsAt // it may have moved with a shift
		if err == nil {
			err = e.sameTarget(ctx, a, g)
		}
		if isTargetMissing(err) {
			return struct{}{}, fmt.Errorf("the grant stays scheduled: %w", err) // another node may have it
		}
		if errors.Is(err, access.ErrConflict) {
			return struct{}{}, e.endOne(ctx, g, err.Error(), access.DecisionRecord{})
		}
		if err != nil {
			return struct{}{}, err
		}
		d, err := e.decide(ctx, a, access.PhaseStart)
		if err == nil && d.Failed {
			err = errors.New("policy failed; the grant stays scheduled and is decided again")
		}
		if err == nil && a.While != nil {
			err = e.startable(a, g, d)
		}
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, e.start(ctx, a, g, d)
	})
	return err
}

// startable reports why a scheduled `while` grant can not be decided for good yet:
// the facts of its decision do not say whether what it is bound to goes on, or say
// that the shift that it begins with is later, with which it is about to move.
func (e *Engine) startable(a asked, g access.Grant, d access.DecisionRecord) error {
	in := d.Input.Context
	known := in.OnCall.Known
	if ofIncident(*a.While) {
		_, id, _ := strings.Cut(*a.While, ":")
		known = e.incident(id, in) != access.IncidentUnknown
	}
	if !known {
		return errors.New("whether what the access is bound to goes on is not known; the grant stays scheduled and is decided again")
	}
	if g.Bound == nil || !g.Bound.NextShift || ofIncident(*a.While) {
		return nil
	}
	if start, found := startOf(in.OnCall.Shifts, g); found && start.After(in.Now) {
		return errors.New("the shift that the grant begins with begins later now; it stays scheduled until it has moved")
	}
	return nil
}

// sameTarget reports ErrConflict unless the entitlement still leads to the target
// that the grant's binding is at.
func (e *Engine) sameTarget(ctx context.Context, a asked, g access.Grant) error {
	return e.ledger.View(ctx, func(tx *ledger.Tx) error {
		b, err := tx.Binding(g.BindingID)
		if err == nil && (b.Target != a.target.Name || b.Contract != a.target.Contract) {
			err = access.Conflict("target_changed", "the target of this entitlement has changed since the grant was given")
		}
		return err
	})
}

// start starts a scheduled grant if the new decision allows it, by itself or
// with the approvals that it already has.
func (e *Engine) start(ctx context.Context, a asked, g access.Grant, d access.DecisionRecord) error {
	allowed := d.Decision.Effect == access.Allow
	if d.Decision.Effect == access.Review {
		err := e.ledger.View(ctx, func(tx *ledger.Tx) error {
			reviewers, err := e.reviewersNow(tx, a, d)
			if err != nil {
				return err
			}
			approvals, err := countable(tx, a.Request, reviewers)
			allowed = err == nil && len(approvals) >= reviewers.Quorum
			return err
		})
		if err != nil {
			return err
		}
	}
	was := g
	why := sentence(d.Decision)
	if a.While != nil && allowed {
		err := e.bindGrant(&g, a, d, later(d.DecidedAt, g.StartsAt))
		if isBoundUnknown(err) {
			return fmt.Errorf("the grant stays scheduled and is decided again: %w", err)
		}
		if err != nil {
			allowed, why = false, err.Error()
		}
	}
	if !allowed {
		return e.endOne(ctx, was, why, d)
	}
	g.State, g.DecisionID = access.GrantActive, d.ID
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := e.current(tx, a, d); err != nil {
			return err
		}
		return errors.Join(
			tx.LockBindings(g.BindingID), tx.PutDecision(d), tx.StartGrant(was, g),
			tx.Append(decidedEvent(Call{}, audit.GrantStarted, g, d)), afterReview(tx, Call{}, a, d, g),
			e.reconcile(tx, Call{}, map[string]*ledger.Ending{g.BindingID: nil}))
	})
	return e.started(ctx, effects{started: []access.Grant{g}}, err)
}

// endOne ends a scheduled grant that may not start, and says why. d is the
// decision that said so; its id is empty when none was needed.
func (e *Engine) endOne(ctx context.Context, g access.Grant, why string, d access.DecisionRecord) error {
	var fx effects
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		fx = effects{}
		if d.ID != "" {
			if err := tx.PutDecision(d); err != nil {
				return err
			}
			g.DecisionID = d.ID
		}
		if err := tx.LockBindings(g.BindingID); err != nil {
			return err
		}
		if now, err := tx.Grant(g.ID); err != nil || !now.StartsAt.Equal(g.StartsAt) {
			return errors.Join(err, ledger.GrantEnded(g.ID)) // it starts at another time by now, and is decided then
		}
		return e.endOneLocked(tx, Call{}, ledger.Ending{Grant: g, Why: access.EndDeniedAtStart, Revision: d.Revision}, why, &fx)
	})
	return e.started(ctx, fx, err)
}

// started applies the effects of a commit about a scheduled grant. That another
// node was first is no failure.
func (e *Engine) started(ctx context.Context, fx effects, err error) error {
	if errors.Is(err, access.ErrConflict) {
		return nil
	}
	if err == nil {
		e.step("start.committed")
		e.apply(ctx, fx)
	}
	return err
}
