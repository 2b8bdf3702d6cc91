package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/outbox"
)

// book is a ledger in memory: what is due where, and what came of it.
type book struct {
	attemptLasts time.Duration
	retry        time.Duration // between attempts, at the most
	broken       string        // a binding whose outcome is never taken
	commit       time.Duration // how long a claim takes
	reviving     time.Duration // how long it takes to make one due that waits

	mu      sync.Mutex
	entries []*entry
	wake    chan struct{}
	unsent  []time.Duration // how long each waited that was handed back
	revived int
}

// entry is a binding with work to do.
type entry struct {
	id, contract string
	next         time.Time
	claimed      bool
	attempts     int
	down         bool      // the last attempt said that the target is
	done         time.Time // zero: it is not
}

func newBook() *book {
	return &book{attemptLasts: 25 * time.Second, retry: time.Minute, wake: make(chan struct{}, 1)}
}

// add makes n bindings due at the contract.
func (b *book) add(contract string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range n {
		b.entries = append(b.entries, &entry{id: fmt.Sprintf("%s-%d", contract, len(b.entries)), contract: contract, next: time.Now()})
	}
	b.poke()
}

func (b *book) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *book) Claim(_ context.Context, owner string, limit int, room map[string]int) (claimed []access.Delivery, err error) {
	now, taken := time.Now(), map[string]int{}
	time.Sleep(b.commit) // fake: the bubble's clock
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		if len(claimed) == limit || taken[e.contract] >= room[e.contract] || e.claimed || !e.done.IsZero() || e.next.After(now) {
			continue
		}
		e.claimed = true
		e.attempts++
		taken[e.contract]++
		claimed = append(claimed, access.Delivery{
			BindingID: e.id, Contract: e.contract, Target: e.contract, Owner: owner, Attempt: e.attempts, StartedAt: now, Until: now.Add(b.attemptLasts),
			Message: access.Message{Data: access.MessageData{Binding: access.BindingRef{ID: e.id}}},
		})
	}
	return claimed, nil
}

func (b *book) Record(_ context.Context, outcomes ...access.Outcome) (left []access.Outcome, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for _, o := range outcomes {
		if o.BindingID == b.broken {
			left, err = append(left, o), errDown
			continue
		}
		e := b.entries[slices.IndexFunc(b.entries, func(e *entry) bool { return e.id == o.BindingID })]
		e.claimed, e.next = false, now
		var told *access.DeliveryError
		switch {
		case o.Unsent:
			b.unsent = append(b.unsent, now.Sub(o.StartedAt))
		case o.Failure == nil:
			e.done = now
		default:
			e.next = now.Add(min(b.retry, time.Second<<min(e.attempts, 20)))
			e.down = !errors.As(o.Failure, &told) || told.Status == 0 || told.Status == 429 || told.Status >= 500
		}
	}
	b.poke()
	return left, err
}

func (b *book) NextDelivery(_ context.Context, room map[string]int) (next time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		if room[e.contract] > 0 && !e.claimed && e.done.IsZero() && (next.IsZero() || e.next.Before(next)) {
			next = e.next
		}
	}
	return next, nil
}

func (b *book) Revive(_ context.Context, contract string, limit int) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		if n < limit && e.contract == contract && !e.claimed && e.done.IsZero() && e.down && e.next.After(time.Now()) {
			e.next = time.Now()
			n++
		}
	}
	b.revived += n
	b.mu.Unlock()
	time.Sleep(time.Duration(n) * b.reviving) // fake: the bubble's clock
	b.mu.Lock()
	return n, nil
}

func (b *book) DeliveryWake() <-chan struct{}                       { return b.wake }
func (*book) TakeOverdue(context.Context) ([]access.Binding, error) { return nil, nil }
func (*book) Now() time.Time                                        { return time.Now() }

// putOff makes everything wait, because its target was down.
func (b *book) putOff(long time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		e.down, e.next = true, time.Now().Add(long)
	}
}

// mend makes every outcome be taken.
func (b *book) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = ""
}

// done is how many bindings of the contract are done, and when the last was.
func (b *book) done(contract string) (n int, last time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		if e.contract == contract && !e.done.IsZero() {
			n++
			if e.done.After(last) {
				last = e.done
			}
		}
	}
	return n, last
}

// handedBack is how long each waited that was handed back.
func (b *book) handedBack() []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.unsent)
}

// attempts is how many there were at the contract.
func (b *book) attempts(contract string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		if e.contract == contract {
			n += e.attempts
		}
	}
	return n
}

// box is a target that a test plays.
type box struct {
	answer func(m access.Message) error // nil: it does what it is told
	takes  time.Duration

	mu    sync.Mutex
	now   int
	most  int // messages at once
	began []time.Time
}

func (b *box) Deliver(ctx context.Context, m access.Message) (access.Receipt, error) {
	b.mu.Lock()
	b.now++
	b.most = max(b.most, b.now)
	b.began = append(b.began, time.Now())
	answer, takes := b.answer, b.takes
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.now--
	}()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return access.Receipt{}, &access.DeliveryError{Class: access.ClassUnreachable, Err: ctx.Err()}
	}
	if answer != nil {
		return access.Receipt{}, answer(m)
	}
	return access.Receipt{Status: 204, Tries: 1}, nil
}

// becomes changes how the target answers.
func (b *box) becomes(takes time.Duration, answer func(access.Message) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.takes, b.answer = takes, answer
}

// begun returns when each message began, and how many were under way at once at
// most.
func (b *box) begun() ([]time.Time, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.began), b.most
}

// says is an answer with the status; 0: none.
func says(status int, rest time.Duration) func(access.Message) error {
	return func(access.Message) error {
		class := access.ClassRefused
		if status == 0 {
			class = access.ClassUnreachable
		}
		return &access.DeliveryError{Class: class, Status: status, RetryAfter: rest, Err: errors.New("it says no")}
	}
}

// deliver runs a worker until the test ends, or until stop is called.
func deliver(t *testing.T, b *book, targets map[string]outbox.Target, log *slog.Logger) (w *outbox.Worker, stop func()) {
	t.Helper()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	w = &outbox.Worker{Store: b, Targets: targets, Alerter: outbox.LogAlerter{Log: log}, Log: log, Owner: "one"}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	return w, func() {
		cancel()
		running.Wait()
	}
}
