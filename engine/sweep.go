package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// sweepEvery is the longest that the ledger goes unlooked at, whatever the
// deadlines and wake-ups say.
const sweepEvery = time.Second

// lookEvery is the same for what is not the end of access. This node wakes those
// loops for what it does itself; a look finds what another left, and then is
// soon enough.
const lookEvery = 2 * time.Second

// sweepBatch bounds how much one transaction of a sweep changes.
const sweepBatch = 500

// keepAnswers is how long an Idempotency-Key is remembered.
const keepAnswers = 7 * 24 * time.Hour

// Run is the clock of the gateway: it sleeps to the nearest deadline in the
// ledger, or until it is woken, and ends, starts and lapses what is due. Starts
// ask policy, which takes time, and lapses wait for reviews: they have loops of
// their own, so that no end waits for them; and so have the repair of the lease
// and what it was not told, and what people are asked again and told ahead.
// Run returns when ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	loops.Go(func() { e.loop(ctx, lookEvery, e.startWake, e.startDue, e.nextStart, nil) })
	loops.Go(func() { e.forgetLoop(ctx) })
	loops.Go(func() { e.tellLoop(ctx) })
	loops.Go(func() { e.mendLoop(ctx) })
	loops.Go(func() { e.syncLoop(ctx) })
	loops.Go(func() { e.restoreLoop(ctx) })
	loops.Go(func() { e.loop(ctx, lookEvery, e.recheckWake, e.recheckDue, (*ledger.Tx).NextRecheck, nil) })
	if e.leaseShared {
		loops.Go(func() { e.unsaidLoop(ctx) })
	}
	loops.Go(func() { e.coverLoop(ctx) })
	if e.auditKeys != nil && e.publish > 0 {
		loops.Go(func() { e.publishLoop(ctx) })
	}
	if e.auditKeep > 0 {
		loops.Go(func() { e.retentionLoop(ctx) })
	}
	if e.accessRequests != nil && e.accessRequests.Callbacks != nil {
		loops.Go(func() { e.callbackLoop(ctx) })
	}
	loops.Go(func() { e.loop(ctx, lookEvery, nil, e.lapseAllDue, (*ledger.Tx).NextLapse, nil) })
	loops.Go(func() { e.loop(ctx, nudgeEvery, nil, e.nudgeDue, (*ledger.Tx).NextNudge, nil) })
	loops.Go(func() { e.loop(ctx, settleEvery, nil, e.settleAllDue, neverDue, nil) })
	e.loop(ctx, sweepEvery, e.sweepWake, e.endAllDue, (*ledger.Tx).NextEnd, &e.sweepsTo)
	loops.Wait()
	return nil
}

// loop does what is due whenever next says so, and at least so often. After a
// failure it waits for sweepEvery. It notes in until what it sleeps to, so
// that nobody wakes it for less.
func (e *Engine) loop(
	ctx context.Context, every time.Duration, wake <-chan struct{}, due func(context.Context) error,
	next func(*ledger.Tx) (time.Time, error), until *atomic.Int64,
) {
	if until == nil {
		until = &atomic.Int64{}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	var failures trouble.Line
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
		wait := sweepEvery
		until.Store(math.MaxInt64) // whatever comes while it looks wakes it
		if err := trouble.Caught(func() error { return due(ctx) }); err == nil {
			wait = e.untilNext(ctx, every, next, until)
		} else if ctx.Err() == nil {
			failures.Failed(e.log, "the sweep failed; trying again", err)
		}
		timer.Reset(wait)
	}
}

// neverDue is the next deadline of what has none.
func neverDue(*ledger.Tx) (time.Time, error) { return time.Time{}, nil }

func (e *Engine) untilNext(
	ctx context.Context, every time.Duration, next func(*ledger.Tx) (time.Time, error), until *atomic.Int64,
) time.Duration {
	var at time.Time
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		at, err = next(tx)
		return err
	})
	if err != nil {
		return sweepEvery
	}
	if at.IsZero() {
		return every
	}
	until.Store(at.UnixMicro())
	return min(max(at.Sub(e.ledger.Now()), time.Millisecond), every)
}

// forgetLoop drops old Idempotency-Keys, ids of inbound events and notices once an
// hour.
func (e *Engine) forgetLoop(ctx context.Context) {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		e.forgetAnswers(ctx, e.ledger.Now().Add(-keepAnswers))
		e.forgetInbound(ctx, e.ledger.Now().Add(-keepInbound))
		e.forgetNotices(ctx, e.ledger.Now().Add(-keepNotices))
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

// endAllDue ends every grant whose time is over, as the ledger's clock says.
func (e *Engine) endAllDue(ctx context.Context) error { return inBatches(ctx, e.endDue) }

// lapseAllDue lapses the requests that nobody answered in time.
func (e *Engine) lapseAllDue(ctx context.Context) error { return inBatches(ctx, e.lapseDue) }

// inBatches repeats a batch until it finds less than a full one.
func inBatches(ctx context.Context, batch func(context.Context) (int, error)) error {
	for {
		n, err := batch(ctx)
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

// announcePatience is how long an end waits for the lease to announce it, from
// when the lease was asked to.
const announcePatience = 5 * time.Millisecond

// heldElsewhere is how long a sweep waits when all that is due is another's.
const heldElsewhere = 20 * time.Millisecond

// endDue ends a batch in one transaction. If that fails, each grant gets its own,
// so that a broken one does not hold the others up.
func (e *Engine) endDue(ctx context.Context) (n int, err error) {
	var due []access.Grant
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		due, err = tx.GrantsToEnd(sweepBatch)
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	heard := e.announce(ctx, due)
	ended, err := e.end(ctx, heard, e.reconcileHeld, func(tx *ledger.Tx) ([]access.Grant, error) {
		return tx.HoldGrantsToEnd(sweepBatch)
	})
	switch {
	case err == nil && ended == 0:
		leave(ctx)
		return 0, nil
	case err == nil:
		if len(due) == sweepBatch {
			e.burst.Store(time.Now().UnixMicro())
		}
		return len(due), nil
	}
	var faults []error
	for _, g := range due {
		_, err := e.end(ctx, heard, e.reconcile, func(tx *ledger.Tx) ([]access.Grant, error) {
			return []access.Grant{g}, tx.LockBindings(g.BindingID)
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("grant %s: %w", g.ID, err))
		}
	}
	return len(due), errors.Join(faults...)
}

// tellLoop tells the lease of ends that were due, which it knows of by itself.
func (e *Engine) tellLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case fx := <-e.toldLater:
			e.apply(ctx, fx)
		}
	}
}

// burstLasts is how long after a full batch of ends more are taken to be due.
const burstLasts = 250 * time.Millisecond

// Busy reports whether more grants are due than one transaction ends.
func (e *Engine) Busy() bool { return time.Since(time.UnixMicro(e.burst.Load())) < burstLasts }

// leave gives another node, which holds what is due, a moment to end it.
func leave(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(heldElsewhere):
	}
}

// announce makes the lease announce what is due, so that every node and whoever
// else listens hears it, and waits a moment for it. It reports whether it heard
// anything. Nothing depends on it.
func (e *Engine) announce(ctx context.Context, due []access.Grant) bool {
	ids := make([]string, len(due))
	for i, g := range due {
		ids[i] = g.ID
	}
	if e.heard.drain() {
		return true // that is why the sweep looked
	}
	ctx, cancel := context.WithTimeout(ctx, announcePatience)
	defer cancel()
	if !e.lease.Poke(ctx, ids...) {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-e.heard.wake:
		return true
	}
}

// end ends grants whose time is over, as hold takes them with their bindings
// locked, and returns how many.
func (e *Engine) end(
	ctx context.Context, heard bool, reconcile reconciler, hold func(*ledger.Tx) ([]access.Grant, error),
) (n int, err error) {
	var fx effects
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		fx = effects{}
		due, err := hold(tx)
		if err != nil {
			return err
		}
		endings := make([]ledger.Ending, len(due))
		for i, g := range due {
			endings[i] = ledger.Ending{Grant: g, Why: whyOver(g)}
		}
		_, err = e.endLocked(tx, Call{}, endings, "", &fx, reconcile)
		return err
	})
	if err != nil || len(fx.ended) == 0 {
		return 0, err
	}
	now := e.ledger.Now()
	for _, g := range fx.ended {
		e.observer.Ended(now.Sub(g.ExpiresAt), heard)
	}
	e.step("end.committed")
	poke(e.deliveryWake)
	select {
	case e.toldLater <- fx: // the next batch of ends does not wait for the lease
	default: // it has more to do than it can; its repair tells it
	}
	return len(fx.ended), nil
}

// whyOver is why a grant whose time is over ends.
func whyOver(g access.Grant) access.EndReason {
	switch {
	case g.State == access.GrantScheduled:
		return access.EndNotStarted
	case g.Bound != nil && g.Bound.OverAs != "":
		return g.Bound.OverAs
	}
	return access.EndExpired
}

// lapseDue lapses a batch in one transaction. If that fails, each request gets its
// own, so that a broken one does not hold the others up.
func (e *Engine) lapseDue(ctx context.Context) (n int, err error) {
	var due []string
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		due, err = tx.LapsedRequests(sweepBatch)
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	lapsed := 0
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		held, err := tx.HoldLapsedRequests(sweepBatch)
		lapsed = len(held)
		for _, id := range held {
			if err == nil {
				err = e.lapse(tx, id)
			}
		}
		return err
	})
	if err == nil {
		return lapsed, nil
	}
	return 0, eachAlone(ctx, e, "request", due, func(id string) string { return id }, e.lapse)
}

// eachAlone does the work for each item in a transaction of its own, so that a broken
// one does not hold the others up. A fault names the item by its kind and id.
func eachAlone[T any](ctx context.Context, e *Engine, kind string, items []T, id func(T) string, work func(*ledger.Tx, T) error) error {
	var faults []error
	for _, item := range items {
		if err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return work(tx, item) }); err != nil {
			faults = append(faults, fmt.Errorf("%s %s: %w", kind, id(item), err))
		}
	}
	return errors.Join(faults...)
}

func (e *Engine) lapse(tx *ledger.Tx, id string) error {
	_, err := e.close(tx, Call{}, id, access.RequestLapsed, audit.RequestLapsed, "")
	if errors.Is(err, access.ErrConflict) {
		return nil // it was answered
	}
	return err
}

// nothing looks, without a write transaction, whether there is anything to do.
func (e *Engine) nothing(ctx context.Context, count func(*ledger.Tx) (int, error)) (none bool, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		n, err := count(tx)
		none = n == 0
		return err
	})
	return none, err
}
