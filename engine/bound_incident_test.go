package engine_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// whileIncident allows whoever asks for an incident that is among their open ones.
func whileIncident(in access.Input) access.Decision {
	for _, i := range in.Context.Incidents.Open {
		if in.Context.While != nil && *in.Context.While == "incident:"+i.ID {
			most := int64(3 * 60)
			return access.Decision{
				Effect: access.Allow, Reasons: []access.Reason{{Code: "responder", Title: "Responds"}}, MaxSeconds: &most,
				Until: &access.Until{Incident: &i.ID},
			}
		}
	}
	return denyAll(in)
}

func inIncident(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	inNews(t, func(w *world) { w.policy.set(whileIncident) }, func(t *testing.T, w *world) {
		w.hearOpen()
		story(t, w)
	})
}

// hearOpen has the source say that the incident PX, number 17, is open.
func (w *world) hearOpen() {
	w.t.Helper()
	w.hear(access.SourceIncidents, func(n *news) {
		n.closed, n.open = nil, []access.OpenIncident{{Incident: access.Incident{ID: "PX", Number: 17}}}
	})
}

func (w *world) hearClosed() {
	w.t.Helper()
	w.hear(access.SourceIncidents, func(n *news) { n.open, n.closed = nil, []string{"PX"} })
}

func TestIncidentBoundGrantEndsWhenItIsResolved(t *testing.T) {
	inIncident(t, func(_ *testing.T, w *world) {
		g := *w.mustAskWhile("incident:PX").Grant
		w.wantEnd(g.ID, time.Minute)
		w.pass(40 * time.Second)
		w.hearOpen()
		w.wantEnd(g.ID, time.Minute)
		w.wantMoves(g.ID, 1, "renewed")
		w.hear(access.SourceIncidents, func(n *news) { n.open = nil }) // and nobody says that it is closed
		w.wantEnd(g.ID, time.Minute-time.Second)
		w.hearClosed()
		w.wantEndedFor(g.ID, access.EndIncidentResolved)
		w.wantVerbs(provision, deprovision)
		w.pass(time.Second)
		w.hearOpen()
		w.wantEndedFor(g.ID, access.EndIncidentResolved)
		w.wantVerbs(provision, deprovision)
	})
}

func TestIncidentBoundGrantIsRenewedToItsCap(t *testing.T) {
	inIncident(t, func(_ *testing.T, w *world) {
		g := *w.mustAskWhile("incident:PX").Grant
		for range 17 {
			w.pass(10 * time.Second)
			w.hearOpen()
		}
		w.wantEnd(g.ID, 10*time.Second)
		w.pass(10*time.Second + 20*time.Millisecond)
		w.wantEndedFor(g.ID, access.EndExpired)
	})
}

func TestIncidentIsAskedForByItsNumber(t *testing.T) {
	inIncident(t, func(t *testing.T, w *world) {
		r := w.mustAskWhile("incident:17")
		if r.Grant == nil || *r.Grant.While != "incident:PX" || *r.While != "incident:PX" || *r.Grant.Bound.Incident != "PX" {
			t.Fatalf("the request is %+v with %+v, want it for the incident PX", r.Request, r.Grant)
		}
		w.hearClosed()
		w.wantEndedFor(r.Grant.ID, access.EndIncidentResolved)
	})
}

func TestClosedIncidentGivesNothing(t *testing.T) {
	inIncident(t, func(t *testing.T, w *world) {
		w.policy.set(func(access.Input) access.Decision {
			id := "PX"
			return access.Decision{Effect: access.Allow, Reasons: []access.Reason{{Code: "ok", Title: "OK"}}, Until: &access.Until{Incident: &id}}
		})
		w.hearClosed()
		if r := w.mustAskWhile("incident:PX"); r.State != access.RequestDenied || r.Decision.Reasons[0].Code != "bound_over" {
			t.Fatalf("the answer is %+v", r)
		}
		w.hear(access.SourceIncidents, func(n *news) { n.closed = nil })
		if r := w.mustAskWhile("incident:PX"); r.State != access.RequestDenied || r.Decision.Reasons[0].Code != "bound_unknown" {
			t.Fatalf("the answer is %+v", r)
		}
	})
}

func TestScheduledGrantOfAResolvedIncidentEnds(t *testing.T) {
	inIncident(t, func(t *testing.T, w *world) {
		while := "incident:PX"
		r, err := w.engine.Submit(t.Context(), as(alice), engine.Ask{
			Action: debug, Resource: acme, While: &while, StartsAt: engine.StartAt(w.ledger.Now().Add(time.Hour)), Reason: "PD-1",
		})
		must(t, err)
		w.pass(time.Minute)
		w.hearClosed()
		w.wantEndedFor(r.Grant.ID, access.EndIncidentResolved)
		w.wantVerbs()
	})
}
