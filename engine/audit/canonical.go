package audit

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gowebpki/jcs"

	"github.com/curfew-access/curfew/engine/access"
)

// Canonical returns the bytes that are stored and hashed: RFC 8785 JSON.
//
// An event is written several times for each grant, while a transaction is open.
// So its envelope, whose members are known, is rendered straight into its
// canonical form; a value of Data that is more than a text, a number, a flag or a
// time goes the long way, and so does whatever is not plain UTF-8.
func (e Event) Canonical() ([]byte, error) {
	w := canonical{buf: make([]byte, 0, 768)}
	w.object(
		member{"action", e.Action}, member{"actor", e.Actor}, member{"binding_id", e.BindingID}, member{"channel", e.Channel},
		member{"data", e.Data}, member{"decision_id", e.DecisionID}, member{"grant_id", e.GrantID},
		member{"http_request_id", e.HTTPRequestID}, member{"id", e.ID}, member{"request_id", e.RequestID},
		member{"resource", e.Resource}, member{"revision", e.Revision}, member{"source", e.Source}, member{"subject", e.Subject},
		member{"time", e.Time}, member{"type", e.Type}, member{"version", e.Version},
	)
	if w.err != nil {
		return nil, fmt.Errorf("event %s: %w", e.ID, w.err)
	}
	return w.buf, nil
}

// undated is how the time of an event stands in its canonical bytes that has none.
var undated = []byte(`"time":"0001-01-01T00:00:00Z"`)

// Undated returns the canonical bytes before and behind the time, for an event
// whose time is not known yet. Date is what belongs in between.
func (e Event) Undated() (before, behind []byte, err error) {
	e.Time = time.Time{}
	raw, err := e.Canonical()
	if err != nil {
		return nil, nil, err
	}
	at := bytes.LastIndex(raw, undated) // nothing of the caller's comes behind it
	return raw[:at], raw[at+len(undated):], nil
}

// Date is the time of an event as its canonical bytes have it, with its name.
func Date(t time.Time) string { return `"time":"` + t.Format(time.RFC3339Nano) + `"` }

// canonical renders values as RFC 8785 has them.
type canonical struct {
	buf []byte
	err error // the first
}

// member is a name, in ASCII, and its value.
type member struct {
	name  string
	value any
}

// object renders members that come in the order of their names.
func (w *canonical) object(members ...member) {
	w.buf = append(w.buf, '{')
	for i, m := range members {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.text(m.name)
		w.buf = append(w.buf, ':')
		w.value(m.value)
	}
	w.buf = append(w.buf, '}')
}

func (w *canonical) value(v any) {
	switch v := v.(type) {
	case Text:
		if v == "" {
			w.null()
			return
		}
		w.text(string(v))
	case string:
		w.text(v)
	case time.Time:
		w.time(v)
	case *time.Time:
		if v == nil {
			w.null()
			return
		}
		w.time(*v)
	case *access.Subject:
		if v == nil {
			w.null()
			return
		}
		w.object(member{"id", v.ID}, member{"type", v.Type})
	case *access.ResourceRef:
		if v == nil {
			w.null()
			return
		}
		w.object(member{"id", v.ID}, member{"type", v.Type})
	case *access.Action:
		if v == nil {
			w.null()
			return
		}
		w.object(member{"name", v.Name})
	case map[string]any:
		w.data(v)
	default:
		w.other(v)
	}
}

// data renders what an event holds of its own.
func (w *canonical) data(data map[string]any) {
	if data == nil {
		w.null()
		return
	}
	members := make([]member, 0, len(data))
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if !plain(name) {
			w.slow(data) // names are ordered as UTF-16, which for these is not that of bytes
			return
		}
		members = append(members, member{name, data[name]})
	}
	w.object(members...)
}

// exact is up to where RFC 8785 renders an integer with all its digits.
const exact = 1 << 53

// other renders a value by its kind, if that is all there is to it.
func (w *canonical) other(v any) {
	switch v.(type) {
	case json.Marshaler, encoding.TextMarshaler:
		w.slow(v)
		return
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		w.text(r.String())
	case reflect.Bool:
		w.buf = strconv.AppendBool(w.buf, r.Bool())
	case reflect.Int, reflect.Int64, reflect.Int32:
		if n := r.Int(); n < exact && n > -exact {
			w.buf = strconv.AppendInt(w.buf, n, 10)
			return
		}
		w.slow(v)
	default:
		w.slow(v)
	}
}

func (w *canonical) null() { w.buf = append(w.buf, "null"...) }

// time renders a time as encoding/json does.
func (w *canonical) time(t time.Time) {
	if y := t.Year(); y < 0 || y > 9999 {
		w.slow(t)
		return
	}
	w.buf = append(w.buf, '"')
	w.buf = t.AppendFormat(w.buf, time.RFC3339Nano)
	w.buf = append(w.buf, '"')
}

// text renders a string with the escapes of RFC 8785, section 3.2.2.2.
func (w *canonical) text(s string) {
	if !utf8.ValidString(s) {
		w.slow(s)
		return
	}
	w.buf = append(w.buf, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			w.buf = append(w.buf, '\\', c)
		case '\b':
			w.buf = append(w.buf, `\b`...)
		case '\f':
			w.buf = append(w.buf, `\f`...)
		case '\n':
			w.buf = append(w.buf, `\n`...)
		case '\r':
			w.buf = append(w.buf, `\r`...)
		case '\t':
			w.buf = append(w.buf, `\t`...)
		default:
			if c < ' ' {
				w.buf = fmt.Appendf(w.buf, `\u%04x`, c)
				continue
			}
			w.buf = append(w.buf, c)
		}
	}
	w.buf = append(w.buf, '"')
}

// slow renders any value that JSON has.
func (w *canonical) slow(v any) {
	raw, err := json.Marshal(map[string]any{"": v}) // a document of RFC 8785 is an object
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	if err != nil {
		if w.err == nil {
			w.err = fmt.Errorf("canonical form: %w", err)
		}
		return
	}
	w.buf = append(w.buf, bytes.TrimSuffix(bytes.TrimPrefix(raw, []byte(`{"":`)), []byte(`}`))...)
}

// plain reports whether a name is of letters, digits and the like of ASCII.
func plain(name string) bool {
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return false
		}
	}
	return true
}
