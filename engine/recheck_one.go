package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// gateway is what the gateway itself goes by where somebody must be named.
var gateway = access.Subject{Type: "service", ID: "curfew"} //nolint:gochecknoglobals // a constant

// pathContinue is the entry point that evaluates live grants, as the decision log
// has it.
const pathContinue = "access/continue"

// factsLag is how long a node waits, each time, for facts that another node has
// already, and factsPatience how long at the most: its configuration may not have
// the source.
const (
	factsLag      = time.Second
	factsPatience = time.Minute
)

// continued is a live grant with what gave it, and what policy says of it now.
type continued struct {
	asked
	grant access.Grant
	gave  access.DecisionRecord
	by    []access.Subject // who said yes

	seen   access.DecisionRecord // the ledger, as policy saw it
	answer access.Continuation
	id     string // of the answer, in the decision log
	at     time.Time
}

// recheckOne evaluates one live grant, and draws the consequence.
func (e *Engine) recheckOne(ctx context.Context, r ledger.Recheck) error {
	if !e.hasFacts(r.Stirred) && e.ledger.Now().Sub(r.Since) < factsPatience {
		return e.postponeRecheck(ctx, r, factsLag, r.Failures)
	}
	c, live, err := e.holding(ctx, r.GrantID)
	if err != nil {
		return err
	}
	if !live || !e.dependsOn(c.gave.Decision, r.Cause) {
		return e.dropRecheck(ctx, r)
	}
	var fx effects
	_, err = settled(ctx, e, c.grant.Subject, func() (struct{}, error) {
		c, live, err := e.holding(ctx, r.GrantID)
		if err == nil && !live {
			err = e.dropRecheck(ctx, r)
		}
		if err != nil || !live {
			return struct{}{}, err
		}
		if err := e.resume(ctx, &c, r.Failures); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, e.ledger.Update(ctx, func(tx *ledger.Tx) error {
			fx = effects{}
			return e.conclude(tx, c, r, &fx)
		})
	})
	if err != nil {
		return err
	}
	e.step("recheck.committed")
	if len(fx.ended) > 0 {
		e.apply(ctx, fx)
	}
	return nil
}

func (e *Engine) dropRecheck(ctx context.Context, r ledger.Recheck) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		_, err := tx.DropRecheck(r)
		return err
	})
}

// hasFacts reports whether this node has the facts that changed. Another may have
// learned of them first.
func (e *Engine) hasFacts(s ledger.Stirred) bool {
	book, ok := e.snapshots.(interface {
		Last(source string) (access.Snapshot, bool)
	})
	if !ok || s.Source == "" {
		return true
	}
	last, known := book.Last(s.Source)
	return known && !last.FetchedAt.Before(s.FactsAt)
}

// dependsOn reports whether a decision can have become another by the cause.
func (e *Engine) dependsOn(d access.Decision, cause access.Cause) bool {
	if cause == access.CausePolicy {
		return true
	}
	facts, all := e.policy.Facts(codes(d))
	return all || slices.Contains(facts, string(cause))
}

// holding reads a grant with what gave it and what is on offer now; live is false
// when there is nothing to evaluate any more.
func (e *Engine) holding(ctx context.Context, id string) (c continued, live bool, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		if c.grant, err = tx.Grant(id); err != nil || !isLive(c.grant, tx.Now()) {
			return err
		}
		if c.Request, err = tx.Request(c.grant.RequestID); err != nil {
			return err
		}
		if c.StartsAt != nil {
			c.StartsAt = &c.grant.StartsAt // it may have moved with a shift
		}
		if c.gave, err = tx.Decision(c.grant.DecisionID); err != nil {
			return err
		}
		reviews, err := tx.Reviews(c.ID)
		if err != nil {
			return err
		}
		for _, v := range reviews {
			if v.Verdict == access.VerdictApprove {
				c.by = append(c.by, v.Reviewer)
			}
		}
		c.resource, err = tx.Resource(c.Resource)
		if isNotFound(err) {
			return nil // its end is on the way
		}
		live = err == nil
		return err
	})
	c.entitlement, _ = c.resource.Entitlement(c.Action.Name) // one that is not offered any more offers nothing
	return c, live, err
}

// isLive is as the ledger's queries have it: an active grant has started, also where
// a clock is behind the one that it started by.
func isLive(g access.Grant, now time.Time) bool {
	return g.State == access.GrantActive && now.Before(g.ExpiresAt)
}

// resume asks policy what is to become of the grant, on what is known now, and has
// the answer taken down.
func (e *Engine) resume(ctx context.Context, c *continued, failures int) error {
	k, err := e.learn(ctx, c.grant.Subject)
	if err != nil {
		return err
	}
	c.at = e.ledger.Now()
	c.seen.Input = c.input(access.PhaseContinue, c.at, k.facts, k.held)
	in := access.ContinueInput{Input: c.seen.Input, Grant: continuable(*c)}
	in.Context.Grants = slices.DeleteFunc(slices.Clone(in.Context.Grants), func(g access.InputGrant) bool { return g.ID == c.grant.ID })
	began := time.Now()
	c.answer, err = e.policy.Continue(ctx, in)
	took := time.Since(began).Truncate(time.Microsecond)
	if isBusy(err) {
		if failures+1 < recheckTries || ctx.Err() != nil {
			return err
		}
		c.answer = unanswered(e.policy.Revision())
	}
	if err != nil && e.refused.first("continue failed", c.at) {
		e.log.Error("policy failed; live grants are flagged", "subject", c.grant.Subject, "resource", c.Resource, "error", err)
	}
	c.id = access.NewID(access.KindDecision, c.at)
	e.takeDownContinuation(*c, in, took, err != nil)
	return nil
}

// unanswered flags a grant of which policy said nothing however often it was
// asked.
func unanswered(revision string) access.Continuation {
	return access.Continuation{Action: access.ContinueFlag, Revision: revision, Reasons: []access.Reason{{
		Code: "continue_timeout", Title: "The policy took too long",
		Detail: "The policy did not say in time what becomes of this access, however often it was asked. Tell whoever maintains it.",
	}}}
}

// continuable is the grant as policy sees it.
func continuable(c continued) access.ContinueGrant {
	g := access.ContinueGrant{
		ID: c.grant.ID, RequestID: c.grant.RequestID, StartsAt: c.grant.StartsAt, ExpiresAt: c.grant.ExpiresAt, While: c.grant.While,
		Decision: access.ContinueDecision{
			ID: c.gave.ID, Effect: c.gave.Decision.Effect, Reasons: codes(c.gave.Decision), Revision: c.gave.Revision,
		},
		ReviewedBy: append([]access.Subject{}, c.by...),
	}
	if b := c.grant.Bound; b != nil {
		g.Bound = &access.ContinueBound{
			OnCall: append([]access.ShiftRef{}, b.OnCall...), Incident: b.Incident, GraceSeconds: b.GraceSeconds, EndsBy: b.EndsBy,
		}
	}
	return g
}

func (e *Engine) takeDownContinuation(c continued, in access.ContinueInput, took time.Duration, failed bool) {
	input, err := json.Marshal(in)
	result, failure := json.Marshal(c.answer)
	if err = errors.Join(err, failure); err != nil {
		e.log.Error("a decision is not in the decision log", "decision", c.id, "error", err)
		return
	}
	event := Call{Caller: gateway}.decision(c.id, pathContinue, c.at)
	event.Revision, event.Input, event.Result, event.Took = c.answer.Revision, input, result, took
	if failed && len(c.answer.Reasons) > 0 {
		event.Failure = c.answer.Reasons[0].Code
	}
	e.decisions.Record(event)
}

// conclude does what policy said, if the ledger is still as policy saw it.
func (e *Engine) conclude(tx *ledger.Tx, c continued, r ledger.Recheck, fx *effects) error {
	if err := e.stillSo(tx, c); err != nil {
		return err
	}
	dropped, err := tx.DropRecheck(r)
	if err != nil || !dropped {
		return err // it changed again during the evaluation, and so is still due
	}
	switch c.answer.Action {
	case access.ContinueKeep:
		return nil
	case access.ContinueEnd:
		return e.endContinued(tx, c, r.Cause, fx)
	default:
		return flag(tx, c, r.Cause)
	}
}

// stillSo reports errMovedOn unless the subject's grants, the resource and the
// active policies are those of the answer.
func (e *Engine) stillSo(tx *ledger.Tx, c continued) error {
	if err := e.current(tx, c.asked, c.seen); err != nil {
		return err
	}
	active, err := tx.ActivePolicy()
	if err == nil && active.Name != "" && active.Name != c.answer.Revision {
		err = errMovedOn
	}
	return err
}

// endContinued ends a grant that policy would no longer give, unless it has ended.
func (e *Engine) endContinued(tx *ledger.Tx, c continued, cause access.Cause, fx *effects) error {
	if err := tx.LockBindings(c.grant.BindingID); err != nil {
		return err
	}
	g, err := tx.Grant(c.grant.ID) // as it is now that nobody else can change it
	if err != nil || !isLive(g, tx.Now()) {
		return err
	}
	why := c.recheck(cause)
	return e.endOneLocked(tx, Call{}, ledger.Ending{Grant: g, Why: access.EndPolicyChanged, Recheck: &why}, "", fx)
}

func (c continued) recheck(cause access.Cause) access.Recheck {
	return access.Recheck{Cause: cause, Reasons: c.answer.Reasons, Revision: c.answer.Revision, DecisionID: c.id, At: c.at}
}

// maxFlagRechecks bounds how many different answers a flag keeps.
const maxFlagRechecks = 20

// flag opens a task about a live grant, or adds to the one that is open, if it
// says anything new. The subject is locked.
func flag(tx *ledger.Tx, c continued, cause access.Cause) error {
	why := c.recheck(cause)
	open, found, err := tx.OpenFlag(c.grant.ID)
	if err != nil {
		return err
	}
	var data access.FlagData
	if found && open.Data != nil {
		if err := json.Unmarshal(open.Data, &data); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(data.Rechecks, func(earlier access.Recheck) bool { return sameRecheck(earlier, why) }) {
		return nil
	}
	data.Rechecks = append(data.Rechecks, why)
	if len(data.Rechecks) > maxFlagRechecks {
		data.Rechecks = data.Rechecks[len(data.Rechecks)-maxFlagRechecks:]
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	typ, id, reason := audit.TaskUpdated, open.ID, open.Reason
	if found {
		err = tx.SetTaskData(id, raw)
	} else {
		typ, id, reason = audit.TaskOpened, access.NewID(access.KindTask, tx.Now()), reasonText(c.answer.Reasons)
		err = tx.AddTask(access.Task{
			ID: id, Kind: access.TaskFlag, RequestID: c.grant.RequestID, GrantID: c.grant.ID, BindingID: c.grant.BindingID,
			OpenedBy: gateway, Reason: reason, Data: raw,
		})
	}
	event := grantEvent(Call{}, typ, c.grant)
	event.Data["task_id"], event.Data["kind"], event.Data["reason"] = id, access.TaskFlag, reason
	tellRecheck(&event, why)
	return errors.Join(err, tx.Append(event))
}

// sameRecheck reports whether two answers are one: of the same policies, for the
// same cause and reasons.
func sameRecheck(a, b access.Recheck) bool {
	return a.Cause == b.Cause && a.Revision == b.Revision &&
		slices.EqualFunc(a.Reasons, b.Reasons, func(x, y access.Reason) bool { return x.Code == y.Code })
}

// tellRecheck says in an event why and by which policies it came about.
func tellRecheck(event *audit.Event, r access.Recheck) {
	event.DecisionID, event.Revision = audit.Text(r.DecisionID), audit.Text(r.Revision)
	event.Data["cause"], event.Data["reasons"] = r.Cause, r.Reasons
}

// reasonText is reasons as one text.
func reasonText(reasons []access.Reason) string { return sentence(access.Decision{Reasons: reasons}) }
