package pagerduty

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// hookPing is the type of the test message.
const hookPing = "pagey.ping"

// hookTypes are the events that there is use for. All but the first two say only
// that an incident is not as it was.
var hookTypes = map[string]bool{
	access.IncidentResolved: true, access.IncidentReopened: true,
	"incident.triggered": true, "incident.acknowledged": true, "incident.unacknowledged": true,
	"incident.reassigned": true, "incident.delegated": true, "incident.escalated": true,
	"incident.responder.added": true, "incident.responder.replied": true,
}

// hookMessage is what is read of a message. Members that are not here are of no
// use, and more may come.
type hookMessage struct {
	Event oneEvent `json:"event"`
}

// oneEvent is the one event of a message: a second one is an error, and not
// merged into the first.
type oneEvent struct {
	seen bool
	hookEvent
}

// UnmarshalJSON is of json.Unmarshaler.
func (e *oneEvent) UnmarshalJSON(raw []byte) error {
	if e.seen {
		return errors.New("it has more than one event")
	}
	e.seen = true
	return json.Unmarshal(raw, &e.hookEvent)
}

type hookEvent struct {
	ID           string          `json:"id"`
	Type         string          `json:"event_type"`
	ResourceType string          `json:"resource_type"`
	OccurredAt   string          `json:"occurred_at"`
	Data         json.RawMessage `json:"data"` // of many shapes, by its type
}

// hookData is the incident, or a part of it that names it.
type hookData struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Status   string   `json:"status"`
	Number   int64    `json:"number"`
	Incident *hookRef `json:"incident"`
}

type hookRef struct {
	ID string `json:"id"`
}

// readHookEvent reads a message. Of an event that there is no use for it reads
// the type alone. Its errors name members, and nothing of what they hold.
func readHookEvent(body []byte) (access.IncidentEvent, error) {
	var m hookMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return access.IncidentEvent{}, hookFault(err)
	}
	e := m.Event
	if e.Type == "" {
		return access.IncidentEvent{}, errors.New("event.event_type is missing")
	}
	if !hookTypes[e.Type] {
		return access.IncidentEvent{Source: "pagerduty", Type: e.Type}, nil
	}
	at, err := time.Parse(time.RFC3339, e.OccurredAt)
	var faults []error
	if !isHookID(e.ID) {
		faults = append(faults, errors.New("event.id is missing, or no id"))
	}
	if err != nil {
		faults = append(faults, errors.New("event.occurred_at is missing, or no time"))
	}
	if e.ResourceType != "incident" {
		faults = append(faults, errors.New(`event.resource_type is not "incident"`))
	}
	incident, number, err := readHookIncident(e.hookEvent)
	if err = errors.Join(append(faults, err)...); err != nil {
		return access.IncidentEvent{}, err
	}
	return access.IncidentEvent{
		Source: "pagerduty", ID: e.ID, Type: e.Type, Incident: incident, Number: number, OccurredAt: at.UTC(),
	}, nil
}

// readHookIncident returns the incident that the event is about: its data, or
// what the data, such as a responder, is part of.
func readHookIncident(e hookEvent) (id string, number int64, err error) {
	var d hookData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return "", 0, fmt.Errorf("event.data: %w", hookFault(err))
	}
	var faults []error
	switch {
	case d.Type == "incident":
		id, number = d.ID, d.Number
		if d.Status == "" {
			faults = append(faults, errors.New("event.data.status is missing"))
		}
	case d.Type == "incident_responder" && e.Type != access.IncidentResolved && e.Type != access.IncidentReopened:
		if d.Incident != nil {
			id = d.Incident.ID
		}
	default:
		faults = append(faults, errors.New("event.data.type is not what the event is about"))
	}
	if !isHookID(id) {
		faults = append(faults, errors.New("the id of the incident is missing, or no id"))
	}
	return id, number, errors.Join(faults...)
}

// hookFault is a fault of JSON without what the JSON holds.
func hookFault(err error) error {
	var typ *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &typ):
		return fmt.Errorf("the member %q is not of its type", typ.Field)
	case errors.As(err, &syntax):
		return fmt.Errorf("it is not JSON, from byte %d on", syntax.Offset)
	}
	return err
}

// maxHookID bounds the ids that are kept.
const maxHookID = 128

// isHookID reports whether text can be an id of PagerDuty's: short, of ASCII that
// can be seen.
func isHookID(text string) bool {
	if text == "" || len(text) > maxHookID {
		return false
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
