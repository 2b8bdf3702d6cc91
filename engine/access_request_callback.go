package engine

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

const (
	// callbackBatch bounds the callbacks that are under way at once.
	callbackBatch = 16
	// callbackFor is how long a callback is tried, from the end of its task.
	callbackFor = 24 * time.Hour
	// claimSlack is how much longer a claim lasts than its attempt can.
	claimSlack = 10 * time.Second
)

// callbackRetry is when a callback that failed is tried again.
var callbackRetry = trouble.Backoff{First: time.Second, Cap: 5 * time.Minute}

// How a callback was settled.
const (
	callbackDelivered = "delivered"
	callbackFailed    = "failed"
	callbackUnwanted  = "unwanted" // the caller did not ask to be told of this end
)

// checkCallback reports ErrInvalid unless the caller can be told where it wants.
func (e *Engine) checkCallback(ctx context.Context, c *access.TaskCallback) error {
	switch {
	case c == nil:
		return nil
	case e.accessRequests.Callbacks == nil:
		return access.Invalid("callback_not_offered", "/callback", "callbacks are not offered here; leave it out, and ask the task's status_endpoint")
	}
	return e.accessRequests.Callbacks.Check(ctx, c.Endpoint)
}

// callbackLoop tells callers of the end of their tasks. What was promised is in
// the ledger, so that whichever node is there keeps it; a node that dies between
// an attempt and its record makes it twice, under one id.
func (e *Engine) callbackLoop(ctx context.Context) {
	e.loop(ctx, lookEvery, e.callbackWake, e.sendCallbacks, (*ledger.Tx).NextCallback, nil)
}

func (e *Engine) sendCallbacks(ctx context.Context) error {
	for {
		var due []access.CallbackAttempt
		err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
			due, err = tx.CallbacksDue(callbackBatch)
			return err
		})
		if err != nil {
			return err
		}
		faults := make([]error, len(due))
		var sending sync.WaitGroup
		for i, c := range due {
			sending.Go(func() { faults[i] = trouble.Caught(func() error { return e.tryCallback(ctx, c) }) })
		}
		sending.Wait()
		if err := errors.Join(faults...); err != nil || len(due) < callbackBatch {
			return err
		}
	}
}

// tryCallback makes one attempt, if no other node is at it.
func (e *Engine) tryCallback(ctx context.Context, c access.CallbackAttempt) error {
	var mine bool
	var body []byte
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		claimed, ok, err := tx.ClaimCallback(c, tx.Now().Add(e.accessRequests.Callbacks.Deadline()+claimSlack))
		if mine = ok; err != nil || !ok {
			return err
		}
		r, err := tx.Request(c.RequestID)
		if err != nil {
			return err
		}
		c = claimed
		body, err = e.notice(tx, &c, r)
		return err
	})
	if err != nil || !mine || body == nil {
		return err
	}
	e.step("callback.claimed")
	failure := e.accessRequests.Callbacks.Send(ctx, access.CallbackMessage{ID: c.TaskID, Endpoint: c.Endpoint, Body: body})
	if failure != nil && ctx.Err() != nil {
		return ctx.Err() // the claim ends by itself
	}
	e.step("callback.sent")
	return e.recordCallback(ctx, c, failure)
}

// notice is what the caller is told: that the task has ended, and where its result
// is. One that does not want to know is settled here, and there is nothing to send.
func (e *Engine) notice(tx *ledger.Tx, c *access.CallbackAttempt, r access.Request) ([]byte, error) {
	status := taskStatus(r.State)
	if len(c.Events) > 0 && !slices.Contains(c.Events, string(status)) {
		_, err := tx.CloseCallback(*c, callbackUnwanted)
		return nil, err
	}
	return json.Marshal(struct {
		State json.RawMessage `json:"state,omitempty"`
		Task  Task            `json:"task"`
	}{c.State, Task{ID: c.TaskID, Status: status, StatusEndpoint: e.accessRequests.at(AccessRequestPath, c.TaskID)}})
}

// recordCallback writes down how an attempt ended. Only the claim's holder does.
func (e *Engine) recordCallback(ctx context.Context, c access.CallbackAttempt, failure error) error {
	return e.ledger.Update(context.WithoutCancel(ctx), func(tx *ledger.Tx) error {
		outcome, typ := callbackDelivered, audit.CallbackDelivered
		if failure != nil {
			if tx.Now().Sub(c.ClosedAt) < callbackFor {
				return tx.PutOffCallback(c, tx.Now().Add(callbackRetry.After(c.Attempt, access.IsPermanent(failure))))
			}
			outcome, typ = callbackFailed, audit.CallbackFailed
		}
		held, err := tx.CloseCallback(c, outcome)
		if err != nil || !held {
			return err
		}
		r, err := tx.Request(c.RequestID)
		if err != nil {
			return err
		}
		event := Call{}.event(typ).About(r.Entitled)
		event.RequestID = audit.Text(c.RequestID)
		event.Data = map[string]any{"task_id": c.TaskID, "host": hostOf(c.Endpoint), "attempts": c.Attempt}
		if failure != nil {
			event.Data["error"] = failure.Error()
		}
		return tx.Append(event)
	})
}

// hostOf is what may be shown of an endpoint: the rest can be secret.
func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Host
}
