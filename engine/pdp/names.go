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

// nameTerm is the term of a member's name.
func nameTerm(name string) *ast.Term {
	if term, known := names[name]; known {
		return term
	}
	return ast.StringTerm(name)
}
