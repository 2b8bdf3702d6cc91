package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/engine/sinks"
	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/ledgerfile"
)

// alice may do everything.
var alice = access.Subject{Type: "user", ID: "alice@example.com"}

// world is a ledger in a bubble of fake time, whose events are sealed, and sinks that
// all nodes send to.
type world struct {
	t      *testing.T
	db     *sqlite.DB
	ledger *ledger.Ledger
	engine *engine.Engine
	splunk *receiver
	plain  sinks.Sink // splunk's, without its sender
}

// inWorld tells a story of one sink, "splunk", which takes what it is sent.
func inWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	inWorldSealed(t, 100*time.Millisecond, story)
}

// inWorldSealed is inWorld with events that are sealed this often.
func inWorldSealed(t *testing.T, every time.Duration, story func(t *testing.T, w *world)) {
	t.Helper()
	path := ledgerfile.Empty(t)
	bubble.Test(t, func(t *testing.T) {
		db, l := ledgerfile.OpenShared(t, path)
		w := &world{t: t, db: db, ledger: l, splunk: &receiver{}}
		w.plain = sinks.Sink{Name: "splunk", Format: audit.FormatJSON, MaxRecords: 10}
		w.engine = w.configured("splunk")
		stop := bubble.Run(t, (&audit.Sealer{Store: l, Every: every, Log: slog.New(slog.DiscardHandler)}).Run)
		defer func() {
			stop()
			must(t, l.Close())
		}()
		story(t, w)
	})
}

// configured is an engine that knows the sinks of these names.
func (w *world) configured(names ...string) *engine.Engine {
	cfg := engine.Config{Ledger: w.ledger, Policy: allowing{}, Log: slog.New(slog.DiscardHandler)}
	for _, name := range names {
		cfg.Sinks = append(cfg.Sinks, engine.Sink{Name: name, Kind: "splunk"})
	}
	return engine.New(cfg)
}

type allowing struct{ engine.Policy }

func (allowing) Allow(context.Context, access.APIInput) (access.Permission, error) {
	return access.Permission{Allowed: true}, nil
}

func (allowing) Revision() string { return "r1" }

// node is one process that sends.
type node struct {
	store *store
	log   *bytes.Buffer
	stop  func()
}

// start has a process send to the sink, to the end of the test or until stop.
func (w *world) start(name string) *node {
	w.t.Helper()
	sink := w.plain
	sink.Sender = w.splunk
	return w.startWith(name, w.engine, sink)
}

func (w *world) startWith(name string, e *engine.Engine, list ...sinks.Sink) *node {
	w.t.Helper()
	n := &node{log: &bytes.Buffer{}, store: &store{Engine: e}}
	n.stop = bubble.Run(w.t, sinks.New(sinks.Config{
		Store: n.store, Sinks: list, Log: slog.New(slog.NewTextHandler(n.log, nil)), Now: w.ledger.Now, Node: name,
	}).Run)
	w.t.Cleanup(n.stop)
	return n
}

var errDead = errors.New("the process is gone")

// store can be a dead process's: from one of its steps on nothing it says is written.
type store struct {
	*engine.Engine
	mu    sync.Mutex
	steps int
	dies  int // at this step; 0: never
}

// step is before, or after, one thing that is said to the ledger.
func (s *store) step() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps++
	if s.dies > 0 && s.steps >= s.dies {
		return errDead
	}
	return nil
}

func (s *store) dead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dies > 0 && s.steps >= s.dies
}

func (s *store) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dies, s.steps = 1, 1
}

func (s *store) around(do func() error) error {
	if err := s.step(); err != nil {
		return err
	}
	return errors.Join(do(), s.step())
}

func (s *store) SinkState(ctx context.Context, name string) (state access.SinkState, err error) {
	if s.dead() {
		return state, errDead
	}
	return s.Engine.SinkState(ctx, name)
}

func (s *store) ClaimSink(ctx context.Context, owner, name string, lasts time.Duration) error {
	return s.around(func() error { return s.Engine.ClaimSink(ctx, owner, name, lasts) })
}

func (s *store) SinkPage(ctx context.Context, name string, limit int) (p sinks.Page, err error) {
	err = s.around(func() error {
		p, err = s.Engine.SinkPage(ctx, name, limit)
		return err
	})
	return p, err
}

func (s *store) RecordSink(ctx context.Context, owner string, state access.SinkState, r sinks.Result) error {
	return s.around(func() error { return s.Engine.RecordSink(ctx, owner, state, r) })
}

// receiver keeps a book of what it was sent, and answers as the test says.
type receiver struct {
	mu      sync.Mutex
	taken   []access.AuditRecord
	sends   int
	asked   []string
	answer  func([]access.AuditRecord) (string, error) // nil: it takes all; what it refuses it does not take
	settles func(receipt string) (bool, error)         // nil: at once
}

func (r *receiver) Send(_ context.Context, records []access.AuditRecord) (string, error) {
	r.mu.Lock()
	r.sends++
	answer := r.answer
	r.mu.Unlock()
	receipt, err := "", error(nil)
	if answer != nil {
		receipt, err = answer(records)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.taken = append(r.taken, records...)
	}
	return receipt, err
}

func (r *receiver) Settled(_ context.Context, receipt string) (bool, error) {
	r.mu.Lock()
	r.asked = append(r.asked, receipt)
	settles := r.settles
	r.mu.Unlock()
	if settles == nil {
		return true, nil
	}
	return settles(receipt)
}

func (r *receiver) script(answer func([]access.AuditRecord) (string, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) settle(settles func(string) (bool, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settles = settles
}

func (r *receiver) counts() (sends, taken, asked int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sends, len(r.taken), len(r.asked)
}

// arrived is what was taken, each event where it came first, by its number; and how
// many came again. The same number always comes under the same id.
func (r *receiver) arrived(t *testing.T) (seqs []int64, again int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[int64]string{}
	for _, x := range r.taken {
		id, known := ids[x.Seq]
		if known && id != x.EventID {
			t.Errorf("event %d came as %s and as %s", x.Seq, id, x.EventID)
		}
		if known {
			again++
			continue
		}
		ids[x.Seq] = x.EventID
		seqs = append(seqs, x.Seq)
	}
	return seqs, again
}

// happen has so many events happen, at once.
func (w *world) happen(n int) {
	w.t.Helper()
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error {
		var faults []error
		for i := range n {
			faults = append(faults, tx.Append(audit.Event{Type: audit.RequestSubmitted, Data: map[string]any{"n": i}}))
		}
		return errors.Join(faults...)
	}))
}

// pass lets time pass, and what it brings about happen.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // fake: the bubble's clock
	synctest.Wait()
}

func (w *world) state() access.SinkState {
	w.t.Helper()
	s, err := w.engine.SinkState(w.t.Context(), "splunk")
	must(w.t, err)
	return s
}

// aside is the numbers of the events that are set aside.
func (w *world) aside() (seqs []int64) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		list, err := tx.SetAsideOf("splunk", 1000)
		for _, a := range list {
			seqs = append(seqs, a.Seq)
		}
		return err
	}))
	return seqs
}

// events counts the sealed events of a type.
func (w *world) events(typ string) (n int) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		list, err := tx.Events(ledger.EventFilter{Type: typ, Limit: 10000})
		n = len(list)
		return err
	}))
	return n
}

// wantAll checks that all that is sealed has arrived in order, but for the numbers.
func (w *world) wantAll(but ...int64) {
	w.t.Helper()
	s := w.state()
	var want []int64
	for seq := int64(1); seq <= s.Head; seq++ {
		if !slices.Contains(but, seq) {
			want = append(want, seq)
		}
	}
	if got, _ := w.splunk.arrived(w.t); !slices.Equal(got, want) {
		w.t.Errorf("of %d arrived %s; want all but %v", s.Head, shortened(got), but)
	}
	if got := w.aside(); !slices.Equal(got, but) {
		w.t.Errorf("set aside are %v, want %v", got, but)
	}
	if s.Seq != s.Head || s.FailingSince != nil || s.Receipt != "" || s.Told {
		w.t.Errorf("at last the sink is %+v", s)
	}
}

func (w *world) wantOnce() {
	w.t.Helper()
	if _, again := w.splunk.arrived(w.t); again != 0 {
		w.t.Errorf("%d came again", again)
	}
}

func shortened(seqs []int64) string {
	text := fmt.Sprint(seqs)
	return text[:min(len(text), 300)]
}

// poison refuses records whose number is one of these, and says which it was if it
// knows.
func poison(knows bool, seqs ...int64) func([]access.AuditRecord) (string, error) {
	return func(records []access.AuditRecord) (string, error) {
		for i, r := range records {
			if slices.Contains(seqs, r.Seq) {
				if !knows {
					i = -1
				}
				return "", &access.RejectedError{Index: i, Reason: "it is no event"}
			}
		}
		return "", nil
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func has(log *bytes.Buffer, text string) bool { return strings.Contains(log.String(), text) }
