package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// decisionList is which decisions are asked for, and how.
type decisionList struct {
	engine.DecisionFilter
	format audit.Format
}

// decisionQuery reads the filter of the decision log.
func decisionQuery(in *incoming) (l decisionList, err error) {
	values, err := in.query("from", "to", "path", "cursor", "limit", "format")
	if err != nil {
		return l, err
	}
	l.Path = values.Get("path")
	var faults [4]error
	l.From, faults[0] = timeOf(values, "from")
	l.To, faults[1] = timeOf(values, "to")
	l.Paging, faults[2] = pagingOf(values)
	l.format, faults[3] = decisionFormat(values.Get("format"))
	return l, errors.Join(faults[:]...)
}

// timeOf reads a time, the zero time if there is none.
func timeOf(values url.Values, name string) (time.Time, error) {
	text := values.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, access.Invalid("invalid_time", "", "%s: %q is not a time such as 2026-01-31T09:00:00Z", name, text)
	}
	return at, nil
}

// decisionFormat reads the format of decisions, which are events of OPA's log.
func decisionFormat(text string) (audit.Format, error) {
	f, err := audit.FormatOf(text)
	if err == nil && f != audit.FormatJSON && f != audit.FormatNDJSON {
		err = access.Invalid("format_not_offered", "", "decisions are offered as json or ndjson, not as %s", text)
	}
	return f, err
}

// decisionEvents fits the list of decisions to its reader and formats.
func decisionEvents(
	read func(context.Context, engine.Call, engine.DecisionFilter) (engine.Page[json.RawMessage], error),
) useCase[decisionList, any] {
	return func(ctx context.Context, call engine.Call, l decisionList) (any, error) {
		page, err := read(ctx, call, l.DecisionFilter)
		if l.format == audit.FormatNDJSON {
			return ndjson(page), err
		}
		return asTheyAre(page), err
	}
}

// decisionEvent fits one decision to its reader.
func decisionEvent(read func(context.Context, engine.Call, string) (json.RawMessage, error)) useCase[string, asItIs] {
	return func(ctx context.Context, call engine.Call, id string) (asItIs, error) {
		event, err := read(ctx, call, id)
		return asItIs(event), err
	}
}

// asTheyAre is a page whose items are answered byte for byte: what a caller sent
// is in them, and may be JSON that this API would not take.
type asTheyAre engine.Page[json.RawMessage]

func (p asTheyAre) render(w http.ResponseWriter, status int) error {
	next, err := json.Marshal(p.NextCursor)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	buf.WriteString(`{"items":[`)
	for i, item := range p.Items {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.Write(item)
	}
	buf.WriteString(`],"next_cursor":`)
	buf.Write(next)
	buf.WriteByte('}')
	return asItIs(buf.Bytes()).render(w, status)
}

// asItIs is a JSON document that is answered byte for byte.
type asItIs []byte

func (b asItIs) render(w http.ResponseWriter, status int) error {
	write(w, status, "application/json; charset=utf-8", b)
	return nil
}
