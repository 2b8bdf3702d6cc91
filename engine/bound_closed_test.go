package engine_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
)

// toldElsewhere has another node take that the incident PX is resolved: this one's
// sources have not heard of it.
func (w *world) toldElsewhere() {
	w.t.Helper()
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error {
		_, err := tx.TakeInbound(w.told("elsewhere", access.IncidentResolved, "PX"))
		return err
	}))
}

func TestIncidentThatIsToldToBeResolvedGivesNothing(t *testing.T) {
	for name, told := range map[string]func(*world){
		"to this node, whose sources do not know it yet": func(w *world) { w.take(w.told("here", access.IncidentResolved, "PX")) },
		"to another node": (*world).toldElsewhere,
	} {
		t.Run(name, func(t *testing.T) {
			inIncident(t, func(t *testing.T, w *world) {
				w.pass(time.Second)
				told(w)
				if r := w.mustAskWhile("incident:PX"); r.State != access.RequestDenied || r.Decision.Reasons[0].Code != "no" {
					t.Fatalf("the answer is %+v", r)
				}
				w.pass(time.Second)
				w.hearOpen() // which the source says since
				if r := w.mustAskWhile("incident:PX"); r.State != access.RequestApproved {
					t.Fatalf("of the reopened one the answer is %+v", r)
				}
			})
		})
	}
}

// What is only asked of policy knows it too, on the node that was told.
func TestDecisionKnowsAtOnceThatAnIncidentIsResolved(t *testing.T) {
	inIncident(t, func(t *testing.T, w *world) {
		w.pass(time.Second)
		while := "incident:PX"
		for _, want := range []access.Effect{access.Allow, access.Deny} {
			d, err := w.engine.Decide(t.Context(), as(alice), engine.Ask{Action: debug, Resource: acme, While: &while, Reason: "PD-1"})
			must(t, err)
			if d.Effect != want {
				t.Fatalf("the answer is %s, want %s", d.Effect, want)
			}
			_, err = w.engine.TakeIncidentEvent(t.Context(), w.told("here", access.IncidentResolved, "PX"))
			must(t, err)
		}
	})
}

func TestReviewOfAnIncidentThatIsResolvedMeanwhile(t *testing.T) {
	inIncident(t, func(t *testing.T, w *world) {
		w.policy.set(func(in access.Input) access.Decision {
			d := whileIncident(in)
			if d.Effect == access.Allow {
				d.Effect, d.Reviewers = access.Review, &access.Reviewers{Groups: []string{"security"}, Quorum: 1}
			}
			return d
		})
		w.pass(time.Second)
		r := w.mustAskWhile("incident:PX")
		w.toldElsewhere()
		if _, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{}); access.CodeOf(err) != "no_longer_allowed" {
			t.Fatalf("the approval says %v", err)
		}
	})
}

func TestScheduledGrantOfAnIncidentThatAnotherNodeKnowsToBeClosed(t *testing.T) {
	inIncident(t, func(t *testing.T, w *world) {
		while := "incident:PX"
		r, err := w.engine.Submit(t.Context(), as(alice), engine.Ask{
			Action: debug, Resource: acme, While: &while, StartsAt: engine.StartAt(w.ledger.Now().Add(time.Minute)), Reason: "PD-1",
		})
		must(t, err)
		w.pass(time.Second)
		w.toldElsewhere()
		w.pass(time.Minute)
		w.wantEndedFor(r.Grant.ID, access.EndDeniedAtStart)
		w.wantVerbs()
	})
}

// On PostgreSQL, where the two do run at once: either the grant is there when the
// incident is told to be resolved, and ends, or the incident is closed when the
// grant is given, and it is not.
func TestResolutionAtOnceWithAGrant(t *testing.T) {
	c := newCluster(t, 1, "")
	l := c.nodes[0].ledger
	node := func(step func(string)) (*engine.Engine, *news) {
		n := &news{shifts: map[access.Subject][]access.Shift{}}
		return engine.New(engine.Config{
			Ledger: l, Policy: &policy{answer: whileIncident}, Facts: n, Snapshots: n, Lease: lease.NewMemory(l.Now, false), Step: step,
			Log: slog.New(slog.DiscardHandler), Targets: []engine.Target{{Name: "box", Contract: "box-1", Deadline: time.Second}},
		}), n
	}
	told, _ := node(nil)
	asked, n := node(nil)
	w := &world{t: t, engine: asked, ledger: l, news: n}
	w.seed()
	for i := range 15 {
		n.set(func(n *news) {
			n.at, n.told, n.open = l.Now(), nil, []access.OpenIncident{{Incident: access.Incident{ID: "PX", Number: 17}}}
		})
		must(t, l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.ForgetInbound(tx.Now().Add(time.Hour)) }))
		e := w.told("e", access.IncidentResolved, "PX")
		var r engine.RequestView
		var both sync.WaitGroup
		both.Go(func() {
			while := "incident:PX"
			var err error
			r, err = asked.Submit(t.Context(), as(alice), engine.Ask{Action: debug, Resource: acme, While: &while, Reason: "PD-1"})
			if err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := told.TakeIncidentEvent(context.WithoutCancel(t.Context()), e); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if r.Grant != nil && w.grant(r.Grant.ID).State != access.GrantEnded {
			t.Fatalf("round %d: there is access for an incident that is closed", i)
		}
	}
}
