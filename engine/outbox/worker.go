// Package outbox drives bindings to their desired state, however long that
// takes. It is level-triggered: what is to be done is read from the ledger at
// each attempt, so no order of events can leave it with an old wish.
//
// It owns time and concurrency, not state: claims and outcomes are the store's,
// in transactions; what a target says means is the deliverer's to judge.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Store keeps deliveries: claims commit before the first byte leaves, outcomes
// after the last one came.
type Store interface {
	// Claim takes at most limit deliveries that are due, for the owner.
	Claim(ctx context.Context, owner string, limit int) ([]access.Delivery, error)
	// Record writes down how an attempt ended: confirmed when failure is nil.
	Record(ctx context.Context, d access.Delivery, receipt access.Receipt, failure error) error
	// NextDelivery returns when the next one is due; the zero time for never.
	NextDelivery(ctx context.Context) (time.Time, error)
	// DeliveryWake is signalled when one may be due sooner than was known.
	DeliveryWake() <-chan struct{}
	// TakeOverdue returns bindings that became overdue, each once.
	TakeOverdue(ctx context.Context) ([]access.Binding, error)
	// Now is the ledger's clock.
	Now() time.Time
}

// Deliverer tells a target about a binding. An error is a failed attempt; it is
// an *access.DeliveryError, and marked access.Permanent when trying again will
// not help by itself.
type Deliverer interface {
	Deliver(context.Context, access.Message) (access.Receipt, error)
}

// Alerter tells people that access is not in the state that it should be.
type Alerter interface {
	Overdue(context.Context, access.Binding)
}

// Worker delivers. All fields but Width and Drain are required.
type Worker struct {
	Store    Store
	Targets  map[string]Deliverer // by contract
	Alerter  Alerter
	Log      *slog.Logger
	Owner    string        // names this process in claims
	Width    int           // deliveries under way at once; default 32
	Drain    time.Duration // how long a stop waits for them; default 5 s
	slots    chan struct{}
	freed    chan struct{}
	inFlight sync.WaitGroup
}

// lookEvery is the longest that the schedule goes unlooked at, and lookAgain the
// shortest: what is due but can not be claimed yet is asked for that often.
const (
	lookEvery  = time.Second
	lookAgain  = 5 * time.Millisecond
	alertEvery = 10 * time.Second
)

// Run delivers what is due until ctx ends. Then it claims no more, gives what is
// under way its Drain, cuts it off, records what came of it, and returns.
func (w *Worker) Run(ctx context.Context) error {
	if w.Width <= 0 {
		w.Width = 32
	}
	if w.Drain <= 0 {
		w.Drain = 5 * time.Second
	}
	w.slots, w.freed = make(chan struct{}, w.Width), make(chan struct{}, 1)
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var alerted time.Time
	for {
		select {
		case <-ctx.Done():
			w.drain(cut)
			return nil
		case <-w.Store.DeliveryWake():
		case <-w.freed:
		case <-timer.C:
		}
		if now := w.Store.Now(); now.Sub(alerted) >= alertEvery {
			alerted = now
			w.alert(ctx)
		}
		timer.Reset(w.round(ctx, work))
	}
}

// round claims and starts what there are slots for, and returns how long until
// it is worth looking again.
func (w *Worker) round(ctx, work context.Context) time.Duration {
	for {
		free := w.Width - len(w.slots)
		if free == 0 {
			return lookEvery // a slot that is freed wakes the worker
		}
		claimed, err := w.Store.Claim(ctx, w.Owner, free)
		if err != nil {
			if ctx.Err() == nil {
				w.Log.Error("deliveries could not be claimed; trying again", "error", err)
			}
			return lookEvery
		}
		for _, d := range claimed {
			w.slots <- struct{}{}
			w.inFlight.Go(func() {
				defer w.free()
				w.deliver(work, d)
			})
		}
		if len(claimed) < free {
			return w.untilNext(ctx)
		}
	}
}

// free gives a slot back and lets Run look again.
func (w *Worker) free() {
	<-w.slots
	select {
	case w.freed <- struct{}{}:
	default: // already signalled
	}
}

func (w *Worker) untilNext(ctx context.Context) time.Duration {
	next, err := w.Store.NextDelivery(ctx)
	if err != nil || next.IsZero() {
		return lookEvery
	}
	return min(max(next.Sub(w.Store.Now()), lookAgain), lookEvery)
}

func (w *Worker) deliver(ctx context.Context, d access.Delivery) {
	receipt, failure := w.send(ctx, d)
	if failure != nil {
		w.Log.Warn("delivery failed; it will be tried again", "binding", d.BindingID, "generation", d.Generation,
			"attempt", d.Attempt, "verb", d.Message.Type, "target", d.Target, "permanent", access.IsPermanent(failure), "error", failure)
	}
	w.record(context.WithoutCancel(ctx), d, receipt, failure)
}

// send makes the attempt within its claim. A deliverer that panics has failed.
func (w *Worker) send(ctx context.Context, d access.Delivery) (receipt access.Receipt, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &access.DeliveryError{Class: access.ClassUnreachable, Err: fmt.Errorf("the deliverer panicked: %v", p)}
		}
	}()
	target, ok := w.Targets[d.Contract]
	if !ok {
		return receipt, &access.DeliveryError{
			Class: access.ClassTargetMissing, Err: access.Permanent(fmt.Errorf("the target %q is not configured", d.Target)),
		}
	}
	ctx, cancel := context.WithTimeout(ctx, d.Until.Sub(d.StartedAt))
	defer cancel()
	return target.Deliver(ctx, d.Message)
}

// record writes the outcome down. While the ledger does not answer it is tried
// again until the claim lapses: then the attempt is made again, which is safe.
func (w *Worker) record(ctx context.Context, d access.Delivery, receipt access.Receipt, failure error) {
	ctx, cancel := context.WithTimeout(ctx, d.Until.Sub(w.Store.Now()))
	defer cancel()
	for {
		err := w.Store.Record(ctx, d, receipt, failure)
		if err == nil {
			return
		}
		w.Log.Error("an outcome was not recorded; trying again", "binding", d.BindingID, "error", err)
		if errors.Is(err, access.ErrNotFound) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (w *Worker) alert(ctx context.Context) {
	overdue, err := w.Store.TakeOverdue(ctx)
	if err != nil && ctx.Err() == nil {
		w.Log.Error("overdue bindings could not be read", "error", err)
	}
	for _, b := range overdue {
		w.Alerter.Overdue(ctx, b)
	}
}

func (w *Worker) drain(cut context.CancelFunc) {
	limit := time.AfterFunc(w.Drain, cut)
	defer limit.Stop()
	w.inFlight.Wait()
}
