package pdp

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/curfew-access/curfew/engine/access"
)

// continueInput builds the input of data.access.continue: that of a decision, with
// the grant.
func continueInput(in access.ContinueInput) (ast.Value, error) {
	decided, err := decisionInput(in.Input)
	if err != nil {
		return nil, err
	}
	b := &builder{}
	g := in.Grant
	grant := b.object(
		member{"id", b.text(g.ID)},
		member{"request_id", b.text(g.RequestID)},
		member{"starts_at", b.time(g.StartsAt)},
		member{"expires_at", b.time(g.ExpiresAt)},
		member{"while", optional(g.While, b.text)},
		member{"bound", optional(g.Bound, b.bound)},
		member{"decision", b.object(
			member{"id", b.text(g.Decision.ID)},
			member{"effect", b.text(string(g.Decision.Effect))},
			member{"reasons", list(g.Decision.Reasons, b.text)},
			member{"revision", b.text(g.Decision.Revision)},
		)},
		member{"reviewed_by", list(g.ReviewedBy, b.subject)},
	)
	whole, ok := decided.(ast.Object)
	if !ok {
		return nil, fmt.Errorf("the input is %v, and no object", decided)
	}
	whole.Insert(b.name("grant"), grant)
	return whole, b.err
}

func (b *builder) bound(x access.ContinueBound) *ast.Term {
	return b.object(
		member{"oncall", list(x.OnCall, b.shiftRef)},
		member{"incident", optional(x.Incident, b.text)},
		member{"grace_seconds", b.integer(x.GraceSeconds)},
		member{"ends_by", b.time(x.EndsBy)},
	)
}

// shiftRef leaves out what is empty, as its form in JSON does.
func (b *builder) shiftRef(r access.ShiftRef) *ast.Term {
	members := []member{{"level", b.integer(int64(r.Level))}}
	for _, m := range []struct{ name, text string }{{"source", r.Source}, {"schedule", r.Schedule}, {"policy", r.Policy}} {
		if m.text != "" {
			members = append(members, member{m.name, b.text(m.text)})
		}
	}
	return b.object(members...)
}
