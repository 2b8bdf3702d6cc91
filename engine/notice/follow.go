package notice

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/trouble"
)

// followPage bounds the events that one turn of the follower reads: each can lead
// to as many notices as there are reviewers, which are written together.
const followPage = 50

// follow plans from new events until ctx ends.
func (n *Notices) follow(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	begun := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.woken:
		case <-timer.C:
		}
		more, err := false, error(nil)
		if !begun {
			if err = n.cfg.Store.BeginNotices(ctx); err == nil {
				begun = true
				close(n.begun)
			}
		}
		if begun {
			more, err = n.cfg.Store.FollowNotices(ctx, followPage, n.plan)
			poke(n.due)
		}
		if err != nil && ctx.Err() == nil {
			n.unread.Failed(n.cfg.Log, "what happened could not be read, and nobody is told of it; trying again", err)
		}
		if more && err == nil {
			timer.Reset(0)
		} else {
			timer.Reset(lookEvery)
		}
	}
}

// plan is what an event leads to. One from which nothing can be planned must not
// hold up those after it.
func (n *Notices) plan(l Ledger, e audit.Event) (p Plan, err error) {
	err = trouble.Caught(func() (err error) {
		p, err = n.planner.Plan(l, e)
		return err
	})
	if errors.Is(err, access.ErrNotFound) || errors.Is(err, trouble.ErrPanic) {
		n.cfg.Log.Error("nobody is told of an event: nothing can be planned from it", "event", e.ID, "type", e.Type, "error", err)
		return Plan{}, nil
	}
	if p.Unasked {
		n.cfg.Log.Error("nobody can be asked to answer a request, and there are no operators to tell", "request", e.RequestID)
	}
	return p, err
}
