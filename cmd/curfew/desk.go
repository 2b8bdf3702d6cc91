package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/curfew-access/curfew/connectors/slack"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"
)

// desk is the engine as people in Slack use it: they are callers as all others
// are, and what they may do is asked of the same policy.
type desk struct {
	engine *engine.Engine
	cases  cases
	book   *facts.Book
	now    func() time.Time
	log    *slog.Logger
}

// cases reads a request with all that became of it.
type cases interface {
	Case(ctx context.Context, call engine.Call, requestID string) (access.Case, error)
}

var _ slack.Desk = (*desk)(nil)

// call is a call that changes nothing.
func call(who slack.Caller) engine.Call {
	return engine.Call{Caller: who.Subject, Channel: access.ChannelSlack, Source: who.Source, HTTPRequestID: who.HookID}
}

// changes is a call that changes something once for the key. What is asked for is
// part of it: another under the same key is refused.
func changes(who slack.Caller, what, key string, asked ...any) engine.Call {
	c := call(who)
	text, _ := json.Marshal(asked) // texts, numbers and what is made of them
	sum := sha256.Sum256(text)
	c.Once = engine.Once{Route: "slack " + what, Key: key, BodyHash: hex.EncodeToString(sum[:])}
	return c
}

// Resources lists what may be asked for and has the text.
func (d *desk) Resources(ctx context.Context, who slack.Caller, typed string, limit int) ([]access.Resource, error) {
	page, err := d.engine.Offers(ctx, call(who), engine.ResourceFilter{Search: typed, Paging: engine.Paging{Limit: min(limit, engine.MaxLimit)}})
	return page.Items, err
}

// Resource returns one of the catalogue.
func (d *desk) Resource(ctx context.Context, who slack.Caller, ref access.ResourceRef) (access.Resource, error) {
	return d.engine.Offer(ctx, call(who), ref)
}

// Facts is what the sources said last: nobody is asked for it.
func (d *desk) Facts(s access.Subject) (access.OnCall, access.Incidents) {
	onCall, _ := d.book.Shifts(context.Background(), s, d.now())
	incidents, _ := d.book.Incidents(context.Background(), s, d.now())
	return onCall, incidents
}

// Case is a request that the caller may see.
func (d *desk) Case(ctx context.Context, who slack.Caller, requestID string) (access.Case, error) {
	return d.cases.Case(ctx, call(who), requestID)
}

// Task is a task that the caller may see.
func (d *desk) Task(ctx context.Context, who slack.Caller, taskID string) (access.Task, error) {
	item, err := d.engine.Task(ctx, call(who), taskID)
	return taskOf(item), err
}

// CloseTask closes a task that a second person has looked at.
func (d *desk) CloseTask(ctx context.Context, who slack.Caller, key, taskID, comment string) (access.Task, error) {
	item, err := d.engine.CloseTask(ctx, changes(who, "close", key, taskID, comment), taskID, comment)
	return taskOf(item), err
}

// taskOf is the task in the words that everything knows.
func taskOf(item engine.TaskItem) access.Task {
	t := access.Task{
		ID: item.ID, Kind: item.Kind, State: item.State, OpenedBy: item.OpenedBy, OpenedAt: item.OpenedAt, Reason: item.Reason,
		Data: item.Data, ClosedBy: item.ClosedBy, ClosedAt: item.ClosedAt, Comment: item.Comment,
	}
	if g := item.Grant; g != nil {
		t.RequestID, t.GrantID, t.BindingID, t.About = g.RequestID, g.ID, g.BindingID, &g.Entitled
	}
	return t
}
