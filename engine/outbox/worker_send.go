package outbox

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// sendAll makes the attempts of a lane as there are slots for them, until it is
// closed and empty. What waited too long, or is left when the gateway stops, it
// hands back unsent.
func (w *Worker) sendAll(ctx context.Context, l *lane) {
	var underWay sync.WaitGroup
	defer underWay.Wait()
	for d := range l.queue {
		within := min(maxQueued-time.Since(d.since), claimedFor-w.Store.Now().Sub(d.StartedAt))
		if !l.enter(ctx, within) {
			l.handedBack()
			w.ended(access.Outcome{Delivery: d.Delivery, Unsent: true})
			continue
		}
		underWay.Go(func() { w.attempt(ctx, l, d.Delivery) })
	}
}

func (w *Worker) attempt(ctx context.Context, l *lane, d access.Delivery) {
	began, o := time.Now(), access.Outcome{Delivery: d}
	o.Receipt, o.Failure = w.send(ctx, l.target.Deliverer, d)
	if ctx.Err() == nil { // what is cut off says nothing about the target
		l.judge(d.BindingID, o.Failure)
	}
	l.left(time.Since(began))
	if o.Failure != nil {
		w.Log.Warn("delivery failed; it will be tried again", "binding", d.BindingID, "generation", d.Generation,
			"attempt", d.Attempt, "verb", d.Message.Type, "target", d.Target, "permanent", access.IsPermanent(o.Failure), "error", o.Failure)
	}
	w.ended(o)
}

// ended hands an outcome over to be recorded, and says that there is room.
func (w *Worker) ended(o access.Outcome) {
	w.outcomes <- o
	select {
	case w.freed <- struct{}{}:
	default: // already signalled
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
