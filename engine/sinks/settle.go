package sinks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// settle asks whether what the sink took is safe.
func (f *follower) settle(ctx context.Context, s access.SinkState) (time.Duration, error) {
	settler, gives := f.sink.Sender.(Settler)
	if !gives { // it did, before it was configured otherwise
		return f.unsettled(ctx, s, errors.New("what it has taken is not known to be safe: the sink does not say any more"))
	}
	safe := false
	err := f.hold(ctx, sendIn, func(ctx context.Context) (err error) {
		safe, err = settler.Settled(ctx, s.Receipt)
		return err
	})
	switch {
	case safe && err == nil:
		return 0, f.record(ctx, s, Result{Took: &Took{Through: s.ReceiptThrough, Taken: true}})
	case f.Now().Sub(s.ReceiptAt) >= f.sink.Settle:
		return f.unsettled(ctx, s, fmt.Errorf("what it took up to event %d was not said to be safe within %s, and is sent again", s.ReceiptThrough, f.sink.Settle))
	case err != nil:
		own, readErr := f.ownTaken(ctx, s)
		if readErr != nil {
			return 0, readErr
		}
		return f.failed(ctx, s, fmt.Errorf("it does not say whether what it took is safe: %w", err), own)
	}
	return askEvery, nil
}

// ownTaken reports whether all that a receipt was given for is about sinks.
func (f *follower) ownTaken(ctx context.Context, s access.SinkState) (bool, error) {
	p, err := f.Store.SinkPage(ctx, f.sink.Name, f.sink.MaxRecords)
	return !slices.ContainsFunc(p.Events, func(e Event) bool { return e.Seq <= s.ReceiptThrough && !e.Own }), err
}

// unsettled has what a receipt was given for sent again.
func (f *follower) unsettled(ctx context.Context, s access.SinkState, err error) (time.Duration, error) {
	own, readErr := f.ownTaken(ctx, s)
	if readErr != nil {
		return 0, readErr
	}
	return f.fails(ctx, s, Failure{SinkFailure: access.SinkFailure{Why: err.Error(), Drop: true}, Own: own}, err)
}
