package access

import "time"

// SourceKind says what a source tells.
type SourceKind string

// The kinds of source of facts.
const (
	SourceOnCall    SourceKind = "oncall"    // who is on call
	SourceIncidents SourceKind = "incidents" // which incidents are open
)

// SourceAsk is what a source is asked for.
type SourceAsk struct {
	Now time.Time // by the ledger's clock
	// Incidents are ids that something depends on: whether each of them is closed
	// must be known, also when it is not among the open ones.
	Incidents []string
	// Before is what the source said last, to whichever node asked it; the zero
	// Snapshot when that is not known. It must not be changed.
	Before Snapshot
}

// Snapshot is all that one source says at one time. It never changes once it was
// made.
type Snapshot struct {
	Source    string     `json:"source"` // its name: "pagerduty"
	Kind      SourceKind `json:"kind"`
	FetchedAt time.Time  `json:"fetched_at"` // when the source was asked, by the ledger's clock
	// Until is how far ahead shifts are known; the zero time for incidents.
	Until     time.Time      `json:"until,omitzero"`
	Shifts    []HeldShift    `json:"shifts,omitempty"`
	Incidents []OpenIncident `json:"incidents,omitempty"`
	// Closed are incidents that were asked for and that the source says are
	// resolved, or that it does not have.
	Closed []string `json:"closed,omitempty"`
	// Unclear are people whom the source can not tell from others, such as two
	// accounts with one address: nothing is known of them.
	Unclear []Subject `json:"unclear,omitempty"`
	// Faults are sentences for the operator: what of the source could not be used.
	Faults []string `json:"faults,omitempty"`
}

// HeldShift is a shift and who holds it. Its end is nil when the source knows none
// before the snapshot's Until.
type HeldShift struct {
	Subject Subject `json:"subject"`
	Shift
}

// OpenIncident is an incident that is triggered or acknowledged. Its own Roles are
// empty; Parts says who has which.
type OpenIncident struct {
	Incident
	Parts []IncidentPart `json:"parts,omitempty"`
}

// IncidentPart is one person's part in an incident.
type IncidentPart struct {
	Subject Subject `json:"subject"`
	Role    string  `json:"role"` // RoleAssignee, RoleAcknowledger, RoleResponder
}

// The parts that a person can have in an incident.
const (
	RoleAssignee     = "assignee"
	RoleAcknowledger = "acknowledger"
	RoleResponder    = "responder" // who accepted to respond
)

// SourceState is how a source is, for people and for the several nodes.
type SourceState struct {
	Name        string     `json:"name"`
	Kind        SourceKind `json:"kind"`
	Known       bool       `json:"known"` // what it said last is fresh enough to count
	FetchedAt   *time.Time `json:"fetched_at"`
	AgeSeconds  *int64     `json:"age_seconds"`
	Until       *time.Time `json:"until"`        // how far ahead its shifts are known
	FailedSince *time.Time `json:"failed_since"` // since when it could not be asked
	Error       string     `json:"error"`        // why; names no secret
	Faults      []string   `json:"faults"`
}

// IncidentState is what is known of one incident.
type IncidentState string

// What an incident can be known to be.
const (
	IncidentOpen    IncidentState = "open"
	IncidentClosed  IncidentState = "closed"
	IncidentUnknown IncidentState = "unknown" // nobody could say, or it was not asked for
)
