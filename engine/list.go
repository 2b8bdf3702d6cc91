package engine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// The bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Page is one page of a list. NextCursor is nil on the last.
type Page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"`
}

// Paging is where a page begins and how long it is. The zero value is the first
// page at the default length.
type Paging struct {
	Limit  int
	Cursor string
}

// The scopes of a list.
const (
	ScopeOwn = "own" // what the caller asked for, holds or may review
	ScopeAll = "all" // everything, if policy allows
)

// ListFilter narrows a list of requests or grants.
type ListFilter struct {
	Paging
	Scope    string // default ScopeOwn
	State    string
	Subject  string // "user:alice@example.com"
	Resource string // "customer:acme"
}

// Requests lists requests, newest first.
func (e *Engine) Requests(ctx context.Context, call Call, f ListFilter) (Page[RequestView], error) {
	return list(ctx, e, call, opRequests, f,
		func(r RequestView) string { return r.ID },
		func(tx *ledger.Tx, lf ledger.Filter) (views []RequestView, err error) {
			requests, err := tx.Requests(lf)
			for _, r := range requests {
				v, err := requestView(tx, r.ID)
				if err != nil {
					return nil, err
				}
				views = append(views, v)
			}
			return views, err
		})
}

// Grants lists grants, newest first.
func (e *Engine) Grants(ctx context.Context, call Call, f ListFilter) (Page[GrantView], error) {
	return list(ctx, e, call, opGrants, f,
		func(g GrantView) string { return g.ID },
		func(tx *ledger.Tx, lf ledger.Filter) (views []GrantView, err error) {
			grants, err := tx.Grants(lf)
			for _, g := range grants {
				v, err := viewOf(tx, g)
				if err != nil {
					return nil, err
				}
				views = append(views, v)
			}
			return views, err
		})
}

// list is a list of requests or grants: authorized, narrowed, and cut to a page.
func list[T any](
	ctx context.Context, e *Engine, call Call, operation string, f ListFilter,
	id func(T) string, read func(*ledger.Tx, ledger.Filter) ([]T, error),
) (page Page[T], err error) {
	lf, err := f.narrow(call)
	if err != nil {
		return page, err
	}
	if err := e.authorize(ctx, call, operation, access.APIObject{Scope: f.scope()}); err != nil {
		return page, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		if lf.Involving != "" {
			groups, _, err := tx.Groups(call.Caller)
			if err != nil {
				return err
			}
			lf.Principals = principalsOf(call.Caller, groups)
		}
		items, err := read(tx, lf)
		page = cutPage(items, lf.Limit-1, id)
		return err
	})
	return page, err
}

func (f ListFilter) scope() string {
	if f.Scope == "" {
		return ScopeOwn
	}
	return f.Scope
}

// narrow is the ledger's filter, for one item more than the page holds.
func (f ListFilter) narrow(call Call) (ledger.Filter, error) {
	if s := f.scope(); s != ScopeOwn && s != ScopeAll {
		return ledger.Filter{}, access.Invalid("invalid_scope", "", "scope is own or all, not %q", s)
	}
	before, limit, err := f.page()
	lf := ledger.Filter{State: f.State, Subject: f.Subject, Resource: f.Resource, Before: before, Limit: limit + 1}
	if f.scope() == ScopeOwn {
		lf.Involving = call.Caller.String()
	}
	return lf, err
}

// page checks the bounds and reads the cursor.
func (p Paging) page() (after string, limit int, err error) {
	limit = p.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 1 || limit > MaxLimit {
		return "", 0, access.Invalid("invalid_limit", "", "limit is 1 to %d, not %d", MaxLimit, limit)
	}
	if p.Cursor == "" {
		return "", limit, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	after, ok := strings.CutPrefix(string(raw), "1:")
	if err != nil || !ok {
		return "", 0, access.Invalid("invalid_cursor", "", "the cursor is not one that a list answered")
	}
	return after, limit, nil
}

func cursor(last string) *string {
	c := base64.RawURLEncoding.EncodeToString([]byte("1:" + last))
	return &c
}

// cutPage cuts items to the page and names the next one if there are more.
func cutPage[T any](items []T, limit int, id func(T) string) Page[T] {
	if items == nil {
		items = []T{}
	}
	if len(items) <= limit {
		return Page[T]{Items: items}
	}
	return Page[T]{Items: items[:limit], NextCursor: cursor(id(items[limit-1]))}
}

// EventFilter narrows a list of audit events. Empty members do not narrow.
type EventFilter struct {
	Paging
	Type, Subject, Resource, Actor, RequestID, GrantID, BindingID string

	Newest bool // the newest page, in order, instead of the first
}

// SealedEvent is an audit event with its place in the sequence.
type SealedEvent struct {
	Seq  int64
	Body json.RawMessage // the bytes that were hashed
}

// Events lists sealed audit events in their sequence. NextCursor is where to go
// on, also at the end, where new events will appear.
func (e *Engine) Events(ctx context.Context, call Call, f EventFilter) (page Page[SealedEvent], err error) {
	after, limit, err := f.page()
	if err != nil {
		return page, err
	}
	var seq int64
	if after != "" {
		if seq, err = strconv.ParseInt(after, 10, 64); err != nil {
			return page, access.Invalid("invalid_cursor", "", "the cursor is not one that a list answered")
		}
	}
	if err := e.authorize(ctx, call, opAudit, access.APIObject{}); err != nil {
		return page, err
	}
	page = Page[SealedEvent]{Items: []SealedEvent{}}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{
			Type: f.Type, Subject: f.Subject, Resource: f.Resource, Actor: f.Actor,
			RequestID: f.RequestID, GrantID: f.GrantID, BindingID: f.BindingID, After: seq, Newest: f.Newest, Limit: limit,
		})
		for _, ev := range events {
			page.Items = append(page.Items, SealedEvent(ev))
			seq = ev.Seq
		}
		page.NextCursor = cursor(strconv.FormatInt(seq, 10))
		return err
	})
	return page, err
}
