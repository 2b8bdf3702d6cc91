package api

import (
	"context"
	"net/http"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	// maxEvaluations bounds how many evaluations one batch holds.
	maxEvaluations = 1000
	// maxBatchBody bounds the body of a batch, in bytes: a KiB for each.
	maxBatchBody = 1 << 20
	// maxInherited bounds the evaluations of a batch with what they inherit, in
	// bytes: a default is written once, and policy sees it a thousand times.
	maxInherited = 16 << 20
)

// many is a batch as it is asked.
type many struct {
	items    []evaluation
	semantic engine.Semantic
	single   bool // there is no list of evaluations: it is one, as on the other route
}

// readMany is the reader of a batch.
func (e *evaluations) readMany(in *incoming) (many, error) {
	m := many{semantic: engine.ExecuteAll}
	var defaults slip
	var items []slip
	err := e.scan(in, maxBatchBody, func(s *scan) error {
		return s.slip(&defaults, func(name []byte) error {
			switch string(name) {
			case "evaluations":
				return s.items(&defaults, &items)
			case "options":
				return s.options(&defaults, &m.semantic)
			}
			return s.skip()
		})
	})
	switch {
	case err != nil:
		return m, err
	case len(items) == 0:
		m.single, m.items = true, []evaluation{defaults.evaluation()}
		return m, defaults.check(whole)
	}
	m.items = make([]evaluation, len(items))
	size := 0
	for i := range items {
		items[i].inherit(&defaults)
		if size += items[i].size(); size > maxInherited {
			return m, access.Invalid("body_too_large", "/evaluations",
				"with the defaults that they inherit they have more than %d bytes; send them in several batches", maxInherited)
		}
		m.items[i] = items[i].evaluation()
		m.items[i].Fault = items[i].check(whole)
	}
	return m, defaults.fault
}

// items reads the list of evaluations. A null is as if it were not there.
func (s *scan) items(x *slip, into *[]slip) error {
	switch kind := s.dec.PeekKind(); {
	case kind == 'n':
		return s.skip()
	case kind != '[' && isValue(kind):
		x.blame(wrongType(kind, "/evaluations", "an array"))
		return s.skip()
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	for isValue(s.dec.PeekKind()) {
		if len(*into) == maxEvaluations {
			return access.Invalid("too_many_evaluations", "/evaluations", "there are more than %d; send them in several batches", maxEvaluations)
		}
		*into = append(*into, slip{})
		if err := s.slip(&(*into)[len(*into)-1], nil); err != nil {
			return err
		}
	}
	_, err := s.dec.ReadToken() // the closing bracket, or what is wrong
	return err
}

// options reads how far the batch is to be taken. Others there may be are ignored.
func (s *scan) options(x *slip, semantic *engine.Semantic) error {
	if s.dec.PeekKind() != '{' {
		return s.optional(x, "/options")
	}
	return s.members(func(name []byte) error {
		if string(name) != "evaluations_semantic" {
			return s.skip()
		}
		var said string
		err := s.string(x, "/options", "evaluations_semantic", &said)
		switch chosen := engine.Semantic(said); chosen {
		case engine.ExecuteAll, engine.DenyOnFirstDeny, engine.PermitOnFirstPermit:
			*semantic = chosen
		default:
			x.blame(access.Invalid(codeInvalidEvaluation, "/options/evaluations_semantic",
				"it is none of execute_all, deny_on_first_deny and permit_on_first_permit"))
		}
		return err
	})
}

// inherit takes from the defaults what the item does not have. A member that it
// has is wholly its own.
func (x *slip) inherit(defaults *slip) {
	for _, m := range [...]struct{ own, given *named }{
		{&x.subject, &defaults.subject}, {&x.resource, &defaults.resource}, {&x.action, &defaults.action},
	} {
		if m.own.raw == nil {
			*m.own = *m.given
		}
	}
	if !x.hasContext {
		x.context, x.explain = defaults.context, defaults.explain
	}
}

// size is how much of it policy sees, in bytes.
func (x *slip) size() int {
	return len(x.subject.raw) + len(x.resource.raw) + len(x.action.raw) + len(x.context)
}

// batches fits checks to the reader of many.
func batches(
	check evaluator, checkAll func(context.Context, engine.Call, []engine.Evaluation, engine.Semantic) ([]engine.CheckView, error),
) useCase[many, renderer] {
	one := verdicts(check)
	return func(ctx context.Context, call engine.Call, m many) (renderer, error) {
		if m.single {
			return one(ctx, call, m.items[0])
		}
		asked := make([]engine.Evaluation, len(m.items))
		for i := range m.items {
			asked[i] = m.items[i].Evaluation
		}
		views, err := checkAll(ctx, call, asked, m.semantic)
		answers := make([]verdict, len(views))
		for i, v := range views {
			answers[i] = verdict{v, m.items[i].explain}
		}
		return verdictList(answers), err
	}
}

// verdictList is the answer to a batch.
type verdictList []verdict

func (l verdictList) render(w http.ResponseWriter, status int) error {
	out := make([]byte, 0, len(`{"evaluations":[]}`)+len(l)*len(`{"decision":false},`))
	out = append(out, `{"evaluations":[`...)
	for i, v := range l {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v.json()...)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err := w.Write(append(out, ']', '}'))
	return err
}

// PolicyRevision is that of the policy that decided them all; "" when it was not
// asked.
func (l verdictList) PolicyRevision() string {
	for _, v := range l {
		if v.Revision != "" {
			return v.Revision
		}
	}
	return ""
}
