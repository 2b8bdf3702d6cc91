package decisions

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Form is how decisions are written down. The zero value has no labels and masks
// nothing.
type Form struct {
	labels []byte // a JSON object; nil: an empty one
	masks  Masks
}

// NewForm returns a form whose events have the labels, which say who decided.
func NewForm(labels map[string]string, masks Masks) Form {
	raw, _ := json.Marshal(labels) // texts: never fails
	return Form{labels: raw, masks: masks}
}

// Line renders the decision as a line of the log, without what is masked and
// without its end of line.
func (f Form) Line(e access.DecisionEvent) []byte {
	erased := f.erase(&e)
	return f.append(nil, &e, erased)
}

// maxEvent bounds the input and the result of one event together. What is longer
// loses its result, and if that is not enough its input, and says so: one answer
// of many megabytes must not push all others out of the buffer.
const maxEvent = 1 << 20

// erase takes out of the event what is masked, or too long, and returns what that
// was.
func (f Form) erase(e *access.DecisionEvent) (erased []string) {
	if f.masks.some() {
		e.Input, e.Result, erased = f.masks.apply(e.Input, e.Result)
	}
	if len(e.Input)+len(e.Result) > maxEvent && e.Result != nil {
		e.Result, erased = nil, append(erased, "/result")
	}
	if len(e.Input) > maxEvent {
		e.Input, erased = nil, append(erased, "/input")
	}
	return erased
}

// What a line begins with, so that it is found without reading it as JSON.
const (
	beforeID   = `{"decision_id":`
	beforePath = `,"path":`
)

// append renders the event. It copies input and result as they are: they are
// JSON, and were read or written as such.
func (f Form) append(dst []byte, e *access.DecisionEvent, erased []string) []byte {
	dst = appendText(append(dst, beforeID...), e.ID)
	dst = appendText(append(dst, beforePath...), e.Path)
	dst = append(dst, `,"timestamp":"`...)
	dst = e.At.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	dst = appendMember(dst, `,"revision":`, e.Revision)
	if e.BundleRevision != "" {
		dst = append(appendText(append(dst, `,"bundles":{"policies":{"revision":`...), e.BundleRevision), '}', '}')
	}
	dst = append(dst, `,"labels":`...)
	if f.labels == nil {
		dst = append(dst, '{', '}')
	}
	dst = append(dst, f.labels...)
	dst = appendMember(dst, `,"requested_by":`, e.Source)
	dst = appendRaw(dst, `,"input":`, e.Input)
	dst = appendRaw(dst, `,"result":`, e.Result)
	dst = appendErased(dst, erased)
	if e.Failure != "" {
		dst = append(appendText(append(dst, `,"error":{"code":`...), e.Failure), `,"message":"policy gave no answer of its own"}`...)
	}
	dst = append(dst, `,"metrics":{"timer_server_handler_ns":`...)
	dst = strconv.AppendInt(dst, e.Took.Nanoseconds(), 10)
	dst = append(dst, `},"custom":{"caller":"`...)
	dst = append(appendInside(append(appendInside(dst, e.Caller.Type), ':'), e.Caller.ID), '"')
	dst = appendMember(dst, `,"http_request_id":`, e.HTTPRequestID)
	return append(dst, '}', '}')
}

// appendMember appends a member that is left out when it is empty.
func appendMember(dst []byte, before, text string) []byte {
	if text == "" {
		return dst
	}
	return appendText(append(dst, before...), text)
}

// appendRaw appends JSON as one line: an end of line in it can only stand between
// its tokens, where a space does as well.
func appendRaw(dst []byte, before string, raw json.RawMessage) []byte {
	if raw == nil {
		return dst
	}
	dst = append(dst, before...)
	begin := len(dst)
	dst = append(dst, raw...)
	for _, end := range []byte{'\n', '\r'} {
		rest := dst[begin:]
		for i := bytes.IndexByte(rest, end); i >= 0; i = bytes.IndexByte(rest, end) {
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
	return dst
}

func appendErased(dst []byte, erased []string) []byte {
	if len(erased) == 0 {
		return dst
	}
	before := `,"erased":[`
	for _, path := range erased {
		dst = appendText(append(dst, before...), path)
		before = `,`
	}
	return append(dst, ']')
}
