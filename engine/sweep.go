package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
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
// ledger, or until it is woken, and ends, starts and lapses what is due. Starts
// ask policy, which takes time: they have a loop of their own, so that no end
// waits for them. Run returns when ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	loops.Go(func() { e.loop(ctx, e.startWake, e.startDue, (*ledger.Tx).NextStart) })
	loops.Go(func() { e.forgetLoop(ctx) })
	e.loop(ctx, e.sweepWake, e.endAndLapse, (*ledger.Tx).NextEnd)
	loops.Wait()
	return nil
}

// loop does what is due whenever next says so, and at least every sweepEvery.
// After a failure it waits that long.
func (e *Engine) loop(
	ctx context.Context, wake <-chan struct{}, due func(context.Context) error, next func(*ledger.Tx) (time.Time, error),
) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
		wait := sweepEvery
		if err := safely(func() error { return due(ctx) }); err == nil {
			wait = e.untilNext(ctx, next)
		} else if ctx.Err() == nil {
			e.log.Error("the sweep failed; trying again", "error", err)
		}
		timer.Reset(wait)
	}
}

// safely makes a panic an error: one item must not take down the process that
// ends everybody's access.
func safely(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return work()
}

func (e *Engine) untilNext(ctx context.Context, next func(*ledger.Tx) (time.Time, error)) time.Duration {
	var at time.Time
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		at, err = next(tx)
		return err
	})
	if err != nil || at.IsZero() {
		return sweepEvery
	}
	return min(max(at.Sub(e.ledger.Now()), time.Millisecond), sweepEvery)
}

// forgetLoop drops old Idempotency-Keys once an hour.
func (e *Engine) forgetLoop(ctx context.Context) {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		e.forgetAnswers(ctx, e.ledger.Now().Add(-keepAnswers))
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
		}
	}
}

func (e *Engine) forgetAnswers(ctx context.Context, before time.Time) {
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.ForgetAnswers(before) })
	if err != nil && ctx.Err() == nil {
		e.log.Error("old Idempotency-Keys were not forgotten", "error", err)
	}
}

// endAndLapse ends every grant whose time is over and lapses the requests that
// nobody answered, as the ledger's clock says.
func (e *Engine) endAndLapse(ctx context.Context) error {
	return errors.Join(inBatches(ctx, e.endDue), inBatches(ctx, e.lapseDue))
}

// inBatches repeats a batch until it finds less than a full one.
func inBatches(ctx context.Context, batch func(context.Context) (int, error)) error {
	for {
		n, err := batch(ctx)
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

// endDue ends a batch in one transaction. If that fails, each grant gets its own,
// so that a broken one does not hold the others up.
func (e *Engine) endDue(ctx context.Context) (n int, err error) {
	var due []access.Grant
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		due, err = tx.GrantsToEnd(sweepBatch)
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	if err := e.end(ctx, due); err == nil {
		return len(due), nil
	}
	var faults []error
	for _, g := range due {
		if err := e.end(ctx, []access.Grant{g}); err != nil {
			faults = append(faults, fmt.Errorf("grant %s: %w", g.ID, err))
		}
	}
	return len(due), errors.Join(faults...)
}

// end ends grants whose time is over and that are still as they were read.
func (e *Engine) end(ctx context.Context, due []access.Grant) error {
	var fx effects
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		fx = effects{}
		return e.endAll(tx, Call{}, due, whyOver, &fx)
	})
	if err == nil {
		e.step("end.committed")
		e.apply(ctx, fx)
	}
	return err
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
