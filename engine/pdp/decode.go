package pdp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/curfew-access/curfew/engine/access"
)

// decodeDecision reads what data.access.decision gave, strictly: a member that
// it does not know or whose type is wrong is a fault, and all are listed. A
// member that is null is as good as absent, and so is one that names nothing.
func decodeDecision(v any) (access.Decision, error) {
	r := &reader{}
	o := r.object("decision", v, "effect", "reasons", "max_seconds", "lapse_seconds", "until", "reviewers", "obligations")
	d := access.Decision{
		Effect:       access.Effect(o.text("effect")),
		MaxSeconds:   o.seconds("max_seconds", 1),
		LapseSeconds: o.seconds("lapse_seconds", 1),
		Until:        r.until(o.member("until")),
		Reviewers:    r.reviewers(o.member("reviewers")),
		Obligations:  r.obligations(o.member("obligations")),
	}
	switch d.Effect {
	case access.Allow, access.Review, access.Deny:
	default:
		r.fault("decision.effect: %q is not allow, review or deny", d.Effect)
	}
	for at, item := range o.list("reasons") {
		d.Reasons = append(d.Reasons, r.reason(at, item))
	}
	if len(d.Reasons) == 0 {
		r.fault("decision.reasons: there is none")
	}
	r.inTime(d)
	return d, errors.Join(r.faults...)
}

// decodePermission reads what data.api.allow gave: a boolean, or an object with
// `allowed` and perhaps a `reason`.
func decodePermission(v any) (access.Permission, error) {
	if allowed, ok := v.(bool); ok {
		return access.Permission{Allowed: allowed}, nil
	}
	r := &reader{}
	o := r.object("allow", v, "allowed", "reason")
	p := access.Permission{Allowed: o.flag("allowed"), Reason: o.text("reason")}
	if o.members["allowed"] == nil {
		r.fault("allow.allowed: it is missing")
	}
	if err := errors.Join(r.faults...); err != nil {
		return access.Permission{}, err
	}
	return p, nil
}

func (r *reader) reason(at string, v any) access.Reason {
	o := r.object(at, v, "code", "title", "detail")
	reason := access.Reason{Code: o.text("code"), Title: o.text("title"), Detail: o.text("detail")}
	if reason.Code == "" || reason.Title == "" {
		r.fault("%s: a reason has a code and a title", at)
	}
	return reason
}

func (r *reader) until(at string, v any) *access.Until {
	if v == nil {
		return nil
	}
	o := r.object(at, v, "oncall", "incident", "grace_seconds")
	until := &access.Until{}
	if grace := o.seconds("grace_seconds", 0); grace != nil {
		until.GraceSeconds = *grace
	}
	if incident := o.text("incident"); incident != "" {
		until.Incident = &incident
	}
	for at, item := range o.list("oncall") {
		shift := r.object(at, item, "source", "schedule", "policy", "level")
		until.OnCall = append(until.OnCall, access.ShiftRef{
			Source: shift.text("source"), Schedule: shift.text("schedule"), Policy: shift.text("policy"), Level: shift.count("level"),
		})
	}
	if len(until.OnCall) == 0 && until.Incident == nil {
		return nil
	}
	return until
}

func (r *reader) obligations(at string, v any) access.Obligations {
	if v == nil {
		return access.Obligations{}
	}
	o := r.object(at, v, "notify", "after_review")
	return access.Obligations{Notify: o.texts("notify"), AfterReview: o.flag("after_review")}
}

// reader collects what is wrong with a policy's output.
type reader struct{ faults []error }

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

// object is a JSON object at a place in the output.
type object struct {
	*reader
	at      string
	members map[string]any
}

// object reads an object that has no other members than those known.
func (r *reader) object(at string, v any, known ...string) object {
	members, ok := v.(map[string]any)
	if !ok {
		r.fault("%s: want an object, got %s", at, kind(v))
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(known, name) {
			r.fault("%s: unknown member %q", at, name)
		}
	}
	return object{r, at, members}
}

// member returns a member's place and its value, nil when it is absent.
func (o object) member(name string) (string, any) { return o.at + "." + name, o.members[name] }

// typed reads a member of one JSON type; false when it is absent or wrong.
func typed[T any](o object, name string) (T, bool) {
	var want T
	at, v := o.member(name)
	got, ok := v.(T)
	if !ok && v != nil {
		o.fault("%s: want %s, got %s", at, kind(want), kind(v))
	}
	return got, ok
}

func (o object) text(name string) string {
	text, _ := typed[string](o, name)
	return text
}

func (o object) flag(name string) bool {
	flag, _ := typed[bool](o, name)
	return flag
}

// list yields the items of an array with their places.
func (o object) list(name string) func(yield func(string, any) bool) {
	items, ok := o.members[name].([]any)
	if v := o.members[name]; !ok && v != nil {
		o.fault("%s.%s: want an array, got %s", o.at, name, kind(v))
	}
	return func(yield func(string, any) bool) {
		for i, item := range items {
			if !yield(fmt.Sprintf("%s.%s[%d]", o.at, name, i), item) {
				return
			}
		}
	}
}

func (o object) texts(name string) []string {
	var texts []string
	for at, item := range o.list(name) {
		text, ok := item.(string)
		if !ok || text == "" {
			o.fault("%s: want a text that is not empty", at)
		}
		texts = append(texts, text)
	}
	return texts
}

// seconds reads a whole number of seconds between least and the longest that
// any access may last.
func (o object) seconds(name string, least int64) *int64 {
	return o.integer(name, least, access.MaxDuration.Seconds())
}

// count reads a small whole number, 0 when it is absent.
func (o object) count(name string) int {
	if n := o.integer(name, 0, 1000); n != nil {
		return int(*n)
	}
	return 0
}

func (o object) integer(name string, least, most int64) *int64 {
	number, ok := typed[json.Number](o, name)
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || n < least || n > most {
		o.fault("%s.%s: want a whole number from %d to %d, got %s", o.at, name, least, most, number)
		return nil
	}
	return &n
}
