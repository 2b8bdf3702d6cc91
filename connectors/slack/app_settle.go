package slack

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// settleIn bounds what is asked of the Desk for one message. A transaction that
	// has begun does not end with whoever asked for it.
	settleIn = 30 * time.Second
	// lateIn bounds what is done once it is known how late work ended.
	lateIn      = 10 * time.Second
	maxSettling = 64
)

// settle does the work and waits for it until the message's patience is over:
// counted from its arrival, since whoever sent it counts from there. If the work
// has ended, done is true and err says how. Otherwise it goes on by itself, and
// late is told how it ended. What somebody asked for is not undone because they,
// or Slack, stopped waiting: the work does not end with ctx.
//
//nolint:revive // read as a sentence: how it ended, if it is done
func (a *App) settle(ctx context.Context, work func(context.Context) error,
	late func(ctx context.Context, err error),
) (err error, done bool) {
	if !a.settling.enter() {
		return errBusy(), true
	}
	ended, gone := make(chan error), make(chan struct{})
	detached := context.WithoutCancel(ctx)
	go func() {
		defer a.settling.leave()
		err := a.within(detached, settleIn, work)
		select {
		case ended <- err:
		case <-gone:
			_ = a.within(detached, lateIn, func(ctx context.Context) error {
				late(ctx, err)
				return nil
			})
		}
	}()
	timer := time.NewTimer(patience - time.Since(arrivalOf(ctx).at))
	defer timer.Stop()
	select {
	case err := <-ended:
		return err, true
	case <-timer.C:
		close(gone)
		return nil, false
	}
}

// onItsWay is how long an answer that something is still at work takes to be shown.
const onItsWay = 300 * time.Millisecond

// behind waits until that answer is there: what is told late must come after it, or
// it would be the answer that stays.
func behind(ctx context.Context) {
	timer := time.NewTimer(onItsWay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// within does the work within its time. A panic is an error: the message that
// caused it costs nobody else.
func (a *App) within(ctx context.Context, limit time.Duration, work func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			a.panicked(p)
			err = fmt.Errorf("panic: %T", p)
		}
	}()
	return work(ctx)
}

// panicked tells of a panic. Its value is not told: it may hold what somebody sent.
func (a *App) panicked(p any) {
	a.cfg.Log.Error("panic while a message of Slack's was answered", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
}

// errBusy says that nothing was begun, because too much is at work.
func errBusy() error {
	return &access.Error{Kind: access.ErrBusy, Code: "busy",
		Detail: "More is asked for at once than can be done. This was not begun: try again in a moment."}
}
