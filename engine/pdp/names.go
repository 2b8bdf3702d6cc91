package pdp

import "github.com/open-policy-agent/opa/v1/ast"

// names are terms of the members that nearly every input has, made once.
var names = func() map[string]*ast.Term {
	terms := map[string]*ast.Term{}
	for _, name := range []string{
		"subject", "requester", "action", "resource", "context", "type", "id", "name", "properties", "groups", "groups_known",
		"durations_seconds", "while", "now", "for_seconds", "starts_at", "expires_at", "reason", "emergency", "channel", "phase",
		"oncall", "incidents", "grants", "known", "age_seconds", "shifts", "open", "schedule", "policy", "level", "start", "end",
		"actor", "operation", "object", "scope", "reviewer", "owner", "tier",
	} {
		terms[name] = ast.StringTerm(name)
	}
	return terms
}()

// slabSize is how many terms are made at once.
const slabSize = 48

// slab makes terms, many with one allocation. They live as long as one of them.
type slab struct{ free []ast.Term }

func (s *slab) term(v ast.Value) *ast.Term {
	if len(s.free) == 0 {
		s.free = make([]ast.Term, slabSize)
	}
	t := &s.free[0]
	s.free = s.free[1:]
	t.Value = v
	return t
}

// name is the term of a member's name.
func (s *slab) name(name string) *ast.Term {
	if term, known := names[name]; known {
		return term
	}
	return s.term(ast.String(name))
}
