package sinks_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// wantAlarms has what holds looked at, and checks which alarms are open then.
func (w *world) wantAlarms(what string, want ...string) {
	w.t.Helper()
	_, err := w.engine.Alarms(w.t.Context())
	must(w.t, err)
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		var got []string
		open, err := tx.OpenAlarms()
		for _, a := range open {
			got = append(got, fmt.Sprintf("%s %s %s", a.Key(), a.Severity, a.Error))
		}
		if !slices.Equal(got, want) {
			w.t.Errorf("%s: open are %q, want %q", what, got, want)
		}
		return err
	}))
}

func TestASinkThatIsBehindForLongIsAnAlarmUntilItIsNot(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		w.splunk.script(down)
		w.happen(5)
		w.pass(14 * time.Minute)
		w.wantAlarms("not yet")
		w.pass(2 * time.Minute)
		w.wantAlarms("for too long", "sink_behind:splunk warning it does not answer")
		w.splunk.script(func([]access.AuditRecord) (string, error) { return "", access.Permanent(errDown) })
		w.pass(6 * time.Minute)
		w.wantAlarms("it has to be mended", "sink_behind:splunk error it does not answer")
		w.splunk.script(nil)
		w.pass(10 * time.Minute)
		w.wantAlarms("it has all")
		w.pass(2 * time.Second)
		w.wantAll() // and so what was told of it
		for typ, want := range map[string]int{audit.AlarmRaised: 1, audit.AlarmChanged: 1, audit.AlarmResolved: 1} {
			if n := w.events(typ); n != want {
				t.Errorf("%s is told %d times", typ, n)
			}
		}
	})
}

func TestASinkThatHasToBeMendedIsAnAlarmAtOnce(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		a := w.start("a")
		w.splunk.script(func([]access.AuditRecord) (string, error) { return "", access.Permanent(errDown) })
		w.happen(5)
		w.pass(2 * time.Second)
		w.wantAlarms("at once", "sink_behind:splunk error it does not answer")
		a.stop()
		w.engine = w.configured("file")
		w.startWith("b", w.engine)
		w.pass(31 * time.Second) // and the duty of the first is over
		w.wantAlarms("it is not configured any more")
	})
}

func TestALogThatWasChangedIsAnAlarm(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.start("a")
		w.wantAlarms("all is well")
		w.raw(`UPDATE audit_head SET broken_at = 1, broken_why = 'event 7 is not what was sealed'`)
		w.wantAlarms("it was changed", "audit_broken:audit critical event 7 is not what was sealed")
	})
}
