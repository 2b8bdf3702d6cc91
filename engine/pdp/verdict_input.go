package pdp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/curfew-access/curfew/engine/access"
)

// pieces makes the inputs of checks. What the one before had too is read once: the
// checks of a batch are mostly about one subject.
type pieces struct {
	builder
	subject, resource, action, context piece
	now                                time.Time
	nowTerm                            *ast.Term
}

// piece is an object that was sent, and the term that it became.
type piece struct {
	text json.RawMessage
	term *ast.Term
}

func (p *piece) read(terms *slab, name string, text json.RawMessage) (*ast.Term, error) {
	if p.term != nil && bytes.Equal(p.text, text) {
		return p.term, nil
	}
	value, err := parseInto(terms, orNull(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.text, p.term = text, terms.term(value)
	return p.term, nil
}

// input is the term of what checkInputText is the text of.
func (p *pieces) input(in access.CheckInput) (ast.Value, error) {
	p.err = nil // of the input before
	members := make([][2]*ast.Term, 0, 6)
	for _, m := range [...]struct {
		name  string
		piece *piece
		text  json.RawMessage
	}{
		{"subject", &p.subject, in.Subject}, {"resource", &p.resource, in.Resource}, {"action", &p.action, in.Action}, {"context", &p.context, in.Context},
	} {
		if m.name == "context" && m.text == nil {
			continue
		}
		term, err := m.piece.read(&p.slab, m.name, m.text)
		if err != nil {
			return nil, err
		}
		members = append(members, [2]*ast.Term{p.name(m.name), term})
	}
	if p.nowTerm == nil || !p.now.Equal(in.Now) {
		p.now, p.nowTerm = in.Now, p.time(in.Now)
	}
	members = append(members, [2]*ast.Term{p.name("grants"), p.grants(in.Grants)}, [2]*ast.Term{p.name("now"), p.nowTerm})
	return ast.NewObject(members...), p.err
}

func (p *pieces) grants(grants []access.CheckGrant) *ast.Term {
	if len(grants) == 0 {
		return ast.InternedEmptyArray
	}
	return list(grants, func(g access.CheckGrant) *ast.Term {
		return p.object(
			member{"action", p.builder.action(g.Action)},
			member{"resource", p.builder.resource(g.Resource)},
			member{"expires_at", p.time(g.ExpiresAt)},
		)
	})
}
