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
	slab
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
		p.now, p.nowTerm = in.Now, p.instant(in.Now)
	}
	members = append(members, [2]*ast.Term{p.name("grants"), p.grants(in.Grants)}, [2]*ast.Term{p.name("now"), p.nowTerm})
	return ast.NewObject(members...), nil
}

func (p *pieces) grants(grants []access.CheckGrant) *ast.Term {
	if len(grants) == 0 {
		return ast.InternedEmptyArray
	}
	terms := make([]*ast.Term, len(grants))
	for i, g := range grants {
		terms[i] = p.object(
			member{"action", p.object(member{"name", p.text(g.Action.Name)})},
			member{"resource", p.object(member{"type", p.text(g.Resource.Type)}, member{"id", p.text(g.Resource.ID)})},
			member{"expires_at", p.instant(g.ExpiresAt)},
		)
	}
	return p.term(ast.NewArray(terms...))
}

func (p *pieces) object(members ...member) *ast.Term {
	pairs := make([][2]*ast.Term, len(members))
	for i, m := range members {
		pairs[i] = [2]*ast.Term{p.name(m.name), m.value}
	}
	return p.term(ast.NewObject(pairs...))
}

func (p *pieces) text(s string) *ast.Term { return p.term(ast.String(s)) }

func (p *pieces) instant(t time.Time) *ast.Term { return p.text(t.Format(time.RFC3339Nano)) }
