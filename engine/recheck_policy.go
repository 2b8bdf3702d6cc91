package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// A new revision of the policies is asked about every live grant before anything
// ends: what it would end together may be a mistake.
const (
	listBatch  = 500
	sampleSize = 10 // of the grants that would end, for whoever decides
)

// beginPolicyRecheck has all live grants evaluated under the revision, which
// becomes the active one. What an earlier one would have ended is not ended.
func beginPolicyRecheck(tx *ledger.Tx, revision string) error {
	if err := tx.BeginPolicyRecheck(revision); err != nil {
		return err
	}
	waiting, err := tx.Tasks(ledger.TaskFilter{State: string(access.TaskOpen), Kind: string(access.TaskBulkEnd), Limit: MaxLimit})
	if err != nil {
		return err
	}
	for _, t := range waiting {
		comment := fmt.Sprintf("revision %s of the policies is active now, and is asked in its place", revision)
		event := taskEvent(Call{}, audit.TaskRejected, t, comment)
		event.Revision, event.Data["superseded"] = audit.Text(revision), true
		if err := errors.Join(tx.CloseTask(t.ID, access.TaskRejected, nil, comment), tx.Append(event)); err != nil {
			return err
		}
	}
	return nil
}

// listLive notes a page of the live grants.
func (e *Engine) listLive(ctx context.Context, job ledger.PolicyRecheck) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		ids, err := tx.LiveGrantIDs(job.After, listBatch)
		if err != nil {
			return err
		}
		next := ledger.PolicyRecheck{Stage: ledger.StageListing}
		if len(ids) < listBatch {
			next.Stage = ledger.StageJudging
		} else {
			next.After = ids[len(ids)-1]
		}
		if err := tx.MovePolicyRecheck(job, next); err != nil || len(ids) == 0 {
			return err
		}
		return tx.AddVerdicts(ids)
	})
}

// judgeSome asks policy about some of the live grants. A flag is raised at once; an
// end is only noted.
func (e *Engine) judgeSome(ctx context.Context, job ledger.PolicyRecheck) error {
	var open []ledger.ToJudge
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		open, err = tx.GrantsToJudge(recheckBatch)
		return err
	})
	if err != nil {
		return err
	}
	said := make([]access.ContinueAction, len(open))
	faults := e.fewAtOnce(ctx, len(open), func(ctx context.Context, i int) (err error) {
		said[i], err = e.judgeLive(ctx, job, open[i])
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.MovePolicyRecheck(job, job); err != nil {
			return err
		}
		verdicts := map[string]access.ContinueAction{}
		for i, j := range open {
			if faults[i] == nil {
				verdicts[j.GrantID] = said[i]
				continue
			}
			e.recheckFailed(j.GrantID, faults[i])
			if j.Failures+1 >= judgeTries { // it is broken, and stays as it is; what the others wait for goes on
				e.log.Error("a live grant can not be evaluated under the policies in force", "grant", j.GrantID, "error", faults[i])
				verdicts[j.GrantID] = access.ContinueFlag
				continue
			}
			if err := tx.PostponeVerdict(j, tx.Now().Add(recheckRetry.After(j.Failures+1, false))); err != nil {
				return err
			}
		}
		return tx.SetVerdicts(verdicts)
	})
}

func (e *Engine) judgeLive(ctx context.Context, job ledger.PolicyRecheck, j ledger.ToJudge) (said access.ContinueAction, err error) {
	c, live, err := e.holding(ctx, j.GrantID)
	if err != nil || !live {
		return access.ContinueKeep, err
	}
	return settled(ctx, e, c.grant.Subject, func() (access.ContinueAction, error) {
		c, live, err := e.holding(ctx, j.GrantID)
		if err != nil || !live {
			return access.ContinueKeep, err
		}
		if err := e.resume(ctx, &c, j.Failures); err != nil {
			return "", err
		}
		if c.answer.Revision != job.Revision {
			return "", fmt.Errorf("revision %s of the policies answered in the place of %s", c.answer.Revision, job.Revision)
		}
		if c.answer.Action != access.ContinueFlag {
			return c.answer.Action, nil
		}
		return c.answer.Action, e.ledger.Update(ctx, func(tx *ledger.Tx) error {
			if err := e.stillSo(tx, c); err != nil {
				return err
			}
			return flag(tx, c, access.CausePolicy)
		})
	})
}

// settleVerdicts says what becomes of the grants that are to end, now that policy
// was asked about all: they end, or they wait for a second person.
func (e *Engine) settleVerdicts(ctx context.Context, job ledger.PolicyRecheck) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		n, err := tx.VerdictCounts()
		if err != nil {
			return err
		}
		next := ledger.PolicyRecheck{Stage: ledger.StageEnding}
		if float64(n.Ends) > max(1, e.maxEndShare*float64(n.Live)) {
			next.Stage = ledger.StageWaiting
		}
		if err := tx.MovePolicyRecheck(job, next); err != nil || next.Stage == ledger.StageEnding {
			return err
		}
		return openBulkEnd(tx, job.Revision, n)
	})
}

func openBulkEnd(tx *ledger.Tx, revision string, n ledger.VerdictCounts) error {
	sample, err := tx.VerdictsToEnd(sampleSize)
	if err != nil {
		return err
	}
	data := access.BulkEndData{Revision: revision, Evaluated: n.Live, Ends: n.Ends, Flags: n.Flags, Sample: sample}
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	t := access.Task{
		ID: access.NewID(access.KindTask, tx.Now()), Kind: access.TaskBulkEnd, OpenedBy: gateway, Data: raw,
		Reason: fmt.Sprintf("the policies that are active now would end %d of %d live grants at once", n.Ends, n.Live),
	}
	event := audit.Event{Type: audit.TaskOpened, Revision: audit.Text(revision), Data: map[string]any{
		"task_id": t.ID, "kind": t.Kind, "reason": t.Reason,
		"evaluated": data.Evaluated, "ends": data.Ends, "flags": data.Flags, "sample": data.Sample,
	}}
	return errors.Join(tx.AddTask(t), tx.Append(event))
}

// queueEnds queues a page of the grants that are to end. Each is evaluated once
// more before it does: what was said of it may be long ago.
func (e *Engine) queueEnds(ctx context.Context, job ledger.PolicyRecheck) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		ids, err := tx.VerdictsToEnd(listBatch)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return errors.Join(tx.MovePolicyRecheck(job, ledger.PolicyRecheck{Stage: ledger.StageDone}), tx.ForgetVerdicts())
		}
		if err := tx.MovePolicyRecheck(job, job); err != nil {
			return err
		}
		if _, err := tx.RecheckGrants(ids, ledger.Stirred{Cause: access.CausePolicy}); err != nil {
			return err
		}
		return tx.DropVerdicts(ids)
	})
}
