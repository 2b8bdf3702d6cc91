package watch_test

import (
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/watch"
)

// gaps is the times from each poll to the next.
func gaps(times []time.Duration) (gaps []time.Duration) {
	for i := 1; i < len(times); i++ {
		gaps = append(gaps, times[i]-times[i-1])
	}
	return gaps
}

func TestASourceIsAskedEveryMinuteGiveOrTakeATenth(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("a")
		defer n.stop()
		w.pass(time.Hour)
		times := w.source.times(w.begin)
		if len(times) < 54 || times[0] != 0 {
			t.Fatalf("it was asked %d times, first after %s", len(times), times[0])
		}
		between := gaps(times)
		slices.Sort(between)
		if least, most := between[0], between[len(between)-1]; least < 54*time.Second || most > 66*time.Second || most-least < 6*time.Second {
			t.Errorf("the rests are from %s to %s", least, most)
		}
		if n.counted.of(watch.OutcomeAnswered) != len(times) || w.source.most != 1 {
			t.Errorf("counted %v of %d, %d at once", n.counted.polls, len(times), w.source.most)
		}
	})
}

func TestAPokedSourceIsAskedSoon(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("a")
		defer n.stop()
		w.pass(20 * time.Second)
		for range 5 {
			n.Poke()
		}
		w.pass(0)
		n.Poke() // again, within the least rest
		w.pass(30 * time.Second)
		want := []time.Duration{0, 20 * time.Second, 25 * time.Second}
		if got := w.source.times(w.begin); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}
	})
}

func TestASourceIsAskedWhenShiftsBeginAndEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		at := func(d time.Duration) *time.Time { return new(w.begin.Add(d)) }
		w.source.says(shift(nil, at(30*time.Second)), shift(at(40*time.Second), at(24*time.Hour)), shift(at(-time.Hour), at(-time.Minute)))
		n := w.start("a")
		defer n.stop()
		w.pass(50 * time.Second)
		// A little before the end, at the end, and at the beginning.
		want := []time.Duration{0, 25 * time.Second, 30 * time.Second, 40 * time.Second}
		if got := w.source.times(w.begin); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}
	})
}

func TestASlowSourceIsAskedEarlierBeforeAnEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		end := w.begin.Add(50 * time.Second)
		later := end.Add(time.Hour)
		w.source.script(after(10*time.Second, shift(nil, &end)))
		n := w.start("a")
		defer n.stop()
		w.pass(34 * time.Second)
		w.source.script(after(10*time.Second, shift(nil, &later))) // extended in the last minute
		w.pass(12 * time.Second)
		if got := w.source.times(w.begin); !slices.Equal(got, []time.Duration{0, 35 * time.Second}) {
			t.Errorf("asked at %v", got)
		}
		if onCall, _ := n.book.OnCall(alice, w.ledger.Now()); len(onCall.Shifts) != 1 || !onCall.Shifts[0].End.Equal(later) {
			t.Errorf("before the end that was known first: %+v", onCall)
		}
	})
}

func TestManyTurnsDoNotMakeItAskedWithoutRest(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var shifts []access.HeldShift
		for i := range 600 {
			shifts = append(shifts, shift(new(w.begin.Add(time.Duration(i)*100*time.Millisecond)), nil))
		}
		w.source.says(shifts...)
		n := w.start("a", func(c *watch.Watcher) { c.MinGap = 3 * time.Second })
		defer n.stop()
		w.pass(time.Minute)
		for _, gap := range gaps(w.source.times(w.begin)) {
			if gap < 3*time.Second {
				t.Fatalf("asked after a rest of %s: %v", gap, w.source.times(w.begin))
			}
		}
		if n := w.source.count(); n < 18 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestTheLeadBeforeAnEndIsTakenOnce, also when the source took less time then.
func TestTheLeadBeforeAnEndIsTakenOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		end := w.begin.Add(50 * time.Second)
		w.source.script(after(2*time.Second, shift(nil, &end)))
		n := w.start("a")
		defer n.stop()
		w.pass(10 * time.Second)
		w.source.says(shift(nil, &end))
		w.pass(45 * time.Second)
		want := []time.Duration{0, 43 * time.Second, 50 * time.Second}
		if got := w.source.times(w.begin); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}
	})
}
