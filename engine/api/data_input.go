package api

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine/access"
)

// inputOf finds the member `input` of a query's body; nil when there is none, or
// when it is null. As OPA does, it passes over every other member.
//
// It goes over the body once and finds where values end without reading them: who
// evaluates reads the input, strictly. Only of JSON are the ends that it finds
// right; that is sound, because each part is then held to be JSON by itself.
func inputOf(raw []byte) (json.RawMessage, error) {
	s := splitter{text: raw}
	switch s.next() {
	case 0:
		return nil, nil // to OPA, no body is one without input
	case '{':
	default:
		return nil, notAnObject(raw)
	}
	s.at++
	var input json.RawMessage
	var others map[string]struct{}
	for s.next() != '}' {
		name, value, err := s.member()
		switch _, before := others[name]; {
		case err != nil:
			return nil, err
		case before, name == "input" && input != nil:
			return nil, access.Invalid("duplicate_field", "/"+name, "the member is there twice")
		case name == "input":
			input = value
		case strings.EqualFold(name, "input"):
			return nil, access.Invalid("case_variant_field", "/"+name, `write it "input": names differ by case`)
		case !jsontext.Value(value).IsValid():
			return nil, s.malformed("the value before it is not JSON")
		case others == nil:
			others = map[string]struct{}{name: {}}
		default:
			others[name] = struct{}{}
		}
		if !s.take(',') {
			break
		}
		if s.next() == '}' {
			return nil, s.malformed("want the name of a member")
		}
	}
	switch {
	case !s.take('}'):
		return nil, s.malformed("want a comma or the end of the object")
	case s.next() != 0:
		return nil, errTrailingData
	case string(input) == "null":
		return nil, nil // to OPA, this is no input either
	}
	return input, nil
}

func notAnObject(raw []byte) error {
	value := jsontext.Value(raw)
	switch {
	case !value.IsValid():
		return access.Invalid("malformed_json", "", "the body is not JSON")
	case value.Kind() == 'n':
		return nil // to OPA, an object without members
	}
	return access.Invalid("wrong_type", "", `the body is %s; want an object with the member "input"`, kindWord(value.Kind()))
}

// splitter finds the parts of a JSON object.
type splitter struct {
	text []byte
	at   int
}

func (s *splitter) malformed(why string) error {
	return access.Invalid("malformed_json", "", "byte %d of the body: %s", s.at, why)
}

// next is the byte that the next token begins with; 0 at the end.
func (s *splitter) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		case 0:
			return 1 // which begins no token either
		default:
			return c
		}
	}
	return 0
}

func (s *splitter) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// member takes a name, the colon and the value.
func (s *splitter) member() (name string, value []byte, err error) {
	if s.next() != '"' {
		return "", nil, s.malformed("want the name of a member")
	}
	if name, err = unquoted(s.value()); err != nil {
		return "", nil, s.malformed("a name that is no text")
	}
	if !s.take(':') {
		return "", nil, s.malformed("want a colon")
	}
	if value = s.value(); len(value) == 0 {
		return "", nil, s.malformed("want a value")
	}
	return name, value, nil
}

func unquoted(quoted []byte) (string, error) {
	if string(quoted) == `"input"` {
		return "input", nil
	}
	plain, err := jsontext.AppendUnquote(nil, quoted)
	return string(plain), err
}

// value steps over a value: a text, what is within brackets, or up to a sign that
// follows a value.
func (s *splitter) value() []byte {
	c := s.next()
	from, depth := s.at, 0
	if c != '"' && c != '{' && c != '[' {
		if n := bytes.IndexAny(s.text[from:], ",]} \t\r\n"); n >= 0 {
			s.at += n
		} else {
			s.at = len(s.text)
		}
		return s.text[from:s.at]
	}
	for more := true; more && s.at < len(s.text); more = depth > 0 {
		switch s.text[s.at] {
		case '"':
			s.string()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		default:
			s.at++
		}
	}
	return s.text[from:s.at]
}

// string steps over a text. One that does not end takes all there is.
func (s *splitter) string() {
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return
		}
	}
	s.at = len(s.text)
}
