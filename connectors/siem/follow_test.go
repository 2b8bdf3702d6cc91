package siem_test

import (
	"bytes"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/engine/sinks"
	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/fake/splunk"
	"github.com/curfew-access/curfew/tests/fake/sumologic"
	"github.com/curfew-access/curfew/tests/ledgerfile"
)

// followed is a gateway of which there is a ledger, its sealer and one sink, in a
// bubble of fake time.
type followed struct {
	t      *testing.T
	ledger *ledger.Ledger
	engine *engine.Engine
	stop   func() // as a process that ends
	number int    // of the next event
}

// follow tells a story of one sink.
func follow(t *testing.T, story func(t *testing.T, w *followed)) {
	t.Helper()
	path := ledgerfile.Empty(t)
	bubble.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		w := &followed{t: t, ledger: l, stop: func() {}}
		defer func() {
			w.stop()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}()
		story(t, w)
	})
}

// start is a new process, which sends to the sink.
func (w *followed) start(sink sinks.Sink) {
	w.t.Helper()
	w.stop()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	w.engine = engine.New(engine.Config{Ledger: w.ledger, Log: log, Sinks: []engine.Sink{{Name: sink.Name, Kind: sink.Name}}})
	sealer := &audit.Sealer{Store: w.ledger, Every: 2 * time.Second, Log: log}
	sending := sinks.New(sinks.Config{Store: w.engine, Sinks: []sinks.Sink{sink}, Log: log, Now: w.ledger.Now})
	stopSealer, stopSending := bubble.Run(w.t, sealer.Run), bubble.Run(w.t, sending.Run)
	w.stop = func() {
		stopSending()
		stopSealer()
	}
	w.pass(0)
}

// pass lets time pass, and what it brings about happen.
func (w *followed) pass(d time.Duration) {
	time.Sleep(d) // fake: the bubble's clock
	synctest.Wait()
}

// happen commits so many events.
func (w *followed) happen(n int) {
	w.t.Helper()
	err := w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error {
		for range n {
			w.number++
			if err := tx.Append(audit.Event{Type: audit.GatewayStarted, Data: map[string]any{"number": w.number}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// state is how far the sink is.
func (w *followed) state(name string) access.SinkState {
	w.t.Helper()
	s, err := w.engine.SinkState(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// until waits until the sink is where the story wants it.
func (w *followed) until(what, name string, fits func(access.SinkState) bool) {
	w.t.Helper()
	for range 720 {
		if fits(w.state(name)) {
			return
		}
		w.pass(5 * time.Second)
	}
	w.t.Fatalf("it is never so that %s: %+v", what, w.state(name))
}

// caughtUp waits until the sink has everything, and returns what was sealed.
func (w *followed) caughtUp(name string) (all []ledger.Sealed) {
	w.t.Helper()
	var before access.SinkState // that it takes events again is an event too, which is sealed later
	w.until("the sink has everything", name, func(s access.SinkState) bool {
		same := s.Seq == s.Head && s.Receipt == "" && s.Head >= int64(w.number) && s.Head == before.Head
		before = s
		return same
	})
	err := w.ledger.View(w.t.Context(), func(tx *ledger.Tx) (err error) {
		all, err = tx.Sealed(0, before.Head, 1_000_000)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if s := w.state(name); s.SetAside != 0 || len(all) < w.number {
		w.t.Errorf("%d events of %d, of which %d are set aside", len(all), w.number, s.SetAside)
	}
	return all
}

// ackSink is a new process's sender to a fake Splunk, with acknowledgement.
func ackSink(t *testing.T, f *splunk.Fake) sinks.Sink {
	return sinks.Sink{
		Name: "splunk", Format: audit.FormatJSON, MaxRecords: 7, Settle: 30 * time.Second,
		Sender: newSplunk(t, siem.SplunkConfig{URL: "http://splunk.example.com:8088", Token: f.Token(), Ack: true, Transport: f.Transport()}),
	}
}

// checkSplunk compares what was indexed with what was sealed: everything is there, in
// order of its first appearance, and whatever is there twice is the same twice.
func checkSplunk(t *testing.T, f *splunk.Fake, sealed []ledger.Sealed) (repeats int) {
	t.Helper()
	state := f.State()
	found := state.Distinct("event_id")
	if len(found) != len(sealed) {
		t.Fatalf("%d events are indexed of %d\n%s", len(found), len(sealed), state)
	}
	bodies := map[string][]byte{}
	for i, e := range sealed {
		bodies[e.ID] = e.Body
		if found[i].Fields["event_id"] != e.ID {
			t.Fatalf("in place %d is %s; want %s", i+1, found[i].Fields["event_id"], e.ID)
		}
	}
	for _, e := range state.Index {
		if id := e.Fields["event_id"]; !bytes.Equal(e.Raw, bodies[id]) {
			t.Errorf("%s is %s; want %s", id, e.Raw, bodies[id])
		}
	}
	return len(state.Index) - len(found)
}

func TestSplunksAcknowledgementIsHonouredAcrossRestarts(t *testing.T) {
	follow(t, func(t *testing.T, w *followed) {
		f := splunk.Unstarted(splunk.Config{Token: splunk.Token{Ack: true}})
		f.Hold()
		w.start(ackSink(t, f))
		w.happen(7)
		given := func(s access.SinkState) bool { return s.Receipt != "" }

		// The gateway is restarted between the receipt and the yes: it asks on the
		// channel of before, and sends nothing again.
		w.until("there is a receipt", "splunk", given)
		w.start(ackSink(t, f))
		f.Flow()
		w.caughtUp("splunk")
		if repeats := checkSplunk(t, f, w.caughtUp("splunk")); repeats != 0 {
			t.Errorf("%d events are there twice; want none: the receipt was good", repeats)
		}

		// Splunk is restarted, and loses what it had taken.
		f.Hold()
		w.happen(20)
		w.until("there is a receipt", "splunk", given)
		before := w.state("splunk").Seq
		f.Restart()
		w.pass(10 * time.Second)
		if s := w.state("splunk"); s.Seq != before {
			t.Errorf("the cursor moved from %d to %d over what is lost", before, s.Seq)
		}
		f.Flow()
		checkSplunk(t, f, w.caughtUp("splunk"))
	})
}

func TestNothingIsLostOnAnyWayToSplunk(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   []splunk.Step
		repeats bool
	}{
		"the answer is lost":           {[]splunk.Step{splunk.Close().Taking().Times(4)}, true},
		"the yes is lost":              {[]splunk.Step{splunk.Close().Taking().On(ackPath).Times(3)}, true},
		"it hangs, and has it":         {[]splunk.Step{splunk.Hang().Taking().Times(2)}, true},
		"it hangs, and has it not":     {[]splunk.Step{splunk.Hang().Times(2)}, false},
		"it is busy for long":          {[]splunk.Step{splunk.Busy().Times(20)}, false},
		"it asks for patience":         {[]splunk.Step{splunk.Busy().With("Retry-After", "60").Times(3)}, false},
		"its token is disabled":        {[]splunk.Step{splunk.Code(1)}, false},
		"the index is not allowed":     {[]splunk.Step{splunk.Code(7)}, false},
		"it does not say what is safe": {[]splunk.Step{splunk.Busy().On(ackPath).Times(6)}, false},
		"a proxy is in its place":      {[]splunk.Step{splunk.Status(502, "<html>"), splunk.Status(200, "<html>Sign in")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, func(t *testing.T, w *followed) {
				f := splunk.Unstarted(splunk.Config{Token: splunk.Token{Ack: true}})
				f.Script(tc.steps...)
				w.start(ackSink(t, f))
				w.happen(10)
				w.pass(5 * time.Second)
				w.start(ackSink(t, f)) // in the midst of it
				w.happen(10)
				if repeats := checkSplunk(t, f, w.caughtUp("splunk")); (repeats > 0) != tc.repeats {
					t.Errorf("%d events are there twice; want some: %t\n%s", repeats, tc.repeats, f.State())
				}
			})
		})
	}
}

func TestBatchThatSplunkFindsTooLargeIsMadeSmaller(t *testing.T) {
	follow(t, func(t *testing.T, w *followed) {
		f := splunk.Unstarted(splunk.Config{MaxContent: 2500})
		w.start(sinks.Sink{Name: "splunk", Format: audit.FormatJSON, Sender: newSplunk(t, siem.SplunkConfig{
			URL: "http://splunk.example.com:8088", Token: f.Token(), Transport: f.Transport(),
		})})
		w.happen(40)
		checkSplunk(t, f, w.caughtUp("splunk"))
	})
}

func TestNothingIsLostInAThrottledSumoLogic(t *testing.T) {
	follow(t, func(t *testing.T, w *followed) {
		f := sumologic.Unstarted(sumologic.Config{})
		f.Script(
			sumologic.Throttled(30).Times(2), sumologic.Serve(), sumologic.Throttled(0).Times(3), sumologic.TimedOut(3),
			sumologic.Status(503), sumologic.Close(), sumologic.Hang(), sumologic.Status(401), sumologic.Serve(), sumologic.TimedOut(1),
		)
		w.start(sinks.Sink{
			Name: "sumologic", Format: audit.FormatJSON, MaxRecords: 5,
			Sender: newSumoLogic(t, siem.SumoLogicConfig{URL: "https://collectors.sumologic.com/receiver/v1/http/" + f.Code(), Transport: f.Transport()}),
		})
		w.happen(12)
		w.pass(time.Minute)
		w.happen(12)
		sealed := w.caughtUp("sumologic")
		state := f.State()
		found := state.Distinct()
		if len(found) != len(sealed) || len(state.Messages) == len(found) {
			t.Fatalf("%d of %d events are there, of which some are to be there twice\n%s", len(found), len(sealed), state)
		}
		for i, e := range sealed {
			if !bytes.Equal(found[i].Text, e.Body) {
				t.Errorf("in place %d is %s; want %s", i+1, found[i].Text, e.Body)
			}
		}
		if state.AtOnce != 1 {
			t.Errorf("%d requests were under way at once", state.AtOnce)
		}
	})
}

// Whoever runs a sink finds both ways of asking.
var (
	_ sinks.Sender  = (*siem.SumoLogic)(nil)
	_ sinks.Settler = (*siem.Splunk)(nil)
)
