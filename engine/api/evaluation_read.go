package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// evaluations reads the bodies of AuthZEN, in one pass and with memory that is
// used again: a check must cost little more than the call that carries it.
//
// It is as strict on form as every other route. As AuthZEN wants, it ignores
// members that it does not know, and their order; policy sees them.
type evaluations struct {
	sheets sync.Pool // of *sheet
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

// evaluation is a check as it is asked.
type evaluation struct {
	engine.Evaluation
	explain bool // "context": {"explain": true}
}

// read is the reader of a check.
func (e *evaluations) read(in *incoming) (evaluation, error) {
	var x slip
	err := e.scan(in, MaxBody, func(s *scan) error { return s.slip(&x, nil) })
	if err != nil {
		return evaluation{}, err
	}
	return x.evaluation(), x.check(whole)
}

// scan takes the body in and has it read as one value, after which there is
// nothing. What is read shares nothing with the sheet.
func (e *evaluations) scan(in *incoming, most int64, read func(*scan) error) error {
	sh := e.sheets.Get().(*sheet)
	defer e.putBack(sh)
	sh.body.Reset()
	if err := in.readUpTo(&sh.body, most); err != nil {
		return err
	}
	raw := sh.body.Bytes()
	if len(raw) == 0 {
		return errEmptyBody
	}
	sh.dec.Reset(&sh.body)
	s := &scan{dec: sh.dec, text: string(raw), body: bytes.Clone(raw)}
	err := read(s)
	if err == nil {
		if _, after := s.dec.ReadToken(); !errors.Is(after, io.EOF) {
			err = errTrailingData
		}
	}
	var fault *access.Error
	if err != nil && !errors.As(err, &fault) {
		err = illFormed(raw, err)
	}
	return err
}

// putBack keeps a sheet for the next body, unless it has grown for a rare one.
func (e *evaluations) putBack(s *sheet) {
	if s.body.Cap() <= 2*MaxBody {
		e.sheets.Put(s)
	}
}

// illFormed says what the decoder did not like. It reads the body again, by a
// reader that takes its time to say it well.
func illFormed(raw []byte, err error) error {
	if said := checkForm(raw); said != nil {
		return said
	}
	return formFault(err, len(raw))
}

// slip is one evaluation as far as it was sent. An item of a batch may leave
// members to the defaults.
type slip struct {
	subject, resource, action named
	context                   json.RawMessage // nil: none, or null
	explain                   bool
	hasContext                bool  // it was sent, be it null
	fault                     error // the first member that has the wrong type
}

// named is a subject, a resource, or an action, which has its name as id.
type named struct {
	typ, id string
	raw     json.RawMessage // as it was sent; nil: it was not
}

func (x *slip) blame(err error) {
	if x.fault == nil {
		x.fault = err
	}
}

// evaluation is the slip as the engine takes it.
func (x *slip) evaluation() evaluation {
	return evaluation{engine.Evaluation{
		Entitled: access.Entitled{
			Subject:  access.Subject{Type: x.subject.typ, ID: x.subject.id},
			Resource: access.ResourceRef{Type: x.resource.typ, ID: x.resource.id},
			Action:   access.Action{Name: x.action.id},
		},
		Sent: engine.Sent{Subject: x.subject.raw, Resource: x.resource.raw, Action: x.action.raw, Context: x.context},
	}, x.explain}
}

// want is which members a body must have. A search does not name what it is for.
type want struct{ subjectID, resourceID, action bool }

// whole is what a check must have.
var whole = want{true, true, true}

// check reports the first member that has the wrong type, or is required and
// missing or empty.
func (x *slip) check(w want) error {
	if x.fault != nil {
		return x.fault
	}
	for _, m := range [...]struct {
		pointer, value string
		required       bool
	}{
		{"/subject/type", x.subject.typ, true}, {"/subject/id", x.subject.id, w.subjectID}, {"/action/name", x.action.id, w.action},
		{"/resource/type", x.resource.typ, true}, {"/resource/id", x.resource.id, w.resourceID},
	} {
		if m.required && m.value == "" {
			return access.Invalid(codeInvalidEvaluation, m.pointer, "it is missing or empty, and required")
		}
	}
	return nil
}

const codeInvalidEvaluation = "invalid_evaluation"

func wrongType(kind jsontext.Kind, at, want string) error {
	return access.Invalid(codeInvalidEvaluation, at, "it is %s; want %s", kindWord(kind), want)
}
