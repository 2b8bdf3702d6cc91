package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/audit"
	pip "github.com/curfew-access/curfew/engine/facts" // facts is a test's own here
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
)

const externalURL = "https://pdp.example.com"

const (
	aliceSecret = "alice-0123456789abcdef"
	bobSecret   = "bob-0123456789abcdef"
	carolSecret = "carol-0123456789abcdef"
)

var (
	alice = access.Subject{Type: "user", ID: "alice@example.com"}
	bob   = access.Subject{Type: "user", ID: "bob@example.com"}
	carol = access.Subject{Type: "user", ID: "carol@example.com"}
)

// world is the API on a real engine and ledger, with a policy that answers what
// a test sets.
type world struct {
	t       testing.TB
	handler http.Handler
	engine  *engine.Engine
	ledger  *ledger.Ledger
	db      *sqlite.DB // that the ledger is in
	policy  *policy
	lease   *slowLease
	log     *lockedBuffer
	book    *book // of decisions
	roster  *pip.Book
	ready   api.Readiness
	keys    *audit.Keys // that sign checkpoints
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOf(t, nil)
}

// newWorldOf is newWorld with a policy in place of the test's own; nil for that.
func newWorldOf(t testing.TB, decider engine.Policy) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "curfew.db"))
	must(t, err)
	l, err := ledger.Open(t.Context(), db)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	w := &world{
		t: t, ledger: l, db: db, lease: &slowLease{Memory: lease.NewMemory(l.Now, true)}, policy: &policy{effect: access.Allow}, log: &lockedBuffer{}, book: &book{},
		roster: pip.NewBook(pip.BookConfig{Sources: []pip.BookSource{{Name: "pagerduty", Kind: access.SourceOnCall}, {Name: "rota", Kind: access.SourceOnCall}}}),
		ready:  api.Readiness{Status: api.StatusOK, Checks: []api.Check{{Name: "ledger", Status: "ok"}}},
	}
	if decider == nil {
		decider = w.policy
	}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.keys = newAuditKeys(t)
	w.engine = engine.New(engine.Config{
		AuditKeys: w.keys,
		Ledger:    l, Policy: decider, Facts: facts{}, Lease: w.lease, Log: log, Decisions: w.book, Roster: w.roster,
		Targets: []engine.Target{
			{Name: "box", Contract: "box-1", Deadline: 15 * time.Second},
			{Name: "flow", Contract: "flow-1", Deadline: 15 * time.Second, CallbackWithin: time.Minute},
		},
		CallbackURL: externalURL + "/v1/callbacks/",
	})
	w.seed()
	w.handler, err = api.New(api.Config{
		Engine: w.engine, Log: log, Version: "1.2.3", ExternalURL: externalURL,
		Tokens: []api.Token{{Name: "alice", Subject: alice, Secret: aliceSecret}, {Name: "bob", Subject: bob, Secret: bobSecret}, {Name: "carol", Subject: carol, Secret: carolSecret}},
		Metrics: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			_, _ = io.WriteString(rw, "curfew_grants_live 1\n")
		}),
		Ready: func(context.Context) api.Readiness { return w.ready },
		Hooks: map[string]http.Handler{"/hooks/panics": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic("on purpose")
		})},
	})
	must(t, err)
	return w
}

func (w *world) seed() {
	offered := []access.Entitlement{{
		Action: "debug", Durations: []access.Duration{access.Duration(30 * time.Second), access.Duration(2 * time.Hour)},
		While: []string{"oncall", "incident"}, Target: "box",
	}}
	_, err := w.engine.SyncResources(w.t.Context(), "seed", access.Catalogue{Resources: []access.Resource{
		{Type: "customer", ID: "acme", Name: "Acme", Properties: map[string]any{"owner": "payments"}, Entitlements: offered},
		{Type: "customer", ID: "a/b+c d", Entitlements: offered},
	}})
	must(w.t, err)
	must(w.t, w.engine.LoadPeople(w.t.Context(), "file", []access.Person{{Subject: bob, Groups: []string{"security"}}}))
}

// sent is a request of a test.
type sent struct {
	method, path, body string
	header             map[string]string // "" removes one
}

// do sends a request as alice and returns what it was answered.
func (w *world) do(s sent) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), s.method, s.path, strings.NewReader(s.body))
	r.Header.Set("Authorization", "Bearer "+aliceSecret)
	if s.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range s.header {
		if value == "" {
			r.Header.Del(name)
			continue
		}
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

func (w *world) get(path string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.do(sent{method: "GET", path: path})
}

func (w *world) post(path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.do(sent{method: "POST", path: path, body: body})
}

// want decodes an answer of the status.
func want[T any](t testing.TB, rec *httptest.ResponseRecorder, status int) (v T) {
	t.Helper()
	if rec.Code != status {
		t.Fatalf("status %d, want %d: %s", rec.Code, status, rec.Body)
	}
	must(t, json.Unmarshal(rec.Body.Bytes(), &v))
	return v
}

// wantProblem checks a problem document and returns it.
func wantProblem(t testing.TB, rec *httptest.ResponseRecorder, status int, code, pointer string) api.Problem {
	t.Helper()
	p := want[api.Problem](t, rec, status)
	if p.Code != code || p.Pointer != pointer || p.Status != status || p.Type != "urn:curfew:problem:"+code || p.Title == "" {
		t.Fatalf("problem is %+v, want %q at %q", p, code, pointer)
	}
	if got := rec.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type %q", got)
	}
	if p.RequestID == "" || p.RequestID != rec.Header().Get("X-Request-ID") {
		t.Fatalf("request id %q, header %q", p.RequestID, rec.Header().Get("X-Request-ID"))
	}
	if listed, ok := document(t).codes[code]; !ok || listed.Status != status {
		t.Fatalf("the document lists %q as %+v, want status %d", code, listed, status)
	}
	return p
}

const askFor2h = `{"action":{"name":"debug"},"resource":{"type":"customer","id":"acme"},"for":"2h","reason":"PD-1"}`

// stored counts requests and grants, and lists the types of audit events.
func (w *world) stored() (requests, grants int, events []string) {
	w.t.Helper()
	_, err := w.ledger.SealEvents(w.t.Context(), 1000, nil)
	must(w.t, err)
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		rs, err := tx.Requests(ledger.Filter{Limit: 1000})
		must(w.t, err)
		gs, err := tx.Grants(ledger.Filter{Limit: 1000})
		must(w.t, err)
		es, err := tx.Events(ledger.EventFilter{Limit: 1000})
		must(w.t, err)
		requests, grants = len(rs), len(gs)
		for _, e := range es {
			var event struct{ Type string }
			must(w.t, json.Unmarshal(e.Body, &event))
			if event.Type != "resource.created" && event.Type != "person.changed" && event.Type != "catalogue.synced" {
				events = append(events, event.Type)
			}
		}
		return nil
	}))
	return requests, grants, events
}

// policy answers every decision with one effect, and refuses what it is told to.
type policy struct {
	mu     sync.Mutex
	effect access.Effect
	refuse string // an operation
	panics bool

	panicsOnAllow bool
	busy          bool // for checks and queries
}

func (p *policy) set(effect access.Effect) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.effect = effect
}

func (p *policy) Decide(context.Context, access.Input) (access.Decision, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.panics {
		panic("policy fell over")
	}
	d := access.Decision{
		Effect: p.effect, Revision: "rev-1",
		Reasons: []access.Reason{{Code: "because", Title: "Because", Detail: "It is a test."}},
	}
	switch p.effect {
	case access.Review:
		d.Reviewers = &access.Reviewers{Groups: []string{"security"}, Quorum: 1}
	case access.Allow, access.Deny:
	}
	return d, nil
}

func (p *policy) Allow(_ context.Context, in access.APIInput) (access.Permission, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.panicsOnAllow {
		panic("policy fell over")
	}
	return access.Permission{Allowed: in.Operation != p.refuse, Reason: "the test says no"}, nil
}

func (*policy) Revision() string { return "rev-1" }

func (p *policy) Check(_ context.Context, inputs []access.CheckInput, last func(access.CheckAnswer) bool) (answers []access.CheckAnswer) {
	for _, in := range inputs {
		a := access.CheckAnswer{Decision: len(in.Grants) > 0, Reason: "no_live_grant", Revision: p.Revision()}
		a.Input, _ = json.Marshal(in)
		if p.busy {
			a.Failure = fmt.Errorf("no turn: %w", access.ErrBusy)
		}
		if a.Decision {
			a.Reason = "live_grant"
		}
		if answers = append(answers, a); last != nil && last(a) {
			break
		}
	}
	return answers
}

func (p *policy) Continue(context.Context, access.ContinueInput) (access.Continuation, error) {
	return access.Continuation{Action: access.ContinueKeep, Revision: p.Revision()}, nil
}

func (*policy) Facts([]string) ([]string, bool) { return nil, true }

func (p *policy) Query(context.Context, access.Query) (access.QueryAnswer, error) {
	if p.busy {
		return access.QueryAnswer{}, fmt.Errorf("no turn: %w", access.ErrBusy)
	}
	return access.QueryAnswer{Revision: p.Revision()}, nil
}

// slowLease is a lease that can be late to say what it was told.
type slowLease struct {
	*lease.Memory
	late atomic.Bool
}

func (l *slowLease) Stand(ctx context.Context, standings ...access.Standing) error {
	if l.late.Load() {
		return access.ErrPropagating
	}
	return l.Memory.Stand(ctx, standings...)
}

type facts struct{}

func (facts) Gather(context.Context, access.Subject, time.Time) access.Facts { return access.Facts{} }

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
