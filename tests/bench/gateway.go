package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/decisions"
	"github.com/curfew-access/curfew/engine/facts"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/postgres"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/engine/outbox"
	garbage "github.com/curfew-access/curfew/engine/pace"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/engine/trouble"
	"github.com/curfew-access/curfew/policies"
)

const (
	benchToken  = "bench-0123456789abcdef" // of an administrator, who may ask for others
	benchSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	resources   = 64 // customers in the catalogue
)

// keptLease is a lease that the gateway keeps.
type keptLease interface {
	engine.Lease
	Run(ctx context.Context, events lease.Events) error
	State() lease.State
}

// newGateway is the gateway of cmd/curfew, of the same parts: a ledger, a lease,
// a rota, a webhook, all its loops. It has a witness, who remembers what happens
// when.
func newGateway(ctx context.Context, cfg childConfig) (served, error) {
	w := &witness{began: time.Now(), verbose: cfg.Verbose}
	log := slog.New(w)
	policy, err := pdp.Open(ctx, pdp.Config{Library: policies.FS, Dir: cfg.Policies})
	if err != nil {
		return served{}, err
	}
	oncall, err := newSource(cfg)
	if err != nil {
		return served{}, err
	}
	hook, err := webhook.New(webhook.Config{Name: "target", URL: cfg.Target, Secrets: []string{benchSecret}})
	if err != nil {
		return served{}, err
	}
	l, err := openLedger(ctx, cfg.Ledger)
	if err != nil {
		return served{}, err
	}
	held, err := openLease(ctx, cfg.Lease, l, log)
	if err != nil {
		return served{}, errors.Join(err, l.Close())
	}
	taken, err := newDecisionLog(cfg, l, log)
	if err != nil {
		return served{}, errors.Join(err, l.Close())
	}
	eng := engine.New(engine.Config{
		Ledger: l, Policy: policy, Lease: held, LeaseShared: cfg.Lease != "", Log: log, Observer: w, Step: oncall.step(w.step), Decisions: taken,
		Facts:     &facts.Gatherer{OnCall: oncall.book, Incidents: oncall.book, People: l, Log: log},
		Snapshots: oncall.book, Roster: oncall.book,
		Targets: []engine.Target{{Name: "target", Contract: hook.Contract(), Deadline: hook.Deadline(), Retry: trouble.Backoff{First: time.Second}}},
	})
	if err := seed(ctx, eng, cfg.Subjects); err != nil {
		return served{}, errors.Join(err, l.Close())
	}
	oncall.watch(ctx, cfg, eng, l.Now, log)
	handler, err := api.New(api.Config{
		Engine: eng, Log: log, Tokens: []api.Token{{Name: "bench", Subject: caller, Secret: benchToken}},
	})
	if err != nil {
		return served{}, errors.Join(err, l.Close())
	}
	store := &counted{Engine: eng}
	worker := &outbox.Worker{
		Store: store, Targets: map[string]outbox.Target{hook.Contract(): {Deliverer: hook}}, Alerter: outbox.LogAlerter{Log: log}, Log: log, Owner: "bench",
		Width: cfg.Width,
	}
	sealer := &audit.Sealer{Store: l, Log: log, Busy: eng.Busy}
	stop := loops(ctx, eng.Run, worker.Run, sealer.Run, taken.Run, garbage.Run, oncall.Run,
		func(ctx context.Context) error {
			return held.Run(ctx, lease.Events{Expired: w.announced(eng.Announced), Connected: eng.Wake, Emptied: eng.Rebuild})
		})
	return served{
		handler:   handler,
		delivered: store.delivered.Load,
		control:   w.control(&foster{engine: eng, ledger: l, lease: held}, oncall),
		close:     func() error { return errors.Join(stop(), l.Close()) },
	}, nil
}

// decisionLog is one, or none.
type decisionLog interface {
	engine.DecisionLog
	Run(ctx context.Context) error
}

func newDecisionLog(cfg childConfig, l *ledger.Ledger, log *slog.Logger) (decisionLog, error) {
	if !cfg.Decisions {
		return noDecisions{}, nil
	}
	return decisions.New(decisions.Config{Store: l, Node: "bench", Now: l.Now, Log: log})
}

// noDecisions takes nothing down.
type noDecisions struct{}

func (noDecisions) Record(access.DecisionEvent) {}

func (noDecisions) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// counted is the outbox's store, which counts the deliveries that were confirmed.
type counted struct {
	*engine.Engine
	delivered atomic.Int64
}

func (c *counted) Record(ctx context.Context, outcomes ...access.Outcome) ([]access.Outcome, error) {
	left, err := c.Engine.Record(ctx, outcomes...)
	for _, o := range outcomes {
		if err == nil && o.Failure == nil {
			c.delivered.Add(1)
		}
	}
	return left, err
}

// openLedger opens, and migrates, the ledger in a file or at a URL.
func openLedger(ctx context.Context, where string) (*ledger.Ledger, error) {
	db, err := openDB(ctx, where)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

func openDB(ctx context.Context, where string) (ledger.DB, error) {
	if isURL(where) {
		return postgres.Open(ctx, where)
	}
	return sqlite.Open(ctx, where)
}

// isURL tells the URL of a PostgreSQL database from the path of a SQLite file.
func isURL(where string) bool { return strings.HasPrefix(where, "postgres://") }

func openLease(ctx context.Context, where string, l *ledger.Ledger, log *slog.Logger) (keptLease, error) {
	if where == "" {
		return lease.NewMemory(l.Now, l.Alone()), nil
	}
	u, err := lease.ParseRedisURL(where)
	if err != nil {
		return nil, err
	}
	return lease.OpenRedis(ctx, lease.RedisConfig{URL: u, Epochs: l, Now: l.Now, Log: log})
}

// loops runs them until stop is called.
func loops(ctx context.Context, run ...func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	for _, loop := range run {
		group.Go(func() error { return loop(ctx) })
	}
	return func() error {
		cancel()
		return group.Wait()
	}
}

var caller = access.Subject{Type: "service", ID: "bench"}

// subject is the nth of a pool. Those of the pool "d" are only asked about, so
// that they hold nothing; those of "r" get what is asked for.
func subject(pool string, n int) access.Subject {
	return access.Subject{Type: access.TypeUser, ID: fmt.Sprintf("%s%05d@example.com", pool, n)}
}

var pools = []string{"d", "r"}

// duty puts everybody on call for payments.
func duty(subjects int) rota.File {
	s := rota.Schedule{ID: "payments-primary", Name: "Payments, primary"}
	for _, pool := range pools {
		for n := range subjects {
			s.Shifts = append(s.Shifts, rota.Shift{Subject: subject(pool, n).String()})
		}
	}
	return rota.File{Schedules: []rota.Schedule{s}}
}

func seed(ctx context.Context, eng *engine.Engine, subjects int) error {
	persons := []access.Person{{Subject: caller, Groups: []string{"admins"}}}
	for _, pool := range pools {
		for n := range subjects {
			persons = append(persons, access.Person{Subject: subject(pool, n), Groups: []string{"eng", "payments"}})
		}
	}
	var catalogue access.Catalogue
	for n := range resources {
		catalogue.Resources = append(catalogue.Resources, access.Resource{
			Type: "customer", ID: customer(n), Name: "Customer", Properties: map[string]any{"owner": "payments", "tier": "gold"},
			Entitlements: []access.Entitlement{{
				Action: "debug", Target: "target", While: []string{access.WhileOnCall},
				Durations: []access.Duration{access.Duration(30 * time.Second), access.Duration(2 * time.Hour), access.Duration(4 * time.Hour)},
			}},
		})
	}
	_, err := eng.SyncResources(ctx, "seed", catalogue)
	return errors.Join(err, eng.LoadPeople(ctx, "file", persons))
}

func customer(n int) string { return fmt.Sprintf("customer-%02d", n) }
