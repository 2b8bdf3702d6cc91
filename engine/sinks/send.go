package sinks

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// send sends the next batch, and what was set aside and is wanted again.
func (f *follower) send(ctx context.Context) (time.Duration, error) {
	p, err := f.Store.SinkPage(ctx, f.sink.Name, f.sink.MaxRecords+len(f.doubted))
	if err != nil {
		return 0, err
	}
	if p.Changed != nil { // the sink has the rest: it is there that somebody looks into it
		f.changed.Failed(f.Log, "the audit log was changed, and a sink is sent what is there; look with curfew audit verify --config", p.Changed)
	}
	if p.Wanted != nil && (p.State.FailingSince == nil || len(p.Events) == 0) {
		if wait, err := f.resend(ctx, p.State, *p.Wanted); err != nil || wait > 0 {
			return wait, err
		}
	}
	b := f.build(p)
	if len(b.unfit) > 0 {
		return f.unfit(ctx, p.State, b.unfit)
	}
	if len(b.records) == 0 {
		return f.close(ctx, p.State, b)
	}
	receipt, err := f.hand(ctx, b.records)
	var rejected *access.RejectedError
	switch {
	case err == nil:
		return f.took(ctx, p.State, b, receipt)
	case errors.As(err, &rejected):
		return f.refused(ctx, p.State, b, rejected)
	case errors.Is(err, trouble.ErrPanic): // over one of them, perhaps
		f.panicked.Failed(f.Log, "sending to a sink panicked", err)
		return f.refused(ctx, p.State, b, &access.RejectedError{Index: -1, Reason: "sending it panicked; the log says where"})
	}
	return f.failed(ctx, p.State, err, b.own())
}

// took writes down that a batch was taken. What the sink refused before is set aside:
// it takes others.
func (f *follower) took(ctx context.Context, s access.SinkState, b batch, receipt string) (time.Duration, error) {
	took := Took{Through: b.through, Receipt: receipt, Taken: true, Aside: b.aside}
	var later []Aside
	for _, a := range f.doubted {
		if a.Seq <= b.through {
			took.Aside = append(took.Aside, a)
		} else {
			later = append(later, a)
		}
	}
	if err := f.record(ctx, s, Result{Took: &took}); err != nil {
		return 0, err
	}
	f.Observer.SinkSent(f.sink.Name, len(b.records))
	f.loud(took.Aside)
	f.doubted, f.refusals = later, 0
	if b.through >= f.suspects {
		f.suspects = 0
	}
	return 0, nil
}

// close is a batch in which there is nothing to send: because all of it can not be
// sent, or because it is in doubt.
func (f *follower) close(ctx context.Context, s access.SinkState, b batch) (time.Duration, error) {
	if len(f.doubted) > 0 {
		if f.refusals > 0 {
			return f.refuses(ctx, s, len(f.doubted) > 1)
		}
		b.aside = append(b.aside, f.doubted...) // it has taken another since
	}
	if b.through == s.Seq { // what is wanted again is not there
		return lookEvery, nil
	}
	err := f.record(ctx, s, Result{Took: &Took{Through: b.through, Aside: b.aside}})
	if err == nil {
		f.loud(b.aside)
		f.doubted, f.suspects = nil, 0
	}
	return 0, err
}

// loud says what a sink will not have.
func (f *follower) loud(aside []Aside) {
	for _, a := range aside {
		f.Log.Error("an audit event is set aside: the sink does not take it, and goes on without it",
			"event", a.ID, "seq", a.Seq, "type", a.Type, "reason", a.Reason)
	}
}

// failed writes down that the sink did not take what it was sent, and when it is tried
// again.
func (f *follower) failed(ctx context.Context, s access.SinkState, err error, own bool) (time.Duration, error) {
	return f.fails(ctx, s, Failure{SinkFailure: access.SinkFailure{Why: err.Error(), Misconfigured: access.IsPermanent(err)}, Own: own}, err)
}

func (f *follower) fails(ctx context.Context, s access.SinkState, failure Failure, err error) (time.Duration, error) {
	if ctx.Err() != nil { // it was broken off here, which is no fault of the sink's
		return 0, ctx.Err()
	}
	failure.Wait = retries.After(s.Failures+1, failure.Misconfigured)
	var told *access.DeliveryError
	if errors.As(err, &told) && told.RetryAfter > 0 && !failure.Misconfigured {
		failure.Wait = min(told.RetryAfter, retries.Longest())
	}
	f.Observer.SinkFailed(f.sink.Name)
	f.unsent.Failed(f.Log.With("misconfigured", failure.Misconfigured, "behind", s.Seq), "a sink does not take audit events; trying again", err)
	return min(failure.Wait, lookEvery), f.record(ctx, s, Result{Failed: &failure})
}
