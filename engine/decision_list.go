package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/decisions"
	"github.com/curfew-access/curfew/engine/ledger"
)

// What data.api.allow is asked about before decisions are shown: they hold what
// was known about people.
const (
	opDecisions = "decision.list"
	opDecision  = "decision.read"
)

// DecisionFilter narrows a list of decisions. Empty members do not narrow.
type DecisionFilter struct {
	Paging
	From, To time.Time // from the one, and before the other, to the millisecond
	Path     string    // of the entry point: "check/decision"
}

// The bounds of a page of decisions, beside its limit: how much it holds, and how
// much of the log is read for it. A page that meets one ends early, and has a
// cursor.
const (
	pageBytes  = 8 << 20
	pageChunks = 64   // that are unpacked
	pageSpans  = 1024 // that are known of
)

// always is after every time that a decision is made at.
var always = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// bounds are the ids that the filter lets through, up to and without to.
func (f DecisionFilter) bounds() (from, to string, limit int, err error) {
	after, limit, err := f.page()
	if err != nil {
		return "", "", 0, err
	}
	if f.To.IsZero() {
		f.To = always
	}
	from, to = access.FirstID(access.KindDecision, f.From), access.FirstID(access.KindDecision, f.To)
	if after != "" {
		if access.CheckID(access.KindDecision, after) != nil {
			return "", "", 0, access.Invalid("invalid_cursor", "", "the cursor is not one that a list answered")
		}
		from = max(from, after)
	}
	return from, to, limit, nil
}

// DecisionEvents lists decisions as events of OPA's decision log, oldest first:
// those of requests, and what the decision log took down. A page can be empty and
// have a cursor.
func (e *Engine) DecisionEvents(ctx context.Context, call Call, f DecisionFilter) (page Page[json.RawMessage], err error) {
	from, to, limit, err := f.bounds()
	if err != nil {
		return page, err
	}
	if err := e.authorize(ctx, call, opDecisions, access.APIObject{}); err != nil {
		return page, err
	}
	kept := eventPage{limit: limit, end: to}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		if f.Path == "" || f.Path == pathDecision {
			if err := e.addStored(tx, &kept, from); err != nil {
				return err
			}
		}
		return addLogged(tx, &kept, from, f.Path)
	})
	page = Page[json.RawMessage]{Items: make([]json.RawMessage, len(kept.events))}
	for i, event := range kept.events {
		page.Items[i] = event.line
	}
	if kept.end != to {
		page.NextCursor = cursor(kept.end)
	}
	return page, err
}

// addStored adds decisions of requests.
func (e *Engine) addStored(tx *ledger.Tx, page *eventPage, from string) error {
	stored, err := tx.Decisions(from, page.end, page.limit+1)
	for _, d := range stored {
		page.add(d.ID, e.lineOf(d))
	}
	return err
}

// lineOf is a stored decision as the log would have written it.
func (e *Engine) lineOf(d ledger.DecisionText) []byte {
	var input struct {
		Requester access.Subject `json:"requester"`
	}
	_ = json.Unmarshal(d.Input, &input) // it was marshalled from access.Input
	return e.form.Line(access.DecisionEvent{
		ID: d.ID, Path: pathDecision, Revision: d.Revision, Input: d.Input, Result: d.Output, At: d.DecidedAt, Took: d.Took,
		Caller: input.Requester,
	})
}

// addLogged adds what the decision log took down.
func addLogged(tx *ledger.Tx, page *eventPage, from, path string) error {
	spans, err := tx.DecisionSpans(from, page.end, pageSpans)
	if err != nil || len(spans) == 0 {
		return err
	}
	unpacker, err := decisions.NewUnpacker()
	if err != nil {
		return err
	}
	defer unpacker.Close()
	wanted := decisions.OfPath(path)
	for i, span := range spans {
		if span.FirstID > from && (i >= pageChunks || i == pageSpans-1) { // a page that ends where it began would have no end
			page.cut(span.FirstID)
		}
		if span.FirstID >= page.end {
			return nil
		}
		body, err := tx.DecisionChunk(span.ID)
		if err != nil {
			return err
		}
		lines, err := unpacker.Lines(body)
		if err != nil {
			return err
		}
		for id, line := range lines {
			if id >= from && wanted(line) {
				page.add(id, line)
			}
		}
	}
	return nil
}

// eventPage gathers the events with the least ids, in order, whatever the order
// in which they come.
type eventPage struct {
	limit  int
	end    string // ids from here on are not of this page
	events []keptEvent
	bytes  int
}

type keptEvent struct {
	id   string
	line []byte
}

// add keeps the event, if it is of the page. The line is copied.
func (p *eventPage) add(id string, line []byte) {
	if id >= p.end {
		return
	}
	at, there := slices.BinarySearchFunc(p.events, id, func(e keptEvent, id string) int { return strings.Compare(e.id, id) })
	if there {
		return
	}
	p.events = slices.Insert(p.events, at, keptEvent{id, bytes.Clone(line)})
	p.bytes += len(line)
	for len(p.events) > p.limit || p.bytes > pageBytes && len(p.events) > 1 {
		p.cut(p.events[len(p.events)-1].id)
	}
}

// cut ends the page before the id.
func (p *eventPage) cut(id string) {
	if id >= p.end {
		return
	}
	p.end = id
	for n := len(p.events); n > 0 && p.events[n-1].id >= id; n-- {
		p.bytes -= len(p.events[n-1].line)
		p.events = p.events[:n-1]
	}
}

// DecisionEvent returns one decision as an event of OPA's decision log. One that
// was just made is there within about a second.
func (e *Engine) DecisionEvent(ctx context.Context, call Call, id string) (line json.RawMessage, err error) {
	if err := access.CheckID(access.KindDecision, id); err != nil {
		return nil, err
	}
	if err := e.authorize(ctx, call, opDecision, access.APIObject{}); err != nil {
		return nil, err
	}
	page := eventPage{limit: 1, end: id + "0"} // the least text after the id
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		if err := e.addStored(tx, &page, id); err != nil || len(page.events) > 0 {
			return err
		}
		return addLogged(tx, &page, id, "")
	})
	if err == nil && len(page.events) == 0 {
		err = access.NotFound("decision", id)
	}
	if err != nil {
		return nil, err
	}
	return page.events[0].line, nil
}
