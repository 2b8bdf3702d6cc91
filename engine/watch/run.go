package watch

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// The times of a Watcher's loop.
const (
	readEvery = time.Second      // how often it looks at what the other nodes know
	askDuty   = 10 * time.Second // how often it takes or keeps the duty: a third of its time
	leaveIn   = time.Second      // how long a stop waits to hand it back
	// standAside is for how long a node that yields the duty does not ask for it:
	// every other node does meanwhile.
	standAside = askDuty + 2*readEvery
)

// NewWatcher returns a watcher that can be poked from the beginning.
func NewWatcher(w Watcher) *Watcher {
	w.poked = make(chan struct{}, 1)
	w.state = state{}
	w.begin()
	return &w
}

// Poke has the source asked soon, by whichever node asks it. It returns at once,
// and pokes that come together are one.
func (w *Watcher) Poke() {
	select {
	case w.poked <- struct{}{}:
	default: // it is poked already
	}
}

// Prime reads what the source said last, and asks it once if this node has its
// duty: for a source at hand, before anything is served. That it can not be asked
// is no error here; it is written down as always.
func (w *Watcher) Prime(ctx context.Context) {
	w.turn(ctx)
}

// Recall reads what the source said last, without asking it: before anything is
// served, so that a gateway that was started anew knows what the last one knew.
func (w *Watcher) Recall(ctx context.Context) {
	w.hear(ctx, w.read(ctx))
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			w.leave(ctx)
			return nil
		case <-w.poked:
			w.want()
		case <-timer.C:
		}
		w.safely(ctx)
		timer.Reset(w.rest())
	}
}

// want has the source asked soon: by this node, if no other has the duty now.
func (w *Watcher) want() {
	w.state.wanted = true
	if !w.state.mine {
		w.state.dutyAsked = time.Time{}
	}
}

// safely takes a turn. A fault in it is not the end of the watch.
func (w *Watcher) safely(ctx context.Context) {
	defer func() {
		if cause := recover(); cause != nil {
			w.Log.ErrorContext(ctx, "the watch of a source panicked; it goes on", "panic", cause, "stack", string(debug.Stack()))
			w.state.next = w.Now().Add(w.Every)
		}
	}()
	w.turn(ctx)
}

// turn does what is to be done now: learn what the other nodes know, take or keep
// the duty, and ask the source if that is due.
func (w *Watcher) turn(ctx context.Context) {
	if err := w.look(ctx); err != nil {
		w.hear(ctx, err)
		return
	}
	s := &w.state
	if s.wanted && !s.mine {
		if err := w.Store.PokeSource(ctx, w.Name, w.Kind); err != nil {
			w.hear(ctx, err)
			return
		}
		s.wanted = false
	}
	if s.mine && w.due() {
		w.poll(ctx)
	}
	if s.mine {
		err := w.tellStale(ctx)
		w.hear(ctx, err)
	}
}

// look learns what is in the ledger, and whose the duty is.
func (w *Watcher) look(ctx context.Context) error {
	if err := w.read(ctx); err != nil {
		return fmt.Errorf("read what is known of it: %w", err)
	}
	return w.keepDuty(ctx)
}

// keepDuty takes or keeps the duty when it is time to. A node that comes to have
// it asks the source at once, as nobody may have done so for a while; unless it
// failed when it did so last, and rests.
func (w *Watcher) keepDuty(ctx context.Context) error {
	s := &w.state
	now := time.Now()
	if !s.dutyAsked.IsZero() && now.Sub(s.dutyAsked) < askDuty {
		return nil
	}
	mine, err := w.Store.SourceDuty(ctx, w.Name)
	if err != nil {
		return fmt.Errorf("take the duty of asking it: %w", err)
	}
	if mine && !s.mine && s.failures == 0 {
		s.next = time.Time{}
	}
	s.dutyAsked, s.mine = now, mine
	return nil
}

// yield hands the duty back after a failure that took long, or has a longer rest
// after it anyway: it may be this node alone that does not reach the source. If no
// other node takes it, or none does better, this one goes on.
func (w *Watcher) yield(ctx context.Context, took time.Duration) {
	s := &w.state
	if !s.mine || max(took, s.next.Sub(w.Now())) <= standAside {
		return
	}
	if err := w.Store.LeaveSourceDuty(ctx, w.Name); err != nil {
		return // and it is kept, or lapses
	}
	s.mine, s.dutyAsked = false, time.Now().Add(standAside-askDuty)
}

// due reports whether the source is to be asked now.
func (w *Watcher) due() bool {
	now, s := w.Now(), &w.state
	return !now.Before(s.next) || s.wanted && !now.Before(s.ended.Add(w.MinGap))
}

// rest is how long there is nothing to do.
func (w *Watcher) rest() time.Duration {
	s := &w.state
	if !s.mine || s.deaf {
		return readEvery
	}
	return max(min(s.next.Sub(w.Now()), readEvery), 0)
}

// hear says in the log when the ledger does not answer, and when it does again;
// once each.
func (w *Watcher) hear(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !w.state.deaf:
		w.state.deaf = true
		w.Log.ErrorContext(ctx, "a source of facts can not be watched: the ledger does not answer", "error", err)
	case err == nil && w.state.deaf:
		w.state.deaf = false
		w.Log.InfoContext(ctx, "the ledger answers again, and the source of facts is watched")
	}
}

// leave hands the duty back, so that another node need not wait for it to lapse.
func (w *Watcher) leave(ctx context.Context) {
	if !w.state.mine {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveIn)
	defer cancel()
	if err := w.Store.LeaveSourceDuty(ctx, w.Name); err != nil {
		w.Log.WarnContext(ctx, "the duty of asking a source was not handed back; it lapses", "error", err)
	}
}
