package api

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// scan is the reading of one body. Its methods return an error of form only: a
// member of the wrong type is noted on its slip and passed over, since it may be
// the fault of one evaluation of many.
type scan struct {
	dec  *jsontext.Decoder
	body []byte // the whole of it, which what was read refers to
	text string // the same, for names
}

// slip reads one evaluation. others reads the members that are none of its; nil
// passes them over.
func (s *scan) slip(x *slip, others func(name []byte) error) error {
	if kind := s.dec.PeekKind(); kind != '{' && isValue(kind) {
		x.blame(wrongType(kind, "", "an object"))
		return s.skip()
	}
	return s.members(func(name []byte) error {
		switch string(name) {
		case "subject":
			return s.entity(x, &x.subject, "/subject", "type", "id")
		case "resource":
			return s.entity(x, &x.resource, "/resource", "type", "id")
		case "action":
			return s.entity(x, &x.action, "/action", "", "name")
		case "context":
			return s.context(x)
		}
		if others != nil {
			return others(name)
		}
		return s.skip()
	})
}

// entity reads a subject, a resource or an action, whose members are so called.
func (s *scan) entity(x *slip, n *named, at, typ, id string) error {
	begin := s.dec.InputOffset()
	if kind := s.dec.PeekKind(); kind != '{' && isValue(kind) {
		x.blame(wrongType(kind, at, "an object"))
		return s.skip()
	}
	err := s.members(func(name []byte) error {
		switch string(name) {
		case id:
			return s.string(x, at, id, &n.id)
		case "properties":
			return s.optional(x, at+"/properties")
		case typ:
			if typ != "" {
				return s.string(x, at, typ, &n.typ)
			}
		}
		return s.skip()
	})
	n.raw = s.since(begin)
	return err
}

// context reads the context, and whether the reason is asked for. A null is as if
// it were not there.
func (s *scan) context(x *slip) error {
	x.hasContext = true
	begin := s.dec.InputOffset()
	if s.dec.PeekKind() != '{' {
		return s.optional(x, "/context")
	}
	err := s.members(func(name []byte) error {
		if kind := s.dec.PeekKind(); string(name) == "explain" && (kind == 't' || kind == 'f') {
			x.explain = kind == 't'
		}
		return s.skip()
	})
	x.context = s.since(begin)
	return err
}

// since is the value that was read after the name, the bracket or the comma that
// ends at the offset.
func (s *scan) since(begin int64) json.RawMessage {
	return bytes.TrimLeft(s.body[begin:s.dec.InputOffset()], ":, \t\r\n")
}

// members reads an object: for each of its names, each reads the value.
func (s *scan) members(each func(name []byte) error) error {
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	for s.dec.PeekKind() == '"' {
		name, err := s.name()
		if err != nil {
			return err
		}
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := s.dec.ReadToken() // the closing brace, or what is wrong
	return err
}

// name reads the name of a member. It is valid until the next reading.
func (s *scan) name() ([]byte, error) {
	quoted, err := s.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	return jsontext.AppendUnquote(nil, quoted)
}

// string reads a string that is the member of the object at the pointer.
func (s *scan) string(x *slip, at, member string, into *string) error {
	if kind := s.dec.PeekKind(); kind != '"' && isValue(kind) {
		x.blame(wrongType(kind, at+"/"+member, "a string"))
		return s.skip()
	}
	quoted, err := s.dec.ReadValue()
	if err != nil {
		return err
	}
	if bytes.IndexByte(quoted, '\\') >= 0 {
		plain, err := jsontext.AppendUnquote(nil, quoted)
		*into = string(plain)
		return err
	}
	end := int(s.dec.InputOffset())
	*into = s.text[end-len(quoted)+1 : end-1]
	return nil
}

// optional skips an object that may be left out; a null is as if it were.
func (s *scan) optional(x *slip, at string) error {
	if kind := s.dec.PeekKind(); kind != '{' && kind != 'n' && isValue(kind) {
		x.blame(wrongType(kind, at, "an object"))
	}
	return s.skip()
}

// skip reads a value that only policy looks at. Its form counts, and its depth.
func (s *scan) skip() error {
	for depth := s.dec.StackDepth(); ; {
		if _, err := s.dec.ReadToken(); err != nil {
			return err
		}
		if s.dec.StackDepth() > maxDepth {
			return errTooDeep
		}
		if s.dec.StackDepth() <= depth {
			return nil
		}
	}
}

// isValue reports whether a value of the kind begins here. What begins none is
// for the decoder to report.
func isValue(kind jsontext.Kind) bool {
	return kind != jsontext.KindInvalid && kind != jsontext.KindEndObject && kind != jsontext.KindEndArray
}
