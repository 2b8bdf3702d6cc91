package engine

import (
	"context"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// compare notes how the catalogue is to change for what was read to be in force,
// without holding anybody up. It returns the version of the catalogue that this is
// true of.
func (r *syncRun) compare(ctx context.Context) (version int64, err error) {
	l := r.engine.ledger
	// The version is read first: what changes while it is compared shows later.
	err = l.Look(ctx, func(tx *ledger.Tx) (err error) {
		version, err = tx.CatalogueVersion()
		return err
	})
	if err == nil {
		err = r.reset(ctx)
	}
	if err == nil {
		err = r.compareStaged(ctx)
	}
	if err == nil && !r.nameless {
		err = r.compareLeaving(ctx)
	}
	if err == nil {
		err = l.View(ctx, func(tx *ledger.Tx) (err error) {
			if r.counts.GrantsEnded, err = tx.CountGrantsLeaving(r.id); err == nil {
				r.alive, err = tx.CountResources(r.order.Source)
			}
			return err
		})
	}
	return version, err
}

// reset forgets an earlier comparison.
func (r *syncRun) reset(ctx context.Context) error {
	c := &r.counts
	compared := r.compared
	r.compared, r.found = true, 0
	c.Created, c.Updated, c.Unchanged, c.Archived, c.Skipped = 0, 0, r.valid, 0, c.Received-r.valid
	if !compared {
		r.readFaults, r.readFaultCount = len(r.faults), r.faultCount
		return nil
	}
	r.faults, r.faultCount = r.faults[:r.readFaults], r.readFaultCount
	return r.engine.dropAll(ctx, func(tx *ledger.Tx) (int, error) { return tx.DropSyncChanges(r.id, syncChunk) })
}

// compareStaged finds what is new, and what differs.
func (r *syncRun) compareStaged(ctx context.Context) error {
	return r.note(ctx, func(tx *ledger.Tx, after string) (ledger.Stretch, bool, error) {
		return tx.NextStaged(r.id, after, syncChunk)
	}, (*ledger.Tx).CompareStaged)
}

// compareLeaving finds what the source no longer has.
func (r *syncRun) compareLeaving(ctx context.Context) error {
	return r.note(ctx, func(tx *ledger.Tx, after string) (ledger.Stretch, bool, error) {
		return tx.NextAlive(r.order.Source, after, syncChunk)
	}, (*ledger.Tx).Leaving)
}

// note keeps the changes that are found, stretch by stretch.
func (r *syncRun) note(
	ctx context.Context, next func(tx *ledger.Tx, after string) (ledger.Stretch, bool, error),
	find func(tx *ledger.Tx, run, source string, in ledger.Stretch) ([]ledger.SyncChange, error),
) error {
	var page []ledger.SyncChange
	return r.stretches(ctx, next, func(tx *ledger.Tx, in ledger.Stretch) (err error) {
		page, err = find(tx, r.id, r.order.Source, in)
		return err
	}, func(ctx context.Context) error {
		changes := r.count(page)
		if len(changes) == 0 {
			return nil
		}
		return r.engine.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.PutSyncChanges(r.id, changes) })
	})
}

// stretches reads one stretch after the other, and does something with each.
func (r *syncRun) stretches(
	ctx context.Context, next func(tx *ledger.Tx, after string) (ledger.Stretch, bool, error),
	read func(*ledger.Tx, ledger.Stretch) error, then func(context.Context) error,
) error {
	for after := ""; ; {
		more := false
		err := r.engine.ledger.View(ctx, func(tx *ledger.Tx) error {
			in, found, err := next(tx, after)
			if more = found; err != nil || !found {
				return err
			}
			after = in.Upto
			return read(tx, in)
		})
		if err != nil || !more {
			return err
		}
		if err := then(ctx); err != nil {
			return err
		}
	}
}

// count counts changes, and leaves out those that may not be made.
func (r *syncRun) count(page []ledger.SyncChange) []ledger.SyncChange {
	kept := page[:0]
	c := &r.counts
	for _, change := range page {
		switch change.Change {
		case access.ResourceCreated:
			c.Created++
			c.Unchanged--
		case access.ResourceUpdated:
			c.Updated++
			c.Unchanged--
		case access.ResourceArchived:
			c.Archived++
		case ledger.SyncFound:
			r.found++
		case ledger.SyncOwned:
			c.Skipped++
			c.Unchanged--
			r.owned(change)
			continue
		}
		kept = append(kept, change)
	}
	return kept
}

// owned notes that a resource is another source's.
func (r *syncRun) owned(change ledger.SyncChange) {
	typ, id, _ := strings.Cut(change.Resource, ":")
	r.fault(SyncItem{Line: change.Line, Index: change.Index, Resource: access.Resource{Type: typ, ID: id}}, true,
		access.Conflict(codeOwned, "%s belongs to the source %q; take it out of the one or the other", change.Resource, change.Owner))
}

// judgeChanges refuses what may not be done. A dry run only says so.
func (r *syncRun) judgeChanges() error {
	if err := r.judgeFaults(codeOwned); err != nil {
		return err
	}
	c := r.counts
	if r.order.AllowShrink || 2*c.Archived <= r.alive {
		return nil
	}
	const detail = "nothing was changed: it would archive %d of the %d resources of %q, which is more than half, and end %d grants; " +
		"if that is meant, send it again with allow_shrink=true"
	refusal := access.Conflict("shrink_refused", detail, c.Archived, r.alive, r.order.Source, c.GrantsEnded)
	if !r.order.DryRun {
		return refusal
	}
	known, _ := refusal.(*access.Error) //nolint:errorlint // Conflict makes one
	r.refusal = &SyncRefusal{Code: known.Code, Detail: known.Detail}
	return nil
}
