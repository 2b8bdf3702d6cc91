package watch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/watch"
)

func TestOneNodeAsksAndTheOthersReadWhatItKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		defer a.stop()
		b := w.start("b")
		defer b.stop()
		w.pass(30 * time.Minute)
		if got := gaps(w.source.times(w.begin)); slices.Min(got) < 54*time.Second {
			t.Errorf("it was asked at %v", w.source.times(w.begin))
		}
		if len(b.follower.told) > 0 || b.counted.of(watch.OutcomeAnswered) > 0 {
			t.Errorf("the other node followed %d times", len(b.follower.told))
		}
		if age := *b.state(w.ledger.Now()).AgeSeconds; !b.known(w.ledger.Now()) || age > 67 {
			t.Errorf("the other node knows %+v", b.state(w.ledger.Now()))
		}
		if b.store.bodies != 1 {
			t.Errorf("the other node read the same body %d times", b.store.bodies)
		}
		w.source.says()
		w.pass(68 * time.Second)
		if b.known(w.ledger.Now()) || b.store.bodies != 2 {
			t.Errorf("a change did not come to the other node; it read %d bodies", b.store.bodies)
		}
		w.source.fails(errDown)
		w.pass(3 * time.Minute)
		if s := b.state(w.ledger.Now()); s.FailedSince == nil || s.Error != errDown.Error() {
			t.Errorf("the other node knows of the outage: %+v", s)
		}
	})
}

func TestTheDutyPassesToAnotherNode(t *testing.T) {
	const lapse = 30*time.Second + 10*time.Second + time.Second // its time, and until the other node asks for it
	cases := map[string]struct {
		end    func(*node)
		within time.Duration
	}{
		"when a node ends well": {func(a *node) { a.stop() }, 11 * time.Second},
		"when a node dies": {func(a *node) {
			a.store.set(func(s *store) { s.down = errors.New("gone") })
			a.stop()
		}, lapse},
		"when a node does not reach the ledger": {func(a *node) { a.store.set(func(s *store) { s.down = errors.New("gone") }) }, lapse},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				a := w.start("a")
				defer a.stop()
				b := w.start("b")
				defer b.stop()
				w.pass(5 * time.Minute)
				before := w.source.count()
				end := time.Since(w.begin)
				c.end(a)
				for b.counted.of(watch.OutcomeAnswered) == 0 && time.Since(w.begin)-end < time.Hour {
					w.pass(time.Second)
				}
				if took := time.Since(w.begin) - end; took > c.within {
					t.Errorf("the other node asked after %s, not within %s", took, c.within)
				}
				if n := w.source.count(); n > before+1 {
					t.Errorf("it was asked %d times more", n-before)
				}
				if told := b.follower.last(t); told.before.FetchedAt.IsZero() || !told.now.FetchedAt.After(told.before.FetchedAt) {
					t.Errorf("it followed from %s to %s", told.before.FetchedAt, told.now.FetchedAt)
				}
			})
		})
	}
}

// TestTheDutyPassesFromANodeThatDoesNotReachTheSource: its secret is not there, or
// its way out is shut. What it lacks another node may have.
func TestTheDutyPassesFromANodeThatDoesNotReachTheSource(t *testing.T) {
	cases := map[string]struct {
		fault  error
		within time.Duration
	}{
		"after some failures":                      {errDown, time.Minute},
		"at once after one that will not mend":     {access.Permanent(errDown), 15 * time.Second},
		"and from one whose answers do not arrive": {nil, 4*time.Minute + 15*time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				shut := newSource()
				shut.fails(c.fault)
				if c.fault == nil {
					shut.script(after(time.Hour))
				}
				a := w.start("a", func(w *watch.Watcher) { w.Source = shut })
				defer a.stop()
				b := w.start("b")
				defer b.stop()
				w.pass(c.within)
				if !a.known(w.ledger.Now()) || !b.known(w.ledger.Now()) || shut.count() == 0 {
					t.Errorf("after %s the nodes know %+v and %+v", c.within, a.state(w.ledger.Now()), b.state(w.ledger.Now()))
				}
				asked := shut.count()
				w.pass(10 * time.Minute)
				if n := shut.count(); n != asked || !a.known(w.ledger.Now()) {
					t.Errorf("the node that does not reach it asked %d times more", n-asked)
				}
			})
		})
	}
}

func TestNodesThatAllFailAskNoMoreOftenThanEachByItself(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.fails(errDown)
		for _, name := range []string{"a", "b", "c"} {
			n := w.start(name)
			defer n.stop()
		}
		w.pass(10 * time.Minute)
		before := w.source.count()
		w.pass(10 * time.Minute)
		if n := w.source.count() - before; n > 36 || n < 9 {
			t.Errorf("three nodes asked %d times in ten minutes", n)
		}
		if got := w.events(audit.SourceFailed); len(got) != 1 {
			t.Errorf("told %d times", len(got))
		}
		if got := w.events(audit.SourceStale); len(got) != 1 {
			t.Errorf("told to be too old %d times", len(got))
		}
	})
}

// TestAnAnswerThatComesAfterTheDutyIsLostIsDropped: what another node keeps by
// then may be newer.
func TestAnAnswerThatComesAfterTheDutyIsLostIsDropped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.script(after(2*time.Minute, shift(nil, nil)))
		a := w.start("a")
		defer a.stop()
		w.pass(time.Second)
		a.store.set(func(s *store) { s.down = errors.New("gone") })
		b := w.start("b", func(c *watch.Watcher) { c.Source = newSource() })
		defer b.stop()
		w.pass(time.Minute)
		a.store.set(func(s *store) { s.down = nil })
		w.pass(2 * time.Minute)
		if len(a.follower.told) != 0 || len(b.follower.told) == 0 || a.counted.of(watch.OutcomeAnswered) != 0 {
			t.Errorf("the nodes followed %d and %d times; counted %v", len(a.follower.told), len(b.follower.told), a.counted.polls)
		}
	})
}

func TestTheDutyIsKeptWhileASlowPollRuns(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.source.script(after(3*time.Minute, shift(nil, nil)))
		a := w.start("a")
		defer a.stop()
		b := w.start("b")
		defer b.stop()
		w.pass(4 * time.Minute)
		if w.source.most != 1 || b.counted.of(watch.OutcomeAnswered) != 0 || !b.known(w.ledger.Now()) {
			t.Errorf("%d polls at once; the other node asked %v", w.source.most, b.counted.polls)
		}
	})
}

func TestAPokeOfAnyNodeReachesTheOneThatAsks(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		defer a.stop()
		b := w.start("b")
		defer b.stop()
		w.pass(20 * time.Second)
		b.Poke()
		w.pass(2 * time.Second)
		if got := w.source.times(w.begin); len(got) != 2 || got[1] > 22*time.Second {
			t.Errorf("asked at %v", got)
		}
		w.pass(20 * time.Second)
		if n := w.source.count(); n != 2 {
			t.Errorf("one poke made it be asked %d times", n-1)
		}
	})
}

// TestARestartDuringAnOutageKnowsWhatWasSaidLast, for as long as it counts.
func TestARestartDuringAnOutageKnowsWhatWasSaidLast(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		w.pass(5 * time.Minute)
		a.stop()
		w.source.fails(errDown)
		b, asked := w.node("b"), w.source.count()
		b.Recall(t.Context())
		if !b.known(w.ledger.Now()) || w.source.count() != asked {
			t.Errorf("after a restart it is %+v; it was asked %d times", b.state(w.ledger.Now()), w.source.count()-asked)
		}
		b.stop = w.run(b)
		defer b.stop()
		w.pass(8 * time.Minute)
		if !b.known(w.ledger.Now()) {
			t.Error("what counts is not known")
		}
		w.pass(4 * time.Minute)
		if b.known(w.ledger.Now()) {
			t.Error("what is too old is known")
		}
		if len(b.follower.told) != 0 {
			t.Error("an outage was followed")
		}
		w.source.mu.Lock()
		if last := w.source.asked[len(w.source.asked)-1]; len(last.Before.Shifts) != 1 || last.Before.FetchedAt.IsZero() {
			t.Errorf("it was asked without what it said before: %+v", last)
		}
		w.source.mu.Unlock()
		w.source.says()
		w.pass(70 * time.Second)
		if told := b.follower.first(t); len(told.before.Shifts) != 1 || len(told.now.Shifts) != 0 {
			t.Errorf("it went on from %+v", told)
		}
	})
}

func TestASourceAtHandIsAskedBeforeAnythingIsServed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.node("a")
		n.Prime(t.Context())
		if !n.known(w.ledger.Now()) || w.source.count() != 1 {
			t.Errorf("it was asked %d times: %+v", w.source.count(), n.state(w.ledger.Now()))
		}
		n.stop = w.run(n)
		defer n.stop()
		w.pass(30 * time.Second)
		if w.source.count() != 1 {
			t.Errorf("and again at %v", w.source.times(w.begin))
		}
	})
}

// TestWhatWasNotFollowedIsNotKept: the next poll goes on from what was followed,
// on this node or on another.
func TestWhatWasNotFollowedIsNotKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		w.pass(30 * time.Second)
		first := a.follower.last(t).now
		a.follower.set(errors.New("no transaction"))
		w.source.says()
		w.pass(45 * time.Second)
		if a.known(w.ledger.Now()) || a.counted.of(watch.OutcomeNotKept) == 0 || !strings.Contains(a.log.String(), "no transaction") {
			t.Errorf("the book and the counts: %v, %v\n%s", a.known(w.ledger.Now()), a.counted.polls, a.log)
		}
		b := w.start("b")
		defer b.stop()
		if !b.known(w.ledger.Now()) {
			t.Error("another node knows what was not followed")
		}
		a.stop()
		w.pass(time.Minute)
		if told := b.follower.last(t); !told.before.FetchedAt.Equal(first.FetchedAt) && len(told.before.Shifts) != 0 {
			t.Errorf("it went on from %+v, not from %+v", told.before, first)
		}
		if got := b.follower.told[0]; !got.before.FetchedAt.Equal(first.FetchedAt) || len(got.before.Shifts) != 1 || len(got.now.Shifts) != 0 {
			t.Errorf("it followed %+v", got)
		}
	})
}

// TestWhatWasNotKeptGivesWayToWhatAnotherNodeKept, though that did not change.
func TestWhatWasNotKeptGivesWayToWhatAnotherNodeKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		defer a.stop()
		w.pass(30 * time.Second)
		w.source.says() // for a moment, and only this node hears of it
		a.follower.set(errors.New("no transaction"))
		w.pass(40 * time.Second)
		if a.known(w.ledger.Now()) {
			t.Fatal("it was not asked")
		}
		a.store.set(func(s *store) { s.down = errors.New("gone") })
		w.source.says(shift(nil, nil))
		b := w.start("b")
		defer b.stop()
		w.pass(time.Minute)
		a.store.set(func(s *store) { s.down = nil })
		w.pass(3 * time.Second)
		if !b.known(w.ledger.Now()) || !a.known(w.ledger.Now()) {
			t.Errorf("known by the one that asks: %v; by the other: %v", b.known(w.ledger.Now()), a.known(w.ledger.Now()))
		}
	})
}

func TestTheLogSaysOnceThatTheLedgerDoesNotAnswer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		defer a.stop()
		a.store.set(func(s *store) { s.down = errors.New("gone") })
		w.pass(5 * time.Minute)
		a.store.set(func(s *store) { s.down = nil })
		w.pass(5 * time.Minute)
		if log := a.log.String(); strings.Count(log, "can not be watched") != 1 || strings.Count(log, "the ledger answers again") != 1 {
			t.Errorf("the log is\n%s", log)
		}
		if w.source.count() < 4 || !a.known(w.ledger.Now()) {
			t.Errorf("asked %d times", w.source.count())
		}
	})
}

// TestIncidentsThatWereClosedAreClosedOnAllNodes, before the source is asked
// again, and also while it hangs.
func TestIncidentsThatWereClosedAreClosedOnAllNodes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.kind = access.SourceIncidents
		open := access.OpenIncident{Incident: access.Incident{ID: "P1"}}
		w.source.script(func(ctx context.Context, _ access.SourceAsk) (access.Snapshot, error) {
			if w.source.count() > 1 {
				<-ctx.Done()
				return access.Snapshot{}, ctx.Err()
			}
			return access.Snapshot{Incidents: []access.OpenIncident{open}}, nil
		})
		wants := func(s *store) { s.wanted = []string{"P1", "7"} }
		a := w.node("a")
		a.store.set(wants)
		a.stop = w.run(a)
		defer a.stop()
		w.pass(0)
		b := w.start("b")
		defer b.stop()
		w.pass(70 * time.Second)
		if got := w.source.asked[0].Incidents; !slices.Equal(got, []string{"P1", "7"}) {
			t.Errorf("asked about %v", got)
		}
		for name, n := range map[string]*node{"the one that asks": a, "the other": b} {
			if _, state := n.book.Incident("P1", w.ledger.Now()); state != access.IncidentOpen {
				t.Errorf("to %s it is %s", name, state)
			}
			n.store.set(func(s *store) { s.closures = []access.ClosedIncident{{ID: "P1", At: w.ledger.Now()}} })
		}
		w.pass(time.Second)
		for name, n := range map[string]*node{"the one that asks": a, "the other": b} {
			if _, state := n.book.Incident("P1", w.ledger.Now()); state != access.IncidentClosed {
				t.Errorf("to %s it is %s", name, state)
			}
		}
	})
}

func TestNothingIsToldOfASourceThatIsWell(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		defer a.stop()
		w.pass(20 * time.Minute)
		for _, typ := range []string{audit.SourceFailed, audit.SourceRecovered, audit.SourceStale, audit.SourceFaultsChanged} {
			if got := w.events(typ); len(got) != 0 {
				t.Errorf("%s: %v", typ, got)
			}
		}
		if a.log.Len() != 0 {
			t.Errorf("the log is\n%s", a.log)
		}
	})
}
