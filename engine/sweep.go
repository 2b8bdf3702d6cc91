package engine

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// sweepEvery is the longest that the ledger goes unlooked at, whatever the
// deadlines and wake-ups say.
const sweepEvery = time.Second

// sweepBatch bounds how much one transaction of a sweep changes.
const sweepBatch = 500

// keepAnswers is how long an Idempotency-Key is remembered.
const keepAnswers = 7 * 24 * time.Hour

// Run is the clock of the gateway: it sleeps to the nearest deadline in the
// ledger, or until it is woken, and ends, starts and lapses what is due. It
// returns when ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	forget := e.ledger.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.sweepWake:
		case <-timer.C:
		}
		if err := e.Sweep(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("the sweep failed; trying again", "error", err)
		}
		if now := e.ledger.Now(); !now.Before(forget) {
			forget = now.Add(time.Hour)
			e.forgetAnswers(ctx, now.Add(-keepAnswers))
		}
		timer.Reset(e.untilNext(ctx))
	}
}

func (e *Engine) untilNext(ctx context.Context) time.Duration {
	var next time.Time
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		next, err = tx.NextDeadline()
		return err
	})
	if err != nil || next.IsZero() {
		return sweepEvery
	}
	return min(max(next.Sub(e.ledger.Now()), time.Millisecond), sweepEvery)
}

func (e *Engine) forgetAnswers(ctx context.Context, before time.Time) {
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.ForgetAnswers(before) })
	if err != nil && ctx.Err() == nil {
		e.log.Error("old Idempotency-Keys were not forgotten", "error", err)
	}
}

// Sweep ends every grant whose time is over, starts those whose time has come
// and lapses the requests that nobody answered, as the ledger's clock says.
func (e *Engine) Sweep(ctx context.Context) error {
	return errors.Join(
		e.inBatches(ctx, e.endDue),
		e.startDue(ctx),
		e.inBatches(ctx, e.lapseDue))
}

// inBatches repeats a batch until it finds less than a full one.
func (e *Engine) inBatches(ctx context.Context, batch func(context.Context) (int, error)) error {
	for {
		n, err := batch(ctx)
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

func (e *Engine) endDue(ctx context.Context) (n int, err error) {
	none, err := e.nothing(ctx, func(tx *ledger.Tx) (int, error) {
		due, err := tx.GrantsToEnd(1)
		return len(due), err
	})
	if none || err != nil {
		return 0, err
	}
	var fx effects
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		fx = effects{}
		due, err := tx.GrantsToEnd(sweepBatch)
		if err != nil {
			return err
		}
		n = len(due)
		return e.endAll(tx, Call{}, due, whyOver, &fx)
	})
	if err == nil {
		e.step("end.committed")
		e.apply(ctx, fx)
	}
	return n, err
}

// whyOver is why a grant whose time is over ends.
func whyOver(g access.Grant) access.EndReason {
	if g.State == access.GrantScheduled {
		return access.EndNotStarted
	}
	return access.EndExpired
}

func (e *Engine) lapseDue(ctx context.Context) (n int, err error) {
	none, err := e.nothing(ctx, func(tx *ledger.Tx) (int, error) {
		due, err := tx.LapsedRequests(1)
		return len(due), err
	})
	if none || err != nil {
		return 0, err
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		due, err := tx.LapsedRequests(sweepBatch)
		if err != nil {
			return err
		}
		n = len(due)
		for _, r := range due {
			_, err := e.close(tx, Call{}, r.ID, access.RequestLapsed, audit.RequestLapsed, "")
			if err != nil && !errors.Is(err, access.ErrConflict) {
				return err
			}
		}
		return nil
	})
	return n, err
}

// nothing looks, without a write transaction, whether there is anything to do.
func (e *Engine) nothing(ctx context.Context, count func(*ledger.Tx) (int, error)) (none bool, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		n, err := count(tx)
		none = n == 0
		return err
	})
	return none, err
}

// startDue asks policy about each scheduled grant whose start has come, and
// starts or ends it.
func (e *Engine) startDue(ctx context.Context) error {
	var due []access.Grant
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		due, err = tx.GrantsToStart(sweepBatch)
		return err
	})
	for _, g := range due {
		err = errors.Join(err, e.startOne(ctx, g))
	}
	return err
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
	a, err := e.reconsider(ctx, r.Request)
	if err != nil {
		if errors.Is(err, access.ErrConflict) {
			return e.endOne(ctx, g, access.EndDeniedAtStart, access.DecisionRecord{})
		}
		return err
	}
	d, err := e.decide(ctx, a, access.PhaseStart)
	if err != nil {
		return err
	}
	return e.start(ctx, a, g, d)
}

// start starts a scheduled grant if the new decision allows it, by itself or
// with the approvals that it already has.
func (e *Engine) start(ctx context.Context, a asked, g access.Grant, d access.DecisionRecord) error {
	allowed := d.Decision.Effect == access.Allow
	if d.Decision.Effect == access.Review {
		err := e.ledger.View(ctx, func(tx *ledger.Tx) error {
			approvals, err := countable(tx, a.Request, d.Decision.Reviewers)
			allowed = err == nil && len(approvals) >= d.Decision.Reviewers.Quorum
			return err
		})
		if err != nil {
			return err
		}
	}
	expires := g.ExpiresAt
	if a.While != nil && allowed {
		expires = endOf(d.Decision, d.Input.Context.OnCall, d.DecidedAt, longest(a.entitlement, d.Decision))
		allowed = expires.After(d.DecidedAt)
	}
	if !allowed {
		return e.endOne(ctx, g, access.EndDeniedAtStart, d)
	}
	g.State, g.ExpiresAt, g.DecisionID = access.GrantActive, expires, d.ID
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		return errors.Join(
			tx.LockBindings(g.BindingID), tx.PutDecision(d), tx.StartGrant(g.ID, d.ID, expires),
			tx.Append(grantEvent(Call{}, audit.GrantStarted, g)), e.reconcile(tx, Call{}, g.BindingID, nil))
	})
	return e.started(ctx, effects{started: []access.Grant{g}}, err)
}

// endOne ends a scheduled grant that may not start. d is the decision that said
// so; its id is empty when none was needed.
func (e *Engine) endOne(ctx context.Context, g access.Grant, why access.EndReason, d access.DecisionRecord) error {
	var fx effects
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		fx = effects{}
		if d.ID != "" {
			if err := tx.PutDecision(d); err != nil {
				return err
			}
			g.DecisionID = d.ID
		}
		return e.endAll(tx, Call{}, []access.Grant{g}, func(access.Grant) access.EndReason { return why }, &fx)
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
