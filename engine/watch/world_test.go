package watch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/facts"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/engine/watch"
	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/ledgerfile"
)

var alice = access.Subject{Type: access.TypeUser, ID: "alice@example.com"}

const named = "pagerduty"

// world is a ledger that several nodes share, in a bubble of fake time.
type world struct {
	t      *testing.T
	db     *sqlite.DB
	ledger *ledger.Ledger
	source *source
	kind   access.SourceKind
	begin  time.Time
}

func inWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	path := ledgerfile.Empty(t)
	bubble.Test(t, func(t *testing.T) {
		db, l := ledgerfile.OpenShared(t, path)
		w := &world{t: t, db: db, ledger: l, source: newSource(), kind: access.SourceOnCall, begin: time.Now()}
		ctx, cancel := context.WithCancel(context.Background())
		var loops sync.WaitGroup
		loops.Go(func() {
			_ = (&audit.Sealer{Store: l, Every: time.Second, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
		})
		defer func() {
			cancel()
			loops.Wait()
			must(t, l.Close())
		}()
		story(t, w)
	})
}

// node is one process of the world.
type node struct {
	*watch.Watcher
	book     *facts.Book
	store    *store
	follower *follower
	log      *bytes.Buffer
	counted  *counted
	stop     func() // as a process that ends well
}

// node makes a process. change is for what is not as usual.
func (w *world) node(name string, change ...func(*watch.Watcher)) *node {
	w.t.Helper()
	n := &node{
		book:     facts.NewBook(facts.BookConfig{Sources: []facts.BookSource{{Name: named, Kind: w.kind}}}),
		follower: &follower{}, log: &bytes.Buffer{}, counted: &counted{polls: map[string]int{}},
	}
	log := slog.New(slog.NewTextHandler(n.log, nil))
	n.store = &store{Engine: engine.New(engine.Config{Ledger: w.ledger, Node: name, Log: log})}
	cfg := watch.Watcher{
		Name: named, Kind: w.kind, Source: w.source, Store: n.store, Book: n.book, Follower: n.follower, Now: w.ledger.Now,
		Log: log, Observer: n.counted,
	}
	for _, c := range change {
		c(&cfg)
	}
	n.Watcher = watch.NewWatcher(cfg)
	return n
}

// start makes a process and lets it run to the end of the test, or until stop.
func (w *world) start(name string, change ...func(*watch.Watcher)) *node {
	w.t.Helper()
	n := w.node(name, change...)
	n.stop = w.run(n)
	synctest.Wait()
	return n
}

// run lets a node run until it is stopped.
func (w *world) run(n *node) (stop func()) { return bubble.Run(w.t, n.Run) }

// pass lets time pass, and what it brings about happen.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // fake: the bubble's clock
	synctest.Wait()
}

// events returns the data of all events of the type.
func (w *world) events(typ string) (data []map[string]any) {
	w.t.Helper()
	w.pass(2 * time.Second) // until they are sealed
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Type: typ, Limit: 1000})
		for _, e := range events {
			var body struct {
				Data map[string]any `json:"data"`
			}
			must(w.t, json.Unmarshal(e.Body, &body))
			data = append(data, body.Data)
		}
		return err
	}))
	return data
}

// known reports whether the node knows alice to be on call.
func (n *node) known(now time.Time) bool {
	onCall, _ := n.book.OnCall(alice, now)
	return onCall.Known && len(onCall.Shifts) > 0
}

func (n *node) state(now time.Time) access.SourceState { return n.book.States(now)[0] }

// source answers as the test says, and writes down when it was asked.
type source struct {
	mu      sync.Mutex
	answer  func(context.Context, access.SourceAsk) (access.Snapshot, error)
	asked   []access.SourceAsk
	at      []time.Time
	running int
	most    int // at once
}

func newSource() *source {
	s := &source{}
	s.says(shift(nil, nil))
	return s
}

func (s *source) Fetch(ctx context.Context, ask access.SourceAsk) (access.Snapshot, error) {
	s.mu.Lock()
	s.asked, s.at = append(s.asked, ask), append(s.at, time.Now())
	s.running++
	s.most = max(s.most, s.running)
	answer := s.answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
	}()
	return answer(ctx, ask)
}

func (s *source) script(answer func(context.Context, access.SourceAsk) (access.Snapshot, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// says lets the source say the shifts, at once.
func (s *source) says(shifts ...access.HeldShift) {
	s.script(func(_ context.Context, ask access.SourceAsk) (access.Snapshot, error) {
		return access.Snapshot{Shifts: shifts, Until: ask.Now.Add(24 * time.Hour)}, nil
	})
}

// after answers the shifts after a while.
func after(d time.Duration, shifts ...access.HeldShift) func(context.Context, access.SourceAsk) (access.Snapshot, error) {
	return func(ctx context.Context, ask access.SourceAsk) (access.Snapshot, error) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return access.Snapshot{}, ctx.Err()
		}
		return access.Snapshot{Shifts: shifts, Until: ask.Now.Add(24 * time.Hour)}, nil
	}
}

func (s *source) fails(err error) {
	s.script(func(context.Context, access.SourceAsk) (access.Snapshot, error) { return access.Snapshot{}, err })
}

// times is when it was asked, from the beginning of the world.
func (s *source) times(begin time.Time) (times []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.at {
		times = append(times, at.Sub(begin))
	}
	return times
}

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

func shift(start, end *time.Time) access.HeldShift {
	return access.HeldShift{Subject: alice, Shift: access.Shift{Schedule: &access.Ref{ID: "db"}, Level: 1, Start: start, End: end}}
}

// store is the engine's, with faults.
type store struct {
	*engine.Engine
	mu       sync.Mutex
	down     error
	bodies   int // read
	stale    int // told
	wanted   []string
	closures []access.ClosedIncident
}

func (s *store) set(change func(*store)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *store) fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

func (s *store) SourceNews(ctx context.Context, name string) (access.SourceNews, error) {
	if err := s.fault(); err != nil {
		return access.SourceNews{}, err
	}
	return s.Engine.SourceNews(ctx, name)
}

func (s *store) SourceDuty(ctx context.Context, name string) (bool, error) {
	if err := s.fault(); err != nil {
		return false, err
	}
	return s.Engine.SourceDuty(ctx, name)
}

func (s *store) LeaveSourceDuty(ctx context.Context, name string) error {
	if err := s.fault(); err != nil {
		return err
	}
	return s.Engine.LeaveSourceDuty(ctx, name)
}

func (s *store) TakeSnapshot(ctx context.Context, said access.Snapshot) error {
	if err := s.fault(); err != nil {
		return err
	}
	return s.Engine.TakeSnapshot(ctx, said)
}

func (s *store) LastSnapshot(ctx context.Context, name string) (access.Snapshot, bool, error) {
	s.set(func(s *store) { s.bodies++ })
	return s.Engine.LastSnapshot(ctx, name)
}

func (s *store) SourceStale(ctx context.Context, name string, kind access.SourceKind) error {
	s.set(func(s *store) { s.stale++ })
	return s.Engine.SourceStale(ctx, name, kind)
}

func (s *store) WantedIncidents(context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wanted, s.down
}

func (s *store) ClosedIncidents(_ context.Context, since time.Time) (closed []access.ClosedIncident, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.closures {
		if !c.At.Before(since) {
			closed = append(closed, c)
		}
	}
	return closed, s.down
}

// follower writes down what it is to follow.
type follower struct {
	mu   sync.Mutex
	told []followed
	fail error
}

type followed struct{ before, now access.Snapshot }

func (f *follower) FollowFacts(_ context.Context, before, now access.Snapshot) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, followed{before, now})
	return f.fail
}

func (f *follower) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *follower) first(t *testing.T) followed {
	t.Helper()
	f.last(t)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told[0]
}

func (f *follower) last(t *testing.T) followed {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.told) == 0 {
		t.Fatal("nothing was followed")
	}
	return f.told[len(f.told)-1]
}

// counted counts polls by outcome.
type counted struct {
	mu    sync.Mutex
	polls map[string]int
}

func (c *counted) Polled(_, outcome string, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.polls[outcome]++
}

func (c *counted) of(outcome string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.polls[outcome]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
