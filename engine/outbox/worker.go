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
	// Claim takes deliveries that are due, for the owner: for each contract at
	// most its room, and limit in all.
	Claim(ctx context.Context, owner string, limit int, room map[string]int) ([]access.Delivery, error)
	// Record writes down how an attempt ended: confirmed when failure is nil.
	Record(ctx context.Context, d access.Delivery, receipt access.Receipt, failure error) error
	// NextDelivery returns when the next one is due among the contracts that
	// there is room for; the zero time for never.
	NextDelivery(ctx context.Context, room map[string]int) (time.Time, error)
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
	Store   Store
	Targets map[string]Deliverer // by contract
	Alerter Alerter
	Log     *slog.Logger
	Owner   string        // names this process in claims
	Width   int           // deliveries under way at once; default 64
	Share   int           // of these to one target, so that a dead one does not hold up the others; default an eighth
	Drain   time.Duration // how long a stop waits for them; default 5 s

	mu       sync.Mutex
	busy     map[string]int // deliveries under way, by contract
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
		w.Width = 64
	}
	if w.Share <= 0 {
		w.Share = max(w.Width/8, 1)
	}
	if w.Drain <= 0 {
		w.Drain = 5 * time.Second
	}
	w.busy, w.freed = map[string]int{}, make(chan struct{}, 1)
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

// round claims and starts what there is room for, and returns how long until it
// is worth looking again. Room that is freed wakes the worker before.
func (w *Worker) round(ctx, work context.Context) time.Duration {
	for {
		free, room := w.room()
		if free <= 0 {
			return lookEvery
		}
		claimed, err := w.Store.Claim(ctx, w.Owner, free, room)
		for _, d := range claimed {
			w.take(d.Contract, 1)
			w.inFlight.Go(func() {
				defer w.take(d.Contract, -1)
				w.deliver(work, d)
			})
		}
		if err != nil {
			if ctx.Err() == nil {
				w.Log.Error("deliveries could not be claimed; trying again", "error", err)
			}
			return lookEvery
		}
		if len(claimed) == 0 {
			return w.untilNext(ctx, room)
		}
	}
}

// room is how many deliveries may begin: in all, and to each target.
func (w *Worker) room() (free int, room map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	free, room = w.Width, map[string]int{}
	for contract := range w.Targets {
		free -= w.busy[contract]
		room[contract] = w.Share - w.busy[contract]
	}
	return free, room
}

// take counts deliveries under way up or down, and lets Run look again when there
// is more room.
func (w *Worker) take(contract string, n int) {
	w.mu.Lock()
	w.busy[contract] += n
	w.mu.Unlock()
	if n > 0 {
		return
	}
	select {
	case w.freed <- struct{}{}:
	default: // already signalled
	}
}

func (w *Worker) untilNext(ctx context.Context, room map[string]int) time.Duration {
	next, err := w.Store.NextDelivery(ctx, room)
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
