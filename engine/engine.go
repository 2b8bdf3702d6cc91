// Package engine is the use cases of Curfew: every change of state is one of
// its methods, in one transaction that also holds the decision and the audit
// events. It is the policy administration point (NIST SP 800-207): it asks the
// decision point, keeps the ledger, and leaves delivery to the outbox.
//
// It opens no connection and imports no driver. What it needs of the world are
// the small interfaces of Config.
package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Policy answers. Whatever fails inside it is a deny with a reason; the error
// beside it is for the log.
type Policy interface {
	Decide(context.Context, access.Input) (access.Decision, error)
	Allow(context.Context, access.APIInput) (access.Permission, error)
	Revision() string
}

// Facts learns what is true about a subject. What it can not learn it marks as
// unknown.
type Facts interface {
	Gather(ctx context.Context, subject access.Subject, now time.Time) access.Facts
}

// Lease makes the end of grants prompt: it wakes the engine when one is due. It
// may forget; the ledger's sweep is behind it.
type Lease interface {
	// Hold expects the grant's end at the time.
	Hold(ctx context.Context, grantID string, until time.Time) error
	// Drop expects it no longer.
	Drop(ctx context.Context, grantID string) error
}

// Target is what the engine must know of a target to give access through it.
type Target struct {
	Name     string
	Contract string        // digest of what was agreed: name and URL
	Retired  bool          // drains; takes no new access
	Deadline time.Duration // the longest that one attempt can take
	MaxLag   time.Duration // how long after an attempt its effect may still come
	Retry    Backoff
}

// Config is what an Engine is made of. Ledger, Policy, Facts, Lease and Log are
// required.
type Config struct {
	Ledger  *ledger.Ledger
	Policy  Policy
	Facts   Facts
	Lease   Lease
	Targets []Target
	Log     *slog.Logger
	// Step, if set, is told after each committed step of a grant's life, by
	// name: "request.committed". It is for traces and fault tests.
	Step func(name string)
}

// Engine is the use cases. Its methods are safe for concurrent use.
type Engine struct {
	ledger  *ledger.Ledger
	policy  Policy
	facts   Facts
	lease   Lease
	targets map[string]Target // by name
	log     *slog.Logger
	step    func(string)
	refused *onceAMinute
	turns   turns

	sweepWake    chan struct{}
	startWake    chan struct{}
	deliveryWake chan struct{}
}

// New returns an engine.
func New(cfg Config) *Engine {
	e := &Engine{
		ledger: cfg.Ledger, policy: cfg.Policy, facts: cfg.Facts, lease: cfg.Lease,
		targets: map[string]Target{}, log: cfg.Log, step: cfg.Step, refused: newOnceAMinute(), turns: turns{queue: map[access.Subject]*line{}},
		sweepWake: make(chan struct{}, 1), startWake: make(chan struct{}, 1), deliveryWake: make(chan struct{}, 1),
	}
	for _, t := range cfg.Targets {
		e.targets[t.Name] = t
	}
	if e.step == nil {
		e.step = func(string) {}
	}
	return e
}

// Wake makes the sweep look at the ledger now: something may be due.
func (e *Engine) Wake() { poke(e.sweepWake) }

// DeliveryWake is signalled when a delivery may be due sooner than was known.
func (e *Engine) DeliveryWake() <-chan struct{} { return e.deliveryWake }

func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default: // already signalled
	}
}

// effects is what a transaction leaves to do once it is committed. None of it is
// needed for correctness: the ledger's sweep and schedule do it later otherwise.
type effects struct {
	started []access.Grant
	ended   []access.Grant
}

// apply does the effects.
func (e *Engine) apply(ctx context.Context, fx effects) {
	ctx = context.WithoutCancel(ctx)
	for _, g := range fx.started {
		if err := e.lease.Hold(ctx, g.ID, g.ExpiresAt); err != nil {
			e.log.Warn("lease not held; the ledger's sweep will end the grant", "grant", g.ID, "error", err)
		}
	}
	for _, g := range fx.ended {
		if err := e.lease.Drop(ctx, g.ID); err != nil {
			e.log.Warn("lease not dropped", "grant", g.ID, "error", err)
		}
	}
	poke(e.sweepWake)
	poke(e.startWake)
	poke(e.deliveryWake)
}
