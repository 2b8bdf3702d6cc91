package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// news is what sources of facts said last, as the test says: the source
// "pagerduty" of shifts, and one of incidents.
type news struct {
	mu      sync.Mutex
	at      time.Time // when they were asked
	shifts  map[access.Subject][]access.Shift
	unsure  []string // sources that can not say
	unknown bool     // nothing is known to a decision
	open    []access.OpenIncident
	closed  []string
	told    map[string]time.Time // incidents that were told to be closed, by id, and when
}

func (n *news) Close(incidents ...access.ClosedIncident) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range incidents {
		if n.told == nil {
			n.told = map[string]time.Time{}
		}
		n.told[i.ID] = i.At
	}
}

func (n *news) OnCall(s access.Subject, now time.Time) (access.OnCall, []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	age := int64(now.Sub(n.at) / time.Second)
	known := access.OnCall{Known: len(n.unsure) == 0 && !n.unknown, AgeSeconds: &age}
	for _, shift := range n.shifts[s] {
		if !slices.Contains(n.unsure, shift.Source) && (shift.End == nil || shift.End.After(now)) {
			known.Shifts = append(known.Shifts, shift)
		}
	}
	return known, n.unsure
}

func (n *news) Incident(id string, _ time.Time) (access.OpenIncident, access.IncidentState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range n.open {
		if (i.ID == id || id == "17" && i.Number == 17) && !n.at.Before(n.told[i.ID]) {
			return i, access.IncidentOpen
		}
	}
	if slices.Contains(n.closed, id) || n.at.Before(n.told[id]) {
		return access.OpenIncident{Incident: access.Incident{ID: id}}, access.IncidentClosed
	}
	return access.OpenIncident{}, access.IncidentUnknown
}

func (n *news) Gather(_ context.Context, s access.Subject, now time.Time) access.Facts {
	known, _ := n.OnCall(s, now)
	if !known.Known {
		known = access.OnCall{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	facts := access.Facts{GroupsKnown: true, OnCall: known, Incidents: access.Incidents{Known: !n.unknown}}
	for _, i := range n.open {
		if !n.at.Before(n.told[i.ID]) {
			facts.Incidents.Open = append(facts.Incidents.Open, i.Incident)
		}
	}
	return facts
}

// inNews runs a story in a world that has sources of facts. What has no known end
// is renewed for a minute at a time: fake time is not free.
func inNews(t *testing.T, change func(*world), story func(t *testing.T, w *world)) {
	t.Helper()
	inWorldOf(t, func(w *world) {
		w.news = &news{shifts: map[access.Subject][]access.Shift{}}
		w.policy.set(whileOnCall(0, 10*time.Hour))
		w.renew = time.Minute
		change(w)
	}, story)
}

func unchanged(*world) {}

// atMostTenMinutes is how long access lasts under its policy, so that a story
// reaches the cap.
func atMostTenMinutes(w *world) { w.policy.set(whileOnCall(0, 10*time.Minute)) }

// hear has a source say something new.
func (w *world) hear(kind access.SourceKind, change func(*news)) {
	w.t.Helper()
	now := w.ledger.Now()
	w.news.mu.Lock()
	w.news.at = now
	change(w.news)
	w.news.mu.Unlock()
	must(w.t, w.engine.FollowFacts(w.t.Context(), access.Snapshot{}, snapshotOf(kind, now)))
	w.settle()
}

func snapshotOf(kind access.SourceKind, at time.Time) access.Snapshot {
	s := access.Snapshot{Source: "pagerduty", Kind: kind, FetchedAt: at}
	if kind == access.SourceIncidents {
		s.Source = "pagerduty.incidents"
	}
	return s
}

// hearShifts has the source say which shifts alice has.
func (w *world) hearShifts(shifts ...access.Shift) {
	w.t.Helper()
	w.hear(access.SourceOnCall, func(n *news) { n.shifts[alice] = shifts })
}

// shift is one of the schedule "primary", from and to so long from now.
func (w *world) shift(from, to time.Duration) access.Shift { return w.shiftOf("primary", from, to) }

func (w *world) shiftOf(schedule string, from, to time.Duration) access.Shift {
	start := w.ledger.Now().Add(from)
	end := start.Add(to - from)
	return access.Shift{Source: "pagerduty", Schedule: &access.Ref{ID: schedule}, Level: 1, Start: &start, End: &end}
}

// openShift has no known end.
func (w *world) openShift() access.Shift {
	s := w.shift(-time.Hour, time.Hour)
	s.End = nil
	return s
}

// whileOnCall allows whoever is on call at the start, for as long as their shifts
// go on.
func whileOnCall(grace, longest time.Duration) func(access.Input) access.Decision {
	return func(in access.Input) access.Decision {
		at := in.Context.Now
		if in.Context.StartsAt != nil && in.Context.StartsAt.After(at) {
			at = *in.Context.StartsAt
		}
		most, until := int64(longest/time.Second), &access.Until{GraceSeconds: int64(grace / time.Second)}
		on := false
		for _, s := range in.Context.OnCall.Shifts {
			on = on || s.Covers(at)
			until.OnCall = append(until.OnCall, access.ShiftRef{Schedule: s.Schedule.ID, Level: s.Level})
		}
		if !on {
			return denyAll(in)
		}
		return access.Decision{Effect: access.Allow, Reasons: []access.Reason{{Code: "on_call", Title: "On call"}}, MaxSeconds: &most, Until: until}
	}
}

func (w *world) mustBind() access.Grant {
	w.t.Helper()
	r := w.mustAskWhile("oncall")
	if r.Grant == nil {
		w.t.Fatalf("no grant: %+v", r.Decision)
	}
	w.settle()
	return *r.Grant
}

// wantEnd holds the end of a grant against a time from now, to the second.
func (w *world) wantEnd(id string, in time.Duration) {
	w.t.Helper()
	g := w.grant(id)
	left := g.ExpiresAt.Sub(w.ledger.Now())
	if g.State == access.GrantEnded || left.Round(time.Second) != in {
		w.t.Fatalf("the grant is %s and ends in %s (%s), want %s", g.State, left, g.ExpiresAt, in)
	}
}

func (w *world) wantEndedFor(id string, why access.EndReason) {
	w.t.Helper()
	g := w.grant(id)
	if g.State != access.GrantEnded || *g.EndReason != why {
		w.t.Fatalf("the grant is %s (%v), want ended for %s", g.State, g.EndReason, why)
	}
}

// askNextShift is alice's request to begin with her next shift.
func askNextShift() engine.Ask {
	while := access.WhileOnCall
	return engine.Ask{Action: debug, Resource: acme, While: &while, StartsAt: &engine.Start{NextShift: true}, Reason: "PD-1"}
}
