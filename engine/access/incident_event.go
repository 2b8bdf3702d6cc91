package access

import "time"

// The types of event that change what is known of an incident for good. All
// others say that it may be worth asking again.
const (
	IncidentResolved = "incident.resolved"
	IncidentReopened = "incident.reopened"
)

// IncidentEvent is what a source told of an incident by itself, unasked.
type IncidentEvent struct {
	Source string // who told: "pagerduty"
	// ID is the sender's id of the event. What comes again under the same id is the
	// same event.
	ID         string
	Type       string // "incident.acknowledged"
	Incident   string // the incident's id
	Number     int64  // the incident's number, for people; 0: it was not told
	OccurredAt time.Time
	From       string // the address that it came from
}

// ClosedIncident is an incident that a source has told is resolved.
type ClosedIncident struct {
	ID string
	// At is when that was learned, by the ledger's clock: what the source said when
	// it was asked before then may be older than the resolution.
	At time.Time
}
