package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// formatJSON is one JSON document, and what is answered unless another is asked for.
const formatJSON = string(audit.FormatJSON)

// eventList is which events are asked for, and how.
type eventList struct {
	engine.EventFilter
	format audit.Format
}

// eventQuery reads the filter of the audit log.
func eventQuery(in *incoming) (l eventList, err error) {
	values, err := in.query("type", "subject", "resource", "actor", "request_id", "grant_id", "binding_id",
		"cursor", "limit", "newest", "format")
	if err != nil {
		return l, err
	}
	l.Type = values.Get("type")
	l.RequestID, l.GrantID, l.BindingID = values.Get("request_id"), values.Get("grant_id"), values.Get("binding_id")
	var faults [5]error
	l.Subject, faults[0] = subjectOf(values, "subject")
	l.Actor, faults[1] = subjectOf(values, "actor")
	l.Resource, faults[2] = resourceOf(values)
	l.Paging, faults[3] = pagingOf(values)
	l.format, faults[4] = audit.FormatOf(values.Get("format"))
	switch newest := values.Get("newest"); newest {
	case "true":
		l.Newest = true
	case "", "false":
	default:
		err = access.Invalid("invalid_newest", "", "newest is true or false, not %q", newest)
	}
	return l, errors.Join(err, errors.Join(faults[:]...))
}

// events fits the list of events to its reader and formats.
func events(
	read func(context.Context, engine.Call, engine.EventFilter) (engine.Page[engine.SealedEvent], error),
) useCase[eventList, any] {
	return func(ctx context.Context, call engine.Call, l eventList) (any, error) {
		page, err := read(ctx, call, l.EventFilter)
		switch {
		case err != nil:
			return nil, err
		case l.format == audit.FormatJSON:
			return bodies(page), nil
		}
		return written(page, l)
	}
}

// bodies is a page of events as they were hashed.
func bodies(page engine.Page[engine.SealedEvent]) engine.Page[json.RawMessage] {
	out := engine.Page[json.RawMessage]{Items: make([]json.RawMessage, len(page.Items)), NextCursor: page.NextCursor}
	for i, event := range page.Items {
		out.Items[i] = event.Body
	}
	return out
}

// written is a page of events in a format of lines. What a document begins with is on
// the first page alone, so that pages can be put one behind the other.
func written(page engine.Page[engine.SealedEvent], l eventList) (lines, error) {
	out := lines{contentType: l.format.ContentType(), next: page.NextCursor}
	if l.Cursor == "" {
		out.items = append(out.items, bytes.TrimSuffix(l.format.Header(), []byte{'\n'}))
	}
	for _, event := range page.Items {
		line, err := l.format.Append(nil, event.Seq, event.Body)
		if err != nil {
			return out, err
		}
		out.items = append(out.items, bytes.TrimSuffix(line, []byte{'\n'}))
	}
	return out, nil
}

// nextCursorHeader carries what next_cursor does, where there is no place for a
// member.
const nextCursorHeader = "Curfew-Next-Cursor"

// lines is a page in a format of lines, with the cursor in a header.
type lines struct {
	contentType string
	items       [][]byte // without their ends; what is empty is left out
	next        *string
}

// ndjson is a page of JSON documents, one a line.
func ndjson(page engine.Page[json.RawMessage]) lines {
	out := lines{contentType: audit.FormatNDJSON.ContentType(), next: page.NextCursor}
	for _, item := range page.Items {
		out.items = append(out.items, item)
	}
	return out
}

// flushAt is how much is gathered before it is sent.
const flushAt = 64 << 10

func (l lines) render(w http.ResponseWriter, status int) error {
	if l.next != nil {
		w.Header().Set(nextCursorHeader, *l.next)
	}
	w.Header().Set("Content-Type", l.contentType)
	w.WriteHeader(status)
	var buf bytes.Buffer
	for _, item := range l.items {
		if len(item) == 0 {
			continue
		}
		buf.Write(item)
		buf.WriteByte('\n')
		if buf.Len() < flushAt {
			continue
		}
		if _, err := buf.WriteTo(w); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
	}
	_, err := buf.WriteTo(w)
	return err
}
