// Package engine is the use cases of Curfew: every change of state is one of
// its methods, in one transaction that also holds the decision and the audit
// events. It is the policy administration point (NIST SP 800-207): it asks the
// decision point, keeps the ledger, and leaves delivery to the outbox.
//
// It opens no connection and imports no driver. What it needs of the world are
// the small interfaces of Config.
package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/decisions"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Policy answers. Whatever fails inside it is a deny with a reason; the error
// beside it is for the log.
type Policy interface {
	Decide(context.Context, access.Input) (access.Decision, error)
	Allow(context.Context, access.APIInput) (access.Permission, error)
	// Check answers checks in their order, all by one revision, and ends with the
	// first answer for which last is true; nil: never.
	Check(ctx context.Context, inputs []access.CheckInput, last func(access.CheckAnswer) bool) []access.CheckAnswer
	// Continue says what is to become of a live grant under which something changed.
	// An error that wraps access.ErrBusy says that it was not asked, or not in time:
	// that is no answer.
	Continue(context.Context, access.ContinueInput) (access.Continuation, error)
	// Facts returns which facts decisions for reasons with the codes depend on; all:
	// perhaps on any.
	Facts(codes []string) (facts []string, all bool)
	// Query evaluates a document. An error that wraps access.ErrInvalid or
	// access.ErrBusy is the caller's; every other is the policy's.
	Query(context.Context, access.Query) (access.QueryAnswer, error)
	// Revision is that of the policy in force; "" while there is none.
	Revision() string
}

// DecisionLog takes decisions down, off the path of whoever waits for them.
type DecisionLog interface {
	// Record returns at once. What there is no room for is counted, and lost.
	Record(access.DecisionEvent)
}

// unrecorded takes nothing down.
type unrecorded struct{}

func (unrecorded) Record(access.DecisionEvent) {}

// Facts learns what is true about a subject. What it can not learn it marks as
// unknown.
type Facts interface {
	Gather(ctx context.Context, subject access.Subject, now time.Time) access.Facts
}

// Snapshots is what the sources of facts said last, held in memory. Its methods
// return at once.
type Snapshots interface {
	// OnCall returns the subject's shifts that are not over at now, of all sources,
	// each with its Source; and the sources that can not say: what they said last is
	// too old, or they can not tell the subject from another.
	OnCall(s access.Subject, now time.Time) (known access.OnCall, unsure []string)
	// Incident returns an incident by its id or its number, and what it is known to
	// be. Only of an open one there is more than its id.
	Incident(id string, now time.Time) (access.OpenIncident, access.IncidentState)
	// Close takes that incidents are closed: until their source is asked at a later
	// time, they are not open.
	Close(incidents ...access.ClosedIncident)
}

// unlearned knows nothing.
type unlearned struct{}

func (unlearned) OnCall(access.Subject, time.Time) (access.OnCall, []string) {
	return access.OnCall{}, nil
}

func (unlearned) Incident(string, time.Time) (access.OpenIncident, access.IncidentState) {
	return access.OpenIncident{}, access.IncidentUnknown
}

func (unlearned) Close(...access.ClosedIncident) {}

// Lease makes the end of grants prompt and checks fast. It is a hint and an
// index: it makes no access, and may forget everything. The ledger is behind it.
type Lease interface {
	// Hold expects the end of each grant at its time.
	Hold(ctx context.Context, holds ...access.Hold) error
	// Drop expects them no longer.
	Drop(ctx context.Context, grantIDs ...string) error
	// Poke makes the lease announce those of the grants that are over. It reports
	// whether an announcement is to be expected.
	Poke(ctx context.Context, grantIDs ...string) (announced bool)
	// Checks reports whether standings are kept at all.
	Checks() bool
	// Stand writes standings, each unless a newer one is there. Every check sees
	// them when it returns nil; access.ErrPropagating and any other error say that
	// this is not certain.
	Stand(ctx context.Context, standings ...access.Standing) error
	// Standing returns what is held; known is false when the ledger must be asked.
	Standing(ctx context.Context, x access.Entitled) (s access.Standing, known bool)
	// Mend puts right what is missing or wrong. What is ahead of the truths that
	// it is given it leaves, and returns.
	Mend(ctx context.Context, holds []access.Hold, standings []access.Standing) (access.Mended, []access.Ahead, error)
	// Force replaces standings that nobody of ours can have written, each only as
	// it was seen.
	Force(ctx context.Context, seen []access.Ahead, right []access.Standing) (int, error)
	// Page lists some of what is held; the cursor "" begins.
	Page(ctx context.Context, cursor string) (access.LeasePage, error)
	// DropUnknown deletes keys of ours that can not be read.
	DropUnknown(ctx context.Context, keys ...string) error
	// Epoch numbers the life of what is held: 0 when there is only one, and below
	// that when there is none now.
	Epoch() int64
	// KeyOf is the key of a standing, as Page lists it.
	KeyOf(x access.Entitled) string
	// Skew is the lease's clock minus the ledger's, as measured.
	Skew() time.Duration
}

// Observer counts for operators. Its methods return at once and are safe for
// concurrent use.
type Observer interface {
	// Ended: a grant ended for being over, so long after its end; heard says that
	// the lease announced it first.
	Ended(late time.Duration, heard bool)
	// Confirmed: a target confirmed a removal, so long after it was due.
	Confirmed(late time.Duration)
	// Mended: the lease was not as the ledger says, and was put right.
	Mended(access.Mended)
	// Checked: a check was answered by "lease", by "ledger", or by "none".
	Checked(by string)
	// Asked: so ended a question to a target whether a binding exists there.
	Asked(access.Asked)
}

// unobserved counts nothing.
type unobserved struct{}

func (unobserved) Ended(time.Duration, bool) {}
func (unobserved) Confirmed(time.Duration)   {}
func (unobserved) Mended(access.Mended)      {}
func (unobserved) Checked(string)            {}
func (unobserved) Asked(access.Asked)        {}

// Target is what the engine must know of a target to give access through it.
type Target struct {
	Name     string
	Contract string        // digest of what was agreed: name and URL
	Retired  bool          // drains; takes no new access
	Deadline time.Duration // the longest that one attempt can take
	MaxLag   time.Duration // how long after an attempt its effect may still come
	Retry    trouble.Backoff
	// CallbackWithin is how long the target's word is waited for after it accepted a
	// message; 0: its response is its word.
	CallbackWithin time.Duration
	Renew          bool         // it is told when a deadline moves
	Verify         *VerifyTerms // nil: it is never asked whether a binding exists
}

// VerifyTerms say when a target is asked whether bindings exist there.
type VerifyTerms struct {
	After  time.Duration // a confirmation, the first time
	Every  time.Duration // from then on
	Repair bool          // what is not as it should be is asserted again, and not only told
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
	// LeaseShared says that other nodes read the same lease, or this one after a
	// restart: what it may not have been told is then kept in the ledger.
	LeaseShared bool
	// Node names this process among those on the ledger; "" for a name of its own.
	Node string
	// Decisions takes down decisions that change nothing; nil for nobody. One that
	// leads to a request is in its transaction.
	Decisions DecisionLog
	// DecisionForm is how decisions are shown that the log did not take down: as it
	// does it, and without what it masks.
	DecisionForm decisions.Form
	// Snapshots is what sources of facts said last; nil: there are none, and the end
	// of no grant moves.
	Snapshots Snapshots
	// Roster is who is on call, for the list of it; nil: nobody is known to be.
	Roster Roster
	// Renew is how far ahead a bound grant ends whose shift or incident has no known
	// end, from the last time that it was known to go on; 0: DefaultRenew.
	Renew time.Duration
	// MaxEndShare is the share of the live grants that a revision of the policies may
	// end by itself. What would end more waits for a second person. 0: DefaultMaxEndShare.
	MaxEndShare float64
	// Observer counts for operators; nil for nobody.
	Observer Observer
	// AccessRequests offers AuthZEN's access request profile; nil: it is not offered.
	AccessRequests *AccessRequests
	// CallbackURL is where targets that confirm later do so: the binding's id is put
	// behind it.
	CallbackURL string
	// CatalogueSources are those that are expected to bring their catalogue regularly.
	CatalogueSources []CatalogueSource
	// Sinks are where audit events are sent: what one of them has not is not removed.
	Sinks []Sink
	// AuditKeys signed, or are about to sign, the checkpoints of the audit log; nil: there
	// are none, and nothing of it can be proved.
	AuditKeys *audit.Keys
	// AuditPublish is how often a signed checkpoint becomes an event; 0: never.
	AuditPublish time.Duration
	// AuditKeep is how long events are kept at the least; 0: for ever.
	AuditKeep time.Duration
	// Step, if set, is told after each committed step of a grant's life, by
	// name: "request.committed". It is for traces and fault tests.
	Step func(name string)
}

// DefaultRenew is how long access outlasts the last news of an open-ended shift,
// or of an incident.
const DefaultRenew = time.Hour

// Engine is the use cases. Its methods are safe for concurrent use.
type Engine struct {
	ledger      *ledger.Ledger
	policy      Policy
	facts       Facts
	snapshots   Snapshots
	roster      Roster
	renew       time.Duration
	lease       Lease
	leaseShared bool
	node        string
	targets     map[string]Target // by name
	log         *slog.Logger
	observer    Observer
	decisions   DecisionLog
	form        decisions.Form
	step        func(string)
	refused     *onceAMinute
	turns       turns
	permitted   permitted
	unsaid      unsaid
	heard       heard
	failing     failing

	accessRequests *AccessRequests // nil: not offered
	requestability requestability
	callbackURL    string

	auditKeys *audit.Keys   // nil: no checkpoint is signed
	publish   time.Duration // 0: none becomes an event
	auditKeep time.Duration // 0: for ever

	burst        atomic.Int64 // when a batch of ends was last full, in microseconds
	sweepsTo     atomic.Int64 // what the sweep sleeps to, in microseconds
	sweepWake    chan struct{}
	startWake    chan struct{}
	deliveryWake chan struct{}
	rebuildWake  chan struct{}
	callbackWake chan struct{}
	recheckWake  chan struct{}
	toldLater    chan effects // of grants whose time was over

	maxEndShare float64

	sinks []Sink

	catalogueSources []CatalogueSource
	declared         atomic.Bool // the ledger knows them
	openTargets      map[string]bool
	syncs            *syncs
}

// New returns an engine.
func New(cfg Config) *Engine {
	e := &Engine{
		ledger: cfg.Ledger, policy: cfg.Policy, facts: cfg.Facts, lease: cfg.Lease, leaseShared: cfg.LeaseShared,
		node: cmp.Or(cfg.Node, access.NewID("node", cfg.Ledger.Now())), targets: map[string]Target{}, log: cfg.Log,
		observer: cfg.Observer, decisions: cfg.Decisions, form: cfg.DecisionForm, step: cfg.Step, refused: newOnceAMinute(), turns: turns{queue: map[access.Subject]*line{}},
		unsaid:    unsaid{shared: cfg.LeaseShared},
		heard:     heard{wake: make(chan struct{}, 1), kept: make(chan struct{}, 1)},
		sweepWake: make(chan struct{}, 1), startWake: make(chan struct{}, 1), deliveryWake: make(chan struct{}, 1),
		snapshots: cfg.Snapshots, roster: cfg.Roster, renew: cmp.Or(cfg.Renew, DefaultRenew),
		accessRequests: cfg.AccessRequests, callbackWake: make(chan struct{}, 1),
		rebuildWake: make(chan struct{}, 1), toldLater: make(chan effects, 64),
		recheckWake: make(chan struct{}, 1), maxEndShare: cmp.Or(cfg.MaxEndShare, DefaultMaxEndShare),
		callbackURL: cfg.CallbackURL, sinks: cfg.Sinks,
		auditKeys: cfg.AuditKeys, publish: cfg.AuditPublish, auditKeep: cfg.AuditKeep,
		catalogueSources: cfg.CatalogueSources, openTargets: map[string]bool{}, syncs: newSyncs(),
	}
	for _, t := range cfg.Targets {
		e.targets[t.Name] = t
		e.openTargets[t.Name] = !t.Retired
	}
	if e.observer == nil {
		e.observer = unobserved{}
	}
	if e.snapshots == nil {
		e.snapshots = unlearned{}
	}
	if e.roster == nil {
		e.roster = noRoster{}
	}
	if e.decisions == nil {
		e.decisions = unrecorded{}
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

// expect wakes the sweep if it would sleep beyond the time.
func (e *Engine) expect(end time.Time) {
	if end.UnixMicro() < e.sweepsTo.Load() {
		poke(e.sweepWake)
	}
}

func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default: // already signalled
	}
}

// effects is what a transaction leaves to do once it is committed. None of it is
// needed for correctness: the ledger's sweep and schedule do it later otherwise.
type effects struct {
	started   []access.Grant
	scheduled bool
	ended     []access.Grant
}

// leasePatience is how long a caller waits for the lease to take an effect.
const leasePatience = time.Second

// apply does the effects. It reports whether every check sees them from now on.
func (e *Engine) apply(ctx context.Context, fx effects) (seen bool) {
	poke(e.callbackWake) // a request may be closed whose caller is to be told
	for _, g := range fx.started {
		e.expect(g.ExpiresAt)
	}
	if fx.scheduled {
		poke(e.sweepWake) // it may end before it starts
		poke(e.startWake)
	}
	if len(fx.started)+len(fx.ended) == 0 {
		return true
	}
	poke(e.deliveryWake)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leasePatience)
	defer cancel()
	if len(fx.started) > 0 {
		holds := make([]access.Hold, len(fx.started))
		for i, g := range fx.started {
			holds[i] = access.Hold{GrantID: g.ID, Until: g.ExpiresAt}
		}
		if err := e.lease.Hold(ctx, holds...); err != nil {
			e.complain("grants are not held by the lease; the ledger ends them", err)
		}
	}
	if len(fx.ended) > 0 {
		ids := make([]string, len(fx.ended))
		for i, g := range fx.ended {
			ids[i] = g.ID
		}
		if err := e.lease.Drop(ctx, ids...); err != nil {
			e.complain("grants that ended are still held by the lease; it is mended later", err)
		}
	}
	if err := e.stand(ctx, append(slices.Clone(fx.started), fx.ended...)); err != nil {
		e.complain("the lease does not say yet what access there is; checks ask the ledger", err)
		return false
	}
	return true
}

// complain says once a minute what the lease does not do.
func (e *Engine) complain(what string, err error) {
	if e.refused.first(what, e.ledger.Now()) {
		e.log.Warn(what, "error", err)
	}
}

// stand tells the lease until when there is access under the grants' bindings.
func (e *Engine) stand(ctx context.Context, changed []access.Grant) error {
	if len(changed) == 0 || !e.lease.Checks() {
		return nil
	}
	keep := map[access.Entitled]time.Time{}
	ids := make([]string, len(changed))
	for i, g := range changed {
		ids[i] = g.BindingID
		keep[g.Entitled] = later(keep[g.Entitled], g.ExpiresAt)
	}
	standings, err := e.standings(ctx, ids)
	if err != nil {
		return err
	}
	for i := range standings {
		standings[i].Keep = later(keep[standings[i].Entitled], e.ledger.Now().Add(keepTombstones))
	}
	err = e.lease.Stand(ctx, standings...)
	if err != nil && e.leaseShared {
		err = errors.Join(err, e.leaveUnsaid(ctx, changed, standings))
	}
	return err
}

// leaveUnsaid makes checks of what the lease did not take ask the ledger: on this
// node at once, and on all when they have read it. A grant that begins is noted
// only if the lease may hold that there is none; one that ended is noted already.
func (e *Engine) leaveUnsaid(ctx context.Context, changed []access.Grant, standings []access.Standing) error {
	for _, g := range changed {
		e.unsaid.note(g.Entitled)
	}
	var again []access.Standing
	for _, s := range standings {
		if !s.Until.IsZero() && s.Version > 1 {
			again = append(again, s)
		}
	}
	if len(again) == 0 {
		return nil
	}
	return e.ledger.Update(context.WithoutCancel(ctx), func(tx *ledger.Tx) error {
		for _, s := range again {
			if err := tx.MarkUnsaid(s.BindingID, s.Until); err != nil {
				return err
			}
		}
		return nil
	})
}

// keepTombstones is how long the lease keeps the end of an access at the least.
const keepTombstones = time.Minute

// standings reads standings to be written to the lease in the epoch in which they
// were read: in a later one, another may already have written what came after.
func (e *Engine) standings(ctx context.Context, bindingIDs []string) (standings []access.Standing, err error) {
	epoch := e.lease.Epoch()
	ids := slices.Compact(slices.Sorted(slices.Values(bindingIDs)))
	for chunk := range slices.Chunk(ids, sweepBatch) {
		err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
			some, err := tx.Standings(chunk...)
			standings = append(standings, some...)
			return err
		})
		if err != nil {
			break
		}
	}
	for i := range standings {
		standings[i].Epoch = epoch
	}
	return standings, err
}
