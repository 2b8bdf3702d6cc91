package notice_test

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
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/engine/notice"
	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/ledgerfile"
)

// world is a gateway without its edges, in a bubble of fake time: a ledger, the
// loops that change it, and one messenger for all nodes that show notices.
type world struct {
	t         *testing.T
	db        *sqlite.DB
	ledger    *ledger.Ledger
	engine    *engine.Engine
	policy    *policy
	messenger *messenger
	operators []string
}

func inWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	path := ledgerfile.Empty(t)
	bubble.Test(t, func(t *testing.T) {
		db, l := ledgerfile.OpenShared(t, path)
		w := &world{t: t, db: db, ledger: l, policy: &policy{}, messenger: &messenger{}, operators: []string{"#ops"}}
		held := lease.NewMemory(l.Now, true)
		log := slog.New(slog.DiscardHandler)
		w.engine = engine.New(engine.Config{
			Ledger: l, Policy: w.policy, Facts: facts{}, Lease: held, Log: log,
			Targets: []engine.Target{{Name: "box", Contract: "box-1", Deadline: time.Second}},
		})
		ctx, cancel := context.WithCancel(context.Background())
		var loops sync.WaitGroup
		for _, run := range []func(context.Context) error{
			w.engine.Run, (&audit.Sealer{Store: l, Every: 250 * time.Millisecond, Log: log}).Run,
			func(ctx context.Context) error {
				return held.Run(ctx, lease.Events{Expired: w.engine.Announced, Connected: w.engine.Wake, Emptied: w.engine.Rebuild})
			},
		} {
			loops.Go(func() { _ = run(ctx) })
		}
		defer func() {
			cancel()
			loops.Wait()
			must(t, l.Close())
		}()
		w.seed()
		story(t, w)
	})
}

func (w *world) seed() {
	w.t.Helper()
	minute := access.Duration(time.Minute)
	_, err := w.engine.SyncResources(w.t.Context(), "seed", access.Catalogue{Resources: []access.Resource{{
		Type: "customer", ID: "acme", Name: "Acme Corp",
		Entitlements: []access.Entitlement{{Action: "debug", Durations: []access.Duration{2 * minute, 4 * minute, 60 * minute, 120 * minute}, Target: "box"}},
	}}})
	must(w.t, err)
	must(w.t, w.engine.LoadPeople(w.t.Context(), "file", []access.Person{
		{Subject: alice, TimeZone: "Europe/Berlin"}, {Subject: bob, Groups: []string{"security"}}, {Subject: dave, Groups: []string{"security"}},
	}))
}

// node is one process that shows notices.
type node struct {
	*notice.Notices
	store   *store
	log     *bytes.Buffer
	counted *counted
	stop    func()
}

// start makes a process and lets it run to the end of the test, or until stop.
func (w *world) start(name string) *node {
	w.t.Helper()
	n := &node{log: &bytes.Buffer{}, store: &store{Engine: w.engine}, counted: &counted{}}
	n.Notices = notice.New(notice.Config{
		Store: n.store, Messenger: w.messenger, Log: slog.New(slog.NewTextHandler(n.log, nil)), Now: w.ledger.Now,
		Node: name, Operators: w.operators, Observer: n.counted,
	})
	n.stop = bubble.Run(w.t, n.Run)
	w.t.Cleanup(n.stop)
	w.pass(time.Second)
	return n
}

// store can be a dead process's: it says no more.
type store struct {
	*engine.Engine
	mu    sync.Mutex
	dead  bool
	begun bool
}

// BeginNotices takes its time.
func (s *store) BeginNotices(ctx context.Context) error {
	time.Sleep(100 * time.Millisecond) // fake
	err := s.Engine.BeginNotices(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = err == nil
	return err
}

// ClaimNotices claims nothing that beginning would hand back.
func (s *store) ClaimNotices(ctx context.Context, owner string, lasts time.Duration, but []string, limit int) ([]access.Notice, error) {
	s.mu.Lock()
	begun := s.begun
	s.mu.Unlock()
	if !begun {
		panic("notices were claimed before they had begun")
	}
	return s.Engine.ClaimNotices(ctx, owner, lasts, but, limit)
}

var errDead = errors.New("the process is gone")

func (s *store) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
}

func (s *store) RecordNotice(ctx context.Context, owner string, n access.Notice, r notice.Result) error {
	s.mu.Lock()
	dead := s.dead
	s.mu.Unlock()
	if dead {
		return errDead
	}
	return s.Engine.RecordNotice(ctx, owner, n, r)
}

// counted is what was observed.
type counted struct {
	mu       sync.Mutex
	outcomes map[string]int
}

func (c *counted) Noticed(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outcomes == nil {
		c.outcomes = map[string]int{}
	}
	c.outcomes[outcome]++
}

func (c *counted) of(outcome notice.Outcome) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outcomes[string(outcome)]
}

func (c *counted) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.outcomes)
}

// call is one of the messenger's.
type call struct {
	access.NoticeView
	at time.Time
}

// messenger keeps a book, and answers as the test says.
type messenger struct {
	mu     sync.Mutex
	calls  []call
	places int
	answer func(access.NoticeView) error // nil: it shows
}

func (m *messenger) Show(_ context.Context, v access.NoticeView) (access.Place, error) {
	m.mu.Lock()
	answer := m.answer
	m.calls = append(m.calls, call{v, time.Now()})
	m.mu.Unlock()
	if answer != nil {
		if err := answer(v); err != nil {
			return access.Place{}, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if v.Place != (access.Place{}) {
		return v.Place, nil
	}
	m.places++
	return access.Place{Channel: v.To.String(), At: fmt.Sprint(m.places)}, nil
}

func (m *messenger) script(answer func(access.NoticeView) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = answer
}

// take returns the calls since it was last asked.
func (m *messenger) take() []call {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.calls
	m.calls = nil
	return calls
}

// told renders what was shown since it was last asked, sorted: new or anew.
func (m *messenger) told() (out []string) {
	for _, c := range m.take() {
		line := fmt.Sprintf("%s %s", c.Kind, c.To)
		if c.Place != (access.Place{}) {
			line = fmt.Sprintf("%s anew in %s", c.Kind, c.To)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func (w *world) wantTold(want ...string) {
	w.t.Helper()
	if got := w.messenger.told(); !slices.Equal(got, want) {
		w.t.Errorf("told was\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// pass lets time pass, and what it brings about happen.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // fake: the bubble's clock
	synctest.Wait()
}

// ask is a request by alice.
func (w *world) ask(d time.Duration) engine.RequestView {
	w.t.Helper()
	length := access.Duration(d)
	r, err := w.engine.Submit(w.t.Context(), as(alice), engine.Ask{Action: debug, Resource: acme, For: &length, Reason: "PD-1"})
	must(w.t, err)
	return r
}

func (w *world) approve(r engine.RequestView) engine.RequestView {
	w.t.Helper()
	r, err := w.engine.Approve(w.t.Context(), as(bob), r.ID, engine.Review{})
	must(w.t, err)
	return r
}

// events returns the sealed events of a type.
func (w *world) events(typ string) (n int) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Type: typ, Limit: 1000})
		n = len(events)
		return err
	}))
	return n
}

func (w *world) waiting() int64 {
	w.t.Helper()
	var f ledger.Figures
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) (err error) {
		f, err = tx.Figures()
		return err
	}))
	return f.Notices.Waiting
}

func as(s access.Subject) engine.Call { return engine.Call{Caller: s, Channel: access.ChannelAPI} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// policy wants a review, or what the test says.
type policy struct {
	engine.Policy
	mu       sync.Mutex
	decision *access.Decision
}

func (p *policy) set(d access.Decision) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decision = &d
}

func (p *policy) Decide(context.Context, access.Input) (access.Decision, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.decision != nil {
		return *p.decision, nil
	}
	return reviewed(1, "#security"), nil
}

func (*policy) Allow(context.Context, access.APIInput) (access.Permission, error) {
	return access.Permission{Allowed: true}, nil
}

func (*policy) Revision() string { return "r1" }

func reviewed(quorum int, channels ...string) access.Decision {
	return access.Decision{
		Effect: access.Review, Reasons: []access.Reason{{Code: "needs_review", Title: "Needs review"}},
		Reviewers: &access.Reviewers{Groups: []string{"security"}, Quorum: quorum, Channels: channels},
	}
}

func allowed(obliged ...string) access.Decision {
	return access.Decision{
		Effect: access.Allow, Reasons: []access.Reason{{Code: "ok", Title: "OK"}}, Obligations: access.Obligations{Notify: obliged},
	}
}

type facts struct{}

func (facts) Gather(context.Context, access.Subject, time.Time) access.Facts {
	return access.Facts{OnCall: access.OnCall{Known: true, Shifts: []access.Shift{{Level: 1}}}}
}
