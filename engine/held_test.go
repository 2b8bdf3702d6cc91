package engine_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/postgres"
)

// hung is a node on a PostgreSQL in which other nodes hang: a test holds rows as
// they would.
type hung struct {
	*cluster
	db     *sql.DB
	engine *engine.Engine
	ledger *ledger.Ledger
}

func newHung(t *testing.T, targets ...engine.Target) *hung {
	t.Helper()
	url := pg.Database(t)
	db, err := sql.Open("pgx", url)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	h := &hung{cluster: &cluster{t: t}, db: db}
	h.engine, h.ledger = h.node(url, targets...)
	return h
}

func (h *hung) node(url string, targets ...engine.Target) (*engine.Engine, *ledger.Ledger) {
	h.t.Helper()
	db, err := postgres.Open(h.t.Context(), url)
	must(h.t, err)
	l, err := ledger.Open(h.t.Context(), db)
	must(h.t, err)
	h.t.Cleanup(func() { _ = l.Close() })
	return engine.New(engine.Config{
		Ledger: l, Policy: &policy{answer: allowAll}, Facts: &facts{}, Lease: lease.NewMemory(l.Now, false),
		Log: slog.New(slog.DiscardHandler), Targets: targets,
	}), l
}

func (h *hung) run() {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.engine.Run(ctx) }()
	h.t.Cleanup(func() { cancel(); <-done })
}

func (h *hung) exec(query string, args ...any) {
	h.t.Helper()
	_, err := h.db.ExecContext(h.t.Context(), query, args...)
	must(h.t, err)
}

// hold locks rows until the test ends.
func (h *hung) hold(query string) {
	h.t.Helper()
	tx, err := h.db.BeginTx(h.t.Context(), nil)
	must(h.t, err)
	h.t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.ExecContext(h.t.Context(), query)
	must(h.t, err)
}

// fill adds grants g1, g2, … of bindings b0001, b0002, …, that end one after the
// other from the time on.
func (h *hung) fill(n int, at time.Time) {
	h.t.Helper()
	h.exec(`INSERT INTO decisions VALUES ('d', 'request', 'allow', 'r', '{}', '{}', 1)`)
	h.exec(`INSERT INTO bindings (id, subject, action, resource, target, contract, desired, observed, version, generation,
		attempts, last_error, provision_open_until, deprovision_open_until)
		SELECT 'b' || lpad(i::text, 4, '0'), 'user:u' || i || '@x.io', 'debug', 'customer:acme', 'box', 'box-1', 'present', 'present',
		       1, 1, 1, '', 0, 0 FROM generate_series(1, $1::int) i`, n)
	h.exec(`INSERT INTO requests (id, subject, requester, action, resource, for_seconds, reason, emergency, channel, decision_id,
		created_at, closed_at, prior_state, state)
		SELECT 'r' || i, 'user:u' || i || '@x.io', 'user:u' || i || '@x.io', 'debug', 'customer:acme', 60, '', 0, 'api', 'd', 1, 1,
		       'pending', 'approved' FROM generate_series(1, $1::int) i`, n)
	h.exec(`INSERT INTO grants (id, request_id, binding_id, subject, action, resource, starts_at, expires_at, decision_id, created_at,
		prior_state, state)
		SELECT 'g' || i, 'r' || i, 'b' || lpad(i::text, 4, '0'), 'user:u' || i || '@x.io', 'debug', 'customer:acme', 1,
		       $2::bigint + i, 'd', 1, 'scheduled', 'active' FROM generate_series(1, $1::int) i`, n, at.UnixMicro())
}

func (h *hung) ended(grant string) func() bool {
	return func() bool {
		var state string
		must(h.t, h.db.QueryRowContext(h.t.Context(), `SELECT state FROM grants WHERE id = $1`, grant).Scan(&state))
		return state == "ended"
	}
}

var boxTarget = engine.Target{Name: "box", Contract: "box-1", Deadline: 5 * time.Second}

func TestAnEndDoesNotWaitForFiveHundredThatAreHeld(t *testing.T) {
	h := newHung(t, boxTarget)
	h.fill(501, time.Now().Add(-time.Second))
	h.hold(`SELECT id FROM bindings WHERE id <= 'b0500' FOR UPDATE`)
	h.run()
	h.until("the one that nobody holds has ended", h.ended("g501"))
	if h.ended("g1")() {
		t.Error("a grant whose binding another holds has ended")
	}
}

func TestAnEndDoesNotWaitForALapse(t *testing.T) {
	h := newHung(t, boxTarget)
	h.fill(1, time.Now().Add(300*time.Millisecond))
	h.exec(`INSERT INTO requests (id, subject, requester, action, resource, for_seconds, reason, emergency, channel, decision_id,
		created_at, lapses_at, state)
		VALUES ('held', 'user:z@x.io', 'user:z@x.io', 'debug', 'customer:acme', 60, '', 0, 'api', 'd', 1, 2, 'pending'),
		       ('free', 'user:z@x.io', 'user:z@x.io', 'debug', 'customer:acme', 60, '', 0, 'api', 'd', 1, 3, 'pending')`)
	h.hold(`SELECT id FROM requests WHERE id = 'held' FOR UPDATE`) // it is being reviewed
	h.run()
	h.until("the grant has ended", h.ended("g1"))
	h.until("the request that nobody reviews has lapsed", func() bool {
		var state string
		must(t, h.db.QueryRowContext(t.Context(), `SELECT state FROM requests WHERE id = 'free'`).Scan(&state))
		return state == "lapsed"
	})
}

func TestADeprovisionDoesNotWaitForProvisions(t *testing.T) {
	h := newHung(t, boxTarget)
	h.fill(30, time.Now().Add(time.Hour))
	h.exec(`DELETE FROM grants WHERE id = 'g30'`)
	h.exec(`UPDATE bindings SET observed = 'unknown', next_at = 1`)
	h.exec(`UPDATE bindings SET desired = 'absent', next_at = 2 WHERE id = 'b0030'`)
	claimed, err := h.engine.Claim(t.Context(), "node", 4, map[string]int{"box-1": 4})
	must(t, err)
	if len(claimed) != 4 || claimed[0].Message.Type != access.VerbDeprovision {
		t.Errorf("claimed %d, the first to %s", len(claimed), claimed[0].Message.Type)
	}
}

// A node that does not have a target, or not yet, leaves its deliveries alone:
// what another is at, and what another may claim in a moment.
func TestANodeWithoutATargetLeavesItsDeliveriesToOthers(t *testing.T) {
	h := newHung(t)
	h.fill(3, time.Now().Add(time.Hour))
	h.exec(`UPDATE bindings SET next_at = $1 WHERE id = 'b0001'`, time.Now().UnixMicro())
	h.exec(`UPDATE bindings SET next_at = 1 WHERE id IN ('b0002', 'b0003')`)
	h.hold(`SELECT id FROM bindings WHERE id = 'b0002' FOR UPDATE`)
	_, err := h.engine.Claim(t.Context(), "node", 10, map[string]int{})
	must(t, err)
	for id, want := range map[string]string{"b0001": "", "b0002": "", "b0003": "target_missing"} {
		var class sql.NullString
		var next int64
		must(t, h.db.QueryRowContext(t.Context(), `SELECT last_class, next_at FROM bindings WHERE id = $1`, id).Scan(&class, &next))
		if class.String != want || next > time.Now().UnixMicro() {
			t.Errorf("binding %s: class %q, next attempt at %d", id, class.String, next)
		}
	}
}

func TestANodeWithoutATargetLeavesScheduledGrantsToOthers(t *testing.T) {
	h := newHung(t, boxTarget)
	w := &world{t: t, engine: h.engine}
	w.seed()
	at := time.Now().Add(time.Second)
	ask := askFor(time.Hour)
	ask.StartsAt = engine.StartAt(at)
	r, err := h.engine.Submit(t.Context(), as(alice), ask)
	must(t, err)
	without := engine.New(engine.Config{
		Ledger: h.ledger, Policy: &policy{answer: allowAll}, Facts: &facts{}, Lease: silent{}, Log: slog.New(slog.DiscardHandler),
	})
	h.until("it is due", func() bool { return !h.ledger.Now().Before(at) })
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // it looks at once
	defer cancel()
	_ = without.Run(ctx)
	h.run()
	h.until("the node that has the target started it", func() bool {
		g, err := h.engine.Grant(t.Context(), as(alice), r.Grant.ID)
		return err == nil && g.State == access.GrantActive
	})
}

// A grant that the lease could not be told of, where it holds that there is none.
func TestATombstoneDoesNotRefuseALiveGrant(t *testing.T) {
	inSharedWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		_, err := w.engine.Revoke(t.Context(), as(alice), r.Grant.ID, "")
		must(t, err)
		w.pass(2 * time.Second)
		w.wantCheck(false, "lease")
		w.lease.set(func(m *moody) { m.writes = errDown })
		w.mustAsk(time.Hour)
		w.wantCheck(true, "ledger")
		w.lease.set(func(m *moody) { m.writes = nil })
		w.pass(2 * time.Second)
		w.wantCheck(true, "lease")
	})
}

// The lease is the faster one: a ledger that hangs does not hold up what it knows.
func TestCheckDoesNotWaitForALedgerThatHangs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustAsk(time.Hour)
		w.wantCheck(true, "lease")
		must(t, w.ledger.Close())
		for i := range 3 {
			w.pass(6 * time.Second) // that bob may ask is to be learned anew
			if live, by := w.check(w.engine); !live || by != "lease" {
				t.Fatalf("check %d: %v, by the %s", i, live, by)
			}
		}
	})
}

func TestStartsThatFailDoNotStandBeforeOthers(t *testing.T) {
	inWorldOf(t, func(w *world) { w.idle = true }, func(t *testing.T, w *world) {
		at := time.Now().Add(time.Minute)
		var last string
		for i := range 501 { // one more than are looked at together
			who := access.Subject{Type: "user", ID: fmt.Sprintf("user%d@example.com", i)}
			starts := at.Add(time.Duration(i) * time.Microsecond)
			ask := askFor(time.Hour)
			ask.StartsAt = engine.StartAt(starts)
			r, err := w.engine.Submit(t.Context(), as(who), ask)
			must(t, err)
			last = r.Grant.ID
		}
		w.policy.set(func(in access.Input) access.Decision {
			if in.Subject.ID != "user500@example.com" {
				panic("planted")
			}
			return allowAll(in)
		})
		w.pass(time.Minute + 3*time.Second)
		g, err := w.engine.Grant(t.Context(), as(alice), last)
		must(t, err)
		if g.State != access.GrantActive {
			t.Errorf("the grant behind those that fail is %s", g.State)
		}
	})
}
