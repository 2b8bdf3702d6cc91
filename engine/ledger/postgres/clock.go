package postgres

import (
	"sync"
	"time"
)

// drift bounds how much two machines' clocks part: 200 millionths of the time.
const drift = 200e-6

// slew is how much of the time that passes is held back while the clock is ahead
// of the server's.
const slew = 0.1

// clock is the server's clock as this process knows it: its own monotonic clock
// plus an offset, so that neither the wall clock of this machine nor its being
// set has any influence.
//
// It never goes back. When the server's clock does, because it was set or another
// server took over, the clock goes on a little slower until the difference is
// worked off: no access lasts much longer than it was given for, and the
// difference is part of the uncertainty. There is no high-water mark over a
// restart: the server is the one authority for all nodes, and a mark written by
// a node that was wrong would bind them all.
type clock struct {
	mono func() time.Duration // monotonic, from an arbitrary beginning

	mu    sync.Mutex
	best  sample
	ahead time.Duration // of the server, at since
	since time.Duration
}

// sample is one reading of the server's clock.
type sample struct {
	at     time.Duration // the monotonic clock in the middle of it
	server time.Time     // what the server said
	bound  time.Duration // the error at most: half of the time that it took
}

func newClock() *clock {
	began := time.Now()
	return &clock{mono: func() time.Duration { return time.Since(began) }}
}

// now is the server's time, never before what was answered earlier.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.mono()
	return c.estimate(t).Add(c.lead(t))
}

// uncertainty bounds how far now is from the server's clock.
func (c *clock) uncertainty() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.mono()
	return c.bound(t) + c.lead(t)
}

// take learns from a sample: the one with the smallest error counts. One that
// contradicts it says that the server's clock is not what it was.
func (c *clock) take(s sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.best.server.IsZero() {
		gap := s.server.Sub(c.estimate(s.at)).Abs()
		if bound := c.bound(s.at); s.bound > bound && gap <= bound+s.bound {
			return
		}
		t := c.mono()
		before := c.estimate(t).Add(c.lead(t))
		c.best = s
		c.ahead, c.since = max(0, before.Sub(c.estimate(t))), t
		return
	}
	c.best = s
}

// estimate is the server's time by the best sample.
func (c *clock) estimate(t time.Duration) time.Time { return c.best.server.Add(t - c.best.at) }

// bound is the error of the best sample, which grows with its age.
func (c *clock) bound(t time.Duration) time.Duration {
	return c.best.bound + time.Duration(float64(max(0, t-c.best.at))*drift)
}

// lead is what is left of being ahead.
func (c *clock) lead(t time.Duration) time.Duration {
	return max(0, c.ahead-time.Duration(float64(t-c.since)*slew))
}
