package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

const (
	// keepRuns is how many runs of a source its history keeps.
	keepRuns = 100
	// deadAfter is when a run of another process is given up: it takes ten minutes to
	// read at the most, and applyWithin to apply.
	deadAfter = 30 * time.Minute
	tidyEvery = time.Minute
)

// tidy has what the run has staged deleted behind its caller's back. One that
// leaves no trace does it itself.
func (r *syncRun) tidy(ctx context.Context) {
	if !r.silent() {
		poke(r.engine.syncs.wake)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	if err := r.engine.forgetQuietRun(ctx, r.id); err != nil {
		r.engine.log.Warn("a run that changed nothing was not forgotten", "run", r.id, "error", err)
	}
}

func (e *Engine) forgetQuietRun(ctx context.Context, id string) error {
	if err := e.unstage(ctx, id); err != nil {
		return err
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.DropSync(id) })
}

// syncLoop tidies up behind runs, and gives up those whose process is gone.
func (e *Engine) syncLoop(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := e.tidySyncs(ctx); err != nil && ctx.Err() == nil {
			e.complain("what catalogues were read from is not tidied up; trying again", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-e.syncs.wake:
		case <-tick.C:
		}
	}
}

func (e *Engine) tidySyncs(ctx context.Context) error {
	if err := e.declareSources(ctx); err != nil {
		return err
	}
	var runs []ledger.SyncRun
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		runs, err = tx.StagedSyncs()
		return err
	})
	for _, r := range runs {
		if err == nil {
			err = e.tidySync(ctx, r)
		}
	}
	return err
}

// tidySync deletes what a run has staged that is over, or whose process is gone.
func (e *Engine) tidySync(ctx context.Context, r ledger.SyncRun) error {
	if e.syncs.has(r.ID) {
		return nil
	}
	if r.Outcome == "" {
		if !e.ledger.Alone() && e.ledger.Now().Sub(r.StartedAt) < deadAfter {
			return nil
		}
		if err := e.giveUp(ctx, r); err != nil {
			return err
		}
	}
	if err := e.unstage(ctx, r.ID); err != nil {
		return err
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.Unstaged(r.ID); err != nil {
			return err
		}
		return tx.ForgetSyncs(r.Source, keepRuns)
	})
}

// giveUp refuses a run for its process.
func (e *Engine) giveUp(ctx context.Context, r ledger.SyncRun) error {
	r.Outcome, r.Code, r.Detail, r.Errors = SyncRefused, "interrupted", "the gateway stopped before it was done; nothing was changed", []byte(`[]`)
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.FinishSync(r); err != nil {
			return err
		}
		return tx.Append(audit.Event{Type: audit.CatalogueRefused, Data: map[string]any{
			"source": r.Source, "run_id": r.ID, "dry_run": false, "code": r.Code, "detail": r.Detail, "error_count": 0,
		}})
	})
	if access.CodeOf(err) == "sync_given_up" { // by another node
		return nil
	}
	return err
}

// unstage deletes what a run has staged.
func (e *Engine) unstage(ctx context.Context, id string) error {
	return e.dropAll(ctx, func(tx *ledger.Tx) (int, error) { return tx.Unstage(id, syncChunk) })
}

// dropAll deletes a batch of syncChunk at a time, until there is less: nobody waits
// long for the ledger's one writer.
func (e *Engine) dropAll(ctx context.Context, drop func(*ledger.Tx) (int, error)) error {
	for n := syncChunk; n >= syncChunk; {
		err := e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
			n, err = drop(tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
