package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// errCatalogueMoved says that the catalogue is not what it was compared with.
var errCatalogueMoved error = &access.Error{
	Kind: access.ErrBusy, Code: "too_busy",
	Detail: "nothing was changed: others changed the catalogue each time that it was compared; send it again",
}

// lockCatalogue is what runs of one source take turns at.
const lockCatalogue = "catalogue"

// apply changes the catalogue, in one transaction: all of it or nothing. Whatever
// can be done before it has been, because nobody else writes meanwhile.
func (r *syncRun) apply(ctx context.Context, version int64) error {
	if r.silent() {
		return nil
	}
	e := r.engine
	var fx effects
	counts := r.counts
	err := e.ledger.UpdateAlone(ctx, func(tx *ledger.Tx) error {
		fx, r.counts = effects{}, counts
		if err := tx.LockSource(lockCatalogue, r.order.Source); err != nil {
			return err
		}
		now, err := tx.LockCatalogue()
		if err == nil && now != version {
			err = errCatalogueMoved
		}
		if err == nil {
			err = r.change(tx, &fx)
		}
		if err != nil {
			return err
		}
		return r.finish(tx)
	})
	if err == nil {
		e.apply(ctx, fx)
		poke(e.recheckWake)
	}
	return err
}

func (r *syncRun) changesAnything() bool {
	return r.counts.Created+r.counts.Updated+r.counts.Archived+r.found > 0
}

// silent reports whether the run leaves no trace.
func (r *syncRun) silent() bool { return r.quiet && !r.refused && !r.changesAnything() }

// change makes the changes that were noted. Decisions about what changes are made
// before, and their grants are then seen here, or after, and then know it. What is
// archived is taken out of the catalogue first, and then the grants on it end: none
// can be added in between.
func (r *syncRun) change(tx *ledger.Tx, fx *effects) error {
	if !r.changesAnything() {
		return nil
	}
	changing, err := tx.ChangedBy(r.id, ledger.MaxResourceLocks+1)
	if err == nil {
		err = tx.LockResources(changing)
	}
	if err == nil {
		err = tx.ApplySync(r.id, r.order.Source)
	}
	if err != nil || r.counts.Archived == 0 {
		return err
	}
	grants, err := tx.UnendedGrantsLeaving(r.id)
	if err != nil {
		return err
	}
	err = r.engine.endAll(tx, Call{}, grants, func(access.Grant) access.EndReason { return access.EndResourceGone }, fx)
	r.counts.GrantsEnded = len(fx.ended)
	return err
}

// render prepares an event for each change, a page at a time.
func (r *syncRun) render(ctx context.Context) error {
	l := r.engine.ledger
	var page []ledger.Synced
	var rendered ledger.SyncEvents
	return r.stretches(ctx, func(tx *ledger.Tx, after string) (ledger.Stretch, bool, error) {
		return tx.NextChanges(r.id, after, syncChunk)
	}, func(tx *ledger.Tx, in ledger.Stretch) (err error) {
		page, err = tx.Synced(r.id, in)
		return err
	}, func(ctx context.Context) (err error) {
		events := make([]audit.Event, len(page))
		for i, s := range page {
			events[i] = r.event(s)
		}
		if rendered, err = rendered.Behind(r.id, l.Now(), events); err != nil || len(events) == 0 {
			return err
		}
		return l.Update(ctx, func(tx *ledger.Tx) error { return tx.PutSyncEvents(rendered) })
	})
}

func (r *syncRun) event(s ledger.Synced) audit.Event {
	event := r.call.event("resource." + s.Change)
	event.Resource, event.Data = &s.Resource, map[string]any{"source": r.order.Source}
	if s.Change != access.ResourceArchived {
		event.Data["properties"], event.Data["entitlements"] = s.Properties, s.Entitlements
	}
	return event
}

// finish writes the run and its event.
func (r *syncRun) finish(tx *ledger.Tx) error {
	c := r.counts
	event := r.call.event(audit.CatalogueSynced)
	event.Data = map[string]any{
		"source": r.order.Source, "run_id": r.id, "received": c.Received, "created": c.Created, "updated": c.Updated, "unchanged": c.Unchanged,
		"archived": c.Archived, "skipped": c.Skipped, "grants_ended": c.GrantsEnded,
	}
	return errors.Join(tx.FinishSync(r.record(SyncApplied)), tx.SourceSynced(r.order.Source), tx.Append(event))
}

// finishDryRun notes the run, and lists what it would change.
func (r *syncRun) finishDryRun(ctx context.Context) error {
	l := r.engine.ledger
	var differences []ledger.SyncDifference
	err := l.View(ctx, func(tx *ledger.Tx) error {
		first, found, err := tx.NextChanges(r.id, "", MaxSyncChanges)
		if err == nil && found {
			differences, err = tx.SyncDifferences(r.id, first)
		}
		return err
	})
	for _, d := range differences {
		r.changes = append(r.changes, changeOf(d))
	}
	if err != nil {
		return err
	}
	return l.Update(ctx, func(tx *ledger.Tx) error { return tx.FinishSync(r.record(SyncDryRun)) })
}

func changeOf(d ledger.SyncDifference) SyncChange {
	c := SyncChange{Change: d.Change}
	c.Type, c.ID, _ = strings.Cut(d.Resource, ":")
	for _, f := range []struct {
		name    string
		differs bool
	}{{"name", d.Name}, {"properties", d.Properties}, {"entitlements", d.Entitlements}} {
		if f.differs {
			c.Fields = append(c.Fields, f.name)
		}
	}
	return c
}

// maxRunErrors is how many of a run's faults its history keeps.
const maxRunErrors = 20

// record is the run as its history keeps it.
func (r *syncRun) record(outcome string) ledger.SyncRun {
	kept, err := json.Marshal(append([]SyncError{}, r.faults[:min(len(r.faults), maxRunErrors)]...))
	if err != nil { // texts and numbers: never
		kept = []byte(`[]`)
	}
	run := ledger.SyncRun{ID: r.id, Source: r.order.Source, Outcome: outcome, SyncCounts: r.counts, Errors: kept, ErrorCount: r.faultCount}
	if r.refusal != nil {
		run.Code, run.Detail = r.refusal.Code, r.refusal.Detail
	}
	return run
}

// report is what whoever sent the snapshot is told.
func (r *syncRun) report() SyncReport {
	report := SyncReport{
		Source: r.order.Source, RunID: r.id, DryRun: r.order.DryRun, SyncCounts: r.counts, Changes: r.changes, Refusal: r.refusal,
		Errors: append([]SyncError{}, r.faults...), ErrorCount: r.faultCount,
	}
	if r.order.DryRun {
		report.ChangesOmitted = r.counts.Created + r.counts.Updated + r.counts.Archived - len(r.changes)
	}
	return report
}
