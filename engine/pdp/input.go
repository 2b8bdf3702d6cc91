package pdp

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/curfew-access/curfew/engine/access"
)

// decisionInput builds the input of data.access.decision: what encoding/json
// would make of it, without the detour.
func decisionInput(in access.Input) (ast.Value, error) {
	b := &builder{}
	root := b.object(
		member{"subject", b.inputSubject(in.Subject)},
		member{"requester", b.subject(in.Requester)},
		member{"action", b.action(in.Action)},
		member{"resource", b.object(
			member{"type", b.text(in.Resource.Type)},
			member{"id", b.text(in.Resource.ID)},
			member{"properties", b.value("resource.properties", in.Resource.Properties)},
			member{"durations_seconds", list(in.Resource.DurationsSeconds, b.integer)},
			member{"while", list(in.Resource.While, b.text)},
		)},
		member{"context", b.context(in.Context)},
	)
	return root.Value, b.err
}

// apiInput builds the input of data.api.allow.
func apiInput(in access.APIInput) (ast.Value, error) {
	b := &builder{}
	about := []member{}
	if in.Object.Scope != "" {
		about = append(about, member{"scope", b.text(in.Object.Scope)})
	}
	if in.Object.Subject != nil {
		about = append(about, member{"subject", b.subject(*in.Object.Subject)})
	}
	if in.Object.Requester != nil {
		about = append(about, member{"requester", b.subject(*in.Object.Requester)})
	}
	if in.Object.Resource != nil {
		about = append(about, member{"resource", b.resource(*in.Object.Resource)})
	}
	if in.Object.Action != nil {
		about = append(about, member{"action", b.action(*in.Object.Action)})
	}
	if in.Object.Reviewer != nil {
		about = append(about, member{"reviewer", b.flag(*in.Object.Reviewer)})
	}
	if in.Object.Path != nil {
		about = append(about, member{"path", b.text(*in.Object.Path)})
	}
	if in.Object.Source != nil {
		about = append(about, member{"source", b.text(*in.Object.Source)})
	}
	root := b.object(
		member{"actor", b.inputSubject(in.Actor)},
		member{"operation", b.text(in.Operation)},
		member{"object", b.object(about...)},
	)
	return root.Value, b.err
}

// builder turns Go values into Rego's. It keeps the first thing that it could
// not turn.
type builder struct {
	slab
	err error
}

type member struct {
	name  string
	value *ast.Term
}

func (b *builder) fail(format string, args ...any) *ast.Term {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
	return ast.NullTerm()
}

func (b *builder) context(c access.InputContext) *ast.Term {
	return b.object(
		member{"now", b.time(c.Now)},
		member{"for_seconds", optional(c.ForSeconds, b.integer)},
		member{"while", optional(c.While, b.text)},
		member{"starts_at", optional(c.StartsAt, b.time)},
		member{"reason", b.text(c.Reason)},
		member{"emergency", b.flag(c.Emergency)},
		member{"channel", b.text(string(c.Channel))},
		member{"phase", b.text(string(c.Phase))},
		member{"oncall", b.facts(c.OnCall.Known, c.OnCall.AgeSeconds, "shifts", nonEmpty(c.OnCall.Shifts, b.shift))},
		member{"incidents", b.facts(c.Incidents.Known, c.Incidents.AgeSeconds, "open", nonEmpty(c.Incidents.Open, b.incident))},
		member{"grants", list(c.Grants, b.grant)},
	)
}

// facts builds {"known", "age_seconds"?, <name>?}.
func (b *builder) facts(known bool, age *int64, name string, found *ast.Term) *ast.Term {
	members := []member{{"known", b.flag(known)}}
	if age != nil {
		members = append(members, member{"age_seconds", b.integer(*age)})
	}
	if found != nil {
		members = append(members, member{name, found})
	}
	return b.object(members...)
}

func (b *builder) inputSubject(s access.InputSubject) *ast.Term {
	properties := []member{{"groups_known", b.flag(s.Properties.GroupsKnown)}}
	if groups := nonEmpty(s.Properties.Groups, b.text); groups != nil {
		properties = append(properties, member{"groups", groups})
	}
	return b.object(
		member{"type", b.text(s.Type)},
		member{"id", b.text(s.ID)},
		member{"properties", b.object(properties...)},
	)
}

func (b *builder) subject(s access.Subject) *ast.Term {
	return b.object(member{"type", b.text(s.Type)}, member{"id", b.text(s.ID)})
}

func (b *builder) action(a access.Action) *ast.Term {
	return b.object(member{"name", b.text(a.Name)})
}

func (b *builder) resource(r access.ResourceRef) *ast.Term {
	return b.object(member{"type", b.text(r.Type)}, member{"id", b.text(r.ID)})
}

func (b *builder) shift(s access.Shift) *ast.Term {
	return b.object(
		member{"schedule", optional(s.Schedule, b.ref)},
		member{"policy", optional(s.Policy, b.ref)},
		member{"level", b.integer(int64(s.Level))},
		member{"start", optional(s.Start, b.time)},
		member{"end", optional(s.End, b.time)},
	)
}

func (b *builder) ref(r access.Ref) *ast.Term {
	members := []member{{"id", b.text(r.ID)}}
	if r.Name != "" {
		members = append(members, member{"name", b.text(r.Name)})
	}
	return b.object(members...)
}

func (b *builder) incident(i access.Incident) *ast.Term {
	return b.object(
		member{"id", b.text(i.ID)},
		member{"number", b.integer(i.Number)},
		member{"title", b.text(i.Title)},
		member{"status", b.text(i.Status)},
		member{"urgency", b.text(i.Urgency)},
		member{"service", b.ref(i.Service)},
		member{"escalation_policy", b.ref(i.EscalationPolicy)},
		member{"roles", list(i.Roles, b.text)},
	)
}

func (b *builder) grant(g access.InputGrant) *ast.Term {
	return b.object(
		member{"id", b.text(g.ID)},
		member{"action", b.action(g.Action)},
		member{"resource", b.resource(g.Resource)},
		member{"starts_at", b.time(g.StartsAt)},
		member{"expires_at", b.time(g.ExpiresAt)},
	)
}

// value turns what JSON or YAML decode to.
func (b *builder) value(at string, v any) *ast.Term {
	switch v := v.(type) {
	case nil:
		return ast.NullTerm()
	case bool:
		return b.flag(v)
	case string:
		return b.text(v)
	case time.Time:
		return b.time(v)
	case json.Number, int, int64, uint64, float64:
		return b.number(at, v)
	case []string:
		return list(v, b.text)
	case []any:
		return list(v, func(item any) *ast.Term { return b.value(at+"[]", item) })
	case map[string]any:
		if v == nil {
			return ast.NullTerm()
		}
		members := make([]member, 0, len(v))
		for name, item := range v {
			members = append(members, member{b.checked(name), b.value(at+"."+name, item)})
		}
		return b.object(members...)
	}
	return b.fail("%s: a %T has no form in JSON", at, v)
}

// number writes as encoding/json does, which refuses what is no number.
func (b *builder) number(at string, v any) *ast.Term {
	text, err := json.Marshal(v)
	if err != nil {
		return b.fail("%s: %w", at, err)
	}
	return b.term(ast.Number(text))
}

// text refuses what encoding/json would silently change: the policy must see
// what the record of the decision keeps.
func (b *builder) text(s string) *ast.Term { return b.term(ast.String(b.checked(s))) }

func (b *builder) checked(s string) string {
	if !utf8.ValidString(s) {
		b.fail("%+q is not UTF-8", s)
	}
	return s
}

func (b *builder) flag(v bool) *ast.Term { return ast.InternedTerm(v) }

func (b *builder) integer(v int64) *ast.Term { return b.term(ast.Number(int64Number(v))) }

func (b *builder) time(t time.Time) *ast.Term {
	text, err := t.MarshalText()
	if err != nil {
		return b.fail("%w", err)
	}
	return b.term(ast.String(text))
}

func (b *builder) object(members ...member) *ast.Term {
	pairs := make([][2]*ast.Term, len(members))
	for i, m := range members {
		pairs[i] = [2]*ast.Term{b.name(m.name), m.value}
	}
	return b.term(ast.NewObject(pairs...))
}

// list builds an array; nil is null, as in encoding/json.
func list[T any](items []T, build func(T) *ast.Term) *ast.Term {
	if items == nil {
		return ast.NullTerm()
	}
	terms := make([]*ast.Term, len(items))
	for i, item := range items {
		terms[i] = build(item)
	}
	return ast.ArrayTerm(terms...)
}

// nonEmpty is list for a member with omitempty: nil when it is left out.
func nonEmpty[T any](items []T, build func(T) *ast.Term) *ast.Term {
	if len(items) == 0 {
		return nil
	}
	return list(items, build)
}

func optional[T any](v *T, build func(T) *ast.Term) *ast.Term {
	if v == nil {
		return ast.NullTerm()
	}
	return build(*v)
}

func int64Number(v int64) json.Number { return json.Number(strconv.FormatInt(v, 10)) }
