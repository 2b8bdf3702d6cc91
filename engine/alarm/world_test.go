package alarm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/alarm"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/engine/outbox"
	"github.com/curfew-access/curfew/engine/trouble"
	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/ledgerfile"
)

var (
	alice = access.Subject{Type: "user", ID: "alice@example.com"}
	debug = access.Action{Name: "debug"}
)

// world is a gateway without its edges, in a bubble of fake time: a ledger, what
// gives and takes away access, two targets, and one pager for all nodes.
type world struct {
	t       *testing.T
	db      *sqlite.DB
	ledger  *ledger.Ledger
	engine  *engine.Engine
	targets map[string]*target
	pager   *pager
	sources []engine.CatalogueSource
	// still ends all that gives and takes away access: from then on time passes for
	// alarms alone.
	still func()
}

func inWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	path := ledgerfile.Empty(t)
	bubble.Test(t, func(t *testing.T) {
		db, l := ledgerfile.OpenShared(t, path)
		w := &world{
			t: t, db: db, ledger: l, pager: &pager{}, targets: map[string]*target{"box": {}, "vpn": {}},
			sources: []engine.CatalogueSource{{Name: "aws", Every: 24 * time.Hour}},
		}
		w.engine = w.newEngine("first")
		log := slog.New(slog.DiscardHandler)
		worker := &outbox.Worker{
			Store: w.engine, Targets: map[string]outbox.Target{}, Alerter: outbox.LogAlerter{Log: log}, Log: log, Owner: "node",
		}
		for name, x := range w.targets {
			worker.Targets[name+"-1"] = outbox.Target{Name: name, Deliverer: x}
		}
		ctx, cancel := context.WithCancel(context.Background())
		var loops sync.WaitGroup
		for _, run := range []func(context.Context) error{
			w.engine.Run, worker.Run, (&audit.Sealer{Store: l, Every: time.Second, Log: log}).Run,
		} {
			loops.Go(func() { _ = run(ctx) })
		}
		w.still = func() {
			cancel()
			loops.Wait()
		}
		defer func() {
			w.still()
			must(t, l.Close())
		}()
		w.seed()
		story(t, w)
	})
}

func (w *world) newEngine(node string) *engine.Engine {
	cfg := engine.Config{
		Ledger: w.ledger, Policy: policy{}, Facts: facts{}, Lease: lease.NewMemory(w.ledger.Now, false), Node: node,
		Log: slog.New(slog.DiscardHandler), CatalogueSources: w.sources,
	}
	for name := range w.targets {
		cfg.Targets = append(cfg.Targets, engine.Target{
			Name: name, Contract: name + "-1", Deadline: time.Second, Retry: trouble.Backoff{First: time.Second, Cap: 30 * time.Second},
		})
	}
	return engine.New(cfg)
}

// seed makes customers c0 to c9 at the target box, and the network at vpn.
func (w *world) seed() {
	w.t.Helper()
	offered := func(target string) []access.Entitlement {
		return []access.Entitlement{{Action: "debug", Durations: []access.Duration{access.Duration(time.Minute), access.Duration(24 * time.Hour)}, Target: target}}
	}
	catalogue := access.Catalogue{Resources: []access.Resource{{Type: "network", ID: "inner", Name: "inner", Entitlements: offered("vpn")}}}
	for i := range 10 {
		id := fmt.Sprintf("c%d", i)
		catalogue.Resources = append(catalogue.Resources, access.Resource{Type: "customer", ID: id, Name: id, Entitlements: offered("box")})
	}
	_, err := w.engine.SyncResources(w.t.Context(), "seed", catalogue)
	must(w.t, err)
	w.bring()
}

// bring has the source aws bring its catalogue.
func (w *world) bring() {
	w.t.Helper()
	_, err := w.engine.Sync(w.t.Context(), engine.Call{Caller: alice, Channel: access.ChannelAPI}, engine.SyncOrder{Source: "aws", Items: &one{}})
	must(w.t, err)
}

// one is a snapshot with one resource.
type one struct{ read bool }

func (o *one) Next() (engine.SyncItem, error) {
	if o.read {
		return engine.SyncItem{}, io.EOF
	}
	o.read = true
	return engine.SyncItem{Line: 1, Resource: access.Resource{Type: "account", ID: "1", Name: "one", Entitlements: []access.Entitlement{
		{Action: "debug", Durations: []access.Duration{access.Duration(time.Minute)}, Target: "box"}}}}, nil
}

// have gives alice access for so long.
func (w *world) have(resource string, d time.Duration) engine.RequestView {
	w.t.Helper()
	typ, id, _ := strings.Cut(resource, ":")
	length := access.Duration(d)
	r, err := w.engine.Submit(w.t.Context(), engine.Call{Caller: alice, Channel: access.ChannelAPI},
		engine.Ask{Action: debug, Resource: access.ResourceRef{Type: typ, ID: id}, For: &length, Reason: "PD-1"})
	must(w.t, err)
	return r
}

// pass lets time pass, and what it brings about happen.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // fake: the bubble's clock
	synctest.Wait()
}

// ages makes what is not as it should be so for long enough to be overdue.
func (w *world) ages() {
	w.t.Helper()
	w.raw(`UPDATE bindings SET due_at = due_at - $1 WHERE due_at IS NOT NULL`, access.OverdueAfter.Microseconds())
	w.pass(6 * time.Second)
}

// confirms makes all as it should be.
func (w *world) confirms(target string) {
	w.t.Helper()
	w.raw(`UPDATE bindings SET due_at = NULL, next_at = NULL WHERE target = $1`, target)
}

// raw runs SQL that no method would.
func (w *world) raw(query string, args ...any) {
	w.t.Helper()
	must(w.t, w.db.Update(w.t.Context(), func(tx ledger.Querier) error {
		_, err := tx.ExecContext(w.t.Context(), query, args...)
		return err
	}))
}

// events counts the sealed events of a type.
func (w *world) events(typ string) (n int) {
	w.t.Helper()
	w.pass(time.Second)
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Type: typ, Limit: 1000})
		n = len(events)
		return err
	}))
	return n
}

// wantPaged checks what the pager took since it was last asked: "overdue:box", or
// "over overdue:box".
func (w *world) wantPaged(when string, want ...string) {
	w.t.Helper()
	var got []string
	for _, a := range w.pager.take() {
		line := a.Key()
		if a.ResolvedAt != nil {
			line = "over " + line
		}
		got = append(got, line)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: the pager took %v, want %v", when, got, want)
	}
}

// node is one process that keeps alarms.
type node struct {
	store *store
	log   *bytes.Buffer
	stop  func()
}

// start makes a process and lets it run to the end of the test, or until stop.
func (w *world) start(name string) *node {
	w.t.Helper()
	return w.startWith(name, w.pager)
}

// startWith is start with another pager; nil: there is none.
func (w *world) startWith(name string, p alarm.Pager) *node {
	w.t.Helper()
	n := &node{store: &store{Engine: w.newEngine(name)}, log: &bytes.Buffer{}}
	loop := &alarm.Loop{Store: n.store, Pager: p, Log: slog.New(slog.NewTextHandler(n.log, nil))}
	n.stop = bubble.Run(w.t, loop.Run)
	w.t.Cleanup(n.stop)
	w.pass(time.Second)
	return n
}

// store can be a dead process's: what it is told is not written down.
type store struct {
	*engine.Engine
	mu   sync.Mutex
	dead bool
}

func (s *store) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
}

var errDead = errors.New("the process is gone")

func (s *store) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

func (s *store) AlarmTold(ctx context.Context, a access.Alarm) error {
	if s.gone() {
		return errDead
	}
	return s.Engine.AlarmTold(ctx, a)
}

// pager keeps a book, and answers as the test says.
type pager struct {
	mu     sync.Mutex
	asked  []time.Time
	took   []access.Alarm
	answer func(access.Alarm) error // nil: it takes everything
}

func (p *pager) Page(_ context.Context, a access.Alarm) error {
	p.mu.Lock()
	answer := p.answer
	p.asked = append(p.asked, time.Now())
	p.mu.Unlock()
	if answer != nil { // and it may take its time
		if err := answer(a); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, a)
	return nil
}

func (p *pager) script(answer func(access.Alarm) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.asked = answer, nil
}

func (p *pager) tries() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

func (p *pager) take() []access.Alarm {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := p.took
	p.took = nil
	return took
}

// target is a system that is up, or is not.
type target struct {
	mu   sync.Mutex
	down bool
}

func (x *target) is(down bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = down
}

func (x *target) Deliver(context.Context, access.Message) (access.Receipt, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.down {
		return access.Receipt{}, &access.DeliveryError{Class: access.ClassRefused, Status: 500, Err: errors.New("answered 500")}
	}
	return access.Receipt{Status: 204, Tries: 1}, nil
}

// policy gives everybody everything.
type policy struct{ engine.Policy }

func (policy) Decide(context.Context, access.Input) (access.Decision, error) {
	return access.Decision{Effect: access.Allow, Reasons: []access.Reason{{Code: "ok", Title: "OK"}}}, nil
}

func (policy) Allow(context.Context, access.APIInput) (access.Permission, error) {
	return access.Permission{Allowed: true}, nil
}

func (policy) Revision() string { return "r1" }

type facts struct{}

func (facts) Gather(context.Context, access.Subject, time.Time) access.Facts { return access.Facts{} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
