package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// askLater makes the targets of bindings be asked whether they are so: of those that
// are settled now, at targets that are asked. It is for whoever has just settled
// them, in the same transaction and in one call: it costs one statement, not one for
// each.
//
// A target whose effects come late is not asked before they have.
func (e *Engine) askLater(tx *ledger.Tx, bindings ...ledger.Claimed) error {
	var askings []ledger.Asking
	for _, b := range bindings {
		target, asked := e.askedOf(b.Binding)
		if asked && b.Settled(b.Claim) {
			at := tx.Now().Add(max(target.Verify.After, target.MaxLag))
			askings = append(askings, ledger.Asking{BindingID: b.ID, Contract: b.Contract, At: at})
		}
	}
	return tx.AskAt(askings...)
}

// askedOf is the target of the binding, if that is one that is asked.
func (e *Engine) askedOf(b access.Binding) (Target, bool) {
	target := e.targets[b.Target]
	return target, target.Verify != nil && target.Contract == b.Contract
}

// Asked lists the contracts of the targets that are asked.
func (e *Engine) Asked() (contracts []string) {
	for _, t := range e.targets {
		if t.Verify != nil {
			contracts = append(contracts, t.Contract)
		}
	}
	return contracts
}

// ClaimQuestions takes questions that are due, for the owner: for each contract at
// most its room, and limit in all. Nobody else asks them until their Until. It
// satisfies outbox.Asker.
func (e *Engine) ClaimQuestions(ctx context.Context, owner string, limit int, room map[string]int) ([]access.Question, error) {
	due, err := e.targetsWith(ctx, room, func(tx *ledger.Tx, target Target) (bool, error) {
		if target.Verify == nil {
			return false, nil
		}
		at, err := tx.NextQuestion(target.Contract)
		return !at.IsZero() && !at.After(tx.Now()), err
	})
	if err != nil {
		return nil, err
	}
	return claimFrom(due, limit, room, func(target Target, n int) ([]access.Question, error) {
		return e.claimQuestions(ctx, target, owner, n)
	})
}

// claimQuestions takes what one target is to be asked, in one transaction. It holds
// no binding: an answer is compared with what the binding is by then. What is not
// settled is not asked about: when it settles it is, and otherwise at the next sweep.
func (e *Engine) claimQuestions(ctx context.Context, target Target, owner string, limit int) (claimed []access.Question, err error) {
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		claimed = nil
		own, until := access.NewID(owner, tx.Now()), tx.Now().Add(target.Deadline+claimMargin)
		ids, err := tx.ClaimQuestions(target.Contract, own, until, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		bindings, err := tx.Claimed(ids...)
		if err != nil {
			return err
		}
		var others []ledger.Asking
		for _, id := range ids {
			b := bindings[id]
			if !b.Settled(b.Claim) {
				others = append(others, ledger.Asking{BindingID: id, Contract: b.Contract, At: nextSweep(target, tx.Now())})
				continue
			}
			claimed = append(claimed, access.Question{
				BindingID: id, Generation: b.Generation, Owner: own, Target: target.Name, Contract: target.Contract,
				Until: until, Message: question(b.Binding, tx.Now()),
			})
		}
		return tx.AskAt(others...)
	})
	if err != nil {
		return nil, fmt.Errorf("questions to the target %q: %w", target.Name, err)
	}
	return claimed, nil
}

// question is what the target is asked of the binding.
func question(b access.Binding, now time.Time) access.Message {
	return access.Message{
		Type: access.VerbVerify, Timestamp: now,
		Data: access.MessageData{
			Binding: access.BindingRef{ID: b.ID, Generation: b.Generation},
			Subject: b.Subject, Action: b.Action, Resource: b.Resource, Grants: []access.MessageGrant{},
		},
	}
}

// NextQuestion returns when it is next time to ask something, among the contracts
// that there is room for; the zero time for never.
func (e *Engine) NextQuestion(ctx context.Context, room map[string]int) (time.Time, error) {
	asked := e.Asked()
	return e.soonestOf(ctx, room, func(tx *ledger.Tx, contract string) (time.Time, error) {
		if !slices.Contains(asked, contract) {
			return time.Time{}, nil
		}
		return tx.NextQuestion(contract)
	})
}

// Bindings that were settled together are not asked about together for ever: the
// first sweep after a confirmation comes at any time within Every, and those after
// it up to a quarter early. None comes later than Every.

func firstSweep(t Target, now time.Time) time.Time {
	return sweepWithin(now, t.Verify.Every, t.Verify.Every)
}

func nextSweep(t Target, now time.Time) time.Time {
	return sweepWithin(now, t.Verify.Every, t.Verify.Every/4)
}

// sweepWithin is a time in the last part of what begins now and lasts every.
func sweepWithin(now time.Time, every, last time.Duration) time.Time {
	if last <= 0 {
		return now.Add(every)
	}
	return now.Add(every - rand.N(last)).Truncate(time.Microsecond) //nolint:gosec // jitter is not a secret
}
