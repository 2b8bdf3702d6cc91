package alarm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

var errDown = errors.New("the pager does not answer")

// ended is how long it takes until what was given for a minute has ended, and a
// target that is down has not confirmed that.
const ended = 65 * time.Second

func TestATargetThatIsDownIsOneIncidentUntilItConfirms(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("a")
		w.have("customer:c0", time.Minute)
		w.have("customer:c1", time.Minute)
		w.have("network:inner", time.Minute)
		w.pass(time.Second)
		w.targets["box"].is(true)
		w.pass(10 * time.Minute)
		w.wantPaged("it is not overdue yet")
		w.pass(time.Minute + access.OverdueAfter + 10*time.Second - 10*time.Minute)
		took := w.pager.take()
		if len(took) != 1 || took[0].Key() != "overdue:box" || took[0].Count != 2 || took[0].Removals != 2 || took[0].Severity != access.SeverityCritical ||
			len(took[0].Bindings) != 2 || took[0].Class != access.ClassRefused || took[0].Error != "answered 500" || took[0].Oldest == nil {
			t.Fatalf("the pager took %+v", took)
		}
		w.pass(5 * time.Minute)
		w.wantPaged("it goes on")
		w.targets["box"].is(false)
		w.pass(2 * time.Minute)
		w.wantPaged("it confirmed", "over overdue:box")
		if w.events(audit.AlarmRaised) != 1 || w.events(audit.AlarmResolved) != 1 || w.events(audit.AlarmChanged) != 0 {
			t.Errorf("raised %d, resolved %d, changed %d", w.events(audit.AlarmRaised), w.events(audit.AlarmResolved), w.events(audit.AlarmChanged))
		}
		if text := n.log.String(); text != "" {
			t.Errorf("the log says %s", text)
		}
	})
}

// A target that is down again is another incident under the same key.
func TestTheNextSpellIsAnotherIncident(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.start("a")
		for range 2 {
			w.have("customer:c0", time.Minute)
			w.pass(time.Second)
			w.targets["box"].is(true)
			w.pass(ended)
			w.ages()
			w.targets["box"].is(false)
			w.pass(time.Minute)
			w.wantPaged("a spell", "overdue:box", "over overdue:box")
		}
	})
}

func TestAPagerThatIsDownIsToldLaterWhatHoldsThen(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("a")
		w.pager.script(func(access.Alarm) error { return errDown })
		w.have("customer:c0", time.Minute)
		w.have("network:inner", time.Minute)
		w.pass(time.Second)
		w.targets["box"].is(true)
		w.targets["vpn"].is(true)
		w.pass(ended)
		w.still()
		w.ages()
		w.pass(time.Hour)
		w.confirms("vpn") // it is over before anybody heard of it
		w.pass(time.Minute)
		w.wantPaged("it is down")
		if tries := w.pager.tries(); tries < 100 || tries > 400 {
			t.Errorf("it was tried %d times in an hour, of two alarms", tries)
		}
		w.pager.script(nil)
		w.pass(2 * time.Minute)
		w.wantPaged("it is up", "overdue:box")
		w.pager.script(func(access.Alarm) error { return errDown })
		w.confirms("box")
		w.pass(time.Minute)
		w.pager.script(nil)
		w.pass(2 * time.Minute)
		w.wantPaged("it heard of one that is over", "over overdue:box")
		if told := strings.Count(n.log.String(), "could not be told of an alarm"); told < 40 || told > 70 {
			t.Errorf("the log says so %d times in an hour", told)
		}
	})
}

func TestWhatThePagerTookAndIsNotWrittenDownIsToldAgain(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		a := w.start("a")
		a.store.kill()
		w.have("customer:c0", time.Minute)
		w.pass(time.Second)
		w.targets["box"].is(true)
		w.pass(ended)
		w.ages()
		w.wantPaged("before it died", "overdue:box")
		a.stop()
		w.start("b")
		w.pass(time.Minute) // the duty lapses
		w.wantPaged("the other one tells it again, under the same key", "overdue:box")
		w.pass(5 * time.Minute)
		w.wantPaged("and then no more")
	})
}

func TestTwoNodesTellThePagerOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.pager.script(func(access.Alarm) error {
			time.Sleep(3 * time.Second) // fake: the other node looks meanwhile
			return nil
		})
		w.have("customer:c0", time.Minute)
		w.pass(time.Second)
		w.targets["box"].is(true)
		w.pass(ended)
		w.ages()
		w.pass(5 * time.Second)
		w.wantPaged("both watch", "overdue:box")
		a.stop()
		w.targets["box"].is(false)
		w.pass(time.Minute + 30*time.Second)
		w.wantPaged("one is left", "over overdue:box")
		b.stop()
		if w.events(audit.AlarmRaised) != 1 || w.events(audit.AlarmResolved) != 1 {
			t.Error("the events are there more than once")
		}
	})
}

// What may be there is worse than what may not: that is told at once, and what is
// worse is not called better before it is over.
func TestAnIncidentBecomesGraverAndNotLess(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		w.targets["box"].is(true)
		r := w.have("customer:c0", 24*time.Hour)
		w.have("customer:c1", 24*time.Hour)
		w.pass(time.Second)
		w.ages()
		took := w.pager.take()
		if len(took) != 1 || took[0].Severity != access.SeverityError || took[0].Removals != 0 || took[0].Count != 2 {
			t.Fatalf("the pager took %+v", took)
		}
		w.raw(`UPDATE bindings SET desired = 'absent' WHERE id = (SELECT binding_id FROM grants WHERE id = $1)`, r.Grant.ID)
		w.pass(6 * time.Second)
		took = w.pager.take()
		if len(took) != 1 || took[0].Severity != access.SeverityCritical || took[0].Removals != 1 || took[0].ResolvedAt != nil {
			t.Fatalf("the pager took %+v", took)
		}
		w.raw(`UPDATE bindings SET desired = 'present'`)
		w.have("customer:c2", 24*time.Hour)
		w.pass(time.Second)
		w.ages()
		w.pass(time.Minute)
		w.wantPaged("it is less grave")
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			open, err := tx.OpenAlarms()
			if len(open) != 1 || open[0].Severity != access.SeverityCritical || open[0].Count != 3 || open[0].Removals != 0 {
				t.Errorf("open are %+v", open)
			}
			return err
		}))
		if n := w.events(audit.AlarmChanged); n != 2 {
			t.Errorf("it changed %d times", n)
		}
	})
}

// Many more are told to those who follow the alarm, at most once a minute, and not
// to the pager.
func TestManyMoreAreAChangeOnceAMinute(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		w.targets["box"].is(true)
		w.have("customer:c0", 24*time.Hour)
		w.pass(time.Second)
		w.ages()
		for _, id := range []string{"c1", "c2", "c3", "c4", "c5", "c6"} {
			w.have("customer:"+id, 24*time.Hour)
			w.pass(time.Second)
			w.ages()
		}
		w.wantPaged("there are more and more", "overdue:box")
		if n := w.events(audit.AlarmChanged); n != 0 {
			t.Errorf("it changed %d times within a minute", n)
		}
		w.pass(time.Minute)
		if n := w.events(audit.AlarmChanged); n != 1 {
			t.Errorf("it changed %d times in a minute", n)
		}
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			open, err := tx.OpenAlarms()
			if len(open) != 1 || open[0].Count != 7 || len(open[0].Bindings) != access.MaxAlarmed {
				t.Errorf("open are %+v", open)
			}
			return err
		}))
		w.wantPaged("that is no incident of its own")
	})
}

func TestAccessThatCameBackIsAnIncident(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		w.have("customer:c0", time.Minute)
		w.pass(2 * time.Minute)
		w.raw(`INSERT INTO verifications (binding_id, contract, next_at, answer, drifted_since, repairs, failures, last_error)
			SELECT id, contract, $1, 'present', $2, 0, 0, '' FROM bindings`, time.Now().Add(time.Hour).UnixMicro(), time.Now().UnixMicro())
		w.pass(6 * time.Second)
		took := w.pager.take()
		if len(took) != 1 || took[0].Key() != "drifted:box" || took[0].Severity != access.SeverityCritical || took[0].Removals != 1 || len(took[0].Bindings) != 1 {
			t.Fatalf("the pager took %+v", took)
		}
		w.raw(`UPDATE verifications SET drifted_since = NULL`)
		w.pass(6 * time.Second)
		w.wantPaged("it is gone", "over drifted:box")
	})
}

func TestASilentSourceIsAnIncidentUntilItSpeaks(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		silentFor := func(d time.Duration) {
			w.raw(`UPDATE sync_sources SET synced_at = $1 WHERE source = 'aws'`, w.ledger.Now().Add(-d).UnixMicro())
			w.pass(6 * time.Second)
		}
		silentFor(26 * time.Hour)
		w.wantPaged("a tenth of its time is not over")
		silentFor(27 * time.Hour)
		took := w.pager.take()
		if len(took) != 1 || took[0].Key() != "sync_stale:aws" || took[0].Severity != access.SeverityWarning || took[0].Oldest == nil {
			t.Fatalf("the pager took %+v", took)
		}
		w.bring()
		w.pass(6 * time.Second)
		w.wantPaged("it spoke", "over sync_stale:aws")
	})
}

// One alarm that the pager does not want, or that it breaks over, holds up no
// other.
func TestWhatThePagerRefusesHoldsUpNothing(t *testing.T) {
	for name, refuse := range map[string]func() error{
		"refused":  func() error { return access.Permanent(errors.New("no such key")) },
		"panicked": func() error { panic("planted") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(_ *testing.T, w *world) {
				w.start("a")
				w.pager.script(func(a access.Alarm) error {
					if a.About == "box" {
						return refuse()
					}
					return nil
				})
				w.have("customer:c0", time.Minute)
				w.have("network:inner", time.Minute)
				w.pass(time.Second)
				w.targets["box"].is(true)
				w.targets["vpn"].is(true)
				w.pass(ended)
				w.ages()
				w.wantPaged("one is refused", "overdue:vpn")
				w.pager.script(nil)
				w.pass(2 * time.Minute)
				w.wantPaged("it is mended", "overdue:box")
			})
		})
	}
}

// A pager that hangs is cut off before another node may take its place.
func TestAPagerThatHangsIsCutOff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("a")
		n.stop()
		w.targets["box"].is(true)
		w.have("customer:c0", 24*time.Hour)
		w.pass(time.Second)
		w.ages()
		w.still()
		hung := &hanging{}
		w.startWith("b", hung)
		w.pass(2 * time.Minute)
		if hung.longest == 0 || hung.longest > 20*time.Second {
			t.Errorf("it was waited for %s", hung.longest)
		}
	})
}

// hanging answers nobody.
type hanging struct{ longest time.Duration }

func (h *hanging) Page(ctx context.Context, _ access.Alarm) error {
	began := time.Now()
	<-ctx.Done()
	h.longest = max(h.longest, time.Since(began))
	return ctx.Err()
}

func TestWithoutAPagerAlarmsAreKeptAllTheSame(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.startWith("a", nil)
		w.targets["box"].is(true)
		w.have("customer:c0", 24*time.Hour)
		w.pass(time.Second)
		w.ages()
		if n := w.events(audit.AlarmRaised); n != 1 {
			t.Errorf("raised are %d", n)
		}
	})
}
