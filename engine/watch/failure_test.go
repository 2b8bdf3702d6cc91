package watch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/watch"
)

var errDown = errors.New("the vendor is down")

// near reports whether it is so long, give or take a tenth.
func near(got, want time.Duration) bool { return got >= want-want/10 && got <= want+want/10 }

func TestAFailingSourceIsAskedAgainWithMoreRestEachTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.fails(errDown)
		n := w.start("a")
		defer n.stop()
		w.pass(10 * time.Minute)
		got := gaps(w.source.times(w.begin))
		for i, want := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
			if !near(got[i], want) {
				t.Errorf("the rests are %v; number %d should be %s", got, i, want)
			}
		}
		for _, gap := range got {
			if gap > 66*time.Second {
				t.Errorf("a rest of %s", gap)
			}
		}
		if n.counted.of(watch.OutcomeFailed) != w.source.count() {
			t.Errorf("counted %v", n.counted.polls)
		}
	})
}

func TestWhatWillNotMendByItselfIsNotHurried(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.fails(access.Permanent(errDown))
		n := w.start("a")
		defer n.stop()
		w.pass(70 * time.Second)
		if got := gaps(w.source.times(w.begin)); len(got) != 1 || !near(got[0], time.Minute) {
			t.Errorf("the rests are %v", got)
		}
	})
}

// TestAnOutageIsToldOnceAndItsEndToo is a gap of a source, from the first failure
// to the first answer.
func TestAnOutageIsToldOnceAndItsEndToo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("a")
		defer n.stop()
		w.pass(90 * time.Second)
		good := n.state(w.ledger.Now())
		w.source.fails(fmt.Errorf("%w\na second line", errDown))
		w.pass(5 * time.Minute)
		if s := n.state(w.ledger.Now()); !n.known(w.ledger.Now()) || s.FailedSince == nil || s.Error != errDown.Error() || !s.FetchedAt.Equal(*good.FetchedAt) {
			t.Errorf("during the outage: %+v", s)
		}
		if got := w.events(audit.SourceStale); len(got) != 0 {
			t.Errorf("told to be too old: %v", got)
		}
		w.pass(time.Hour)
		if n.known(w.ledger.Now()) {
			t.Error("what was said an hour ago is still known")
		}
		failed, stale := w.events(audit.SourceFailed), w.events(audit.SourceStale)
		if len(failed) != 1 || failed[0]["error"] != errDown.Error() || failed[0]["source"] != named || failed[0]["fetched_at"] == nil {
			t.Errorf("%s: %v", audit.SourceFailed, failed)
		}
		if n.store.stale != 1 {
			t.Errorf("the store was told %d times", n.store.stale)
		}
		if len(stale) != 1 || stale[0]["failed_since"] == nil || strings.Count(n.log.String(), "level=ERROR") != 1 {
			t.Errorf("%s: %v\n%s", audit.SourceStale, stale, n.log)
		}
		w.source.says(shift(nil, nil))
		w.pass(70 * time.Second)
		recovered := w.events(audit.SourceRecovered)
		if len(recovered) != 1 || !n.known(w.ledger.Now()) || n.state(w.ledger.Now()).FailedSince != nil {
			t.Fatalf("after the outage: %v, %+v", recovered, n.state(w.ledger.Now()))
		}
		since, err := time.Parse(time.RFC3339, fmt.Sprint(recovered[0]["since"]))
		must(t, err)
		until, err := time.Parse(time.RFC3339, fmt.Sprint(recovered[0]["until"]))
		must(t, err)
		if gap := until.Sub(since); gap < time.Hour || gap > 70*time.Minute {
			t.Errorf("the gap was from %s to %s", since, until)
		}
		w.source.fails(errDown) // the next gap is told again
		w.pass(15 * time.Minute)
		if a, b := len(w.events(audit.SourceFailed)), len(w.events(audit.SourceStale)); a != 2 || b != 2 {
			t.Errorf("a second gap was told %d and %d times in all", a, b)
		}
	})
}

func TestASourceThatNeverAnsweredIsToldToBeTooOldLater(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.fails(errDown)
		n := w.start("a")
		defer n.stop()
		w.pass(9 * time.Minute)
		if got := w.events(audit.SourceStale); len(got) != 0 {
			t.Errorf("after nine minutes: %v", got)
		}
		w.pass(2 * time.Minute)
		if got := w.events(audit.SourceStale); len(got) != 1 || got[0]["fetched_at"] != nil {
			t.Errorf("after eleven: %v", got)
		}
	})
}

// TestASourceThatTakesLongToFailIsToldToBeTooOld, although its duty is handed back
// each time, and a poke does not wait for that.
func TestASourceThatTakesLongToFailIsToldToBeTooOld(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.script(func(context.Context, access.SourceAsk) (access.Snapshot, error) {
			time.Sleep(15 * time.Second)
			return access.Snapshot{}, errDown
		})
		n := w.start("a", func(c *watch.Watcher) { c.Every, c.StaleAfter = 10*time.Second, 30*time.Second })
		defer n.stop()
		w.pass(2 * time.Minute)
		if got := w.events(audit.SourceStale); len(got) != 1 {
			t.Errorf("told %d times", len(got))
		}
		before := w.source.count()
		for w.source.count() == before {
			w.pass(time.Second)
		}
		w.source.says()
		w.pass(16 * time.Second) // its duty is handed back
		n.Poke()
		w.pass(6 * time.Second)
		if !n.state(w.ledger.Now()).Known {
			t.Error("a poke waited until the node asks for the duty again")
		}
	})
}

func TestAPanicOfASourceIsAnError(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.script(func(context.Context, access.SourceAsk) (access.Snapshot, error) { panic("index out of range") })
		n := w.start("a")
		defer n.stop()
		failed := w.events(audit.SourceFailed)
		if len(failed) != 1 || failed[0]["error"] != "it panicked: index out of range" {
			t.Errorf("told as %v", failed)
		}
		w.source.says(shift(nil, nil))
		w.pass(time.Minute)
		if !n.known(w.ledger.Now()) {
			t.Error("the watch did not go on")
		}
	})
}

// TestASourceThatHangsHoldsUpNobody: it is given up after a while, and not asked
// again before it has come back.
func TestASourceThatHangsHoldsUpNobody(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		back := make(chan struct{})
		w.source.script(func(context.Context, access.SourceAsk) (access.Snapshot, error) {
			<-back
			return access.Snapshot{Shifts: []access.HeldShift{shift(nil, nil)}}, nil
		})
		other := newSource()
		n := w.start("a")
		defer n.stop()
		beside := w.start("b", func(c *watch.Watcher) { c.Source, c.Name = other, "rota" })
		defer beside.stop()
		w.pass(30 * time.Minute)
		if other.count() < 25 {
			t.Errorf("the other source was asked %d times", other.count())
		}
		if w.source.count() != 1 || n.known(w.ledger.Now()) {
			t.Errorf("the one that hangs was asked %d times", w.source.count())
		}
		failed := w.events(audit.SourceFailed)
		if len(failed) != 1 || failed[0]["error"] != "it gave no answer within 4m0s" {
			t.Errorf("told as %v", failed)
		}
		close(back) // that answer is too late to count
		w.source.says()
		w.pass(3 * time.Minute)
		if w.source.count() < 2 || w.source.most != 1 || n.known(w.ledger.Now()) || !n.state(w.ledger.Now()).Known {
			t.Errorf("afterwards it was asked %d times, %d at once; %+v", w.source.count(), w.source.most, n.state(w.ledger.Now()))
		}
	})
}

func TestAnAnswerOfAnotherSourceIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.script(func(context.Context, access.SourceAsk) (access.Snapshot, error) {
			return access.Snapshot{Source: "rota", Kind: access.SourceOnCall}, nil
		})
		n := w.start("a")
		defer n.stop()
		if got := w.events(audit.SourceFailed); len(got) != 1 || got[0]["error"] != `it answered as "rota", which tells oncall` {
			t.Errorf("told as %v", got)
		}
	})
}

func TestFaultsOfASourceAreToldWhenTheyChange(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		fault := []string{"two accounts have one address", "another"}
		w.source.script(func(context.Context, access.SourceAsk) (access.Snapshot, error) {
			return access.Snapshot{Faults: fault}, nil
		})
		n := w.start("a")
		defer n.stop()
		w.pass(5 * time.Minute)
		got := w.events(audit.SourceFaultsChanged)
		if len(got) != 1 || got[0]["count"] != 2.0 || fmt.Sprint(got[0]["faults"]) != "[two accounts have one address another]" {
			t.Fatalf("told as %v", got)
		}
		w.source.says()
		w.pass(5 * time.Minute)
		if got := w.events(audit.SourceFaultsChanged); len(got) != 2 || got[1]["count"] != 0.0 {
			t.Errorf("told as %v", got)
		}
	})
}
