package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/postgres"
	"github.com/curfew-access/curfew/engine/outbox"
	"github.com/curfew-access/curfew/engine/trouble"
	"github.com/curfew-access/curfew/tests/service"
)

var pg = service.SharedPostgres{Settings: []string{"fsync=off"}} //nolint:gochecknoglobals // one server for all tests

func TestMain(m *testing.M) {
	code := m.Run()
	pg.Close()
	os.Exit(code)
}

// cluster is several nodes on one PostgreSQL, and on one Redis if there is one,
// in real time.
type cluster struct {
	t      *testing.T
	policy *policy
	target *target
	nodes  []*node
}

type node struct {
	*engine.Engine
	ledger  *ledger.Ledger
	counted *counted
	stop    func()
}

func newCluster(t *testing.T, size int, redis string) *cluster {
	t.Helper()
	c := &cluster{t: t, policy: &policy{answer: allowAll}, target: newTarget()}
	url := pg.Database(t)
	for range size {
		c.nodes = append(c.nodes, c.start(url, redis))
	}
	w := &world{t: t, engine: c.nodes[0].Engine}
	w.seed()
	return c
}

func (c *cluster) start(url, redis string) *node {
	t := c.t
	t.Helper()
	db, err := postgres.Open(t.Context(), url)
	must(t, err)
	l, err := ledger.Open(t.Context(), db)
	must(t, err)
	n := &node{ledger: l, counted: &counted{}}
	var held interface {
		engine.Lease
		Run(ctx context.Context, events lease.Events) error
	} = lease.NewMemory(l.Now, false)
	if redis != "" {
		where, err := lease.ParseRedisURL(redis)
		must(t, err)
		held, err = lease.OpenRedis(t.Context(), lease.RedisConfig{URL: where, Epochs: l, Now: l.Now, Log: slog.New(slog.DiscardHandler)})
		must(t, err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	n.Engine = engine.New(engine.Config{
		Ledger: l, Policy: c.policy, Facts: &facts{}, Lease: held, LeaseShared: redis != "", Log: log, Observer: n.counted,
		Targets: []engine.Target{{Name: "box", Contract: "box-1", Deadline: 5 * time.Second, Retry: trouble.Backoff{First: time.Second}}},
	})
	worker := &outbox.Worker{
		Store: n.Engine, Targets: map[string]outbox.Target{"box-1": {Deliverer: c.target}}, Alerter: c.target, Log: log, Owner: "node",
	}
	sealer := &audit.Sealer{Store: l, Log: log}
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	for _, run := range []func(context.Context) error{
		n.Run, worker.Run, sealer.Run,
		func(ctx context.Context) error {
			return held.Run(ctx, lease.Events{Expired: n.Announced, Connected: n.Wake, Emptied: n.Rebuild})
		},
	} {
		loops.Go(func() { _ = run(ctx) })
	}
	n.stop = sync.OnceFunc(func() {
		cancel()
		loops.Wait()
		_ = l.Close()
	})
	t.Cleanup(n.stop)
	return n
}

// until waits for a condition.
func (c *cluster) until(what string, holds func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(45 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("not within 45 s: %s", what)
		}
	}
}

func (c *cluster) count(query func(*ledger.Tx) (int, error)) (n int) {
	c.t.Helper()
	must(c.t, c.nodes[0].ledger.View(c.t.Context(), func(tx *ledger.Tx) (err error) {
		n, err = query(tx)
		return err
	}))
	return n
}

// Two hundred grants end at once on three nodes: each end is one event, and each
// binding is told once of its beginning and once of its end.
func TestEachEndIsClaimedOnceHoweverManyNodesThereAre(t *testing.T) {
	for name, redis := range map[string]bool{"by the ledger's timer alone": false, "with Redis": true} {
		t.Run(name, func(t *testing.T) {
			url := ""
			if redis {
				url = "redis://" + service.Redis(t).Addr
			}
			c := newCluster(t, 3, url)
			const grants = 200
			offerSeconds(t, c.nodes[0])
			var all sync.WaitGroup
			for i := range grants {
				all.Go(func() {
					who := access.Subject{Type: "user", ID: fmt.Sprintf("user%d@example.com", i)}
					_, err := c.nodes[i%3].Submit(t.Context(), as(who), askFor(2*time.Second))
					if err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			c.until("all ended and closed", func() bool { return len(c.target.verbs()) >= 2*grants })
			c.until("all recorded", func() bool {
				return c.count(func(tx *ledger.Tx) (int, error) {
					events, err := tx.Events(ledger.EventFilter{Type: audit.BindingDeprovisioned, Limit: 10_000})
					return len(events), err
				}) == grants
			})
			if n := len(c.target.verbs()); n != 2*grants {
				t.Errorf("the target was told %d times of %d grants", n, grants)
			}
			ended, late := 0, time.Duration(0)
			for _, n := range c.nodes {
				n.counted.mu.Lock()
				ended, late = ended+n.counted.heard+n.counted.unheard, max(late, n.counted.late)
				n.counted.mu.Unlock()
			}
			if ended != grants || late > 5*time.Second {
				t.Errorf("%d ends of %d grants, the latest %s late", ended, grants, late)
			}
		})
	}
}

// offerSeconds adds a duration short enough for real time.
func offerSeconds(t *testing.T, n *node) {
	t.Helper()
	_, err := n.SyncResources(t.Context(), "seed", access.Catalogue{Resources: []access.Resource{{
		Type: "customer", ID: "acme", Name: "Acme", Properties: map[string]any{"owner": "payments"},
		Entitlements: []access.Entitlement{{
			Action: "debug", Durations: []access.Duration{access.Duration(2 * time.Second), access.Duration(time.Hour)}, Target: "box",
		}},
	}}})
	must(t, err)
}

// A policy that gives a subject one grant at a time gives one, also when two
// nodes are asked at the same moment.
func TestDecisionsOnTwoNodesSeeEachOther(t *testing.T) {
	c := newCluster(t, 2, "")
	c.policy.set(func(in access.Input) access.Decision {
		if len(in.Context.Grants) > 0 {
			return denyAll(in)
		}
		return allowAll(in)
	})
	for i := range 20 {
		who := access.Subject{Type: "user", ID: fmt.Sprintf("user%d@example.com", i)}
		var both sync.WaitGroup
		var mu sync.Mutex
		given := 0
		for j := range 6 {
			both.Go(func() {
				r, err := c.nodes[j%2].Submit(t.Context(), as(who), askFor(time.Hour))
				if err != nil {
					t.Error(err)
					return
				}
				if r.Grant != nil {
					mu.Lock()
					given++
					mu.Unlock()
				}
			})
		}
		both.Wait()
		if given != 1 {
			t.Fatalf("%s got %d grants", who, given)
		}
	}
}

func TestRevokeOnOneNodeIsSeenByACheckOnTheOther(t *testing.T) {
	for name, redis := range map[string]bool{"by the ledger": false, "by Redis": true} {
		t.Run(name, func(t *testing.T) {
			url := ""
			if redis {
				url = "redis://" + service.Redis(t).Addr
			}
			c := newCluster(t, 2, url)
			r, err := c.nodes[0].Submit(t.Context(), as(alice), askFor(time.Hour))
			must(t, err)
			by := map[bool]string{true: "lease", false: "ledger"}[redis]
			c.until("the other node says yes by the "+by, func() bool {
				answer, err := c.nodes[1].Check(t.Context(), as(bob), engine.Evaluate(aliceDebugsAcme))
				return err == nil && answer.Decision && c.nodes[1].counted.by(by) > 0
			})
			c.until("a revoke is certain", func() bool {
				revoked, err := c.nodes[0].Revoke(t.Context(), as(alice), r.Grant.ID, "")
				if errors.Is(err, access.ErrConflict) {
					t.Fatal(err)
				}
				must(t, err)
				if revoked.Propagating { // an epoch has just begun: once more, with another grant
					r, err = c.nodes[0].Submit(t.Context(), as(alice), askFor(time.Hour))
					must(t, err)
				}
				return !revoked.Propagating
			})
			answer, err := c.nodes[1].Check(t.Context(), as(bob), engine.Evaluate(aliceDebugsAcme))
			must(t, err)
			if answer.Decision {
				t.Error("the other node says yes after the revoke was answered")
			}
		})
	}
}

// A node that is stopped hands back what it has claimed and not begun.
func TestStoppedNodeHandsBackItsClaims(t *testing.T) {
	c := newCluster(t, 2, "")
	c.target.script(func(access.Message) (time.Duration, error) { return 3 * time.Second, nil })
	for i := range 40 {
		who := access.Subject{Type: "user", ID: fmt.Sprintf("user%d@example.com", i)}
		_, err := c.nodes[0].Submit(t.Context(), as(who), askFor(time.Hour))
		must(t, err)
	}
	c.target.script(func(access.Message) (time.Duration, error) { return 0, nil })
	c.nodes[0].stop()
	c.nodes = c.nodes[1:]
	c.until("the other node provisioned all", func() bool {
		return c.count(func(tx *ledger.Tx) (int, error) {
			events, err := tx.Events(ledger.EventFilter{Type: audit.BindingProvisioned, Limit: 1000})
			return len(events), err
		}) == 40
	})
}
