package engine

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// coverEvery is how often it is looked for bindings that no sweep covers, and
// coverAgain when it is after a failure.
const (
	coverEvery = time.Hour
	coverAgain = 10 * time.Second
)

// coverLoop sees to it that the sweep covers every binding of which a target was ever
// told, present or absent: those of a target that was not asked before, and those
// that another release settled. What settles from now on is covered by that.
func (e *Engine) coverLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var failures trouble.Line
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait := coverEvery
		err := trouble.Caught(func() error { return errors.Join(e.coverAll(ctx), e.leaveDrifts(ctx)) })
		if err != nil && ctx.Err() == nil {
			failures.Failed(e.log, "bindings to ask targets about could not be found; trying again", err)
			wait = coverAgain
		}
		timer.Reset(wait)
	}
}

// leaveDrifts forgets what targets said that no node asks any more: nobody could say
// that it is right again, and operators would be told of it for ever. What drifted is
// asked about every lookAgainAt, so that one about which it has long been time to ask
// is one that nobody asks.
func (e *Engine) leaveDrifts(ctx context.Context) error {
	asked, before := e.Asked(), e.ledger.Now().Add(-coverEvery)
	none, err := e.nothing(ctx, func(tx *ledger.Tx) (int, error) { return tx.LostDrifts(asked, before) })
	if none || err != nil {
		return err
	}
	var left int64
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		left, err = tx.LeaveDrifts(asked, before)
		return err
	})
	if err == nil && left > 0 {
		e.log.Warn("bindings that are not as they should be are left so: their targets are not asked any more", "bindings", left)
	}
	return err
}

func (e *Engine) coverAll(ctx context.Context) error {
	for _, target := range e.targets {
		if target.Verify == nil {
			continue
		}
		for after, more := "", true; more; {
			var err error
			if after, more, err = e.coverSome(ctx, target, after); err != nil {
				return err
			}
		}
	}
	return nil
}

// coverSome covers some of a target's bindings whose ids come after the one given. A
// sweep over them begins at any time within Every, so that it is even. Another
// transaction that holds one is passed over: it settles it, or changes it before it
// does.
func (e *Engine) coverSome(ctx context.Context, target Target, after string) (last string, more bool, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		more, err = tx.Unasked(target.Contract, after)
		return err
	})
	if err != nil || !more {
		return after, false, err
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		bindings, err := tx.HoldUnasked(target.Contract, after, sweepBatch)
		if err != nil {
			return err
		}
		askings := make([]ledger.Asking, len(bindings))
		for i, b := range bindings {
			askings[i] = ledger.Asking{BindingID: b.ID, Contract: b.Contract, At: firstSweep(target, tx.Now())}
			last = b.ID
		}
		more = len(bindings) == sweepBatch
		return tx.AskFirst(askings...)
	})
	return last, more, err
}
