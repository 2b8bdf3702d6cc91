package sinks

import (
	"context"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// The number of records that a sink may refuse, one after the other, before it is
// taken to refuse everything: by itself, and when a person has it go on.
const (
	mayRefuse      = 10
	mayRefuseStill = 1000
)

// refused finds out which record it was that the sink refused.
func (f *follower) refused(ctx context.Context, s access.SinkState, b batch, r *access.RejectedError) (time.Duration, error) {
	i := r.Index
	if len(b.records) == 1 {
		i = 0
	}
	if i < 0 || i >= len(b.records) {
		f.suspects = b.events[len(b.events)-1].Seq
		return 0, nil
	}
	f.suspects = 0
	f.doubted = append(f.doubted, Aside{b.events[i], r.Reason})
	f.refusals++
	if f.refusals > mayRefuse && !s.Lenient || f.refusals > mayRefuseStill {
		return f.refuses(ctx, s, true)
	}
	return 0, nil
}

// unfit takes it that the sink would refuse what can not be put into its format: that
// is set aside if it takes another.
func (f *follower) unfit(ctx context.Context, s access.SinkState, those []Aside) (time.Duration, error) {
	f.doubted = append(f.doubted, those...)
	f.refusals = max(f.refusals, 1)
	if len(f.doubted) > mayRefuseStill {
		return f.refuses(ctx, s, true)
	}
	return 0, nil
}

// refuses is a sink that refuses all that it is sent. Nothing is set aside: it may
// take everything once somebody has mended it.
func (f *follower) refuses(ctx context.Context, s access.SinkState, misconfigured bool) (time.Duration, error) {
	first := f.doubted[0]
	own := true
	for _, a := range f.doubted {
		own = own && a.Own
	}
	err := fmt.Errorf("it refuses all that it is sent, %d in a row; the first is event %d: %s", len(f.doubted), first.Seq, first.Reason)
	f.forget()
	if misconfigured {
		err = access.Permanent(err)
	}
	return f.failed(ctx, s, err, own)
}
