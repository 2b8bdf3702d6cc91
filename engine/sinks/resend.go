package sinks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// resend sends an event again that was set aside: by itself, and out of its order.
func (f *follower) resend(ctx context.Context, s access.SinkState, e Event) (wait time.Duration, err error) {
	body, err := f.body(e)
	if err == nil && len(body) > f.sink.MaxRecord {
		err = errors.New(tooLarge(len(body), f.sink.MaxRecord))
	}
	if err != nil {
		return 0, f.record(ctx, s, Result{Resent: &Resent{Event: e, Refused: err.Error()}})
	}
	receipt, err := f.hand(ctx, []access.AuditRecord{record(e, body)})
	if err == nil && receipt != "" {
		err = f.await(ctx, receipt)
	}
	var rejected *access.RejectedError
	switch {
	case err == nil:
		f.Observer.SinkSent(f.sink.Name, 1)
		return 0, f.record(ctx, s, Result{Resent: &Resent{Event: e}})
	case errors.As(err, &rejected):
		return 0, f.record(ctx, s, Result{Resent: &Resent{Event: e, Refused: rejected.Reason}})
	}
	return f.failed(ctx, s, err, e.Own)
}

// await waits until what a receipt was given for is safe. The receipt is not kept: what
// is wanted again is sent again after a restart. The claim is renewed all the while:
// another node would send it, too, and wait as long.
func (f *follower) await(ctx context.Context, receipt string) error {
	settler, gives := f.sink.Sender.(Settler)
	until := f.Now().Add(f.sink.Settle)
	return f.hold(ctx, f.sink.Settle+sendIn, func(ctx context.Context) error {
		for gives && f.Now().Before(until) {
			if safe, err := settler.Settled(ctx, receipt); safe || err != nil {
				return err
			}
			if !pause(ctx, askEvery) {
				return ctx.Err()
			}
		}
		return fmt.Errorf("what was sent again was not said to be safe within %s", f.sink.Settle)
	})
}

func tooLarge(size, most int) string {
	return fmt.Sprintf("it has %d bytes, and the sink takes %d", size, most)
}
