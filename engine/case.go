package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Case returns a request that the caller may see, with all that was said about it
// and became of it.
func (e *Engine) Case(ctx context.Context, call Call, id string) (c access.Case, err error) {
	if _, err := e.readRequest(ctx, call, opRequest, id); err != nil {
		return c, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		c, err = e.caseOf(tx, id)
		return err
	})
	return c, err
}

// caseOf reads a request as people are shown it.
func (e *Engine) caseOf(tx *ledger.Tx, id string) (c access.Case, err error) {
	if c.Request, err = tx.Request(id); err != nil {
		return c, err
	}
	if c.Reviews, err = tx.Reviews(id); err != nil {
		return c, err
	}
	if err := becameOf(tx, &c); err != nil {
		return c, err
	}
	newest, err := tx.Decision(newestDecision(c))
	if err != nil {
		return c, err
	}
	c.Decision, c.OnCall, c.Escalated = newest.Decision, newest.Input.Context.OnCall, c.EscalatedAt != nil
	if err := offeredNow(tx, &c); err != nil {
		return c, err
	}
	return c, e.answerers(tx, &c, newest)
}

// newestDecision is the id of the newest decision that a case cites: the grant's,
// or of the last answer.
func newestDecision(c access.Case) string {
	if c.Grant != nil {
		return c.Grant.DecisionID
	}
	if n := len(c.Reviews); n > 0 {
		return c.Reviews[n-1].DecisionID
	}
	return c.DecisionID
}

// becameOf reads what a request led to.
func becameOf(tx *ledger.Tx, c *access.Case) (err error) {
	for _, v := range c.Reviews {
		if v.Verdict == access.VerdictDeny {
			c.Comment = v.Comment
		}
	}
	if c.Grant, err = tx.GrantOfRequest(c.ID); err != nil || c.Grant == nil {
		return err
	}
	b, err := tx.Binding(c.Grant.BindingID)
	if err != nil {
		return err
	}
	c.Binding = &b
	after, err := tx.Tasks(ledger.TaskFilter{Kind: string(access.TaskAfterReview), GrantID: c.Grant.ID, Limit: 1})
	if len(after) > 0 {
		c.AfterReview = &after[0]
	}
	return err
}

// offeredNow reads what the catalogue says: the resource's name, and to what the
// request can be shortened. One that left it has neither.
func offeredNow(tx *ledger.Tx, c *access.Case) error {
	c.ResourceName = c.Resource.ID
	r, err := tx.Resource(c.Resource)
	if errors.Is(err, access.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.Name != "" {
		c.ResourceName = r.Name
	}
	entitlement, found := r.Entitlement(c.Action.Name)
	if !found || c.For == nil {
		return nil
	}
	for _, d := range entitlement.Durations {
		if d < *c.For && (c.Decision.MaxSeconds == nil || d.Seconds() <= *c.Decision.MaxSeconds) {
			c.Shorter = append(c.Shorter, d)
		}
	}
	slices.Sort(c.Shorter)
	return nil
}

// answerers reads who may answer a request now, and whose approvals count. Of one
// that is closed nobody may, and those count that did.
func (e *Engine) answerers(tx *ledger.Tx, c *access.Case, newest access.DecisionRecord) error {
	reviewers, err := e.reviewersNow(tx, asked{Request: c.Request}, newest)
	if errors.Is(err, access.ErrConflict) {
		return nil // nobody ever had to
	}
	if err != nil {
		return err
	}
	if c.State == access.RequestPending {
		c.Reviewers = reviewers
	}
	counted, err := countable(tx, c.Request, reviewers)
	for _, v := range counted {
		c.Counted = append(c.Counted, v.Reviewer)
	}
	return err
}
