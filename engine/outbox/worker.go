// Package outbox drives bindings to their desired state, however long that
// takes. It is level-triggered: what is to be done is read from the ledger at
// each attempt, so no order of events can leave it with an old wish.
//
// It owns time and concurrency, not state: claims and outcomes are the store's,
// in transactions; what a target says means is the deliverer's to judge.
package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Store keeps deliveries: claims commit before the first byte leaves, outcomes
// after the last one came.
type Store interface {
	// Claim takes deliveries that are due, for the owner: for each contract at
	// most its room, and limit in all.
	Claim(ctx context.Context, owner string, limit int, room map[string]int) ([]access.Delivery, error)
	// Record writes down how attempts ended. What could not be written down is
	// returned with the reason.
	Record(ctx context.Context, outcomes ...access.Outcome) ([]access.Outcome, error)
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

// Worker delivers. All fields but Width, Ahead and Drain are required.
type Worker struct {
	Store   Store
	Targets map[string]Deliverer // by contract
	Alerter Alerter
	Log     *slog.Logger
	Owner   string        // names this process in claims
	Width   int           // deliveries under way at once to one target; default 16
	Ahead   int           // claimed at once for a target that answers quickly; default 256
	Drain   time.Duration // how long a stop waits for what is under way; default 5 s

	lanes    map[string]*lane // by contract
	freed    chan struct{}
	outcomes chan access.Outcome

	unclaimed, unread, unrecorded trouble.Line
}

// lookEvery is the longest that the schedule goes unlooked at, and lookAgain the
// shortest: what is due but can not be claimed yet is asked for that often.
const (
	lookEvery  = time.Second
	lookAgain  = 5 * time.Millisecond
	alertEvery = 10 * time.Second
)

// Run delivers what is due until ctx ends. Then it claims no more, hands back
// what it has not begun, gives what is under way its Drain, cuts it off, records
// what came of it, and returns.
func (w *Worker) Run(ctx context.Context) error {
	w.prepare()
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var senders, recorder sync.WaitGroup
	for _, l := range w.lanes {
		for range w.Width {
			senders.Go(func() { w.sendAll(work, l) })
		}
	}
	recording, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	recorder.Go(func() { w.recordAll(recording) })
	w.claimAll(ctx)
	for _, l := range w.lanes {
		close(l.queue)
	}
	limit := time.AfterFunc(w.Drain, cut)
	defer limit.Stop()
	senders.Wait()
	close(w.outcomes)
	last := time.AfterFunc(w.Drain, giveUp) // what is not recorded by then lapses
	defer last.Stop()
	recorder.Wait()
	return nil
}

func (w *Worker) prepare() {
	if w.Width <= 0 {
		w.Width = 16
	}
	if w.Ahead <= 0 {
		w.Ahead = 256
	}
	if w.Drain <= 0 {
		w.Drain = 5 * time.Second
	}
	w.freed, w.outcomes = make(chan struct{}, 1), make(chan access.Outcome, w.Ahead)
	w.lanes = map[string]*lane{}
	for contract, target := range w.Targets {
		w.lanes[contract] = &lane{target: target, width: w.Width, ahead: w.Ahead, queue: make(chan access.Delivery, w.Ahead)}
	}
}

// claimAll claims what is due until ctx ends.
func (w *Worker) claimAll(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var alerted time.Time
	for {
		select {
		case <-ctx.Done():
			for _, l := range w.lanes {
				l.close()
			}
			return
		case <-w.Store.DeliveryWake():
		case <-w.freed:
		case <-timer.C:
		}
		if now := w.Store.Now(); now.Sub(alerted) >= alertEvery {
			alerted = now
			w.alert(ctx)
		}
		timer.Reset(w.round(ctx))
	}
}

// round claims what there is room for, and returns how long until it is worth
// looking again. Room that is freed wakes the worker before.
func (w *Worker) round(ctx context.Context) time.Duration {
	for {
		free, room := w.room()
		if free <= 0 && len(w.lanes) > 0 { // without targets, claiming finds what is due at none
			return lookEvery
		}
		claimed, err := w.Store.Claim(ctx, w.Owner, free, room)
		for _, d := range claimed {
			l := w.lanes[d.Contract]
			l.took(1)
			l.queue <- d // there is room: nobody else fills it
		}
		if err != nil {
			if ctx.Err() == nil {
				w.unclaimed.Failed(w.Log, "deliveries could not be claimed; trying again", err)
			}
			return lookEvery
		}
		if len(claimed) == 0 {
			return w.untilNext(ctx, room)
		}
	}
}

// room is how many deliveries may be claimed: in all, and for each target.
func (w *Worker) room() (free int, room map[string]int) {
	room = map[string]int{}
	for contract, l := range w.lanes {
		room[contract] = l.room()
		free += max(room[contract], 0)
	}
	return free, room
}

func (w *Worker) untilNext(ctx context.Context, room map[string]int) time.Duration {
	next, err := w.Store.NextDelivery(ctx, room)
	if err != nil || next.IsZero() {
		return lookEvery
	}
	return min(max(next.Sub(w.Store.Now()), lookAgain), lookEvery)
}

// sendAll makes the attempts of a lane, one after the other, until it is closed
// and empty. What waited too long, or is left when the gateway stops, it hands
// back unsent.
func (w *Worker) sendAll(ctx context.Context, l *lane) {
	for d := range l.queue {
		o := access.Outcome{Delivery: d}
		if l.closed() || w.Store.Now().Sub(d.StartedAt) > maxQueued {
			o.Unsent = true
		} else {
			began := time.Now()
			o.Receipt, o.Failure = w.send(ctx, l.target, d)
			l.answered(time.Since(began), o.Failure == nil)
		}
		if o.Failure != nil {
			w.Log.Warn("delivery failed; it will be tried again", "binding", d.BindingID, "generation", d.Generation,
				"attempt", d.Attempt, "verb", d.Message.Type, "target", d.Target, "permanent", access.IsPermanent(o.Failure), "error", o.Failure)
		}
		l.took(-1)
		w.outcomes <- o
		select {
		case w.freed <- struct{}{}:
		default: // already signalled
		}
	}
}

// send makes the attempt within its claim. A deliverer that panics has failed.
func (w *Worker) send(ctx context.Context, target Deliverer, d access.Delivery) (receipt access.Receipt, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &access.DeliveryError{Class: access.ClassUnreachable, Err: fmt.Errorf("the deliverer panicked: %v", p)}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, d.Until.Sub(w.Store.Now()))
	defer cancel()
	return target.Deliver(ctx, d.Message)
}

func (w *Worker) alert(ctx context.Context) {
	overdue, err := w.Store.TakeOverdue(ctx)
	if err != nil && ctx.Err() == nil {
		w.unread.Failed(w.Log, "overdue bindings could not be read; trying again", err)
	}
	for _, b := range overdue {
		w.Alerter.Overdue(ctx, b)
	}
}
