package watch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// result is what a source answered.
type result struct {
	snapshot access.Snapshot
	err      error
}

// errBusy says that an earlier poll has not come back: two at once there are not.
var errBusy = errors.New("it has not answered an earlier poll yet")

// poll asks the source, and keeps what it says.
func (w *Watcher) poll(ctx context.Context) {
	s := &w.state
	s.wanted, s.began = false, w.Now()
	question, err := w.question(ctx)
	if err != nil {
		s.ended = w.Now()
		w.notKept(ctx, err, 0)
		return
	}
	began := time.Now()
	said, err := w.ask(ctx, question)
	took := time.Since(began)
	s.ended = w.Now()
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		w.failed(ctx, err, took)
		return
	}
	s.took = took
	err = w.keepDuty(ctx)
	if err == nil && s.mine {
		err = w.keep(ctx, said)
	}
	switch {
	case err != nil:
		w.notKept(ctx, err, took)
		return
	case !s.mine:
		return // another node asks it by now, and keeps something newer
	}
	if s.failures > 0 {
		w.Log.InfoContext(ctx, "a source of facts answers again", "after_failures", s.failures)
	}
	s.failures, s.told = 0, false
	s.next = w.nextPoll()
	w.observe(OutcomeAnswered, took)
}

// question is what the source is asked.
func (w *Watcher) question(ctx context.Context) (q access.SourceAsk, err error) {
	q.Now, q.Before = w.state.began, w.state.kept
	if w.Kind == access.SourceIncidents {
		q.Incidents, err = w.Store.WantedIncidents(ctx)
	}
	return q, err
}

// ask asks the source, and waits no longer than Timeout. Meanwhile the duty is
// kept, and what others tell is read.
func (w *Watcher) ask(ctx context.Context, question access.SourceAsk) (said access.Snapshot, err error) {
	s := &w.state
	if s.busy != nil {
		select {
		case <-s.busy: // too late to count
			s.busy = nil
		default:
			return said, errBusy
		}
	}
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	return w.await(ctx, w.fetch(ctx, question))
}

// fetch asks in the background. A panic is an error like others.
func (w *Watcher) fetch(ctx context.Context, question access.SourceAsk) chan result {
	answer := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if cause := recover(); cause != nil {
				r = result{err: fmt.Errorf("it panicked: %v\n%s", cause, debug.Stack())}
			}
			answer <- r
		}()
		r.snapshot, r.err = w.Source.Fetch(ctx, question)
	}()
	return answer
}

func (w *Watcher) await(ctx context.Context, answer chan result) (said access.Snapshot, err error) {
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for {
		select {
		case r := <-answer:
			if r.err != nil {
				return said, r.err
			}
			return w.checked(r.snapshot)
		case <-tick.C:
			w.hear(ctx, errors.Join(w.readClosed(ctx), w.keepDuty(ctx)))
		case <-ctx.Done():
			w.state.busy = answer
			return said, fmt.Errorf("it gave no answer within %s", w.Timeout)
		}
	}
}

// checked fills in what the watch knows better than the source, and refuses what
// is not the source's.
func (w *Watcher) checked(said access.Snapshot) (access.Snapshot, error) {
	if said.Source == "" {
		said.Source = w.Name
	}
	if said.Kind == "" {
		said.Kind = w.Kind
	}
	if said.Source != w.Name || said.Kind != w.Kind {
		return said, fmt.Errorf("it answered as %q, which tells %s", said.Source, said.Kind)
	}
	said.FetchedAt = w.state.began // what was asked later than that is as old at the most
	return said, nil
}

// keep brings what the source says into the book, into the ends of grants, and
// then into the ledger, from where the other nodes have it. In this order, what is
// in the ledger was followed: a node that goes on from there misses nothing.
func (w *Watcher) keep(ctx context.Context, said access.Snapshot) error {
	s := &w.state
	w.Book.Put(said)
	s.held = said.FetchedAt
	if w.Follower != nil {
		if err := w.Follower.FollowFacts(ctx, s.kept, said); err != nil {
			return fmt.Errorf("the ends of grants do not follow it: %w", err)
		}
	}
	if err := w.Store.TakeSnapshot(ctx, said); err != nil {
		return err
	}
	s.kept = said
	w.Book.Failing(w.Name, nil, "")
	return nil
}

// failed writes down that the source could not be asked. What it said before
// stays, and grows older.
func (w *Watcher) failed(ctx context.Context, cause error, took time.Duration) {
	s := &w.state
	w.again(access.IsPermanent(cause))
	w.observe(OutcomeFailed, took)
	w.Log.WarnContext(ctx, "a source of facts can not be asked; what it said last counts until it is too old",
		"error", cause, "failures", s.failures, "again_at", s.next)
	err := w.Store.SourceFailed(ctx, w.Name, w.Kind, cause)
	if news, readErr := w.Store.SourceNews(ctx, w.Name); readErr == nil {
		w.Book.Failing(w.Name, news.FailedSince, news.Error)
	}
	w.hear(ctx, errors.Join(err, w.tellStale(ctx)))
	w.yield(ctx, took)
}

// notKept says that what the source says is not known to all: the ledger does not
// take part. It is asked again.
func (w *Watcher) notKept(ctx context.Context, cause error, took time.Duration) {
	w.again(false)
	w.observe(OutcomeNotKept, took)
	w.Log.ErrorContext(ctx, "what a source of facts says is not kept; it is asked again", "error", cause, "again_at", w.state.next)
}

// again has the source asked later, after a poll that led to nothing.
func (w *Watcher) again(permanent bool) {
	s := &w.state
	if s.failures++; s.failures == 1 {
		s.failing = s.ended
	}
	s.next = s.ended.Add(w.backoff(permanent))
}

// tellStale has it told, once, that what the source said last is too old.
func (w *Watcher) tellStale(ctx context.Context) error {
	s := &w.state
	last := s.held
	if last.IsZero() {
		last = s.failing // it never answered
	}
	if s.failures == 0 || s.told || w.Now().Sub(last) <= w.StaleAfter {
		return nil
	}
	err := w.Store.SourceStale(ctx, w.Name, w.Kind)
	s.told = err == nil
	return err
}

func (w *Watcher) observe(outcome string, took time.Duration) {
	if w.Observer != nil {
		w.Observer.Polled(w.Name, outcome, took)
	}
}
