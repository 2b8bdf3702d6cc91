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
	// Revive makes deliveries to the contract due that wait to be tried again because
	// the target did not answer or said that it can not; at most limit. It returns how
	// many they were.
	Revive(ctx context.Context, contract string, limit int) (int, error)
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

// Worker delivers. All fields but Asker, Width, Ahead and Drain are required.
type Worker struct {
	Store   Store
	Targets map[string]Target // by contract
	Asker   Asker             // nil: targets are never asked whether bindings exist
	Alerter Alerter
	Log     *slog.Logger
	Owner   string        // names this process in claims
	Width   int           // deliveries under way at once to a target that names no width; default 16
	Ahead   int           // claimed at once for a target that answers quickly; default 256
	Drain   time.Duration // how long a stop waits for what is under way; default 5 s

	prepared sync.Once
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
	w.prepared.Do(w.prepare)
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var senders, recorder sync.WaitGroup
	for _, l := range w.lanes {
		senders.Go(func() { w.sendAll(work, l) })
	}
	if w.Asker != nil {
		senders.Go(func() { w.askAll(ctx) })
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
		w.lanes[contract] = newLane(target, w.Width, w.Ahead, w.Log)
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
		free, room, until := w.room()
		if free <= 0 && len(w.lanes) > 0 { // without targets, claiming finds what is due at none
			return untilThen(until)
		}
		claimed, err := w.Store.Claim(ctx, w.Owner, free, room)
		for _, d := range claimed {
			w.lanes[d.Contract].enqueue(d)
		}
		revived, failure := w.revive(ctx)
		if err = errors.Join(err, failure); err != nil {
			if ctx.Err() == nil {
				w.unclaimed.Failed(w.Log, "deliveries could not be claimed; trying again", err)
			}
			return lookEvery
		}
		if len(claimed) == 0 && revived == 0 {
			return min(w.untilNext(ctx, room), untilThen(until))
		}
	}
}

// room is how many deliveries may be claimed: in all, and for each target; and when
// the first target has room again that has none now.
func (w *Worker) room() (free int, room map[string]int, until time.Time) {
	room = map[string]int{}
	for contract, l := range w.lanes {
		n, then := l.room()
		room[contract] = n
		free += n
		if until.IsZero() || !then.IsZero() && then.Before(until) {
			until = then
		}
	}
	return free, room, until
}

// revive makes due what waits for targets that were down and are up again, and
// what one that is down is to be tried with.
func (w *Worker) revive(ctx context.Context) (revived int, err error) {
	for contract, l := range w.lanes {
		limit := l.revival()
		if limit == 0 {
			continue
		}
		n, failure := w.Store.Revive(ctx, contract, limit)
		switch {
		case failure != nil:
			l.reviveAgain()
		case n == revivedAtOnce:
			l.reviveMore()
		}
		revived, err = revived+n, errors.Join(err, failure)
	}
	return revived, err
}

func (w *Worker) untilNext(ctx context.Context, room map[string]int) time.Duration {
	next, err := w.Store.NextDelivery(ctx, room)
	if err != nil || next.IsZero() {
		return lookEvery
	}
	return min(max(next.Sub(w.Store.Now()), lookAgain), lookEvery)
}

// untilThen is how long until the time; the zero time is none.
func untilThen(at time.Time) time.Duration {
	if at.IsZero() {
		return lookEvery
	}
	return min(max(time.Until(at), lookAgain), lookEvery)
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
