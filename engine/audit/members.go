package audit

import (
	"bytes"
	"encoding/json"
)

// members is an event as its bytes have it, member by member. Nothing is decoded: a
// format copies most of it, and an export has millions.
type members struct {
	action, actor, bindingID, channel, data, decisionID, grantID, httpRequestID, id,
	requestID, resource, revision, source, subject, time, typ []byte // JSON; nil: null, or not there
}

// membersOf reads an event that is JSON; whether it is what was hashed is not asked.
func membersOf(event []byte) (m members, ok bool) {
	event = skip(event, ' ')
	if len(event) == 0 || event[0] != '{' || !json.Valid(event) {
		return m, false
	}
	for name, value, rest := next(event[1:]); name != nil; name, value, rest = next(rest) {
		if at := m.named(string(name)); at != nil && string(value) != "null" {
			*at = value
		}
	}
	return m, len(m.id) > 0 && m.id[0] == '"' && len(m.typ) > 0 && m.typ[0] == '"' && len(m.time) > 0 && m.time[0] == '"'
}

// named is where the member of that name belongs; nil when it is not of the envelope.
func (m *members) named(name string) *[]byte {
	switch name {
	case "action":
		return &m.action
	case "actor":
		return &m.actor
	case "binding_id":
		return &m.bindingID
	case "channel":
		return &m.channel
	case "data":
		return &m.data
	case "decision_id":
		return &m.decisionID
	case "grant_id":
		return &m.grantID
	case "http_request_id":
		return &m.httpRequestID
	case "id":
		return &m.id
	case "request_id":
		return &m.requestID
	case "resource":
		return &m.resource
	case "revision":
		return &m.revision
	case "source":
		return &m.source
	case "subject":
		return &m.subject
	case "time":
		return &m.time
	case "type":
		return &m.typ
	}
	return nil
}

// skip drops blanks from the front, and the character c.
func skip(b []byte, c byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n' || b[0] == c) {
		b = b[1:]
	}
	return b
}

// next is the first member of what is left of an object, which is known to be JSON, and
// what is behind it; a name of nil says that there is none. The name is as it is
// between its quotes.
func next(rest []byte) (name, value, behind []byte) {
	rest = skip(rest, ',')
	if len(rest) == 0 || rest[0] == '}' {
		return nil, nil, nil
	}
	end := valueEnd(rest)
	name, rest = rest[1:end-1:end-1], skip(rest[end:], ':')
	end = valueEnd(rest)
	return name, rest[:end:end], rest[end:]
}

// valueEnd is where the value ends that JSON begins with.
func valueEnd(b []byte) int {
	switch b[0] {
	case '"':
		return stringEnd(b)
	case '{', '[':
		return nestedEnd(b)
	}
	if end := bytes.IndexAny(b, ",}] \t\r\n"); end >= 0 {
		return end
	}
	return len(b)
}

func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func nestedEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// memberOf is the value of an object's member; nil when that is null, or not there, or
// the object is none.
func memberOf(object []byte, name string) []byte {
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	for n, value, rest := next(object[1:]); n != nil; n, value, rest = next(rest) {
		if string(n) == name {
			if string(value) == "null" {
				return nil
			}
			return value
		}
	}
	return nil
}

// inner is what a text has between its quotes, its escapes as they are; nil of a value
// that is no text.
func inner(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}
