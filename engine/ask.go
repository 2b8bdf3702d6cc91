package engine

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
)

// MaxReason bounds the reason of a request and the comment of a review, in
// bytes.
const MaxReason = 2000

// Ask is what a caller asks for: the body of POST /v1/requests and of
// POST /v1/decisions.
type Ask struct {
	Subject   *access.Subject    `json:"subject"` // nil: the caller
	Action    access.Action      `json:"action"`
	Resource  access.ResourceRef `json:"resource"`
	For       *access.Duration   `json:"for"`       // one of For
	While     *string            `json:"while"`     // and While: "oncall", "incident:<id>"
	StartsAt  *Start             `json:"starts_at"` // nil: at once, when approved
	Reason    string             `json:"reason"`
	Emergency bool               `json:"emergency"`
}

// asked is an Ask that names things that exist and are on offer.
type asked struct {
	access.Request
	resource    access.Resource
	entitlement access.Entitlement
	target      Target
}

// check holds an Ask for the subject against the catalogue, before any policy is
// asked: what is not on offer is a fault of the input.
func (e *Engine) check(ctx context.Context, call Call, subject access.Subject, ask Ask) (asked, error) {
	a := asked{Request: access.Request{
		Entitled:  access.Entitled{Subject: subject, Action: ask.Action, Resource: ask.Resource},
		Requester: call.Caller, For: ask.For, While: ask.While,
		Reason: strings.TrimSpace(ask.Reason), Emergency: ask.Emergency, Channel: call.Channel,
	}}
	if err := a.Resource.Validate(); err != nil {
		return a, err
	}
	if err := a.Action.Validate(); err != nil {
		return a, err
	}
	if err := checkText("/reason", a.Reason); err != nil {
		return a, err
	}
	var err error
	if a.resource, err = e.ledger.Resource(ctx, a.Resource); err != nil {
		return a, asUnknownResource(err, a.Resource)
	}
	var ok bool
	if a.entitlement, ok = a.resource.Entitlement(a.Action.Name); !ok {
		return a, access.Invalid("unknown_action", "/action/name", "%s has no action %q; it has %s",
			a.Resource, a.Action.Name, actionNames(a.resource))
	}
	if a.target, err = e.target(a.entitlement.Target); err != nil {
		return a, err
	}
	a.StartsAt, a.NextShift = ask.StartsAt.parts()
	if err = a.checkLength(e.ledger.Now()); err == nil {
		a.While = e.named(a.While, e.ledger.Now())
	}
	return a, err
}

// checkLength holds for, while and starts_at against what is on offer.
func (a asked) checkLength(now time.Time) error {
	switch {
	case a.For != nil && a.While != nil:
		return access.Invalid("for_and_while", "/while", "for and while exclude each other; send one of them")
	case a.For == nil && a.While == nil:
		return access.Invalid("for_or_while_required", "/for", "say how long: for (%s) or while", offers(a.entitlement))
	case a.For != nil && !a.entitlement.Offers(*a.For):
		return access.Invalid("duration_not_offered", "/for", "%s %s is not offered for %s; on offer: %s",
			a.Resource, a.Action.Name, *a.For, offers(a.entitlement))
	case a.While != nil:
		if err := a.checkWhile(); err != nil {
			return err
		}
	}
	if a.StartsAt != nil && (!a.StartsAt.After(now) || a.StartsAt.Sub(now) > time.Duration(access.MaxDuration)) {
		return access.Invalid("starts_at_out_of_range", "/starts_at", "it must be ahead, and by a year at most")
	}
	return nil
}

func (a asked) checkWhile() error {
	kind, id, named := strings.Cut(*a.While, ":")
	switch {
	case kind != access.WhileOnCall && kind != access.WhileIncident, named != (kind == access.WhileIncident), named && id == "":
		return access.Invalid("invalid_while", "/while", "%q is neither oncall nor incident:<id>", *a.While)
	}
	for _, offered := range a.entitlement.While {
		if offered == kind {
			return nil
		}
	}
	return access.Invalid("while_not_offered", "/while", "%s %s is not offered while %s; on offer: %s",
		a.Resource, a.Action.Name, kind, offers(a.entitlement))
}

// codeTargetMissing says that this node does not have a target.
const codeTargetMissing = "target_missing"

func isTargetMissing(err error) bool { return access.CodeOf(err) == codeTargetMissing }

// target returns the configured target by name, if it takes new access.
func (e *Engine) target(name string) (Target, error) {
	t, ok := e.targets[name]
	switch {
	case !ok:
		return t, access.Conflict(codeTargetMissing, "the target %q of this entitlement is not configured; an operator must add it", name)
	case t.Retired:
		return t, access.Conflict("target_retired", "the target %q of this entitlement is retired and takes no new access", name)
	}
	return t, nil
}

func checkText(field, text string) error {
	if len(text) > MaxReason {
		return access.Invalid("text_too_long", field, "it has %d bytes; %d are allowed", len(text), MaxReason)
	}
	return checkCharacters(field, text)
}

func checkCharacters(field, text string) error {
	switch {
	case !utf8.ValidString(text):
		return access.Invalid("invalid_utf8", field, "it is not UTF-8")
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return access.Invalid("control_character", field, "it holds a control character; new lines and tabs are allowed")
	}
	return nil
}

func asUnknownResource(err error, ref access.ResourceRef) error {
	if isNotFound(err) {
		return access.Invalid("unknown_resource", "/resource", "there is no resource %s in the catalogue", ref)
	}
	return err
}

func actionNames(r access.Resource) string {
	names := make([]string, len(r.Entitlements))
	for i, e := range r.Entitlements {
		names[i] = e.Action
	}
	return listOr(names, "none")
}

func offers(e access.Entitlement) string {
	var names []string
	for _, d := range e.Durations {
		names = append(names, d.String())
	}
	for _, w := range e.While {
		names = append(names, "while "+w)
	}
	return listOr(names, "nothing")
}

func listOr(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}
