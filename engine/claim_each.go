package engine

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/ledger"
)

// claimFrom claims at one target after the other, for each at most its room, and limit
// in all. What could not be claimed is an error beside what was.
func claimFrom[T any](due []Target, limit int, room map[string]int, claim func(Target, int) ([]T, error)) (claimed []T, err error) {
	for _, target := range due {
		n := min(limit-len(claimed), room[target.Contract])
		if n <= 0 {
			continue
		}
		some, failure := claim(target, n)
		claimed = append(claimed, some...)
		err = errors.Join(err, failure)
	}
	return claimed, err
}

// targetsWith lists the targets with room at which there is something to do, in no
// order, so that none is always the last.
func (e *Engine) targetsWith(
	ctx context.Context, room map[string]int, any func(*ledger.Tx, Target) (bool, error),
) (due []Target, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		for _, target := range e.targets {
			if room[target.Contract] <= 0 {
				continue
			}
			found, err := any(tx, target)
			if err != nil {
				return err
			}
			if found {
				due = append(due, target)
			}
		}
		return nil
	})
	return due, err
}

// soonestOf returns the soonest time among the contracts that there is room for; the
// zero time for never.
func (e *Engine) soonestOf(
	ctx context.Context, room map[string]int, soonest func(tx *ledger.Tx, contract string) (time.Time, error),
) (next time.Time, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		for contract, n := range room {
			if n <= 0 {
				continue
			}
			at, err := soonest(tx, contract)
			if err != nil {
				return err
			}
			if next.IsZero() || !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		return nil
	})
	return next, err
}
