package ledgersuite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/sinks"
)

func (f *fixture) sink(name string) (s access.SinkState) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) (err error) {
		s, err = tx.Sink(name)
		return err
	})
	return s
}

// claimSink takes a sink for a minute.
func (f *fixture) claimSink(name, owner string) error {
	return f.l.Update(f.t.Context(), func(tx *ledger.Tx) error { return tx.ClaimSink(name, owner, tx.Now().Add(time.Minute)) })
}

func (f *fixture) wantPositions(want ...access.SinkPosition) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.SinkPositions()
		if !slices.Equal(got, want) {
			f.t.Errorf("positions are %+v, want %+v", got, want)
		}
		return err
	})
}

// sinksBegin: a sink begins with the oldest event that is kept, and keeps its place
// when it is configured no more.
func sinksBegin(t *testing.T, f *fixture) {
	begin := func(names ...string) { f.update(func(tx *ledger.Tx) error { return tx.BeginSinks(names) }) }
	f.events(10)
	f.seal(f.l, nil)
	begin("a", "b")
	f.wantPositions(access.SinkPosition{Name: "a"}, access.SinkPosition{Name: "b"})
	f.must(f.claimSink("a", me))
	f.update(func(tx *ledger.Tx) error { return tx.SinkTook(access.SinkState{Name: "a"}, me, 4, true) })
	f.must(f.raw(`UPDATE audit_head SET removed = 6`))
	begin("a", "c")
	f.wantPositions(access.SinkPosition{Name: "a", Seq: 4}, access.SinkPosition{Name: "c", Seq: 6})
	f.view(func(tx *ledger.Tx) error {
		lost, removed, err := tx.SinksBehindKept()
		if !slices.Equal(lost, []access.SinkPosition{{Name: "a", Seq: 4}}) || removed != 6 {
			t.Errorf("behind what is kept are %+v, to %d", lost, removed)
		}
		return err
	})
	if s := f.sink("b"); s.RetiredAt == nil || s.Standing(f.l.Now()) != access.SinkRetired {
		t.Errorf("one that is configured no more is %+v", s)
	}
	begin()
	f.wantPositions()
	begin("b")
	f.wantPositions(access.SinkPosition{Name: "b"})
	begin()
	f.must(f.claimSink("a", me)) // of a node that still has it
	f.wantPositions(access.SinkPosition{Name: "a", Seq: 4})
}

// sinkMoves: whoever has a sink moves it, from where it is, and nobody else does.
func sinkMoves(t *testing.T, f *fixture) {
	f.events(5)
	f.seal(f.l, nil)
	f.update(func(tx *ledger.Tx) error { return tx.BeginSinks([]string{"a"}) })
	f.must(f.claimSink("a", "node_1"))
	f.must(f.claimSink("a", "node_1")) // it keeps it
	if err := f.claimSink("a", "node_2"); !errors.Is(err, access.ErrConflict) {
		t.Errorf("a second node has it: %v", err)
	}
	s := f.sink("a")
	if s.Head != 5 || s.Seq != 0 || s.Oldest == nil || s.ClaimedBy != "node_1" || s.SentAt != nil {
		t.Errorf("it is %+v", s)
	}
	changes := map[string]func(*ledger.Tx, access.SinkState, string) error{
		"it took":        func(tx *ledger.Tx, s access.SinkState, by string) error { return tx.SinkTook(s, by, 5, true) },
		"gave a receipt": func(tx *ledger.Tx, s access.SinkState, by string) error { return tx.SinkGaveReceipt(s, by, 5, "r") },
		"failed": func(tx *ledger.Tx, s access.SinkState, by string) error {
			return tx.SinkFailed(s, by, access.SinkFailure{}, false, tx.Now())
		},
	}
	for name, change := range changes {
		elsewhere := s
		elsewhere.Seq = 3
		for _, err := range []error{
			f.l.Update(t.Context(), func(tx *ledger.Tx) error { return change(tx, s, "node_2") }),
			f.l.Update(t.Context(), func(tx *ledger.Tx) error { return change(tx, elsewhere, "node_1") }),
		} {
			if !errors.Is(err, access.ErrConflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	f.update(func(tx *ledger.Tx) error { return tx.SinkGaveReceipt(s, "node_1", 4, "receipt") })
	if s = f.sink("a"); s.Receipt != "receipt" || s.ReceiptThrough != 4 || s.Seq != 0 || s.SentAt == nil {
		t.Errorf("with a receipt it is %+v", s)
	}
	f.update(func(tx *ledger.Tx) error {
		return tx.SinkFailed(s, "node_1", access.SinkFailure{Why: "no", Misconfigured: true, Drop: true}, true, tx.Now().Add(time.Hour))
	})
	since := f.sink("a").FailingSince
	f.update(func(tx *ledger.Tx) error {
		return tx.SinkFailed(s, "node_1", access.SinkFailure{Why: "no more"}, true, tx.Now())
	})
	if s = f.sink("a"); s.Receipt != "" || since == nil || !s.FailingSince.Equal(*since) || s.Failures != 2 || s.Misconfigured || !s.Told || s.LastError != "no more" {
		t.Errorf("failed it is %+v", s)
	}
	f.update(func(tx *ledger.Tx) error { return tx.SinkTook(s, "node_1", 2, false) })
	if s = f.sink("a"); s.Seq != 2 || s.FailingSince == nil {
		t.Errorf("moved over what it will not take it is %+v", s)
	}
	f.update(func(tx *ledger.Tx) error { return tx.SinkTook(s, "node_1", 5, true) })
	if s = f.sink("a"); s.Seq != 5 || s.Oldest != nil || s.FailingSince != nil || s.Told || s.Failures != 0 || s.LastError != "" {
		t.Errorf("with all of it it is %+v", s)
	}
	f.update(func(tx *ledger.Tx) error { return tx.LeaveSink("a", "node_2") })
	if f.sink("a").ClaimedBy != "node_1" {
		t.Error("another node handed it back")
	}
	f.update(func(tx *ledger.Tx) error { return tx.LeaveSink("a", "node_1") })
	f.must(f.claimSink("a", "node_2"))
	f.update(func(tx *ledger.Tx) error { return tx.ReleaseSinks() })
	f.must(f.claimSink("a", "node_1"))
}

// sinksSetAside: what a sink would not take is kept once, is not sent with the others,
// and is sent again when somebody wants it.
func sinksSetAside(t *testing.T, f *fixture) {
	f.events(5)
	f.seal(f.l, nil)
	f.update(func(tx *ledger.Tx) error { return tx.BeginSinks([]string{"a"}) })
	for _, first := range []bool{true, false} {
		f.update(func(tx *ledger.Tx) error {
			for _, seq := range []int64{2, 3} {
				if got, err := tx.SetAside("a", access.SetAside{Seq: seq, EventID: fmt.Sprint("evt_", seq), Reason: "no"}); err != nil || got != first {
					t.Errorf("event %d is set aside for the first time: %t, %v", seq, got, err)
				}
			}
			return nil
		})
	}
	f.wantPositions(access.SinkPosition{Name: "a", SetAside: 2})
	sent := func(limit int, want ...int64) {
		t.Helper()
		s := f.sink("a")
		f.view(func(tx *ledger.Tx) error {
			list, err := tx.SinkEvents(s, limit)
			var got []int64
			for _, e := range list {
				got = append(got, e.Seq)
			}
			if !slices.Equal(got, want) || len(list) > 0 && (list[0].ID == "" || list[0].Type != "planted" || len(list[0].Body) == 0 || list[0].At.IsZero()) {
				t.Errorf("it is sent %v of %+v, want %v", got, list, want)
			}
			return err
		})
	}
	sent(10, 1, 4, 5)
	sent(2, 1, 4)
	wanted := func(want int64) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			e, found, err := tx.WantedOfSink("a")
			if e.Seq != want || found != (want != 0) {
				t.Errorf("wanted is %d, want %d", e.Seq, want)
			}
			return err
		})
	}
	wanted(0)
	f.update(func(tx *ledger.Tx) error { return tx.RetrySink("a", "user:alice@example.com") })
	if s := f.sink("a"); !s.Lenient || s.SetAside != 2 || s.Wanted != 2 {
		t.Errorf("wanted again it is %+v", s)
	}
	wanted(2)
	f.update(func(tx *ledger.Tx) error { return tx.RefusedAgain("a", 2, "no again") })
	wanted(3)
	f.update(func(tx *ledger.Tx) error { return tx.Resent("a", 3) })
	wanted(0)
	for name, change := range map[string]func(*ledger.Tx) error{
		"sent again twice":         func(tx *ledger.Tx) error { return tx.Resent("a", 3) },
		"a sink that there is not": func(tx *ledger.Tx) error { return tx.RetrySink("none", "x") },
	} {
		if err := f.l.Update(t.Context(), change); !errors.Is(err, access.ErrConflict) && !errors.Is(err, access.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.view(func(tx *ledger.Tx) error {
		list, err := tx.SetAsideOf("a", 10)
		if len(list) != 1 || list[0].Seq != 2 || list[0].Reason != "no again" || list[0].Retried != 1 || list[0].WantedAt != nil || list[0].At.IsZero() {
			t.Errorf("set aside is %+v", list)
		}
		return err
	})
}

// book is what two nodes send to.
type book struct {
	mu    sync.Mutex
	sent  []access.AuditRecord
	fails int
}

func (b *book) Send(_ context.Context, records []access.AuditRecord) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails++; b.fails%7 == 0 {
		return "", errors.New("it does not answer")
	}
	b.sent = append(b.sent, records...)
	return "", nil
}

// arrived is the numbers of what was sent, each where it came first: a file is taken to
// have one process, so that two nodes on one may send twice.
func (b *book) arrived() (seqs []int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.sent {
		if !slices.Contains(seqs, r.Seq) {
			seqs = append(seqs, r.Seq)
		}
	}
	return seqs
}

// sinksOfNodes: of two nodes one sends, and the other goes on when it has stopped;
// while events happen, and the sink fails now and then.
func sinksOfNodes(t *testing.T, f *fixture) {
	to := &book{}
	e := engine.New(engine.Config{Ledger: f.l, Log: slog.New(slog.DiscardHandler), Sinks: []engine.Sink{{Name: "a"}}})
	node := func(name string) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		loop := sinks.New(sinks.Config{
			Store: e, Log: slog.New(slog.DiscardHandler), Now: f.l.Now, Node: name,
			Sinks: []sinks.Sink{{Name: "a", Sender: to, Format: audit.FormatJSON, MaxRecords: 20}},
		})
		running.Go(func() { _ = loop.Run(ctx) })
		return func() { cancel(); running.Wait() }
	}
	first, second := node("first"), node("second")
	defer func() { first(); second() }()
	for range 10 {
		f.events(30)
		f.seal(f.l, nil)
	}
	stopped := false
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) { // for what is awaited
		s := f.sink("a")
		if s.Seq > 0 && !stopped {
			stopped = true
			first()
			first = node("third")
			f.events(50)
			f.seal(f.l, nil)
		}
		if stopped && s.Seq == s.Head && s.Head >= 350 {
			break
		}
		f.seal(f.l, nil) // what is told of the sink
	}
	got := to.arrived()
	for i, seq := range got {
		if seq != int64(i+1) {
			t.Fatalf("at place %d is event %d, of %d", i+1, seq, len(got))
		}
	}
	if s := f.sink("a"); int64(len(got)) < 350 || int64(len(got)) != s.Seq {
		t.Errorf("%d arrived, and it is %+v", len(got), s)
	}
}
