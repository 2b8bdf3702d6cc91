package access

import "time"

// ContinueInput is the document that data.access.continue sees as `input`: that
// of a decision, and the live grant that is asked about. The grant itself is not
// among context.grants.
type ContinueInput struct {
	Input
	Grant ContinueGrant `json:"grant"`
}

// ContinueGrant is the live grant, and what gave it.
type ContinueGrant struct {
	ID         string           `json:"id"`
	RequestID  string           `json:"request_id"`
	StartsAt   time.Time        `json:"starts_at"`
	ExpiresAt  time.Time        `json:"expires_at"`
	While      *string          `json:"while"`
	Bound      *ContinueBound   `json:"bound"` // of a `while` grant
	Decision   ContinueDecision `json:"decision"`
	ReviewedBy []Subject        `json:"reviewed_by"` // who said yes
}

// ContinueBound is what a `while` grant is bound to.
type ContinueBound struct {
	OnCall       []ShiftRef `json:"oncall"`
	Incident     *string    `json:"incident"`
	GraceSeconds int64      `json:"grace_seconds"`
	EndsBy       time.Time  `json:"ends_by"`
}

// ContinueDecision is the decision that gave the grant.
type ContinueDecision struct {
	ID       string   `json:"id"`
	Effect   Effect   `json:"effect"`
	Reasons  []string `json:"reasons"` // codes
	Revision string   `json:"revision"`
}

// ContinueAction is what is to become of a live grant.
type ContinueAction string

// The actions.
const (
	ContinueEnd  ContinueAction = "end"
	ContinueFlag ContinueAction = "flag" // it stays, and a person must look at it
	ContinueKeep ContinueAction = "keep"
)

// Continuation is the answer of data.access.continue.
type Continuation struct {
	Action   ContinueAction `json:"action"`
	Reasons  []Reason       `json:"reasons"`
	Revision string         `json:"-"` // digest of the policy that answered
}

// The facts that a rule can declare that it depends on, in its METADATA.
const (
	FactOnCall    = "oncall"
	FactIncidents = "incidents"
	FactGroups    = "groups"
	FactResource  = "resource"
)

// DeclarableFacts lists the facts that a rule can declare.
func DeclarableFacts() []string { return []string{FactOnCall, FactIncidents, FactGroups, FactResource} }

// Cause is why a live grant is evaluated again: the fact that changed, or
// CausePolicy.
type Cause string

// The causes.
const (
	CauseOnCall    Cause = FactOnCall
	CauseIncidents Cause = FactIncidents
	CauseGroups    Cause = FactGroups
	CauseResource  Cause = FactResource
	CausePolicy    Cause = "policy" // another revision is active
)

// Recheck is that a live grant was evaluated again: why, and what came of it.
type Recheck struct {
	Cause      Cause     `json:"cause"`
	Reasons    []Reason  `json:"reasons"`
	Revision   string    `json:"revision"`
	DecisionID string    `json:"decision_id"` // in the decision log
	At         time.Time `json:"at"`
}
