package pdp

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Records keeps which revision is active for all nodes, and what was refused.
type Records interface {
	ActivatePolicy(ctx context.Context, next access.PolicyRevision) error
	RefusePolicy(ctx context.Context, r access.PolicyRefusal) error
	ActivePolicy(ctx context.Context) (access.PolicyRevision, error)
}

// The times of a delivery.
const (
	compareEvery = 5 * time.Second  // with the revision that is active for all
	recordWithin = 5 * time.Second  // an answer of the ledger
	retryAfter   = time.Second      // when the ledger gave none
	beginWithin  = 10 * time.Second // the first look, for which a start waits
	lookWithin   = 5 * time.Minute  // any other; a source has a bound of its own
)

// DeliveryConfig says what is delivered, and to whom. PDP, Records and Log are
// required; without Dir and Bundle it is the library alone.
type DeliveryConfig struct {
	PDP     *PDP
	Dir     string  // the team's directory
	Bundle  *Bundle // in its place
	Records Records
	Log     *slog.Logger
	Every   time.Duration // how often a directory is looked at; 0: every second
}

// Delivery brings policies into force, and newer ones whenever there are any. A
// revision is compiled, then activated in the ledger, then used. One that is
// broken is refused: the last good one stays in force. Its methods are safe for
// concurrent use, save that Begin and then Run are called once.
type Delivery struct {
	pdp      *PDP
	source   source
	records  Records
	log      *slog.Logger
	reload   chan struct{}
	silent   trouble.Line
	withheld trouble.Line

	// Of the one loop.
	last    string                // identity of what was seen last
	waiting *arrival              // until the ledger answers
	untold  *access.PolicyRefusal // until the ledger answers

	mu    sync.Mutex
	state DeliveryState
}

// arrival is policies that compiled, and that are not in force yet.
type arrival struct {
	revision *Revision
	from     *candidate
	recalled bool
}

// DeliveryState is how the delivery is.
type DeliveryState struct {
	Revision  string    // in force; "": none, and every answer is no
	Bundle    string    // what the author of its bundle calls it
	Since     time.Time // when it came into force here
	Refused   bool      // the newest that was seen is broken
	Refusals  int64     // how many were, since the start
	Waiting   bool      // the newest waits for the ledger
	Silent    bool      // nothing can be read where the policies come from
	Recalled  bool      // it is the one that was kept from before the start
	Elsewhere bool      // another is active for all nodes
}

// Current reports whether the newest policies that were seen are in force.
func (s DeliveryState) Current() bool { return s.Revision != "" && !s.Refused && !s.Waiting }

// NewDelivery returns a delivery. Nothing is in force before Begin.
func NewDelivery(cfg DeliveryConfig) *Delivery {
	d := &Delivery{pdp: cfg.PDP, records: cfg.Records, log: cfg.Log, reload: make(chan struct{}, 1), source: &shipped{}}
	switch {
	case cfg.Bundle != nil:
		d.source = &bundled{*cfg.Bundle}
	case cfg.Dir != "":
		d.source = &directory{dir: cfg.Dir, every: cmp.Or(cfg.Every, lookEvery)}
	}
	return d
}

// State returns how the delivery is.
func (d *Delivery) State() DeliveryState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

func (d *Delivery) set(change func(*DeliveryState)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.state)
}

// Reload makes Run look at once. It returns at once.
func (d *Delivery) Reload() {
	select {
	case d.reload <- struct{}{}:
	default: // already asked for
	}
}

// Begin looks for policies once, and falls back on those that were kept. That
// there are none is no failure: the gateway denies everything, and still ends
// what it gave.
func (d *Delivery) Begin(ctx context.Context) {
	d.step(ctx, true, beginWithin)
	if d.State().Revision == "" && d.waiting == nil {
		d.recall(ctx)
	}
	if s := d.State(); s.Revision == "" && ctx.Err() == nil {
		d.log.ErrorContext(ctx, "no policy is in force: everything is denied until there is one", "source", d.source.name())
	}
}

// Run looks for newer policies until ctx ends.
func (d *Delivery) Run(ctx context.Context) error {
	next, again, compare := time.NewTimer(d.pause()), time.NewTicker(retryAfter), time.NewTicker(compareEvery)
	defer next.Stop()
	defer again.Stop()
	defer compare.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-compare.C:
			d.compare(ctx)
			continue
		case <-again.C:
			d.settle(ctx) // without asking the source once more
			continue
		case <-d.reload:
			d.step(ctx, true, lookWithin)
		case <-next.C:
			d.step(ctx, false, lookWithin)
		}
		next.Reset(d.pause())
	}
}

// pause is until the next look.
func (d *Delivery) pause() time.Duration {
	if pause := d.source.pause(); pause > 0 {
		return pause
	}
	return compareEvery
}

// step is one look, and what follows from it.
func (d *Delivery) step(ctx context.Context, now bool, within time.Duration) {
	c, err := d.look(ctx, now, within)
	if ctx.Err() != nil {
		return
	}
	d.set(func(s *DeliveryState) { s.Silent = err != nil })
	if err != nil {
		d.silent.Failed(d.log, "policies can not be read where they come from; those in force stay", err)
	}
	if c != nil && c.identity != d.last {
		d.last = c.identity
		d.take(ctx, c)
	}
	d.settle(ctx)
}

func (d *Delivery) look(ctx context.Context, now bool, within time.Duration) (*candidate, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return d.source.look(ctx, now)
}

// take compiles what was read. What is good takes the place of what waits.
func (d *Delivery) take(ctx context.Context, c *candidate) {
	r, err := c.load(ctx, d.pdp)
	if err != nil {
		d.refuse(ctx, err)
		return
	}
	unsure := d.waiting != nil // the ledger may have it as the active one, and have answered too late
	d.waiting, d.untold = nil, nil
	if unsure || r.Name() != d.State().Revision {
		d.waiting = &arrival{r, c, false}
	}
	d.set(func(s *DeliveryState) { s.Refused, s.Waiting = false, d.waiting != nil })
}

func (d *Delivery) refuse(ctx context.Context, err error) {
	faults := faultsOf(err)
	d.untold = &access.PolicyRefusal{Source: d.source.name(), Faults: len(faults), Lines: beginnings(faults)}
	d.set(func(s *DeliveryState) {
		s.Refused = true
		s.Refusals++
	})
	d.log.ErrorContext(ctx, "policies refused; those in force stay", "source", d.source.name(), "error", err)
}

// settle brings to the ledger what it does not have yet, and into force what it
// then has.
func (d *Delivery) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	var err error
	if d.untold != nil {
		if err = d.records.RefusePolicy(ctx, *d.untold); err == nil {
			d.untold = nil
		}
	}
	if d.waiting != nil && err == nil {
		err = d.activate(ctx, d.waiting)
	}
	if err != nil {
		d.withheld.Failed(d.log, "the ledger does not take down the newest policies; it is tried again, and those in force stay", err)
	}
}

func (d *Delivery) activate(ctx context.Context, a *arrival) error {
	name := a.revision.Name()
	err := d.records.ActivatePolicy(ctx, access.PolicyRevision{Name: name, Bundle: a.revision.Bundle(), Source: d.source.name()})
	if err != nil {
		return err
	}
	d.pdp.Use(ctx, a.revision)
	d.waiting = nil
	d.set(func(s *DeliveryState) {
		s.Revision, s.Bundle, s.Since = name, a.revision.Bundle(), time.Now()
		s.Waiting, s.Elsewhere, s.Recalled = false, false, a.recalled
	})
	if k, ok := d.source.(kept); ok && !a.recalled {
		if err := k.keep(a.from); err != nil {
			d.log.WarnContext(ctx, "the policies are in force, and not kept for a start without their source", "error", err)
		}
	}
	return nil
}

// recall puts in force what was kept from before the start, if it is still good.
func (d *Delivery) recall(ctx context.Context) {
	k, ok := d.source.(kept)
	if !ok {
		return
	}
	c, err := k.recall()
	if err == nil && c != nil {
		var r *Revision
		if r, err = c.load(ctx, d.pdp); err == nil {
			d.waiting = &arrival{r, c, true}
			d.set(func(s *DeliveryState) { s.Waiting = true })
			d.log.WarnContext(ctx, "the policies that were kept are used until their source gives any", "revision", r.Name())
			d.settle(ctx)
		}
	}
	if err != nil {
		d.log.ErrorContext(ctx, "the policies that were kept can not be used", "error", err)
	}
}

// compare learns whether the revision in force here is the one that is active
// for all. When the ledger does not answer, what was known stays.
func (d *Delivery) compare(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	active, err := d.records.ActivePolicy(ctx)
	if err != nil {
		return
	}
	was := d.State().Elsewhere
	d.set(func(s *DeliveryState) {
		s.Elsewhere = s.Revision != "" && active.Name != "" && active.Name != s.Revision
	})
	if s := d.State(); s.Elsewhere && !was {
		d.log.WarnContext(ctx, "another revision of the policies is active than the one in force here",
			"here", s.Revision, "active", active.Name, "source", active.Source)
	}
}
