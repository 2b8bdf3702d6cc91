package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	pd "github.com/PagerDuty/go-pagerduty"

	"github.com/curfew-access/curfew/engine/access"
)

// The states of an incident, and of who was asked to respond, in PagerDuty's words.
const (
	statusTriggered    = "triggered"
	statusAcknowledged = "acknowledged"
	statusResolved     = "resolved"
	responderJoined    = "joined"
)

// Incidents is the source that tells which incidents are open.
type Incidents struct{ client *Client }

// Incidents returns the source of which incidents are open.
func (c *Client) Incidents() *Incidents { return &Incidents{client: c} }

// Name is the source's name.
func (*Incidents) Name() string { return SourceIncidents }

// Kind is what it tells.
func (*Incidents) Kind() access.SourceKind { return access.SourceIncidents }

// Fetch asks which incidents are open, and for each one that something depends on
// and that is not among them, whether it is closed: that an incident is missing
// from a list never means that it is closed.
func (s *Incidents) Fetch(ctx context.Context, ask access.SourceAsk) (access.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	defer cancel()
	d := &docket{fetch: s.client.begin(ask.Now), open: map[string]pd.Incident{}, closed: map[string]bool{}}
	if err := d.list(ctx); err != nil {
		return access.Snapshot{}, fmt.Errorf("pagerduty: %w", err)
	}
	d.settle(ctx, ask.Incidents)
	return d.snapshot(ctx), nil
}

// docket is what one fetch learned of incidents.
type docket struct {
	*fetch
	open   map[string]pd.Incident
	closed map[string]bool // of those that were asked for
}

// list asks for all open incidents, the newest first, so that those beyond what
// can be paged are the oldest.
func (d *docket) list(ctx context.Context) error {
	ask := pd.ListIncidentsOptions{
		Limit: pageSize, DateRange: "all", Statuses: []string{statusTriggered, statusAcknowledged}, SortBy: "created_at:desc",
	}
	err := pages(ctx, listIncidents, func(ctx context.Context, offset uint) (pd.APIListObject, error) {
		ask.Offset = offset
		got, header, err := call(ctx, d.client, listIncidents, func(api *pd.Client) (*pd.ListIncidentsResponse, error) {
			return api.ListIncidentsWithContext(ctx, ask)
		})
		if err != nil {
			return pd.APIListObject{}, err
		}
		d.compare(header)
		for _, incident := range got.Incidents {
			d.add(incident)
		}
		return got.APIListObject, nil
	})
	if errors.Is(err, errTooMany) {
		d.faults.say("more than %d incidents are open: only the newest are known", maxRows)
		return nil
	}
	return err
}

// add takes an incident that is said to be open.
func (d *docket) add(incident pd.Incident) {
	switch {
	case incident.ID == "":
		d.faults.say("an incident has no id: it is not used")
	case incident.Status != statusTriggered && incident.Status != statusAcknowledged:
		d.faults.say("the incident %s is %q, which is neither open nor resolved: it is not used", incident.ID, incident.Status)
	default:
		d.open[incident.ID] = incident
	}
}

// settle asks for each incident that is not among the open ones. When PagerDuty
// fails altogether the rest stay unknown.
func (d *docket) settle(ctx context.Context, ids []string) {
	for _, id := range ids {
		if _, open := d.open[id]; open {
			continue
		}
		if err := d.ask(ctx, id); err != nil {
			d.faults.say("whether the incident %s is closed is not known: %v", id, err)
			if !local(err) {
				return
			}
		}
	}
}

// ask asks for one incident. One that PagerDuty does not have is closed, as is what
// can not be an id of its.
func (d *docket) ask(ctx context.Context, id string) error {
	if !idPattern.MatchString(id) {
		d.closed[id] = true
		return nil
	}
	got, header, err := call(ctx, d.client, getIncident, func(api *pd.Client) (*pd.Incident, error) {
		return api.GetIncidentWithContext(ctx, id)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		d.closed[id] = true
		return nil
	case err != nil:
		return err
	case got.ID != id:
		return getIncident.malformed("it is the incident %q", got.ID)
	}
	d.compare(header)
	if got.Status == statusResolved {
		d.closed[id] = true
		return nil
	}
	d.add(*got)
	return nil
}

// snapshot turns accounts into people.
func (d *docket) snapshot(ctx context.Context) access.Snapshot {
	roles, people := map[string][]part{}, map[string]bool{}
	for id, incident := range d.open {
		roles[id] = parts(incident)
		for _, p := range roles[id] {
			people[p.user] = true
		}
	}
	who := d.identify(d.lookUp(ctx, slices.Sorted(maps.Keys(people))), nil)
	snapshot := access.Snapshot{
		Source: SourceIncidents, Kind: access.SourceIncidents, FetchedAt: d.now, Unclear: who.unclear,
		Closed: slices.Sorted(maps.Keys(d.closed)),
	}
	for id, incident := range d.open {
		open := access.OpenIncident{Incident: described(incident)}
		for _, p := range roles[id] {
			if subject, clear := who.of[p.user]; clear {
				open.Parts = append(open.Parts, access.IncidentPart{Subject: subject, Role: p.role})
			}
		}
		snapshot.Incidents = append(snapshot.Incidents, open)
	}
	slices.SortFunc(snapshot.Incidents, func(a, b access.OpenIncident) int { return strings.Compare(a.ID, b.ID) })
	snapshot.Faults = d.faults.all()
	return snapshot
}

// part is an account's part in an incident.
type part struct{ user, role string }

// parts lists each part once. An incident is acknowledged by services too.
func parts(incident pd.Incident) []part {
	var all []part
	add := func(who pd.APIObject, role string) {
		p := part{who.ID, role}
		if who.ID != "" && (who.Type == "user_reference" || who.Type == "user") && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	for _, a := range incident.Assignments {
		add(a.Assignee, access.RoleAssignee)
	}
	for _, a := range incident.Acknowledgements {
		add(a.Acknowledger, access.RoleAcknowledger)
	}
	for _, r := range incident.IncidentResponders {
		if r.State == responderJoined {
			add(r.User, access.RoleResponder)
		}
	}
	return all
}

func described(i pd.Incident) access.Incident {
	return access.Incident{
		ID: i.ID, Number: int64(i.IncidentNumber), Title: i.Title, Status: i.Status, Urgency: i.Urgency, //nolint:gosec // a count
		Service:          access.Ref{ID: i.Service.ID, Name: i.Service.Summary},
		EscalationPolicy: access.Ref{ID: i.EscalationPolicy.ID, Name: i.EscalationPolicy.Summary},
	}
}
