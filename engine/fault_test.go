package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/outbox"
	"github.com/curfew-access/curfew/engine/trouble"
)

// other is a second engine on the world's ledger, with parts of its own.
func (w *world) other(change func(*engine.Config)) *engine.Engine {
	cfg := engine.Config{
		Ledger: w.ledger, Policy: w.policy, Facts: w.facts, Lease: &book{}, Log: slog.New(slog.DiscardHandler),
		Targets: []engine.Target{{Name: "box", Contract: "box-1", Deadline: 15 * time.Second}},
	}
	change(&cfg)
	return engine.New(cfg)
}

// askFor is an Ask to debug acme that long.
func askFor(d time.Duration) engine.Ask {
	length := access.Duration(d)
	return engine.Ask{Action: debug, Resource: acme, For: &length, Reason: "PD-1"}
}

// book is a lease that only keeps a list.
type book struct {
	silent
	mu   sync.Mutex
	held map[string]bool
}

func (b *book) Hold(_ context.Context, holds ...access.Hold) error {
	for _, h := range holds {
		b.set(h.GrantID, true)
	}
	return nil
}

func (b *book) Drop(_ context.Context, ids ...string) error {
	for _, id := range ids {
		b.set(id, false)
	}
	return nil
}

func (b *book) set(id string, held bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = map[string]bool{}
	}
	b.held[id] = held
}

func (b *book) has(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[id]
}

func TestSlowStartsDoNotDelayEnds(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 30 {
			start := w.ledger.Now().Add(10 * time.Second)
			ask := askFor(time.Hour)
			ask.StartsAt = engine.StartAt(start)
			_, err := w.engine.Submit(t.Context(), as(dave), ask)
			must(t, err)
		}
		w.policy.set(func(in access.Input) access.Decision {
			if in.Context.Phase == access.PhaseStart {
				time.Sleep(time.Second) // fake: as long as a policy may take
			}
			return allowAll(in)
		})
		r := w.mustAsk(30 * time.Second)
		w.pass(31 * time.Second)
		g, err := w.engine.Grant(t.Context(), as(alice), r.Grant.ID)
		must(t, err)
		if g.State != access.GrantEnded {
			t.Fatalf("a second after its end the grant is %s", g.State)
		}
	})
}

// A provision lands after its deprovision was confirmed, because its attempt was
// over for the gateway and not for the target.
func TestLateProvisionIsTakenBack(t *testing.T) {
	cases := map[string]struct {
		over    time.Duration // when the attempt ends
		lands   time.Duration
		failure access.DeliveryError
	}{
		"it timed out": {15 * time.Second, 20 * time.Second,
			access.DeliveryError{Class: access.ClassUnreachable, Err: context.DeadlineExceeded}},
		"a load balancer answered 504 in its place": {4 * time.Second, 9 * time.Second,
			access.DeliveryError{Class: access.ClassRefused, Status: 504, Open: true, Err: errors.New("504")}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				var once atomic.Bool
				w.target.script(func(m access.Message) (time.Duration, error) {
					if m.Type == provision && once.CompareAndSwap(false, true) {
						time.AfterFunc(tc.lands, func() { w.target.open() })
						return tc.over, &tc.failure
					}
					return 0, nil
				})
				r := w.mustAsk(time.Hour)
				w.pass(tc.over + 100*time.Millisecond)
				_, err := w.engine.Revoke(t.Context(), as(alice), r.Grant.ID, "")
				must(t, err)
				w.pass(time.Minute)
				if w.target.holds() {
					t.Fatalf("a minute after the revoke the target holds access; it was told %v", w.target.verbs())
				}
			})
		})
	}
}

func TestApprovalOfAResourceThatLeavesMeanwhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.policy.set(reviewBy(1))
		r := w.mustAsk(time.Hour)
		w.policy.set(func(in access.Input) access.Decision {
			_, err := w.engine.SyncResources(context.Background(), "seed", access.Catalogue{})
			must(t, err)
			return reviewBy(1)(in)
		})
		if _, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{}); access.CodeOf(err) != "no_longer_allowed" {
			t.Fatalf("approval: %v, want no_longer_allowed", err)
		}
	})
}

func TestReviewerMayDenyWhatLeftTheCatalogue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(1)
		_, err := w.engine.SyncResources(t.Context(), "seed", access.Catalogue{})
		must(t, err)
		got, err := w.engine.Deny(t.Context(), as(bob), r.ID, engine.Review{})
		must(t, err)
		if got.State != access.RequestDenied {
			t.Fatalf("the request is %s", got.State)
		}
	})
}

func TestOneBrokenBindingDoesNotStopTheOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.target.script(func(access.Message) (time.Duration, error) {
			return 0, &access.DeliveryError{Class: access.ClassRefused, Status: 500, Err: errors.New("no")}
		})
		w.mustAsk(time.Hour)
		w.settle()
		must(t, w.raw(`INSERT INTO attempts (binding_id, generation, attempt, verb, claim, started_at, detail)
			SELECT id, generation, attempts + 1, 'x', 'x', 0, '' FROM bindings`))
		w.target.script(newTarget().answer)
		w.pass(10 * time.Second)
		_, err := w.engine.Submit(t.Context(), as(dave), askFor(time.Hour))
		must(t, err)
		w.pass(time.Minute)
		if !w.target.holds() {
			t.Fatal("dave's access was not opened, because alice's binding can not be claimed")
		}
	})
}

func TestOneBrokenGrantDoesNotStopTheOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		broken := w.mustAsk(30 * time.Second)
		must(t, w.raw(`CREATE TRIGGER broken BEFORE UPDATE ON grants WHEN OLD.id = '`+broken.Grant.ID+`' BEGIN SELECT RAISE(ABORT, 'planted'); END`))
		r, err := w.engine.Submit(t.Context(), as(dave), askFor(30*time.Second))
		must(t, err)
		w.pass(31 * time.Second)
		g, err := w.engine.Grant(t.Context(), as(dave), r.Grant.ID)
		must(t, err)
		if g.State != access.GrantEnded {
			t.Fatalf("dave's grant is %s", g.State)
		}
	})
}

func TestSweepThatFailsDoesNotSpin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustAsk(30 * time.Second)
		must(t, w.raw(`CREATE TRIGGER broken BEFORE UPDATE ON grants BEGIN SELECT RAISE(ABORT, 'planted'); END`))
		w.stop()
		w.pass(31 * time.Second)
		w.start()
		var failures atomic.Int64
		e := w.other(func(c *engine.Config) { c.Log = slog.New(counting{&failures}) })
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = e.Run(ctx) })
		w.pass(2 * time.Second)
		cancel()
		running.Wait()
		if n := failures.Load(); n == 0 || n > 5 {
			t.Fatalf("in two seconds the sweep failed %d times, want a few", n)
		}
	})
}

// counting counts the failures of the sweep that are logged.
type counting struct{ n *atomic.Int64 }

func (c counting) Enabled(context.Context, slog.Level) bool { return true }
func (c counting) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "sweep failed") {
		c.n.Add(1)
	}
	return nil
}
func (c counting) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c counting) WithGroup(string) slog.Handler      { return c }

func TestPolicyThatFailsNeverGrants(t *testing.T) {
	cases := map[string]func(access.Decision) (access.Decision, error){
		"an allow beside an error": func(d access.Decision) (access.Decision, error) { return d, errors.New("half of it failed") },
		"no effect":                func(access.Decision) (access.Decision, error) { return access.Decision{}, nil },
		"an unknown effect":        func(access.Decision) (access.Decision, error) { return access.Decision{Effect: "permit"}, nil },
		"a review by nobody":       func(access.Decision) (access.Decision, error) { return access.Decision{Effect: access.Review}, nil },
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				e := w.other(func(c *engine.Config) { c.Policy = failing{w.policy, answer} })
				r, err := e.Submit(t.Context(), as(alice), askFor(time.Hour))
				must(t, err)
				if r.State != access.RequestDenied || len(r.Decision.Reasons) != 1 {
					t.Fatalf("the request is %s for %v, want denied for a reason", r.State, r.Decision.Reasons)
				}
			})
		})
	}
}

type failing struct {
	engine.Policy
	answer func(access.Decision) (access.Decision, error)
}

func (f failing) Decide(ctx context.Context, in access.Input) (access.Decision, error) {
	d, err := f.Policy.Decide(ctx, in)
	if err != nil {
		return d, err
	}
	return f.answer(d)
}

func TestRequestsAtOnceSeeEachOther(t *testing.T) {
	onlyOne := func(in access.Input) access.Decision {
		if len(in.Context.Grants) > 0 {
			return denyAll(in)
		}
		return allowAll(in)
	}
	inWorld(t, func(t *testing.T, w *world) {
		w.policy.set(onlyOne)
		second := w.other(func(*engine.Config) {}) // another process would have turns of its own
		var asking sync.WaitGroup
		for i := range 20 {
			e := w.engine
			if i%2 == 0 {
				e = second
			}
			asking.Go(func() {
				if _, err := e.Submit(context.Background(), as(alice), askFor(time.Hour)); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		page, err := w.engine.Grants(t.Context(), as(alice), engine.ListFilter{})
		must(t, err)
		if len(page.Items) != 1 {
			t.Fatalf("a policy of one grant at a time gave %d", len(page.Items))
		}
	})
}

func TestReviewByWhomPolicyNamesNow(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(1)
		must(t, w.engine.LoadPeople(t.Context(), "file", []access.Person{{Subject: bob, Groups: []string{"secops"}}}))
		w.policy.set(func(in access.Input) access.Decision {
			d := reviewBy(1)(in)
			d.Reviewers = &access.Reviewers{Groups: []string{"secops"}, Quorum: 1}
			return d
		})
		_, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{})
		must(t, err)
	})
}

func TestReplayOfARevokedGrantHoldsNoLease(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		held := &book{}
		e := w.other(func(c *engine.Config) { c.Lease = held })
		call := as(alice)
		call.Once = engine.Once{Route: "POST /v1/requests", Key: "k", BodyHash: "h"}
		r, err := e.Submit(t.Context(), call, askFor(time.Hour))
		must(t, err)
		if !held.has(r.Grant.ID) {
			t.Fatal("the lease was not held")
		}
		_, err = e.Revoke(t.Context(), as(alice), r.Grant.ID, "")
		must(t, err)
		_, err = e.Submit(t.Context(), call, askFor(time.Hour))
		must(t, err)
		if held.has(r.Grant.ID) {
			t.Fatal("the lease of a revoked grant was held again")
		}
	})
}

// A thousand bindings at a target that hangs do not delay another target.
func TestOneDeadTargetDoesNotHoldUpTheOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.stop()
		w.idle = true
		w.start()
		w.settle() // it gives up the runs of those before it, and the other's is none of them
		retry := trouble.Backoff{First: time.Second, Cap: 5 * time.Minute}
		e := w.other(func(c *engine.Config) {
			c.Targets = []engine.Target{
				{Name: "box", Contract: "box-1", Deadline: 15 * time.Second, Retry: retry},
				{Name: "dead", Contract: "dead-1", Deadline: 15 * time.Second, Retry: retry},
			}
		})
		hour := access.Duration(time.Hour)
		_, err := e.SyncResources(t.Context(), "other", access.Catalogue{Resources: []access.Resource{{
			Type: "db", ID: "main", Entitlements: []access.Entitlement{{Action: "debug", Durations: []access.Duration{hour}, Target: "dead"}},
		}}})
		must(t, err)
		worker := &outbox.Worker{
			Store: e, Targets: map[string]outbox.Target{"box-1": {Deliverer: w.target}, "dead-1": {Deliverer: hanging{}}},
			Alerter: w.target, Log: slog.New(slog.DiscardHandler), Owner: "node",
		}
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = worker.Run(ctx) })
		defer running.Wait()
		defer cancel()
		r, err := e.Submit(t.Context(), as(alice), askFor(time.Hour))
		must(t, err)
		w.settle()
		for i := range 200 {
			ask := askFor(time.Hour)
			ask.Resource = access.ResourceRef{Type: "db", ID: "main"}
			_, err := e.Submit(t.Context(), as(access.Subject{Type: "user", ID: fmt.Sprintf("u%d@example.com", i)}), ask)
			must(t, err)
		}
		w.pass(20 * time.Second)
		_, err = e.Revoke(t.Context(), as(alice), r.Grant.ID, "")
		must(t, err)
		w.pass(time.Second)
		if w.target.holds() {
			t.Fatal("a second after the revoke the target that answers holds access still")
		}
	})
}

// hanging is a target that never answers.
type hanging struct{}

func (hanging) Deliver(ctx context.Context, _ access.Message) (access.Receipt, error) {
	select {
	case <-time.After(15 * time.Second):
	case <-ctx.Done():
	}
	return access.Receipt{}, &access.DeliveryError{Class: access.ClassUnreachable, Err: context.DeadlineExceeded}
}

func TestCatalogueThatMovesDuringTheDecision(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var once sync.Once
		w.policy.set(func(in access.Input) access.Decision {
			if in.Resource.Properties["owner"] != "payments" {
				return denyAll(in)
			}
			once.Do(func() {
				_, err := w.engine.SyncResources(context.Background(), "seed", access.Catalogue{Resources: []access.Resource{{
					Type: "customer", ID: "acme", Name: "Acme", Properties: map[string]any{"owner": "nobody"},
				}}})
				must(t, err)
			})
			return allowAll(in)
		})
		if r, err := w.ask(time.Hour); access.CodeOf(err) != "unknown_action" {
			t.Fatalf("answer %+v, %v; want that the action is not on offer any more", r.Grant, err)
		}
	})
}

// Policy fails when a scheduled grant is to start: it is asked again, and the
// process lives on.
func TestStartIsTriedAgainWhenPolicyFails(t *testing.T) {
	for name, fail := range map[string]func() (access.Decision, error){
		"an error": func() (access.Decision, error) { return access.Decision{Effect: access.Deny}, errors.New("timed out") },
		"a panic":  func() (access.Decision, error) { panic("planted") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.stop()
				var broken atomic.Bool
				w.decider = flaky{w.policy, &broken, fail}
				w.start()
				r := w.mustSchedule()
				broken.Store(true)
				w.pass(2 * time.Minute)
				if g, err := w.engine.Grant(t.Context(), as(alice), r.Grant.ID); err != nil || g.State != access.GrantScheduled {
					t.Fatalf("grant is %s, %v; want it scheduled still", g.State, err)
				}
				broken.Store(false)
				w.pass(2 * time.Minute) // it waits longer each time
				w.wantVerbs(provision)
			})
		})
	}
}

// flaky is a policy that fails while broken.
type flaky struct {
	engine.Policy
	broken *atomic.Bool
	fail   func() (access.Decision, error)
}

func (f flaky) Decide(ctx context.Context, in access.Input) (access.Decision, error) {
	if f.broken.Load() {
		return f.fail()
	}
	return f.Policy.Decide(ctx, in)
}

// A name that is no resource's can not be another spelling of one: policy is
// asked about the name, and would not know it.
func TestResourceIsReadByItsOwnNameOnly(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		_, err := w.engine.SyncResources(t.Context(), "other", access.Catalogue{Resources: []access.Resource{{Type: "vault", ID: "arn:prod"}}})
		must(t, err)
		_, err = w.engine.Resource(t.Context(), as(alice), access.ResourceRef{Type: "vault", ID: "arn:prod"})
		must(t, err)
		_, err = w.engine.Resource(t.Context(), as(alice), access.ResourceRef{Type: "vault:arn", ID: "prod"})
		if !errors.Is(err, access.ErrNotFound) {
			t.Fatalf("by another spelling: %v, want not found", err)
		}
	})
}
