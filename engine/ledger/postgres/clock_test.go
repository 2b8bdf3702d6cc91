package postgres

import (
	"testing"
	"time"
)

// world is a server's clock and a process's, both moved by hand.
type world struct {
	mono   time.Duration
	server time.Time
	clock  *clock
}

func newWorld() *world {
	w := &world{server: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.clock = &clock{mono: func() time.Duration { return w.mono }}
	return w
}

// pass lets time pass; the process's clock runs fast by so many millionths.
func (w *world) pass(d time.Duration, fast float64) {
	w.server = w.server.Add(d)
	w.mono += d + time.Duration(float64(d)*fast/1e6)
}

// sample reads the server's clock with an answer that took the time, and that was
// given at its very end: the worst case.
func (w *world) sample(took time.Duration) {
	began := w.mono
	w.pass(took, 0)
	half := (w.mono - began) / 2
	w.clock.take(sample{at: began + half, server: w.server, bound: half})
}

// off is how far the clock is from the server's; it must be within what it says.
func (w *world) off(t *testing.T) time.Duration {
	t.Helper()
	off, bound := w.clock.now().Sub(w.server).Abs(), w.clock.uncertainty()
	if off > bound {
		t.Errorf("the clock is off by %s and says at most %s", off, bound)
	}
	return off
}

func TestClockIsWithinItsUncertaintyOfTheServers(t *testing.T) {
	w := newWorld()
	for i := range 1000 {
		w.sample(time.Duration(i*7919%50) * time.Millisecond)
		w.pass(time.Second, float64(i%300-150)) // a machine that runs fast and slow
		w.off(t)
	}
}

func TestBestSampleCountsAndAges(t *testing.T) {
	w := newWorld()
	w.sample(time.Millisecond)
	w.pass(time.Second, 0)
	w.sample(2 * time.Second)
	if got := w.clock.uncertainty(); got > 2*time.Millisecond {
		t.Errorf("after a bad sample the uncertainty is %s", got)
	}
	w.pass(time.Hour, 0)
	if got, want := w.clock.uncertainty(), 720*time.Millisecond; got < want {
		t.Errorf("after an hour without samples the uncertainty is %s, want at least %s", got, want)
	}
	w.sample(time.Millisecond)
	if got := w.clock.uncertainty(); got > time.Millisecond {
		t.Errorf("after a good sample the uncertainty is %s", got)
	}
}

func TestClockFollowsTheServersForwardAtOnce(t *testing.T) {
	w := newWorld()
	w.sample(time.Millisecond)
	w.server = w.server.Add(time.Hour)
	w.sample(100 * time.Millisecond) // a worse sample, and yet it counts
	if off := w.off(t); off > 100*time.Millisecond {
		t.Errorf("the clock is off by %s", off)
	}
}

func TestClockNeverGoesBackAndSaysHowFarItIsAhead(t *testing.T) {
	w := newWorld()
	w.sample(time.Millisecond)
	const back = time.Minute
	w.server = w.server.Add(-back)
	last := w.clock.now()
	w.sample(time.Millisecond)
	if got := w.clock.uncertainty(); got < back-time.Second {
		t.Errorf("a minute ahead, the uncertainty is %s", got)
	}
	for range 700 {
		now := w.clock.now()
		if now.Before(last) {
			t.Fatalf("the clock went from %s to %s", last, now)
		}
		last = now
		w.pass(time.Second, 0)
		w.sample(time.Millisecond)
		w.off(t)
	}
	if off := w.off(t); off > time.Millisecond {
		t.Errorf("after 700 s the clock is still off by %s", off)
	}
}
