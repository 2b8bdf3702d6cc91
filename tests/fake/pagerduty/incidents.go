package pagerduty

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Incident is an incident as the fake keeps it.
type Incident struct {
	ID, Title     string
	Number        int
	Status        string // triggered, acknowledged or resolved
	Urgency       string // high or low
	Service       string // its name
	Policy        string // the id of its escalation policy
	Assignees     []string
	Acknowledgers []string
	Services      []string          // services that acknowledged, by id
	Responders    map[string]string // who was asked to respond, and what became of it: pending, joined, declined
	Created       time.Time
	resolved      time.Time
}

// Trigger opens an incident of an escalation policy, assigned to somebody, and
// returns its id.
func (f *Fake) Trigger(title, policy string, assignees ...string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := &Incident{
		ID: f.id(), Title: title, Number: len(f.incidents) + 1, Status: "triggered", Urgency: "high", Service: "API",
		Policy: policy, Assignees: assignees, Responders: map[string]string{}, Created: f.cfg.Now(),
	}
	f.incidents = append(f.incidents, i)
	f.tell("incident.triggered", i)
	return i.ID
}

// Acknowledge has somebody take it.
func (f *Fake) Acknowledge(id, user string) {
	f.alter(id, "incident.acknowledged", func(i *Incident) {
		i.Status, i.Acknowledgers = "acknowledged", append(slices.Clip(i.Acknowledgers), user)
	})
}

// AcknowledgeByService has an integration take it.
func (f *Fake) AcknowledgeByService(id, service string) {
	f.alter(id, "incident.acknowledged", func(i *Incident) {
		i.Status, i.Services = "acknowledged", append(slices.Clip(i.Services), service)
	})
}

// Reassign gives it to others.
func (f *Fake) Reassign(id string, users ...string) {
	f.alter(id, "incident.reassigned", func(i *Incident) { i.Assignees = users })
}

// AskResponder asks somebody to respond.
func (f *Fake) AskResponder(id, user string) {
	f.alter(id, "incident.responder.added", func(i *Incident) { i.Responders[user] = "pending" })
}

// Reply is what somebody who was asked says: joined or declined.
func (f *Fake) Reply(id, user, reply string) {
	f.alter(id, "incident.responder.replied", func(i *Incident) { i.Responders[user] = reply })
}

// Resolve closes it. Nobody is assigned any more.
func (f *Fake) Resolve(id string) {
	f.alter(id, "incident.resolved", func(i *Incident) {
		i.Status, i.Assignees, i.Acknowledgers, i.resolved = "resolved", nil, nil, f.cfg.Now()
	})
}

// Reopen opens it again.
func (f *Fake) Reopen(id string) {
	f.alter(id, "incident.reopened", func(i *Incident) { i.Status, i.resolved = "triggered", time.Time{} })
}

// Forget removes it, as if it never was. No webhook tells of it.
func (f *Fake) Forget(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.incidents = slices.DeleteFunc(f.incidents, func(i *Incident) bool { return i.ID == id })
}

// alter changes an incident and tells of it.
func (f *Fake) alter(id, event string, how func(*Incident)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.incidents {
		if i.ID == id {
			how(i)
			f.tell(event, i)
			return
		}
	}
	panic("there is no incident " + id)
}

// serveIncidents lists incidents by status. Without date_range=all it goes back a
// month.
func (f *Fake) serveIncidents(r *http.Request) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	query := r.URL.Query()
	from := f.cfg.Now().AddDate(0, -1, 0)
	if query.Get("date_range") == "all" {
		from = time.Time{}
	}
	var found []*Incident
	for _, i := range f.incidents {
		if wanted(query, "statuses[]", i.Status) && !i.Created.Before(from) {
			found = append(found, i)
		}
	}
	if strings.HasSuffix(query.Get("sort_by"), ":desc") {
		slices.Reverse(found)
	}
	return page("incidents", query, found, f.show)
}

// serveIncident finds one by its id or number.
func (f *Fake) serveIncident(r *http.Request) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.incidents {
		if id := r.PathValue("id"); i.ID == id || strconv.Itoa(i.Number) == id {
			return answer{http.StatusOK, map[string]any{"incident": f.show(i)}}
		}
	}
	return failure(http.StatusNotFound, 2100, "Not Found")
}

// show is how the API shows an incident. The caller holds f.mu.
func (f *Fake) show(i *Incident) any {
	at := i.Created.UTC().Format(time.RFC3339)
	assignments, acknowledgements, responders := []any{}, []any{}, []any{}
	for _, user := range i.Assignees {
		assignments = append(assignments, map[string]any{"at": at, "assignee": f.named(user)})
	}
	for _, user := range i.Acknowledgers {
		acknowledgements = append(acknowledgements, map[string]any{"at": at, "acknowledger": f.named(user)})
	}
	for _, service := range i.Services {
		acknowledgements = append(acknowledgements, map[string]any{"at": at, "acknowledger": reference("service", service, service)})
	}
	for user, state := range i.Responders {
		responders = append(responders, map[string]any{
			"state": state, "user": f.named(user), "incident": reference("incident", i.ID, i.Title),
			"updated_at": at, "message": "Please help", "requester": f.named(user), "requested_at": at,
		})
	}
	shown := reference("incident", i.ID, fmt.Sprintf("[#%d] %s", i.Number, i.Title))
	for name, value := range map[string]any{
		"type": "incident", "incident_number": i.Number, "title": i.Title, "created_at": at, "updated_at": at, "status": i.Status,
		"incident_key": "key-" + i.ID, "service": reference("service", "PSERVICE", i.Service), "assignments": assignments,
		"assigned_via": "escalation_policy", "last_status_change_at": at, "resolved_at": moment(i.resolved.UTC()),
		"alert_counts": map[string]any{"all": 1, "triggered": 1, "resolved": 0}, "is_mergeable": true,
		"escalation_policy": f.policyRef(i.Policy), "teams": []any{}, "pending_actions": []any{}, "acknowledgements": acknowledgements,
		"priority": nil, "resolve_reason": nil, "conference_bridge": nil, "incidents_responders": responders,
		"responder_requests": []any{}, "urgency": i.Urgency,
	} {
		shown[name] = value
	}
	return shown
}

// named is an account as others name it, also when it is gone. The caller holds
// f.mu.
func (f *Fake) named(id string) map[string]any {
	for _, u := range f.users {
		if u.ID == id {
			return reference("user", id, u.Name)
		}
	}
	return reference("user", id, "somebody who left")
}

func (f *Fake) policyRef(id string) map[string]any {
	for _, p := range f.policies {
		if p.ID == id {
			return reference("escalation_policy", id, p.Name)
		}
	}
	return reference("escalation_policy", id, "a policy")
}
