package sinks_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/sinks"
)

// receipts has a sink give a receipt for each batch, and say when it is safe.
func (r *receiver) receipts(safe func(receipt string, asked int) (bool, error)) {
	var mu sync.Mutex
	given, asked := 0, map[string]int{}
	r.script(func([]access.AuditRecord) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		given++
		return fmt.Sprint("receipt ", given), nil
	})
	r.settle(func(receipt string) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[receipt]++
		return safe(receipt, asked[receipt])
	})
}

func TestTheCursorWaitsUntilWhatWasTakenIsSafe(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		w.splunk.receipts(func(_ string, asked int) (bool, error) { return asked > 5, nil })
		w.happen(10)
		w.pass(3 * time.Second)
		if s := w.state(); s.Seq != 0 || s.Receipt != "receipt 1" || s.ReceiptThrough != 10 || s.FailingSince != nil {
			t.Errorf("it is %+v", s)
		}
		w.happen(15)
		w.pass(30 * time.Second)
		w.wantAll()
		w.wantOnce()
	})
}

func TestWhatIsNotSaidToBeSafeIsSentAgain(t *testing.T) {
	for name, answer := range map[string]func() (bool, error){
		"it is not safe":      func() (bool, error) { return false, nil },
		"it does not say":     func() (bool, error) { return false, errDown },
		"it may not be asked": func() (bool, error) { return false, access.Permanent(errDown) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.plain.Settle = 3 * time.Minute
				w.start("a")
				w.splunk.receipts(func(receipt string, _ int) (bool, error) {
					if receipt == "receipt 1" {
						return answer()
					}
					return true, nil
				})
				w.happen(10)
				w.pass(2 * time.Minute)
				if got, again := w.splunk.arrived(t); len(got) != 10 || again != 0 || w.state().Seq != 0 {
					t.Errorf("too soon: %d arrived, %d again", len(got), again)
				}
				w.pass(20 * time.Minute)
				w.wantAll()
				if _, again := w.splunk.arrived(t); again != 10 {
					t.Errorf("%d came again", again)
				}
				if w.events(audit.SinkFailed) != 1 || w.events(audit.SinkRecovered) != 1 {
					t.Error("it is not told once")
				}
			})
		})
	}
}

// A sink that gave receipts before it was configured otherwise can not be asked.
func TestAReceiptThatNobodyCanAskForIsNotWaitedFor(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		a := w.start("a")
		w.splunk.receipts(func(string, int) (bool, error) { return false, nil })
		w.happen(10)
		w.pass(3 * time.Second)
		a.stop()
		w.splunk.script(nil)
		sink := w.plain
		sink.Sender = struct{ sinks.Sender }{w.splunk}
		w.startWith("b", w.engine, sink)
		w.pass(time.Minute)
		w.wantAll()
	})
}

func TestAReceiptIsAskedForAfterARestartBeforeAnythingIsSent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		w.splunk.receipts(func(string, int) (bool, error) { return false, nil })
		w.happen(10)
		w.pass(3 * time.Second)
		a.store.kill()
		a.stop()
		sent, _, asked := w.splunk.counts()
		w.splunk.settle(nil)
		w.start("b")
		w.pass(35 * time.Second) // the claim lapses
		w.wantAll()
		w.wantOnce()
		if again, _, now := w.splunk.counts(); again != sent || now != asked+1 {
			t.Errorf("sent %d and then %d, asked %d and then %d", sent, again, asked, now)
		}
	})
}

// A process dies before, or after, each of the things that it says to the ledger;
// whether what it said last was written, it does not know.
func TestNothingIsLostWhereverAProcessDies(t *testing.T) {
	for name, tc := range map[string]struct {
		receipts bool
		poison   []int64
	}{
		"a sink that takes at once":                 {},
		"a sink that gives receipts":                {receipts: true},
		"a sink that will not take some":            {poison: []int64{4, 11, 12, 23}},
		"a sink that gives receipts for some of it": {receipts: true, poison: []int64{4, 11, 12, 23}},
	} {
		t.Run(name, func(t *testing.T) {
			for dies := 1; ; dies++ {
				ended := false
				inWorld(t, func(t *testing.T, w *world) {
					given := 0
					w.splunk.script(func(records []access.AuditRecord) (string, error) {
						receipt, err := poison(dies%2 == 0, tc.poison...)(records)
						if given++; tc.receipts {
							receipt = fmt.Sprint("receipt ", given)
						}
						return receipt, err
					})
					w.happen(25)
					w.pass(time.Second)
					n := w.start("a")
					n.store.mu.Lock()
					n.store.dies = dies
					n.store.mu.Unlock()
					w.pass(20 * time.Second)
					ended = !n.store.dead()
					n.stop()
					w.start("b")
					w.pass(time.Minute)
					w.wantAll(tc.poison...)
					if n := w.events(audit.SinkSetAside); n != len(tc.poison) {
						t.Errorf("dead at step %d: told are %d", dies, n)
					}
					if got, again := w.splunk.arrived(t); !slices.IsSorted(got) || again > 10 {
						t.Errorf("dead at step %d: %d came again, of %v", dies, again, got)
					}
				})
				if ended || t.Failed() {
					if dies < 10 {
						t.Errorf("it was over after %d steps", dies)
					}
					return
				}
			}
		})
	}
}

func TestOneNodeSendsAndAnotherGoesOnWhenItIsGone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		w.happen(10)
		w.pass(time.Second + time.Millisecond)
		b := w.start("b")
		for range 20 {
			w.happen(7)
			w.pass(time.Second)
		}
		w.pass(time.Second)
		w.wantAll()
		w.wantOnce()
		first := w.state().ClaimedBy
		a.store.kill()
		w.happen(30)
		w.pass(15 * time.Second)
		if got := w.state().ClaimedBy; got != first {
			t.Errorf("%s took it from %s too soon", got, first)
		}
		w.pass(20 * time.Second)
		w.wantAll()
		if got := w.state().ClaimedBy; got == first {
			t.Error("the other node does not go on")
		}
		a.stop()
		b.stop()
		c := w.start("c") // it need not wait
		w.happen(5)
		w.pass(2 * time.Second)
		w.wantAll()
		c.stop()
	})
}

// A sink may take its time: what is under way is not sent by another node meanwhile,
// and a stop waits for it for a while.
func TestABatchThatTakesLongIsSentOnce(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		a := w.start("a")
		w.splunk.script(func([]access.AuditRecord) (string, error) {
			time.Sleep(50 * time.Second) // fake
			return "", nil
		})
		w.happen(10)
		w.pass(1500 * time.Millisecond)
		w.start("b")
		w.pass(2 * time.Minute)
		w.splunk.script(func([]access.AuditRecord) (string, error) {
			time.Sleep(3 * time.Second) // fake
			return "", nil
		})
		w.happen(10)
		w.pass(2 * time.Second)
		a.stop()
		w.pass(10 * time.Second)
		w.wantAll()
		w.wantOnce()
	})
}

// Each gap is told of, and what is told is sent: to a sink that fails every second
// time, or that will not take it, that goes on no further.
func TestSinksAreNotToldOfThemselvesForEver(t *testing.T) {
	for name, answer := range map[string]func(calls int, records []access.AuditRecord) error{
		"it fails every second time": func(calls int, _ []access.AuditRecord) error {
			if calls%2 == 0 {
				return errDown
			}
			return nil
		},
		"it fails whenever it is told of itself": func(calls int, records []access.AuditRecord) error {
			for _, r := range records {
				if strings.HasPrefix(r.Type, "sink.") && calls%3 != 0 {
					return errDown
				}
			}
			return nil
		},
		"it will not be told of itself": func(_ int, records []access.AuditRecord) error {
			for i, r := range records {
				if strings.HasPrefix(r.Type, "sink.") || r.Seq == 5 {
					return &access.RejectedError{Index: i, Reason: "no"}
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.start("a")
				calls := 0
				w.splunk.script(func(records []access.AuditRecord) (string, error) {
					calls++
					return "", answer(calls, records)
				})
				for range 10 {
					w.happen(2)
					w.pass(10 * time.Second)
				}
				w.pass(5 * time.Minute)
				after := w.state().Head
				if after > 20+10*4 {
					t.Errorf("ten changes led to %d events", after)
				}
				w.pass(10 * time.Minute)
				if now := w.state().Head; now != after {
					t.Errorf("nothing happens, and there are %d more", now-after)
				}
				if n := w.events(audit.SinkSetAside); n > 1 {
					t.Errorf("%d are told to be set aside", n)
				}
			})
		})
	}
}

// What leaves the configuration holds nothing back, and goes on where it was when it
// comes back.
func TestASinkThatLeavesTheConfigurationKeepsItsPlace(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		w.happen(10)
		w.pass(2 * time.Second)
		w.wantPositions(t, "splunk 10 0")
		a.stop()
		without := w.configured("file")
		b := w.startWith("b", without, sinks.Sink{Name: "file", Sender: &receiver{}, Format: audit.FormatJSON})
		w.happen(10)
		w.pass(2 * time.Second)
		w.wantPositions(t, "file 20 0")
		if s := w.state(); s.Standing(w.ledger.Now()) != access.SinkRetired || s.Seq != 10 {
			t.Errorf("it is %+v", s)
		}
		b.stop()
		w.splunk.script(poison(true, 15))
		w.start("c")
		w.pass(2 * time.Second)
		w.wantAll(15)
		w.wantOnce()
		w.wantPositions(t, "splunk "+fmt.Sprint(w.state().Head)+" 15")
	})
}

// What a sink would not take may be gone by the time that it is configured again.
func TestWhatIsNotKeptAnyMoreIsNotSentAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		w.splunk.script(poison(true, 3))
		w.happen(5)
		w.pass(2 * time.Second)
		w.wantAll(3)
		a.stop()
		w.raw(`UPDATE sink_set_aside SET wanted_at = 1, seq = 3000000`) // there is no such event
		b := w.start("b")
		w.pass(5 * time.Second)
		if sent, _, _ := w.splunk.counts(); sent > 10 || w.state().Wanted != 1 {
			t.Errorf("it was sent %d times, and is %+v", sent, w.state())
		}
		b.stop()
		w.raw(`UPDATE sink_set_aside SET seq = 3`)
		w.raw(`UPDATE audit_head SET removed = 4`)
		w.start("c")
		w.pass(2 * time.Second)
		if s := w.state(); s.SetAside != 0 || s.Wanted != 0 {
			t.Errorf("it is %+v", s)
		}
	})
}

// A format in which nothing can be written is a fault of ours, and no reason to leave
// anything out.
func TestWhatCanNotBeWrittenIsNotLost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.plain.Format = "none"
		a := w.start("a")
		w.happen(45)
		w.pass(10 * time.Second)
		if s := w.state(); s.Standing(w.ledger.Now()) != access.SinkMisconfigured || s.Seq != 0 || s.SetAside != 0 {
			t.Errorf("it is %+v", s)
		}
		a.stop()
		w.plain.Format = audit.FormatJSON
		w.start("b")
		w.pass(2 * time.Second) // whoever restarts may have mended something
		w.wantAll()
	})
}

// raw runs SQL that no method would.
func (w *world) raw(query string) {
	w.t.Helper()
	must(w.t, w.db.Update(w.t.Context(), func(tx ledger.Querier) error {
		_, err := tx.ExecContext(w.t.Context(), query)
		return err
	}))
}

func (w *world) wantPositions(t *testing.T, want ...string) {
	t.Helper()
	must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
		var got []string
		list, err := tx.SinkPositions()
		for _, p := range list {
			got = append(got, fmt.Sprint(p.Name, " ", p.Seq, " ", p.SetAside))
		}
		if !slices.Equal(got, want) {
			t.Errorf("positions are %v, want %v", got, want)
		}
		return err
	}))
}

// Nothing is sent before the ledger knows the sinks, and that is tried until it does.
func TestALedgerThatDoesNotAnswerIsTriedAgain(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		n := w.start("a")
		w.happen(5)
		w.pass(2 * time.Second)
		n.store.kill()
		w.happen(5)
		w.pass(10 * time.Second)
		if !has(n.log, errDead.Error()) {
			w.t.Errorf("the log says %s", n.log)
		}
		n.store.mu.Lock()
		n.store.dies = 0
		n.store.mu.Unlock()
		w.pass(2 * time.Second)
		w.wantAll()
		w.wantOnce()
	})
}

// What is sent again may take long to be safe. That is waited for by the node that sent
// it, however many there are.
func TestWhatIsSentAgainIsWaitedForByOneNode(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start("a")
		w.start("b")
		w.splunk.script(poison(true, 3))
		w.happen(5)
		w.pass(5 * time.Second)
		w.wantAll(3)
		w.splunk.receipts(func(_ string, asked int) (bool, error) { return asked > 90, nil })
		_, err := w.engine.RetrySink(t.Context(), engine.Call{Caller: alice}, "splunk", "")
		must(t, err)
		w.pass(100 * time.Second)
		w.wantOnce()
		if left := w.aside(); len(left) != 0 {
			t.Errorf("set aside are %v", left)
		}
	})
}

// What was changed in the ledger is said, and is sent as it is: who looks into it does
// so where the sink is.
func TestWhatWasChangedIsSaidBeforeItIsSent(t *testing.T) {
	for name, tc := range map[string]struct {
		change, want string
		without      int
	}{
		"nothing":            {`UPDATE audit_log SET seq = seq`, "", 0},
		"an event is edited": {`UPDATE audit_events SET body = '{}' WHERE id = (SELECT event_id FROM audit_log WHERE seq = 7)`, "event 7, evt_", 0},
		"an event is gone":   {`UPDATE audit_log SET seq = 1007 WHERE seq = 7`, "of the events 7 to 7, 1 are not there", 1},
		"the first is gone":  {`UPDATE audit_log SET seq = 1001 WHERE seq = 1`, "of the events 1 to 1, 1 are not there", 1},
		"one set aside is":   {`UPDATE audit_log SET seq = 1003 WHERE seq = 3`, "of the events 3 to 3, 1 are not there", 0},
		"the first are removed as too old": {
			`UPDATE audit_log SET seq = -seq WHERE seq <= 4; UPDATE audit_head SET removed = 4`, "", 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.happen(20)
				w.pass(time.Second)
				w.raw(`INSERT INTO sinks (name, seq) VALUES ('splunk', 0)`)
				w.raw(`INSERT INTO sink_set_aside (sink, seq, event_id, reason, at) VALUES ('splunk', 3, 'evt_3', 'too large', 1)`)
				w.raw(`UPDATE audit_guard SET removing = 1; ` + tc.change)
				n := w.start("a")
				w.pass(5 * time.Second)
				said := has(n.log, "the audit log was changed")
				if said != (tc.want != "") || !has(n.log, tc.want) {
					t.Errorf("the log says %s", n.log)
				}
				if got, _ := w.splunk.arrived(t); len(got) != max(19-tc.without, 16) {
					t.Errorf("arrived are %v", got)
				}
			})
		})
	}
}
