package facts

import (
	"context"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Incident returns an incident by its id or its number, and what it is known to
// be: open, if a fresh source says so and nobody has said since that it is
// closed; closed, if one of them said that; else unknown. Only of an open one
// there is more than its id.
func (b *Book) Incident(id string, now time.Time) (access.OpenIncident, access.IncidentState) {
	state := access.IncidentUnknown
	if b.closedAt(id).After(time.Time{}) {
		state = access.IncidentClosed
	}
	for _, sh := range b.shelves {
		p := sh.page.Load()
		if sh.Kind != access.SourceIncidents || !b.fresh(p, now) {
			continue
		}
		if at, listed := p.incident(id); listed {
			incident := p.said.Incidents[at]
			if !b.hidden(p, incident.ID) {
				return incident, access.IncidentOpen
			}
			id, state = incident.ID, access.IncidentClosed
		}
		if p.closed[id] {
			state = access.IncidentClosed
		}
	}
	return access.OpenIncident{Incident: access.Incident{ID: id}}, state
}

// incident finds an incident by its id, or else by its number.
func (p *page) incident(id string) (at int, listed bool) {
	if at, listed = p.incidents[id]; !listed {
		at, listed = p.numbers[id]
	}
	return at, listed
}

// closedAt is when somebody said that the incident is closed; zero: nobody did.
func (b *Book) closedAt(id string) time.Time {
	if closed := b.closed.Load(); closed != nil {
		return (*closed)[id]
	}
	return time.Time{}
}

// hidden reports whether an incident was closed after the source was asked.
func (b *Book) hidden(p *page, id string) bool { return p.said.FetchedAt.Before(b.closedAt(id)) }

// Incidents returns the open incidents that concern the subject: those in which
// it has a part, and those for whose escalation policy it is on call. They are
// known if every source is fresh and can tell the subject from others; what one
// of them does say is known also while another is silent. What is not known is
// empty.
func (b *Book) Incidents(_ context.Context, subject access.Subject, now time.Time) (access.Incidents, error) {
	f := incidentFinder{book: b, subject: subject, now: now}
	f.onCall()
	for _, sh := range b.shelves {
		if sh.Kind == access.SourceIncidents {
			f.add(sh.page.Load())
		}
	}
	if f.sources == 0 || !f.complete && len(f.open) == 0 {
		return access.Incidents{}, nil
	}
	return access.Incidents{Known: true, AgeSeconds: &f.oldest, Open: f.open}, nil
}

type incidentFinder struct {
	book     *Book
	subject  access.Subject
	now      time.Time
	policies map[string]bool // for which the subject is on call
	complete bool            // no source is unsure
	sources  int             // that could say
	oldest   int64           // seconds
	open     []access.Incident
}

// onCall learns for which escalation policies the subject is on call. That a
// source of on-call facts is unsure leaves open which incidents there are.
func (f *incidentFinder) onCall() {
	held, unsure := f.book.OnCall(f.subject, f.now)
	f.policies, f.complete = map[string]bool{}, len(unsure) == 0
	if held.AgeSeconds != nil {
		f.oldest = *held.AgeSeconds
	}
	for _, s := range held.Shifts {
		if s.Policy != nil && s.Covers(f.now) {
			f.policies[s.Policy.ID] = true
		}
	}
}

// add adds the incidents of a source that concern the subject, each once.
func (f *incidentFinder) add(p *page) {
	if !f.book.fresh(p, f.now) || p.unclear[f.subject] {
		f.complete = false
		return
	}
	f.sources++
	f.oldest = max(f.oldest, p.age(f.now))
	if len(f.policies) == 0 {
		for _, at := range p.parts.of(f.subject) {
			f.addOne(p, p.said.Incidents[at])
		}
		return
	}
	for _, incident := range p.said.Incidents {
		if f.policies[incident.EscalationPolicy.ID] || partBefore(incident.Parts, f.subject) {
			f.addOne(p, incident)
		}
	}
}

func (f *incidentFinder) addOne(p *page, found access.OpenIncident) {
	if f.book.hidden(p, found.ID) {
		return
	}
	incident := found.Incident
	incident.Roles = []string{}
	for _, part := range found.Parts {
		if part.Subject == f.subject {
			incident.Roles = append(incident.Roles, part.Role)
		}
	}
	slices.Sort(incident.Roles)
	incident.Roles = slices.Compact(incident.Roles)
	f.open = append(f.open, incident)
}
