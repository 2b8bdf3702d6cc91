package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// The operations on sources of resources.
const (
	opSync    = "resource.sync"
	opSources = "source.list"
	opSource  = "source.read"
)

// SeedSource is the source of the catalogue that the configuration names.
const SeedSource = "seed"

// kindRun is the kind of a run's id.
const kindRun = "run"

// MaxSyncs is how many snapshots one process reads at once.
const MaxSyncs = 4

// applyWithin is how long a snapshot may take from its last byte to its end.
const applyWithin = 5 * time.Minute

var sourcePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// SyncOrder says whose catalogue is to become what.
type SyncOrder struct {
	Source      string
	AllowShrink bool // it may archive more than half of what the source has
	DryRun      bool // nothing is changed
	SkipInvalid bool // what has faults is left as it is, and the rest is taken
	Items       SyncItems
}

// SyncItems are the resources of a snapshot, read one after the other: a snapshot
// need not fit into memory.
type SyncItems interface {
	// Next returns the next item; io.EOF behind the last. An error that wraps
	// access.ErrInvalid says why the snapshot can not be read to its end.
	Next() (SyncItem, error)
}

// SyncItem is one resource of a snapshot, and where it stands in it.
type SyncItem struct {
	Line, Index int
	Resource    access.Resource
	// Fault says why it is no resource. Its type and id are there if they could be
	// read nevertheless.
	Fault error
	// Broken says that nothing can be read behind it.
	Broken bool
}

// SyncFaultsError is a refusal of a snapshot for what is wrong with items of it.
type SyncFaultsError struct {
	Refusal error
	Errors  []SyncError // the first MaxSyncErrors
	Count   int
}

// Error renders the refusal and the first fault.
func (f *SyncFaultsError) Error() string {
	if len(f.Errors) == 0 {
		return f.Refusal.Error()
	}
	first := f.Errors[0]
	place := first.Pointer
	if place != "" {
		place += ": "
	}
	return fmt.Sprintf("%s: item %d: %s%s (%s)", f.Refusal, first.Index, place, first.Detail, first.Code)
}

// Unwrap returns the refusal.
func (f *SyncFaultsError) Unwrap() error { return f.Refusal }

// syncs are the runs of this process.
type syncs struct {
	mu      sync.Mutex
	reading int
	running map[string]bool // by id
	wake    chan struct{}   // something is to be tidied up
}

func newSyncs() *syncs { return &syncs{running: map[string]bool{}, wake: make(chan struct{}, 1)} }

var errManySyncs error = &access.Error{
	Kind: access.ErrBusy, Code: "too_busy", Detail: fmt.Sprintf("%d snapshots are being read already; send it again when one is done", MaxSyncs),
}

func (s *syncs) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading == MaxSyncs {
		return errManySyncs
	}
	s.reading++
	return nil
}

func (s *syncs) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading--
}

// mark notes that a run is this process's, until what it returns is called.
func (s *syncs) mark(id string) (over func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[id] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, id)
	}
}

func (s *syncs) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[id]
}

// Sync makes the catalogue of a source what a snapshot of it says, all of it or
// nothing. A resource that is no longer in it is archived, and its grants end.
// Each change is an event. A snapshot that is not taken is a *SyncFaultsError, or one
// of access's errors, and is in the source's history too.
func (e *Engine) Sync(ctx context.Context, call Call, order SyncOrder) (SyncReport, error) {
	if err := CheckSource(order.Source); err != nil {
		return SyncReport{}, err
	}
	if err := e.authorize(ctx, call, opSync, access.APIObject{Source: &order.Source}); err != nil {
		return SyncReport{}, err
	}
	if err := e.syncs.enter(); err != nil {
		return SyncReport{}, err
	}
	defer e.syncs.leave()
	return e.sync(ctx, call, order, false)
}

// CheckSource reports ErrInvalid unless a program may bring the catalogue of a
// source of that name.
func CheckSource(name string) error {
	switch {
	case !sourcePattern.MatchString(name):
		return access.Invalid("invalid_source", "",
			"%q is not the name of a source: want lower-case letters, digits, . - or _, 64 at most, beginning with a letter or digit", name)
	case name == SeedSource:
		return access.Invalid("source_reserved", "", "the source %q is the file that the configuration names; take another name", name)
	}
	return nil
}

// sync is a run from its beginning to its end. A quiet one leaves no trace if
// nothing changes.
func (e *Engine) sync(ctx context.Context, call Call, order SyncOrder, quiet bool) (SyncReport, error) {
	r := &syncRun{
		engine: e, call: call, order: order, quiet: quiet, id: access.NewID(kindRun, e.ledger.Now()), chunked: map[string]int{},
	}
	over := e.syncs.mark(r.id)
	actor := ""
	if call.Caller.ID != "" {
		actor = call.Caller.String()
	}
	if err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.BeginSync(r.id, order.Source, actor) }); err != nil {
		over()
		return SyncReport{}, err
	}
	err := r.read(ctx)
	if err == nil {
		// It is whole: that whoever sent it does not wait for the answer any more
		// changes nothing.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), applyWithin)
		defer cancel()
		err = r.force(ctx)
	}
	if err != nil {
		err = r.refuse(ctx, err)
	}
	over()
	r.tidy(ctx)
	return r.report(), err
}

// force brings what was read into force, or says what that would change.
func (r *syncRun) force(ctx context.Context) error {
	if err := r.judgeFaults("invalid_resources"); err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		version, err := r.compare(ctx)
		if err == nil {
			err = r.judgeChanges()
		}
		switch {
		case err != nil:
			return err
		case r.order.DryRun:
			return r.finishDryRun(ctx)
		}
		if err = r.render(ctx); err != nil {
			return err
		}
		r.engine.step("sync.compared")
		if err = r.apply(ctx, version); !errors.Is(err, errCatalogueMoved) || tries == maxCompares {
			return err
		}
	}
}

// maxCompares is how often a snapshot is held against a catalogue that others
// change meanwhile.
const maxCompares = 10

// refuse writes down that the snapshot is not taken, and returns why.
func (r *syncRun) refuse(ctx context.Context, why error) error {
	r.refused = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	run := r.record(SyncRefused)
	if r.order.DryRun {
		run.Outcome = SyncDryRun
	}
	run.Code, run.Detail = "internal", "something failed inside; the operator's log has it"
	var known *access.Error
	if errors.As(why, &known) {
		run.Code, run.Detail = known.Code, known.Detail
	}
	event := r.call.event(audit.CatalogueRefused)
	event.Data = map[string]any{
		"source": r.order.Source, "run_id": r.id, "dry_run": r.order.DryRun, "code": run.Code, "detail": run.Detail, "error_count": r.faultCount,
	}
	err := r.engine.ledger.Update(ctx, func(tx *ledger.Tx) error {
		return errors.Join(tx.FinishSync(run), tx.Append(event))
	})
	if err != nil {
		r.engine.log.Error("the end of a sync could not be written down", "source", r.order.Source, "run", r.id, "error", err)
	}
	return why
}

// leaveWithin is how long the end of a run may take that is not waited for.
const leaveWithin = 10 * time.Second
