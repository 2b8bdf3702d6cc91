package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// The formats of audit events.
const (
	formatJSON   = "json"
	formatNDJSON = "ndjson"
)

// eventList is which events are asked for, and how.
type eventList struct {
	engine.EventFilter
	format string
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
	l.Resource, faults[2] = resourceOf(values, "resource")
	l.Paging, faults[3] = pagingOf(values)
	l.format, faults[4] = formatOf(values.Get("format"))
	switch newest := values.Get("newest"); newest {
	case "true":
		l.Newest = true
	case "", "false":
	default:
		err = access.Invalid("invalid_newest", "", "newest is true or false, not %q", newest)
	}
	return l, errors.Join(err, errors.Join(faults[:]...))
}

func formatOf(text string) (string, error) {
	switch text {
	case "", formatJSON:
		return formatJSON, nil
	case formatNDJSON:
		return formatNDJSON, nil
	case "csv", "ocsf":
		return "", access.Invalid("format_not_offered", "", "the format %s is not offered yet; take json or ndjson", text)
	}
	return "", access.Invalid("invalid_format", "", "format is json or ndjson, not %q", text)
}

// events fits the list of events to its reader and formats.
func events(
	read func(context.Context, engine.Call, engine.EventFilter) (engine.Page[json.RawMessage], error),
) useCase[eventList, any] {
	return func(ctx context.Context, call engine.Call, l eventList) (any, error) {
		page, err := read(ctx, call, l.EventFilter)
		if l.format == formatNDJSON {
			return lines(page), err
		}
		return page, err
	}
}

// nextCursorHeader carries what next_cursor does, where there is no place for a
// member.
const nextCursorHeader = "Curfew-Next-Cursor"

// lines is a page of events as NDJSON: the bytes of one event a line, and the
// cursor in a header.
type lines engine.Page[json.RawMessage]

// flushAt is how much is gathered before it is sent.
const flushAt = 64 << 10

func (l lines) render(w http.ResponseWriter, status int) error {
	if l.NextCursor != nil {
		w.Header().Set(nextCursorHeader, *l.NextCursor)
	}
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	w.WriteHeader(status)
	var buf bytes.Buffer
	for _, event := range l.Items {
		buf.Write(event)
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
