package sinks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/sinks"
)

var errDown = errors.New("it does not answer")

func down([]access.AuditRecord) (string, error) { return "", errDown }

func TestASinkHasEveryEventInOrderSoonAfterItIsSealed(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.happen(25) // before there was a sink
		w.start("a")
		for range 30 {
			w.happen(3)
			w.pass(200 * time.Millisecond)
		}
		w.pass(2 * time.Second)
		w.wantAll()
		w.wantOnce()
	})
}

// The gateway runs for a while of each day: what a loop does that waits is the same at
// any hour.
func TestASinkThatWasDownForAWeekCatchesUp(t *testing.T) {
	inWorldSealed(t, time.Minute, func(t *testing.T, w *world) {
		w.plain.MaxRecords = 200
		w.splunk.script(down)
		var n *node
		for day := range 7 {
			n = w.start(fmt.Sprint("day", day))
			w.happen(300)
			w.pass(10 * time.Minute)
			if day < 6 {
				n.stop()
				w.pass(24*time.Hour - 10*time.Minute)
			}
		}
		if sends, taken, _ := w.splunk.counts(); taken != 0 || sends < 7*2 || sends > 7*20 {
			t.Errorf("it was tried %d times, and took %d", sends, taken)
		}
		if s := w.state(); s.Standing(w.ledger.Now()) != access.SinkFailing || s.Lag(w.ledger.Now()) < 6*24*time.Hour || s.LastError != errDown.Error() {
			t.Errorf("it is %+v", s)
		}
		w.splunk.script(nil)
		w.pass(10 * time.Minute) // the longest that it is not tried
		w.wantAll()
		w.wantOnce()
		if w.events(audit.SinkFailed) != 1 || w.events(audit.SinkRecovered) != 1 {
			t.Errorf("of one gap are told %d and %d", w.events(audit.SinkFailed), w.events(audit.SinkRecovered))
		}
		if told := strings.Count(n.log.String(), "does not take audit events"); told == 0 || told > 10 {
			t.Errorf("the log says so %d times", told)
		}
	})
}

func sends(w *world) int {
	n, _, _ := w.splunk.counts()
	return n
}

func TestWhatASinkSaysDecidesWhenItIsTriedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		err      error
		inAnHour [2]int // how often it is tried, at least and at most
		standing string
	}{
		"a fault is tried again, ever later":               {errDown, [2]int{12, 40}, access.SinkFailing},
		"who can do nothing before it is mended, rarely":   {access.Permanent(errDown), [2]int{8, 25}, access.SinkMisconfigured},
		"who says when, then":                              {&access.DeliveryError{RetryAfter: 2 * time.Minute, Err: errDown}, [2]int{29, 31}, access.SinkFailing},
		"who says it far too late, at the cap":             {&access.DeliveryError{RetryAfter: 24 * time.Hour, Err: errDown}, [2]int{12, 13}, access.SinkFailing},
		"who refuses all, one by one, is not told of more": {&access.RejectedError{Index: 0, Reason: "no"}, [2]int{8 * 11, 25 * 12}, access.SinkMisconfigured},
		"who refuses all, whatever it is, is not either":   {&access.RejectedError{Index: -1, Reason: "no"}, [2]int{8 * 11, 25 * 16}, access.SinkMisconfigured},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.start("a")
				w.splunk.script(func([]access.AuditRecord) (string, error) { return "", tc.err })
				w.happen(40)
				w.pass(time.Hour)
				if n := sends(w); n < tc.inAnHour[0] || n > tc.inAnHour[1] {
					t.Errorf("it was tried %d times", n)
				}
				if s := w.state(); s.Standing(w.ledger.Now()) != tc.standing || s.Seq != 0 || s.SetAside != 0 || !strings.Contains(s.LastError, "no") {
					t.Errorf("it is %s: %+v", s.Standing(w.ledger.Now()), s)
				}
				if n := w.events(audit.SinkFailed); n != 1 {
					t.Errorf("that is told %d times", n)
				}
				w.splunk.script(nil)
				w.pass(10 * time.Minute)
				w.wantAll()
				w.wantOnce()
				if n := w.events(audit.SinkRecovered); n != 1 {
					t.Errorf("that it is over is told %d times", n)
				}
			})
		})
	}
}

func TestAnEventThatASinkWillNeverTakeIsSetAsideAndThoseBehindItGoOn(t *testing.T) {
	for name, seqs := range map[string][]int64{
		"the first":                   {1},
		"in the middle of a batch":    {7},
		"the last of a batch":         {10},
		"two in a batch":              {12, 17},
		"two in a row":                {15, 16},
		"the last of a page, twice":   {10, 20},
		"ten in a row":                {11, 12, 13, 14, 15, 16, 17, 18, 19, 20},
		"every third":                 {3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39},
		"the last that there is":      {43},
		"the last two that there are": {42, 43},
	} {
		for _, knows := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, and it knows which: %t", name, knows), func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					n := w.start("a")
					w.splunk.script(poison(knows, seqs...))
					w.happen(43)
					w.pass(10 * time.Minute)
					w.wantAll(seqs...)
					if n := w.events(audit.SinkSetAside); n != len(seqs) {
						t.Errorf("that is told %d times", n)
					}
					if !has(n.log, "an audit event is set aside") || !has(n.log, "it is no event") {
						t.Errorf("the log says %s", n.log)
					}
				})
			})
		}
	}
}

// What a sink can not be sent is known without asking it.
func TestAnEventThatIsTooLargeIsSetAside(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.plain.MaxRecord, w.plain.MaxBytes = 600, 2000
		w.start("a")
		w.happen(5)
		must(t, w.ledger.Update(t.Context(), func(tx *ledger.Tx) error {
			return tx.Append(audit.Event{Type: audit.RequestSubmitted, Data: map[string]any{"text": strings.Repeat("x", 600)}})
		}))
		w.happen(5)
		w.pass(5 * time.Second)
		w.wantAll(6)
		w.wantOnce()
		if n := w.events(audit.SinkFailed); n != 0 {
			t.Errorf("it is told to fail %d times", n)
		}
		if n := sends(w); n < 3 {
			t.Errorf("what has more bytes than a batch was sent in %d", n)
		}
	})
}

func TestASenderThatPanicsIsSentEverythingElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start("a")
		w.splunk.script(func(records []access.AuditRecord) (string, error) {
			for _, r := range records {
				if r.Seq == 17 {
					panic("a nil map")
				}
			}
			return "", nil
		})
		w.happen(30)
		w.pass(time.Minute)
		w.wantAll(17)
		if !has(n.log, "a nil map") {
			t.Errorf("the log says %s", n.log)
		}
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			list, err := tx.SetAsideOf("splunk", 1)
			if len(list) != 1 || strings.Contains(list[0].Reason, "goroutine") {
				t.Errorf("set aside is %+v", list)
			}
			return err
		}))
	})
}

// There is no other to be taken: it may be the sink's fault, and is not theirs before it
// takes one.
func TestAFewEventsAreNotSetAsideByASinkThatTakesNothing(t *testing.T) {
	for _, few := range []int{1, 3} {
		inWorld(t, func(t *testing.T, w *world) {
			w.start("a")
			w.splunk.script(func([]access.AuditRecord) (string, error) {
				return "", &access.RejectedError{Index: 0, Reason: "no"}
			})
			w.happen(few)
			w.pass(10 * time.Minute)
			if s := w.state(); s.Seq != 0 || s.SetAside != 0 || s.FailingSince == nil {
				t.Errorf("of %d it is %+v", few, s)
			}
			w.splunk.script(nil)
			w.pass(10 * time.Minute)
			w.wantAll()
		})
	}
}

// Ten in a row may be by chance; more are taken for a sink that takes nothing. A person
// who knows better has it go on.
func TestASinkThatRefusesTooManyInARowIsLeftToAPerson(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		var seqs []int64
		for seq := int64(11); seq <= 25; seq++ {
			seqs = append(seqs, seq)
		}
		w.splunk.script(poison(true, seqs...))
		w.happen(60)
		w.pass(time.Hour)
		if s := w.state(); s.Standing(w.ledger.Now()) != access.SinkMisconfigured || s.Seq > 10 || s.SetAside != 0 {
			t.Errorf("it is %+v", s)
		}
		item, err := w.engine.RetrySink(t.Context(), engine.Call{Caller: alice}, "splunk", "they are no events")
		must(t, err)
		if item.State != access.SinkMisconfigured || item.LagEvents < 50 || item.LastError == nil {
			t.Errorf("it answers %+v", item)
		}
		w.pass(5 * time.Second)
		w.wantAll(seqs...)
		if w.state().Lenient {
			t.Error("it still may refuse what it likes")
		}
	})
}

func TestWhatIsSetAsideIsSentAgainWhenAPersonWantsIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		w.splunk.script(poison(true, 5, 9))
		w.happen(20)
		w.pass(5 * time.Second)
		w.wantAll(5, 9)
		w.splunk.script(poison(true, 9))
		retry := func() engine.SinkItem {
			item, err := w.engine.RetrySink(t.Context(), engine.Call{Caller: alice, Once: engine.Once{Route: "r", Key: time.Now().String()}}, "splunk", "")
			must(t, err)
			return item
		}
		if item := retry(); item.SetAside != 2 || len(item.Events) != 2 || item.Events[0].WantedBy == nil || *item.Events[0].WantedBy != alice {
			t.Errorf("it answers %+v", item)
		}
		w.pass(5 * time.Second)
		w.wantAside(t, access.SetAside{Seq: 9, Retried: 1})
		if w.events(audit.SinkResent) != 1 || w.events(audit.SinkSetAside) != 2 || w.events(audit.SinkRetried) != 1 {
			t.Error("what became of it is told otherwise")
		}
		w.splunk.script(nil)
		w.splunk.settle(nil)
		w.pass(time.Minute)
		w.wantAside(t, access.SetAside{Seq: 9, Retried: 1}) // nobody wanted it
		retry()
		w.pass(5 * time.Second)
		w.wantAside(t)
		if got, again := w.splunk.arrived(t); int64(len(got)) != w.state().Head || again > 5 {
			t.Errorf("arrived are %d of %d, %d again", len(got), w.state().Head, again)
		}
	})
}

func (w *world) wantAside(t *testing.T, want ...access.SetAside) {
	t.Helper()
	must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
		list, err := tx.SetAsideOf("splunk", 10)
		if len(list) != len(want) {
			t.Errorf("set aside are %+v", list)
			return err
		}
		for i, a := range list {
			if a.Seq != want[i].Seq || a.Retried != want[i].Retried || a.WantedAt != nil {
				t.Errorf("set aside is %+v, want %+v", a, want[i])
			}
		}
		return err
	}))
}

func TestASinkThatTakesNothingTakesNothingFromTheOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.engine = w.configured("file", "splunk")
		hangs := make(chan struct{})
		w.splunk.script(func([]access.AuditRecord) (string, error) { <-hangs; return "", nil })
		file := &receiver{}
		w.startWith("a", w.engine, sinks.Sink{Name: "splunk", Sender: w.splunk, Format: audit.FormatJSON}, sinks.Sink{Name: "file", Sender: file, Format: audit.FormatJSON})
		w.happen(100)
		w.pass(2 * time.Second)
		if _, taken, _ := file.counts(); taken != 100 {
			t.Errorf("the other took %d", taken)
		}
		close(hangs)
		w.pass(2 * time.Second)
		w.wantAll()
	})
}
