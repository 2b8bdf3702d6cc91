package sinks

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// The times of a sink's loop.
const (
	lookEvery = time.Second      // the longest that the ledger goes unlooked at
	claimFor  = 30 * time.Second // then another node may go on: this one is taken to be gone
	renew     = 10 * time.Second // how often a claim is renewed while the sink takes its time
	sendIn    = time.Minute      // the longest that one batch may take
	askEvery  = time.Second      // how often it is asked whether what it took is safe
	drain     = 5 * time.Second  // how long a stop waits for a batch under way
)

// The bounds that a sink has unless it says otherwise.
const (
	defaultRecords = 500
	defaultBytes   = 1 << 20
	defaultSettle  = 5 * time.Minute
)

// retries is when a sink is tried again that did not take what it was sent.
var retries = trouble.Backoff{First: time.Second, Cap: 5 * time.Minute}

// follower sends to one sink. Its fields are of its loop alone.
type follower struct {
	Config
	sink  Sink
	owner string

	// What the sink refused, each by itself, since its cursor moved past the last of
	// them: it is set aside once the sink has taken another.
	doubted  []Aside
	refusals int   // how many in a row, with nothing taken between
	suspects int64 // up to here there is one that it refuses, and it is not known which; 0: none

	unread, unsent, unwritten, panicked, changed trouble.Line
}

func newFollower(cfg Config, sink Sink, owner string) *follower {
	if sink.MaxRecords <= 0 {
		sink.MaxRecords = defaultRecords
	}
	if sink.MaxBytes <= 0 {
		sink.MaxBytes = defaultBytes
	}
	if sink.MaxRecord <= 0 {
		sink.MaxRecord = sink.MaxBytes
	}
	if sink.Settle <= 0 {
		sink.Settle = defaultSettle
	}
	cfg.Log = cfg.Log.With("sink", sink.Name)
	return &follower{Config: cfg, sink: sink, owner: owner}
}

// run sends until ctx ends.
func (f *follower) run(ctx context.Context) {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(drain, cut) })
	defer stop()
	for {
		wait, err := f.turn(ctx, work)
		if err != nil {
			wait = lookEvery
			f.forget() // another node may have gone on
		}
		if err != nil && !errors.Is(err, access.ErrConflict) && ctx.Err() == nil {
			f.unread.Failed(f.Log, "a sink can not be followed: the ledger does not say what to send; trying again", err)
		}
		if ctx.Err() != nil || wait > 0 && !pause(ctx, wait) {
			f.leave(work)
			return
		}
	}
}

// leave hands the claim back, so that another node goes on at once.
func (f *follower) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	_ = f.Store.RecordSink(ctx, f.owner, access.SinkState{Name: f.sink.Name}, Result{Leave: true}) // or it lapses
}

// forget drops what was learnt of the sink's refusals: it is learnt again.
func (f *follower) forget() { f.doubted, f.refusals, f.suspects = nil, 0, 0 }

// turn does one thing that there is to do for the sink, and returns how long until it
// is worth looking again. ErrConflict says that another node sends to it.
func (f *follower) turn(ctx, work context.Context) (wait time.Duration, err error) {
	s, err := f.Store.SinkState(ctx, f.sink.Name)
	if err != nil {
		return 0, err
	}
	now := f.Now()
	if s.ClaimedBy != f.owner && now.Before(s.ClaimedUntil) {
		f.forget()
		return lookEvery, nil
	}
	if s.Receipt == "" && s.Head <= s.Seq && s.Wanted == 0 {
		return lookEvery, nil
	}
	if rest := s.NextAt.Sub(now); rest > 0 { // looked at meanwhile: somebody may have it tried at once
		return min(rest, lookEvery), nil
	}
	if s.ClaimedBy != f.owner || s.ClaimedUntil.Sub(now) < claimFor-renew {
		if err := f.Store.ClaimSink(ctx, f.owner, f.sink.Name, claimFor); err != nil {
			return 0, err
		}
	}
	if s.Receipt != "" {
		return f.settle(work, s)
	}
	return f.send(work)
}

// hand sends records while the claim is renewed.
func (f *follower) hand(ctx context.Context, records []access.AuditRecord) (receipt string, err error) {
	err = f.hold(ctx, sendIn, func(ctx context.Context) (err error) {
		receipt, err = f.sink.Sender.Send(ctx, records)
		return err
	})
	return receipt, err
}

// hold does work that may take its time, up to so long, and renews the claim. When that
// is lost the work is ended: another node does it.
func (f *follower) hold(ctx context.Context, most time.Duration, work func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		tick := time.NewTicker(renew)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if errors.Is(f.Store.ClaimSink(ctx, f.owner, f.sink.Name, claimFor), access.ErrConflict) {
				cancel()
				return
			}
		}
	}()
	return trouble.Caught(func() error { return work(ctx) })
}

// record writes down what came of a turn, and goes on trying for as long as the claim
// lasts: what was taken and is not known to have been is sent again.
func (f *follower) record(ctx context.Context, s access.SinkState, r Result) error {
	for until := f.Now().Add(claimFor); ; {
		err := f.Store.RecordSink(ctx, f.owner, s, r)
		if err == nil || errors.Is(err, access.ErrConflict) || ctx.Err() != nil || f.Now().After(until) {
			return err
		}
		f.unwritten.Failed(f.Log, "what a sink took could not be written down; trying again", err)
		if !pause(ctx, lookEvery) {
			return err
		}
	}
}
