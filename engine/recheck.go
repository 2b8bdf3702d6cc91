package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Live grants are evaluated again when something changes under them. One node at a
// time does so, a few grants at once, so that nobody who asks for access waits for
// it. What is to be evaluated is in the ledger: a node that takes over goes on.
const (
	recheckDuty     = "recheck"
	recheckBatch    = 64
	rechecksAtOnce  = 4
	recheckPatience = 10 * time.Second
	recheckTries    = 8  // without an answer of policy, until the grant is flagged for it
	judgeTries      = 20 // that failed, until the others do not wait for it any more
)

// DefaultMaxEndShare is the share of the live grants that a revision of the
// policies may end by itself, if Config does not say.
const DefaultMaxEndShare = 0.1

// recheckRetry is when an evaluation that failed is tried again.
var recheckRetry = trouble.Backoff{First: time.Second, Cap: time.Minute}

// recheckDue evaluates all that is due, if it falls to this node: it has the
// active policies, and the duty.
func (e *Engine) recheckDue(ctx context.Context) error {
	for ctx.Err() == nil {
		var work ledger.RecheckWork
		err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
			work, err = tx.RecheckWork()
			return err
		})
		if err != nil || !e.evaluates(work.Active) {
			return err
		}
		step := e.recheckStep(work)
		if step == nil {
			return nil
		}
		mine, err := e.takeRecheckDuty(ctx)
		if err != nil || !mine {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recheckStep is what comes next; nil: nothing. Facts and resources come first:
// they never wait for a revision of the policies.
func (e *Engine) recheckStep(work ledger.RecheckWork) func(context.Context) error {
	if work.Due {
		return e.recheckSome
	}
	job := work.Policy
	if job.Revision != e.policy.Revision() {
		return nil
	}
	in := func(step func(context.Context, ledger.PolicyRecheck) error) func(context.Context) error {
		return func(ctx context.Context) error { return unlessOvertaken(step(ctx, job)) }
	}
	switch {
	case job.Stage == ledger.StageListing:
		return in(e.listLive)
	case job.Stage == ledger.StageJudging && work.ToJudge:
		return in(e.judgeSome)
	case job.Stage == ledger.StageJudging && !work.Open:
		return in(e.settleVerdicts)
	case job.Stage == ledger.StageEnding:
		return in(e.queueEnds)
	}
	return nil
}

// unlessOvertaken forgets that another node was first, or that another revision
// has become active.
func unlessOvertaken(err error) error {
	if errors.Is(err, access.ErrConflict) {
		return nil
	}
	return err
}

// evaluates reports whether this node has the policies that are active for all.
func (e *Engine) evaluates(active string) bool {
	here := e.policy.Revision()
	return here != "" && (active == "" || active == here)
}

func (e *Engine) takeRecheckDuty(ctx context.Context) (mine bool, err error) {
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		mine, err = tx.TakeDuty(recheckDuty, e.node, tx.Now().Add(dutyFor))
		return err
	})
	return mine, err
}

// recheckSome evaluates some of what is due. A grant whose evaluation fails is
// tried again later and later; it does not hold the others up.
func (e *Engine) recheckSome(ctx context.Context) error {
	var due []ledger.Recheck
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		due, err = tx.DueRechecks(recheckBatch)
		return err
	})
	if err != nil {
		return err
	}
	faults := e.fewAtOnce(ctx, len(due), func(ctx context.Context, i int) error { return e.recheckOne(ctx, due[i]) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i, fault := range faults {
		if fault == nil {
			continue
		}
		e.recheckFailed(due[i].GrantID, fault)
		if err := e.postponeRecheck(ctx, due[i], recheckRetry.After(due[i].Failures+1, false), due[i].Failures+1); err != nil {
			return err
		}
	}
	return nil
}

// fewAtOnce does the pieces of work, few at a time. It returns how each went.
func (e *Engine) fewAtOnce(ctx context.Context, n int, do func(ctx context.Context, i int) error) []error {
	faults := make([]error, n)
	places := make(chan struct{}, rechecksAtOnce)
	var working sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		working.Go(func() {
			defer func() { <-places }()
			ctx, cancel := context.WithTimeout(ctx, recheckPatience)
			defer cancel()
			faults[i] = trouble.Caught(func() error { return do(ctx, i) })
		})
	}
	working.Wait()
	return faults
}

func (e *Engine) recheckFailed(grantID string, fault error) {
	if e.refused.first("recheck", e.ledger.Now()) {
		e.log.Warn("a live grant could not be evaluated again; it is tried later", "grant", grantID, "error", fault)
	}
}

func (e *Engine) postponeRecheck(ctx context.Context, r ledger.Recheck, wait time.Duration, failures int) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.PostponeRecheck(r, tx.Now().Add(wait), failures) })
}
