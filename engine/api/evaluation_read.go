package api

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine/access"
)

// evaluations reads the bodies of checks, in one pass and into memory that is
// used again: a check must cost little more than the call that carries it.
//
// It is as strict on form as every other route. As AuthZEN wants, it ignores
// members that it does not know, and their order.
type evaluations struct {
	sheets sync.Pool // of *sheet
}

// evaluation is a check as it is asked.
type evaluation struct {
	access.Entitled
	explain bool // "context": {"explain": true}
}

// sheet is what one body is read on.
type sheet struct {
	body bytes.Buffer
	dec  *jsontext.Decoder
}

func newEvaluations() *evaluations {
	return &evaluations{sheets: sync.Pool{New: func() any {
		s := &sheet{}
		s.dec = jsontext.NewDecoder(&s.body)
		return s
	}}}
}

// read is the reader of a check. What it returns shares nothing with the sheet.
func (e *evaluations) read(in *incoming) (evaluation, error) {
	s := e.sheets.Get().(*sheet)
	defer e.sheets.Put(s)
	s.body.Reset()
	if err := in.readTo(&s.body); err != nil {
		return evaluation{}, err
	}
	raw := s.body.Bytes()
	if len(raw) == 0 {
		return evaluation{}, errEmptyBody
	}
	s.dec.Reset(&s.body)
	x, err := readEvaluation(s.dec)
	var fault *access.Error
	if err != nil && !errors.As(err, &fault) {
		err = illFormed(raw, err)
	}
	return x, err
}

// illFormed says what the decoder did not like. It reads the body again, by a
// reader that takes its time to say it well.
func illFormed(raw []byte, err error) error {
	if said := checkForm(raw); said != nil {
		return said
	}
	return formFault(err, len(raw))
}

// readEvaluation reads one evaluation and that nothing follows it.
func readEvaluation(dec *jsontext.Decoder) (x evaluation, err error) {
	err = members(dec, "", func(name []byte) error {
		switch string(name) {
		case "subject":
			return members(dec, "/subject", func(name []byte) error {
				return entity(dec, name, "/subject", &x.Subject.Type, &x.Subject.ID, nil)
			})
		case "resource":
			return members(dec, "/resource", func(name []byte) error {
				return entity(dec, name, "/resource", &x.Resource.Type, &x.Resource.ID, nil)
			})
		case "action":
			return members(dec, "/action", func(name []byte) error {
				return entity(dec, name, "/action", nil, nil, &x.Action.Name)
			})
		case "context":
			return readContext(dec, &x.explain)
		}
		return skip(dec)
	})
	if err != nil {
		return x, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return x, errTrailingData
	}
	return x, complete(x.Entitled)
}

// readContext reads whether the reason is asked for.
func readContext(dec *jsontext.Decoder, explain *bool) error {
	if dec.PeekKind() != '{' {
		return optional(dec, "/context")
	}
	return members(dec, "/context", func(name []byte) error {
		if kind := dec.PeekKind(); string(name) == "explain" && (kind == 't' || kind == 'f') {
			*explain = kind == 't'
		}
		return skip(dec)
	})
}

// complete reports the first required member that is missing or empty.
func complete(x access.Entitled) error {
	for _, m := range [...]struct{ pointer, value string }{
		{"/subject/type", x.Subject.Type}, {"/subject/id", x.Subject.ID}, {"/action/name", x.Action.Name},
		{"/resource/type", x.Resource.Type}, {"/resource/id", x.Resource.ID},
	} {
		if m.value == "" {
			return access.Invalid(codeInvalidEvaluation, m.pointer, "it is missing or empty, and required")
		}
	}
	return nil
}

const codeInvalidEvaluation = "invalid_evaluation"

// entity reads the value of a member of a subject, a resource or an action. A
// text that the entity does not have is nil.
func entity(dec *jsontext.Decoder, name []byte, at string, typ, id, called *string) error {
	var member string
	var into *string
	switch string(name) {
	case "type":
		member, into = "/type", typ
	case "id":
		member, into = "/id", id
	case "name":
		member, into = "/name", called
	case "properties":
		return optional(dec, at+"/properties")
	}
	if into == nil {
		return skip(dec)
	}
	if kind := dec.PeekKind(); kind != '"' && isValue(kind) {
		return wrongType(kind, at+member, "a string")
	}
	token, err := dec.ReadToken()
	if err == nil {
		*into = token.String()
	}
	return err
}

// members reads an object: for each of its names, each reads the value.
func members(dec *jsontext.Decoder, at string, each func(name []byte) error) error {
	if kind := dec.PeekKind(); kind != '{' && isValue(kind) {
		return wrongType(kind, at, "an object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() == '"' {
		name, err := memberOf(dec)
		if err != nil {
			return err
		}
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken() // the closing brace, or what is wrong
	return err
}

// memberOf reads the name of a member. It is valid until the next reading.
func memberOf(dec *jsontext.Decoder) ([]byte, error) {
	quoted, err := dec.ReadValue()
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	return jsontext.AppendUnquote(nil, quoted)
}

// optional skips an object that may be left out; a null is as if it were.
func optional(dec *jsontext.Decoder, at string) error {
	if kind := dec.PeekKind(); kind != '{' && kind != 'n' && isValue(kind) {
		return wrongType(kind, at, "an object")
	}
	return skip(dec)
}

// skip reads a value that nobody asks for. Its form counts, and its depth.
func skip(dec *jsontext.Decoder) error {
	for depth := dec.StackDepth(); ; {
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		if dec.StackDepth() > maxDepth {
			return errTooDeep
		}
		if dec.StackDepth() <= depth {
			return nil
		}
	}
}

// isValue reports whether a value of the kind begins here. What begins none is
// for the decoder to report.
func isValue(kind jsontext.Kind) bool {
	return kind != jsontext.KindInvalid && kind != jsontext.KindEndObject && kind != jsontext.KindEndArray
}

func wrongType(kind jsontext.Kind, at, want string) error {
	return access.Invalid(codeInvalidEvaluation, at, "it is %s; want %s", kindWord(kind), want)
}
