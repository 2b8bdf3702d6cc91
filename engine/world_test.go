package engine_test

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/decisions"
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
	bob   = access.Subject{Type: "user", ID: "bob@example.com"}
	dave  = access.Subject{Type: "user", ID: "dave@example.com"}
	acme  = access.ResourceRef{Type: "customer", ID: "acme"}
	debug = access.Action{Name: "debug"}
)

// world is a gateway without its edges, in a bubble of fake time: a real ledger
// on SQLite, the in-process lease, the worker, and a target that keeps a book.
type world struct {
	t      *testing.T
	engine *engine.Engine
	ledger *ledger.Ledger
	db     *sqlite.DB
	target *target
	policy *policy
	facts  *facts
	news   *news // sources of facts, instead of facts; nil: none
	stop   func()
	path   string

	lease     *moody
	shared    bool // the lease outlives the process, and others read it
	counted   *counted
	decider   engine.Policy      // instead of policy; nil: policy
	decisions engine.DecisionLog // nil: nobody takes decisions down
	form      decisions.Form
	idle      bool                                        // nothing is delivered
	contract  string                                      // what the target is configured as; "" is box-1, which it was
	requests  func(*ledger.Ledger) *engine.AccessRequests // nil: access requests are not offered
	step      func(string)                                // is told of each step; nil: nobody

	terms func(*engine.Target) // changes what is agreed with the target; nil: nothing
	asked outbox.Verifier      // says what exists at the target; nil: it is not asked

	sources     []engine.CatalogueSource // that are declared
	compared    func()                   // runs once, when a snapshot is about to be applied
	maxEndShare float64                  // 0: as it is shipped
	renew       time.Duration            // 0: as it is shipped
}

// inWorld runs a story in a fresh world, with the loops running.
func inWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	inWorldOf(t, func(*world) {}, story)
}

// inSharedWorld is inWorld with a lease that others read too.
func inSharedWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	inWorldOf(t, func(w *world) { w.shared = true }, story)
}

func inWorldOf(t *testing.T, change func(*world), story func(t *testing.T, w *world)) {
	t.Helper()
	path := ledgerfile.Empty(t)
	bubble.Test(t, func(t *testing.T) {
		w := &world{t: t, target: newTarget(), policy: &policy{answer: allowAll}, facts: &facts{}, path: path, counted: &counted{}}
		change(w)
		w.start()
		defer func() { w.stop() }()
		w.seed()
		story(t, w)
	})
}

// start opens the ledger and runs the loops: what a process does.
func (w *world) start() {
	w.t.Helper()
	db, err := sqlite.Open(w.t.Context(), w.path)
	must(w.t, err)
	w.db = db
	w.ledger, err = ledger.Open(w.t.Context(), db)
	must(w.t, err)
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error { return tx.ReleaseClaims() }))
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	w.lease = &moody{Memory: lease.NewMemory(w.ledger.Now, true)}
	contract, decider := cmp.Or(w.contract, "box-1"), w.decider
	if decider == nil {
		decider = w.policy
	}
	var requests *engine.AccessRequests
	if w.requests != nil {
		requests = w.requests(w.ledger)
	}
	var known engine.Facts = w.facts
	var snapshots engine.Snapshots
	if w.news != nil {
		known, snapshots = w.news, w.news
	}
	box := engine.Target{
		Name: "box", Contract: contract, Deadline: 15 * time.Second, MaxLag: w.target.lag,
		Retry: trouble.Backoff{First: time.Second, Cap: 5 * time.Second},
	}
	if w.terms != nil {
		w.terms(&box)
	}
	w.engine = engine.New(engine.Config{
		AccessRequests: requests, Step: w.step, MaxEndShare: w.maxEndShare, Renew: w.renew, Snapshots: snapshots,
		Ledger: w.ledger, Policy: decider, Facts: known, Lease: w.lease, LeaseShared: w.shared, Log: log, Observer: w.counted,
		Decisions: w.decisions, DecisionForm: w.form, CatalogueSources: w.sources,
		Targets: []engine.Target{box}, CallbackURL: "https://curfew.test/v1/callbacks/",
	})
	worker := &outbox.Worker{
		Store: w.engine, Targets: map[string]outbox.Target{contract: {Deliverer: w.target, Verifier: w.asked}},
		Asker: w.engine, Alerter: w.target, Log: log, Owner: "node",
	}
	sealer := &audit.Sealer{Store: w.ledger, Every: time.Second, Log: log}
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	for _, run := range []func(context.Context) error{
		w.engine.Run, sealer.Run,
		func(ctx context.Context) error {
			return w.lease.Run(ctx, lease.Events{Expired: w.engine.Announced, Connected: w.engine.Wake, Emptied: w.engine.Rebuild})
		},
	} {
		loops.Go(func() { _ = run(ctx) })
	}
	if !w.idle {
		loops.Go(func() { _ = worker.Run(ctx) })
	}
	w.stop = func() {
		cancel()
		loops.Wait()
		if err := w.ledger.Close(); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) seed() {
	w.t.Helper()
	hour := access.Duration(time.Hour)
	_, err := w.engine.SyncResources(w.t.Context(), "seed", access.Catalogue{Resources: []access.Resource{{
		Type: "customer", ID: "acme", Name: "Acme", Properties: map[string]any{"owner": "payments"},
		Entitlements: []access.Entitlement{{
			Action: "debug", Durations: []access.Duration{access.Duration(30 * time.Second), access.Duration(2 * time.Minute), hour, 2 * hour},
			While: []string{"oncall", "incident"}, Target: "box",
		}},
	}}})
	must(w.t, err)
	must(w.t, w.engine.LoadPeople(w.t.Context(), "file", []access.Person{
		{Subject: alice, Groups: []string{"payments"}},
		{Subject: bob, Groups: []string{"security"}},
		{Subject: dave, Groups: []string{"security"}},
	}))
}

// ask is a request by alice for acme, debug.
func (w *world) ask(d time.Duration) (engine.RequestView, error) {
	length := access.Duration(d)
	return w.engine.Submit(w.t.Context(), as(alice), engine.Ask{Action: debug, Resource: acme, For: &length, Reason: "PD-1"})
}

func (w *world) mustAsk(d time.Duration) engine.RequestView {
	w.t.Helper()
	r, err := w.ask(d)
	must(w.t, err)
	return r
}

// raw runs SQL that no method would.
func (w *world) raw(query string) error {
	return w.db.Update(context.Background(), func(tx ledger.Querier) error {
		_, err := tx.ExecContext(context.Background(), query)
		return err
	})
}

// settle lets everything that can happen without time passing happen.
func (w *world) settle() { synctest.Wait() }

// pass lets time pass, and what it brings about happen.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // fake: the bubble's clock
	synctest.Wait()
}

// events returns the types of all sealed events, in sequence.
func (w *world) events(f ledger.EventFilter) (types []string) {
	w.t.Helper()
	w.pass(time.Second + time.Millisecond)
	f.Limit = 10_000
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Events(f)
		for _, e := range events {
			types = append(types, typeOf(w.t, e.Body))
		}
		return err
	}))
	return types
}

func (w *world) binding(id string) (b access.Binding) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) (err error) {
		b, err = tx.Binding(id)
		return err
	}))
	return b
}

func as(s access.Subject) engine.Call { return engine.Call{Caller: s, Channel: access.ChannelAPI} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// policy answers as the test says.
type policy struct {
	mu     sync.Mutex
	answer func(access.Input) access.Decision
	name   string // of its revision; "" is r1

	answering sync.Mutex // one answer at a time

	resume func(access.ContinueInput) (access.Continuation, error) // nil: every live grant is kept
	facts  func(codes []string) ([]string, bool)                   // nil: everything depends on all of them
}

func (p *policy) Decide(_ context.Context, in access.Input) (access.Decision, error) {
	p.mu.Lock()
	answer, revision := p.answer, p.revision()
	p.mu.Unlock()
	p.answering.Lock() // and not mu: an answer may take its time, and nobody waits for it to learn the revision
	defer p.answering.Unlock()
	d := answer(in)
	d.Revision = revision
	return d, nil
}

func (p *policy) set(answer func(access.Input) access.Decision) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *policy) Allow(_ context.Context, in access.APIInput) (access.Permission, error) {
	if in.Operation == "request.review" && (in.Object.Reviewer == nil || !*in.Object.Reviewer) {
		return access.Permission{Reason: "not a reviewer"}, nil
	}
	return access.Permission{Allowed: true}, nil
}

func (p *policy) Revision() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.revision()
}

func (p *policy) revision() string { return cmp.Or(p.name, "r1") }

func (p *policy) Check(_ context.Context, inputs []access.CheckInput, last func(access.CheckAnswer) bool) (answers []access.CheckAnswer) {
	for _, in := range inputs {
		a := access.CheckAnswer{Decision: len(in.Grants) > 0, Reason: "no_live_grant", Revision: p.Revision()}
		if a.Decision {
			a.Reason = "live_grant"
		}
		if answers = append(answers, a); last != nil && last(a) {
			break
		}
	}
	return answers
}

func (p *policy) Continue(_ context.Context, in access.ContinueInput) (access.Continuation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resume == nil {
		return access.Continuation{Action: access.ContinueKeep, Revision: p.revision()}, nil
	}
	c, err := p.resume(in)
	c.Revision = p.revision()
	return c, err
}

func (p *policy) Facts(codes []string) ([]string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.facts == nil {
		return nil, true
	}
	return p.facts(codes)
}

func (p *policy) Query(context.Context, access.Query) (access.QueryAnswer, error) {
	return access.QueryAnswer{Revision: p.Revision()}, nil
}

func allowAll(access.Input) access.Decision {
	return access.Decision{Effect: access.Allow, Reasons: []access.Reason{{Code: "ok", Title: "OK"}}}
}

func denyAll(access.Input) access.Decision {
	return access.Decision{Effect: access.Deny, Reasons: []access.Reason{{Code: "no", Title: "No"}}}
}

// reviewBy wants so many reviewers of security.
func reviewBy(quorum int) func(access.Input) access.Decision {
	return func(access.Input) access.Decision {
		return access.Decision{
			Effect: access.Review, Reasons: []access.Reason{{Code: "needs_review", Title: "Needs review"}},
			Reviewers: &access.Reviewers{Groups: []string{"security"}, Quorum: quorum},
		}
	}
}

// facts says who is on call as the test sets it.
type facts struct {
	mu     sync.Mutex
	shifts []access.Shift
}

func (f *facts) Gather(context.Context, access.Subject, time.Time) access.Facts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return access.Facts{GroupsKnown: true, OnCall: access.OnCall{Known: true, Shifts: f.shifts}}
}

// target is a system that access is given in. It believes every message, in the
// order in which they land.
type target struct {
	lag   time.Duration // how long after an attempt its effect may still come
	tries int           // requests that an attempt takes to be accepted; 0: one

	mu     sync.Mutex
	has    bool
	told   []access.Message
	when   []time.Time
	answer func(access.Message) (time.Duration, error) // how long it takes, and what it answers
	alerts []access.Binding
}

func newTarget() *target {
	return &target{answer: func(access.Message) (time.Duration, error) { return 0, nil }}
}

func (x *target) Deliver(ctx context.Context, m access.Message) (access.Receipt, error) {
	x.mu.Lock()
	takes, err := x.answer(m)
	x.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return access.Receipt{}, &access.DeliveryError{Class: access.ClassUnreachable, Err: ctx.Err()}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.told, x.when = append(x.told, m), append(x.when, time.Now())
	if err != nil {
		return access.Receipt{}, err
	}
	if m.Data.Callback != nil {
		return access.Receipt{Status: 202, Tries: max(x.tries, 1)}, nil // it acts when it calls back
	}
	x.has = m.Type != access.VerbDeprovision
	return access.Receipt{Status: 204, Tries: 1}, nil
}

func (x *target) Overdue(_ context.Context, b access.Binding) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.alerts = append(x.alerts, b)
}

func (x *target) alerted() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.alerts)
}

func (x *target) script(answer func(access.Message) (time.Duration, error)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answer = answer
}

// verbs lists what it was told, in order.
func (x *target) verbs() (verbs []access.Verb) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.told {
		verbs = append(verbs, m.Type)
	}
	return verbs
}

// open lets access appear, as when a message lands late.
func (x *target) open() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.has = true
}

func (x *target) holds() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.has
}
