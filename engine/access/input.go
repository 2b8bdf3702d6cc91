package access

import "time"

// Phase says at which moment of its life a request is decided.
type Phase string

// The phases of a decision.
const (
	PhaseRequest  Phase = "request"  // it was just made
	PhaseReview   Phase = "review"   // a reviewer answered
	PhaseStart    Phase = "start"    // a scheduled grant is to start
	PhaseContinue Phase = "continue" // facts or policy changed under a live grant
)

// Channel says where a request came from.
type Channel string

// The channels.
const (
	ChannelAPI   Channel = "api"
	ChannelSlack Channel = "slack"
	ChannelWeb   Channel = "web"
	ChannelCLI   Channel = "cli"
)

// Input is the document that data.access.decision sees as `input`: everything
// that policy may know. It is stored with the decision, so that a stored
// decision replays exactly.
type Input struct {
	Subject   InputSubject  `json:"subject"`
	Requester Subject       `json:"requester"`
	Action    Action        `json:"action"`
	Resource  InputResource `json:"resource"`
	Context   InputContext  `json:"context"`
}

// InputSubject is the subject with its facts.
type InputSubject struct {
	Type       string            `json:"type"`
	ID         string            `json:"id"`
	Properties SubjectProperties `json:"properties"`
}

// SubjectProperties are the facts about a subject. Groups is absent, not empty,
// when membership could not be learned.
type SubjectProperties struct {
	Groups      []string `json:"groups,omitempty"`
	GroupsKnown bool     `json:"groups_known"`
}

// InputResource is the resource with its facts and what its entitlement offers.
type InputResource struct {
	Type             string         `json:"type"`
	ID               string         `json:"id"`
	Properties       map[string]any `json:"properties"`
	DurationsSeconds []int64        `json:"durations_seconds"`
	While            []string       `json:"while"`
}

// InputContext is the request and the facts about the moment.
type InputContext struct {
	Now        time.Time    `json:"now"`
	ForSeconds *int64       `json:"for_seconds"`
	While      *string      `json:"while"`
	StartsAt   *time.Time   `json:"starts_at"`
	Reason     string       `json:"reason"`
	Emergency  bool         `json:"emergency"`
	Channel    Channel      `json:"channel"`
	Phase      Phase        `json:"phase"`
	OnCall     OnCall       `json:"oncall"`
	Incidents  Incidents    `json:"incidents"`
	Grants     []InputGrant `json:"grants"`
}

// OnCall is which shifts the subject holds. When it could not be learned, Known
// is false and the rest is absent.
type OnCall struct {
	Known      bool    `json:"known"`
	AgeSeconds *int64  `json:"age_seconds,omitempty"` // how old the facts are
	Shifts     []Shift `json:"shifts,omitempty"`      // those that cover now, and later ones that are known
}

// Shift is one person's turn on a schedule. A nil start or end is unbounded.
type Shift struct {
	Source   string     `json:"source,omitempty"` // the name of the source that says so
	Schedule *Ref       `json:"schedule"`         // nil: named directly in the escalation policy
	Policy   *Ref       `json:"policy"`           // the escalation policy; nil for a plain rota
	Level    int        `json:"level"`            // 1 is paged first
	Start    *time.Time `json:"start"`
	End      *time.Time `json:"end"`
}

// Covers reports whether start <= t < end.
func (s Shift) Covers(t time.Time) bool {
	return (s.Start == nil || !t.Before(*s.Start)) && (s.End == nil || t.Before(*s.End))
}

// Ref names an object of an on-call system.
type Ref struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Incidents is which open incidents concern the subject. When it could not be
// learned, Known is false and the rest is absent.
type Incidents struct {
	Known      bool       `json:"known"`
	AgeSeconds *int64     `json:"age_seconds,omitempty"`
	Open       []Incident `json:"open,omitempty"`
}

// Incident is an open incident, with the subject's part in it.
type Incident struct {
	ID               string   `json:"id"`
	Number           int64    `json:"number"`
	Title            string   `json:"title"`
	Status           string   `json:"status"`
	Urgency          string   `json:"urgency"`
	Service          Ref      `json:"service"`
	EscalationPolicy Ref      `json:"escalation_policy"`
	Roles            []string `json:"roles"` // RoleAssignee and the others; empty: on call for its escalation policy
}

// InputGrant is a live grant of the subject.
type InputGrant struct {
	ID        string      `json:"id"`
	Action    Action      `json:"action"`
	Resource  ResourceRef `json:"resource"`
	StartsAt  time.Time   `json:"starts_at"`
	ExpiresAt time.Time   `json:"expires_at"`
}

// Facts is what engine/facts learned about a subject. What could not be learned
// is marked so; gathering never fails as a whole.
type Facts struct {
	Groups      []string
	GroupsKnown bool
	OnCall      OnCall
	Incidents   Incidents
}

// APIInput is the document that data.api.allow sees: who wants to do what in
// Curfew's own API.
type APIInput struct {
	Actor     InputSubject `json:"actor"`
	Operation string       `json:"operation"` // "request.submit"
	Object    APIObject    `json:"object"`
}

// APIObject is what an operation is about. What does not apply is absent.
type APIObject struct {
	Scope     string       `json:"scope,omitempty"`     // of a list: "own" or "all"
	Subject   *Subject     `json:"subject,omitempty"`   // whose access it is
	Requester *Subject     `json:"requester,omitempty"` // who asked for it
	Resource  *ResourceRef `json:"resource,omitempty"`
	Action    *Action      `json:"action,omitempty"`
	Reviewer  *bool        `json:"reviewer,omitempty"` // whether the actor is one of the request's reviewers
	Path      *string      `json:"path,omitempty"`     // of a document below data: "access/decision"; "" for all of it
	Source    *string      `json:"source,omitempty"`   // of a catalogue
}
