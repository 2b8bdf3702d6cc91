package trouble

import (
	"sync"
	"time"
)

// Breaker knows whether somebody to whom many messages go is down. After so many
// failures in a row they are taken to be: from then on they are tried with one
// message at a time, with growing rests between, until they answer. It is safe for
// concurrent use; its fields are set before its first use, and none may be zero.
type Breaker struct {
	After int              // failures in a row that open it
	Rests Backoff          // between what is tried while it is open
	Now   func() time.Time // the clock

	mu       sync.Mutex
	failures int // in a row
	probe    time.Time
}

// Answered notes that they did, whatever they said, and reports whether that closed
// the breaker.
func (b *Breaker) Answered() (closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	closed = b.failures >= b.After
	b.failures = 0
	return closed
}

// Failed notes that they did not, and reports whether that opened the breaker. What
// was under way when it opened tells nothing new.
func (b *Breaker) Failed() (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.Now()
	if b.failures >= b.After && now.Before(b.probe) {
		return false
	}
	b.failures++
	b.probe = now.Add(b.Rests.After(b.failures-b.After+1, false))
	return b.failures == b.After
}

// Held notes that they asked for a rest, and reports whether that opened the
// breaker. One that asked as often as others fail wants one of everybody.
func (b *Breaker) Held(rest time.Duration) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.probe = b.Now().Add(rest)
	return b.failures == b.After
}

// Open reports whether they are taken to be down, and when the next message may be
// tried if they are.
func (b *Breaker) Open() (probe time.Time, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.probe, b.failures >= b.After
}

// Room is how many of so many may be tried now, beside those under way, and until
// when none may; zero: some may.
func (b *Breaker) Room(width, busy int) (room int, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures < b.After:
		return width - busy, time.Time{}
	case b.Now().Before(b.probe):
		return 0, b.probe
	}
	return 1 - busy, time.Time{}
}
