package engine

import (
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// going is how something that a grant can be bound to goes on.
type going struct {
	known bool      // else nobody can say
	on    bool      // it goes on
	open  bool      // and nobody knows until when
	until time.Time // else: when it ends
}

// coverage is how far the shifts that the references pick go on from a time at
// which one of them does.
func coverage(shifts []access.Shift, refs []access.ShiftRef, at time.Time) going {
	c := access.CoverageOf(access.PickedShifts(shifts, refs), at)
	return going{known: true, on: c.On, open: c.Open, until: c.Until}
}

// startOf is when the shift begins that a scheduled grant begins with: the one
// that its start lies in or, if there is none any more, the first that is known.
// Shifts that had begun when the grant was given are others: if its start lies in
// one of those, it stays.
func startOf(shifts []access.Shift, g access.Grant) (start time.Time, found bool) {
	for _, s := range slices.SortedFunc(slices.Values(access.PickedShifts(shifts, g.Bound.OnCall)), access.Shift.Compare) {
		other, within := s.Start == nil || !s.Start.After(g.CreatedAt), s.Covers(g.StartsAt)
		switch {
		case other && within:
			start, found = g.StartsAt, true
		case !other && (within || !found):
			start, found = *s.Start, true // of several that it lies in: the one that begins nearest to it
		}
	}
	return start, found
}

// endOf is when a grant ends that is bound to what goes on so: with it and after
// the grace, or a step after the time when no end is known, and never after the
// cap. What does not go on gives no end: it is over.
func endOf(g going, grace, step time.Duration, at, limit time.Time) (end time.Time, ok bool) {
	switch {
	case !g.known || !g.on:
		return time.Time{}, false
	case g.open:
		end = at.Add(step)
	default:
		end = g.until.Add(grace)
	}
	if end.After(limit) {
		end = limit
	}
	return end, true
}

// graceOf is how long access outlasts what it is bound to.
func graceOf(u access.Until) time.Duration { return time.Duration(u.GraceSeconds) * time.Second }

// ofIncident reports whether a grant for this is bound to an incident.
func ofIncident(while string) bool {
	kind, _, _ := strings.Cut(while, ":")
	return kind == access.WhileIncident
}

// goingAt is how that goes on which policy binds access to, by the facts of its
// decision, from a time on.
func (e *Engine) goingAt(while string, u access.Until, in access.InputContext, at time.Time) going {
	if !ofIncident(while) {
		if !in.OnCall.Known {
			return going{}
		}
		return coverage(in.OnCall.Shifts, u.OnCall, at)
	}
	if u.Incident == nil {
		return going{known: true}
	}
	return goingOf(e.incident(*u.Incident, in))
}

// goingOf is how an incident goes on: nobody knows how long.
func goingOf(s access.IncidentState) going {
	return going{known: s != access.IncidentUnknown, on: s == access.IncidentOpen, open: true}
}

// incident is what an incident is known to be by the facts of a decision, or else
// by what its sources said last: it need not concern the subject.
func (e *Engine) incident(id string, in access.InputContext) access.IncidentState {
	if slices.ContainsFunc(in.Incidents.Open, func(i access.Incident) bool { return i.ID == id }) {
		return access.IncidentOpen
	}
	if _, none := e.snapshots.(unlearned); none && in.Incidents.Known {
		return access.IncidentClosed
	}
	_, state := e.snapshots.Incident(id, in.Now)
	return state
}

// bind is what a `while` grant is bound to under a decision, and when it ends. It
// begins at from, and it is at a time not before that.
func (e *Engine) bind(a asked, d access.Decision, in access.InputContext, from, at time.Time) (access.Bound, time.Time, error) {
	if d.Until == nil {
		return access.Bound{}, time.Time{}, errBoundOver()
	}
	g := e.goingAt(*a.While, *d.Until, in, at)
	if !g.known {
		return access.Bound{}, time.Time{}, errBoundUnknown()
	}
	b := access.Bound{Until: *d.Until, EndsBy: from.Add(longest(a.entitlement, d)), NextShift: a.NextShift}
	end, ok := endOf(g, graceOf(b.Until), e.renew, at, b.EndsBy)
	if !ok || !end.After(at) {
		return access.Bound{}, time.Time{}, errBoundOver()
	}
	return b, end, nil
}

func errBoundOver() error {
	return access.Conflict("bound_over", "what the access is bound to is over")
}

// codeBoundUnknown says that nobody can say whether what access is bound to goes
// on.
const codeBoundUnknown = "bound_unknown"

func isBoundUnknown(err error) bool { return access.CodeOf(err) == codeBoundUnknown }

func errBoundUnknown() error {
	return access.Conflict(codeBoundUnknown, "whether what the access is bound to goes on is not known now; ask again")
}

// bindGrant gives a grant what it is bound to, and its end.
func (e *Engine) bindGrant(g *access.Grant, a asked, d access.DecisionRecord, at time.Time) error {
	b, end, err := e.bind(a, d.Decision, d.Input.Context, g.StartsAt, at)
	if err != nil {
		return err
	}
	b.FactsAt = d.FactsAt
	g.Bound, g.ExpiresAt, g.While = &b, end, a.While
	if b.Incident != nil && ofIncident(*a.While) { // whatever name it was asked for by
		named := access.WhileIncident + ":" + *b.Incident
		g.While = &named
	}
	return nil
}

// unlearnedAge is how old facts are taken to be that do not say it.
const unlearnedAge = time.Hour

// factsAt is when the facts were learned that what is asked for is bound to. It is
// never after the oldest of them, whose age is in whole seconds.
func factsAt(a asked, k known) time.Time {
	age := k.facts.OnCall.AgeSeconds
	if a.While != nil && ofIncident(*a.While) {
		age = k.facts.Incidents.AgeSeconds
	}
	if age == nil {
		return k.at.Add(-unlearnedAge)
	}
	return k.at.Add(-time.Duration(min(*age+1, access.MaxDuration.Seconds())) * time.Second)
}

// named gives the incident that access is asked for its id, when it is known and
// open: people know its number.
func (e *Engine) named(while *string, now time.Time) *string {
	if while == nil || !ofIncident(*while) {
		return while
	}
	_, id, _ := strings.Cut(*while, ":")
	if found, state := e.snapshots.Incident(id, now); state == access.IncidentOpen && found.ID != "" {
		id = found.ID
	}
	id = access.WhileIncident + ":" + id
	return &id
}
