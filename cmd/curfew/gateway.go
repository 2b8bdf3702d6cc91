package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/alarm"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/decisions"
	"github.com/curfew-access/curfew/engine/facts"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/metrics"
	"github.com/curfew-access/curfew/engine/outbox"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/engine/sinks"
	"github.com/curfew-access/curfew/engine/watch"
	"github.com/curfew-access/curfew/policies"
)

// keptLease is a lease that the gateway keeps.
type keptLease interface {
	engine.Lease
	Run(ctx context.Context, events lease.Events) error
	State() lease.State
}

// options is what a gateway is made of beside its configuration. The zero value
// is good.
type options struct {
	Log     *slog.Logger // nil: silence
	Version string

	// Step is told after each committed step of a grant's life, by name. A fault
	// test ends the process in it.
	Step func(name string)
	// Deliverer, if set, stands around each target. A fault test ends the process
	// after the target acted and before that is recorded.
	Deliverer func(outbox.Deliverer) outbox.Deliverer
}

// gateway is the whole program: every part, wired. Tests start it as main does.
type gateway struct {
	cfg          Config
	log          *slog.Logger
	version      string
	ledger       *ledger.Ledger
	policy       *pdp.PDP
	delivery     *pdp.Delivery
	sources      []source
	book         *facts.Book      // what the sources said last
	watchers     []*watch.Watcher // one for each source
	files        []*watchedFile   // that sources read
	lease        keptLease
	node         string // names this process among those on the ledger
	decisions    *decisions.Log
	decisionForm decisions.Form
	engine       *engine.Engine
	metrics      *metrics.Metrics
	hook         atomic.Pointer[pagerduty.Hook] // nil: its webhooks are not taken
	slack        atomic.Pointer[slackSide]      // nil: there is none
	worker       *outbox.Worker
	alarms       *alarm.Loop
	sealer       *audit.Sealer
	sinks        *sinks.Sinks
	needs        *needs
	server       *http.Server
	listener     net.Listener
	hangups      chan os.Signal // SIGHUP
}

// newGateway opens the ledger, brings it up to date with the configuration and
// listens. It serves nobody before Run. What it opened, Close closes.
func newGateway(ctx context.Context, cfg Config, opts options) (*gateway, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	g := &gateway{cfg: cfg, log: opts.Log, version: opts.Version, hangups: make(chan os.Signal, 1)}
	signal.Notify(g.hangups, syscall.SIGHUP) // from the beginning: uncaught, it would end the process
	for _, open := range []func(context.Context, options) error{
		g.openPolicy, g.openLedger, g.openAudit, g.openLease, g.openDecisions, g.openSources, g.wire, g.openSinks, g.openAlarms, g.openSlack, g.deliverPolicy, g.seed, g.watchSources, g.openAPI, g.listen,
	} {
		if err := open(ctx, opts); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

// openPolicy makes the decision point. It denies everything until policies are in
// force.
func (g *gateway) openPolicy(context.Context, options) error {
	g.policy = pdp.New(pdp.Config{Library: policies.FS, Log: g.log})
	return nil
}

// deliverPolicy brings policies into force, if there are any. Without, the gateway
// starts all the same: what it gave must end.
func (g *gateway) deliverPolicy(ctx context.Context, _ options) error {
	cfg := pdp.DeliveryConfig{PDP: g.policy, Dir: g.cfg.PoliciesDir, Records: g.engine, Log: g.log}
	if b := g.cfg.PolicyBundle; b != nil {
		from, err := b.fetcher()
		if err != nil {
			return fmt.Errorf("policies.bundle: %w", err)
		}
		cfg.Bundle = &pdp.Bundle{From: from, By: b.By, Cache: b.Cache}
	}
	g.delivery = pdp.NewDelivery(cfg)
	g.delivery.Begin(ctx)
	return ctx.Err()
}

func (g *gateway) openLedger(ctx context.Context, _ options) error {
	db, err := openDatabase(ctx, g.cfg)
	if err != nil {
		return err
	}
	if g.ledger, err = ledger.Open(ctx, db); err != nil {
		return errors.Join(fmt.Errorf("ledger %s: %w", g.cfg.ledgerName(), err), db.Close())
	}
	return nil
}

// openLease makes the lease. In memory it answers checks only where no other
// process can change the ledger. Redis need not be there: it is found when it is.
func (g *gateway) openLease(ctx context.Context, _ options) (err error) {
	if g.cfg.Lease == nil {
		g.lease = lease.NewMemory(g.ledger.Now, g.ledger.Alone())
		return nil
	}
	cfg := *g.cfg.Lease
	cfg.Epochs, cfg.Now, cfg.Log = g.ledger, g.ledger.Now, g.log
	g.lease, err = lease.OpenRedis(ctx, cfg)
	return err
}

// wire makes the parts that live in the process.
func (g *gateway) wire(_ context.Context, opts options) error {
	targets, deliverers := []engine.Target{}, map[string]outbox.Target{}
	for _, t := range g.cfg.Targets {
		targets = append(targets, t.engine())
		deliverers[t.Webhook.Contract()] = t.outbox(g.log, opts.Deliverer)
	}
	g.metrics = g.newMetrics()
	g.engine = engine.New(engine.Config{
		Ledger: g.ledger, Policy: g.policy, Facts: g.gatherer(), Lease: g.lease, LeaseShared: g.cfg.Lease != nil,
		Targets: targets, Log: g.log, Observer: g.metrics, Step: opts.Step,
		Node: g.node, Decisions: g.decisionLog(), DecisionForm: g.decisionForm,
		AccessRequests: g.accessRequests(), Snapshots: g.book, Roster: g.book, Renew: g.cfg.OnCall.Renew, MaxEndShare: g.cfg.MaxEndShare,
		CatalogueSources: g.cfg.Sources, CallbackURL: strings.TrimSuffix(g.cfg.ExternalURL, "/") + "/v1/callbacks/",
		AuditKeys: g.cfg.Audit.Keys, AuditPublish: g.cfg.Audit.Publish, AuditKeep: g.cfg.Audit.Keep,
		Sinks: g.cfg.engineSinks(),
	})
	g.worker = &outbox.Worker{
		Store: g.engine, Targets: deliverers, Asker: g.engine, Alerter: outbox.LogAlerter{Log: g.log}, Log: g.log, Owner: "gateway",
	}
	g.sealer = &audit.Sealer{Store: g.ledger, Log: g.log, Busy: g.engine.Busy, Keys: g.cfg.Audit.Keys}
	g.needs = &needs{ledger: g.ledger, have: targets}
	return nil
}

// seed brings the ledger up to date with the configuration: who is in which
// groups, the catalogue, and claims that a process left when it died.
func (g *gateway) seed(ctx context.Context, _ options) error {
	if err := g.engine.LoadPeople(ctx, "file", g.cfg.People); err != nil {
		return fmt.Errorf("people: %w", err)
	}
	if err := g.engine.LoadPeople(ctx, "token", g.cfg.tokenPersons()); err != nil {
		return fmt.Errorf("auth.tokens: %w", err)
	}
	if g.cfg.HasSeed {
		result, err := g.engine.SyncResources(ctx, "seed", g.cfg.Seed)
		if err != nil {
			return fmt.Errorf("resources: %w", err)
		}
		g.log.Info("catalogue seeded", "created", result.Created, "updated", result.Updated,
			"unchanged", result.Unchanged, "archived", result.Archived)
	}
	if !g.ledger.Alone() {
		return nil
	}
	return g.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.ReleaseClaims() })
}

// Close closes what newGateway opened. Run must have returned.
func (g *gateway) Close() error {
	signal.Stop(g.hangups)
	var faults []error
	if g.listener != nil {
		if err := g.listener.Close(); !errors.Is(err, net.ErrClosed) {
			faults = append(faults, err)
		}
	}
	if g.ledger != nil {
		faults = append(faults, g.ledger.Close())
	}
	return errors.Join(faults...)
}
