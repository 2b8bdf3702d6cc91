package trouble_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/trouble"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) time() time.Time { return c.now }

func breaker() (*trouble.Breaker, *clock) {
	c := &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	return &trouble.Breaker{After: 3, Rests: trouble.Backoff{First: time.Second, Cap: 8 * time.Second}, Now: c.time}, c
}

func TestBreakerOpensAfterFailuresInARowAndClosesWithAnAnswer(t *testing.T) {
	b, c := breaker()
	for i, opens := range []bool{false, false, true} {
		if got := b.Failed(); got != opens {
			t.Errorf("failure %d: it opened: %v", i+1, got)
		}
	}
	if room, until := b.Room(16, 0); room != 0 || !until.After(c.now) {
		t.Errorf("once it is open there is room for %d, until %s", room, until)
	}
	c.now = c.now.Add(2 * time.Second)
	if room, _ := b.Room(16, 0); room != 1 {
		t.Errorf("after the rest there is room for %d, want 1", room)
	}
	if room, _ := b.Room(16, 1); room != 0 {
		t.Errorf("beside a probe there is room for %d more", room)
	}
	if !b.Answered() {
		t.Error("an answer did not close it")
	}
	if room, until := b.Room(16, 4); room != 12 || !until.IsZero() {
		t.Errorf("closed, there is room for %d, until %s", room, until)
	}
	if b.Answered() {
		t.Error("it closed twice")
	}
}

func TestAnAnswerBetweenFailuresKeepsTheBreakerClosed(t *testing.T) {
	b, _ := breaker()
	for range 20 {
		for range 2 {
			if b.Failed() {
				t.Fatal("two failures in a row opened it")
			}
		}
		b.Answered()
	}
}

func TestWhatWasUnderWayWhenTheBreakerOpenedDoesNotMakeItsRestsLonger(t *testing.T) {
	b, c := breaker()
	for range 16 {
		b.Failed()
	}
	probe, open := b.Open()
	if rest := probe.Sub(c.now); !open || rest > 2*time.Second {
		t.Errorf("the first rest is %s", rest)
	}
}

func TestRestsGrowToTheirCap(t *testing.T) {
	b, c := breaker()
	var longest time.Duration
	for range 12 {
		b.Failed()
		probe, _ := b.Open()
		longest = max(longest, probe.Sub(c.now))
		c.now = probe
	}
	if longest < 4*time.Second || longest > 12*time.Second {
		t.Errorf("the longest rest is %s", longest)
	}
}

func TestARestThatIsAskedForIsGiven(t *testing.T) {
	b, c := breaker()
	for range 3 {
		b.Held(7 * time.Second)
	}
	if _, until := b.Room(16, 0); until.Sub(c.now) != 7*time.Second {
		t.Errorf("it rests until %s", until)
	}
}
