package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// bound gives access that is bound to something, as a decision would.
func (w *world) bound(i int, while string, state access.GrantState) (g access.Grant) {
	w.t.Helper()
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) (err error) {
		g, err = addBound(tx, i, while, state)
		return err
	}))
	return g
}

// boundMany gives access to so many. The first is written before the others: its
// statements are then prepared for theirs.
func (w *world) boundMany(n int, while string) []access.Grant {
	w.t.Helper()
	grants := []access.Grant{w.bound(0, while, access.GrantActive)}
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error {
		for i := 1; i < n; i++ {
			g, err := addBound(tx, i, while, access.GrantActive)
			if err != nil {
				return err
			}
			grants = append(grants, g)
		}
		return nil
	}))
	return grants
}

func addBound(tx *ledger.Tx, i int, while string, state access.GrantState) (access.Grant, error) {
	return addBoundOf(tx, access.Subject{Type: "user", ID: fmt.Sprintf("user%d@example.com", i)}, while, state)
}

func addBoundOf(tx *ledger.Tx, s access.Subject, while string, state access.GrantState) (access.Grant, error) {
	now := tx.Now()
	x := access.Entitled{Subject: s, Action: debug, Resource: acme}
	d := access.DecisionRecord{ID: access.NewID(access.KindDecision, now), Phase: access.PhaseRequest, Revision: "r1", DecidedAt: now}
	d.Decision = allowAll(access.Input{})
	r := access.Request{
		ID: access.NewID(access.KindRequest, now), Entitled: x, Requester: x.Subject, While: &while, Reason: "PD-1",
		Channel: access.ChannelAPI, State: access.RequestApproved, DecisionID: d.ID, CreatedAt: now, ClosedAt: &now,
	}
	b, err := tx.TakeBinding(access.NewID(access.KindBinding, now), x, "box", "box-1")
	if err != nil {
		return access.Grant{}, err
	}
	g := access.Grant{
		ID: access.NewID(access.KindGrant, now), RequestID: r.ID, BindingID: b.ID, Entitled: x, While: &while,
		Bound:    &access.Bound{EndsBy: now.Add(4 * time.Hour), FactsAt: now},
		StartsAt: now, ExpiresAt: now.Add(time.Hour), State: state, DecisionID: d.ID, CreatedAt: now,
	}
	if while == access.WhileOnCall {
		g.Bound.OnCall = []access.ShiftRef{{Schedule: "primary", Level: 1}}
	}
	if state == access.GrantScheduled {
		g.StartsAt, g.ExpiresAt = now.Add(time.Hour), now.Add(2*time.Hour)
	} else {
		b.Desired = access.Present
		b.NextAt = &now
	}
	return g, errors.Join(tx.PutDecision(d), tx.AddRequest(r), tx.AddGrant(g), tx.PutBindings(b))
}

func (w *world) told(id, typ, incident string) access.IncidentEvent {
	return access.IncidentEvent{Source: "pagerduty", ID: id, Type: typ, Incident: incident, Number: 7, OccurredAt: w.ledger.Now()}
}

// take hands the engine an event and says whether it was fresh.
func (w *world) take(e access.IncidentEvent) bool {
	w.t.Helper()
	fresh, err := w.engine.TakeIncidentEvent(w.t.Context(), e)
	must(w.t, err)
	return fresh
}

func (w *world) grant(id string) (g access.Grant) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) (err error) {
		g, err = tx.Grant(id)
		return err
	}))
	return g
}

func (w *world) wantEnded(why access.EndReason, grants ...access.Grant) {
	w.t.Helper()
	for _, g := range grants {
		now := w.grant(g.ID)
		if why == "" && now.State != g.State {
			w.t.Errorf("the grant while %s is %s (%v)", *g.While, now.State, now.EndReason)
		}
		if why != "" && (now.State != access.GrantEnded || *now.EndReason != why) {
			w.t.Errorf("the grant while %s is %s (%v), want %s", *g.While, now.State, now.EndReason, why)
		}
	}
}

// count is how many events of the type are in the audit log; of every type for "".
func (w *world) count(typ string) (n int) {
	w.t.Helper()
	for _, t := range w.events(ledger.EventFilter{}) {
		if t == typ || typ == "" {
			n++
		}
	}
	return n
}

func TestResolvedIncidentEndsWhatIsBoundToIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		byID, scheduled, byNumber := w.bound(1, "incident:P1", access.GrantActive), w.bound(2, "incident:P1", access.GrantScheduled), w.bound(3, "incident:7", access.GrantActive)
		other, shift := w.bound(4, "incident:P2", access.GrantActive), w.bound(5, "oncall", access.GrantActive)
		plain := w.mustAsk(time.Hour)
		w.settle()
		if !w.take(w.told("e1", access.IncidentResolved, "P1")) {
			t.Error("it was known before")
		}
		w.wantEnded(access.EndIncidentResolved, byID, scheduled, byNumber)
		w.wantEnded("", other, shift, *plain.Grant)
		w.settle()
		if b := w.binding(byID.BindingID); b.Desired != access.Absent || b.Observed != access.Absent {
			t.Errorf("its binding is %+v", b)
		}
		if n := w.count(audit.GrantEnded); n != 3 {
			t.Errorf("%d ends are in the audit log", n)
		}
		w.wantOnlyEvent(audit.IncidentResolved, `"event_id":"e1","grants_ended":3,"incident":"P1","number":7,"occurred_at":`)
	})
}

func TestReopenedIncidentRestoresNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		g := w.bound(1, "incident:P1", access.GrantActive)
		w.take(w.told("e1", access.IncidentResolved, "P1"))
		w.pass(time.Minute)
		if !w.take(w.told("e2", access.IncidentReopened, "P1")) {
			t.Error("it was known before")
		}
		w.pass(time.Minute)
		w.wantEnded(access.EndIncidentResolved, g)
		if b := w.binding(g.BindingID); b.Desired != access.Absent {
			t.Errorf("its binding is %+v", b)
		}
		w.wantOnlyEvent(audit.IncidentReopened, `"event_id":"e2","incident":"P1"`)
		again := w.bound(2, "incident:P1", access.GrantActive)
		if w.take(w.told("e1", access.IncidentResolved, "P1")) {
			t.Error("what came before is fresh")
		}
		w.wantEnded("", again)
		w.wantOnlyEvent(audit.IncidentResolved, `"grants_ended":1`)
	})
}

func TestOtherEventsOfAnIncidentChangeNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		g := w.bound(1, "incident:P1", access.GrantActive)
		w.pass(2 * time.Second) // what follows from the grant itself
		before := w.count("")
		e := w.told("e1", "incident.acknowledged", "P1")
		if !w.take(e) || w.take(e) {
			t.Error("it is not fresh once")
		}
		w.wantEnded("", g)
		if after := w.count(""); after != before {
			t.Errorf("%d events more", after-before)
		}
	})
}

func TestTwinsOfAResolutionHaveOneEffect(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.bound(1, "incident:P1", access.GrantActive)
		var fresh atomic.Int64
		var all sync.WaitGroup
		e := w.told("e1", access.IncidentResolved, "P1")
		for range 8 {
			all.Go(func() {
				if ok, err := w.engine.TakeIncidentEvent(t.Context(), e); err != nil {
					t.Error(err)
				} else if ok {
					fresh.Add(1)
				}
			})
		}
		all.Wait()
		if fresh.Load() != 1 {
			t.Errorf("%d of 8 were fresh", fresh.Load())
		}
		w.wantOnlyEvent(audit.IncidentResolved, `"grants_ended":1`)
	})
}

// A resolution that ends more grants than a transaction does counts as taken with
// the last of them: one that is cut off in between is done when it comes again.
func TestResolutionThatIsCutOffIsDoneWhenItComesAgain(t *testing.T) {
	steps := 0
	var cut func()
	change := func(w *world) {
		w.idle = true
		w.step = func(name string) {
			if name != "inbound.committed" {
				return
			}
			if steps++; steps == 1 && cut != nil {
				cut()
			}
		}
	}
	inWorldOf(t, change, func(t *testing.T, w *world) {
		const many = 510
		w.boundMany(many, "incident:P1")
		e := w.told("e1", access.IncidentResolved, "P1")
		cut = func() { must(t, w.raw(`ALTER TABLE inbound_events RENAME TO away`)) }
		if _, err := w.engine.TakeIncidentEvent(t.Context(), e); err == nil {
			t.Fatal("a ledger that is broken is no error")
		}
		must(t, w.raw(`ALTER TABLE away RENAME TO inbound_events`))
		if n := w.count(audit.GrantEnded); n != 500 {
			t.Errorf("%d grants ended before it was cut off", n)
		}
		if w.count(audit.IncidentResolved) != 0 {
			t.Error("it is written down as done")
		}
		if !w.take(e) || w.take(e) {
			t.Error("it is not fresh once")
		}
		if n := w.count(audit.GrantEnded); n != many {
			t.Errorf("%d grants ended in all", n)
		}
		w.wantOnlyEvent(audit.IncidentResolved, `"grants_ended":10`)
	})
}

func TestClosedIncidentsAreToldSinceATime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		began := w.ledger.Now()
		w.take(w.told("e1", access.IncidentResolved, "P1"))
		w.pass(time.Minute)
		later := w.ledger.Now()
		want := func(since time.Time, n int) {
			t.Helper()
			closed, err := w.engine.ClosedIncidents(t.Context(), since)
			if err != nil || len(closed) != n {
				t.Errorf("%+v, %v; want %d", closed, err, n)
			}
			if n == 1 && (closed[0].ID != "P1" || closed[0].At.Before(began) || closed[0].At.After(later)) {
				t.Errorf("it is %+v", closed[0])
			}
		}
		want(began, 1)
		want(later, 0)
		w.take(w.told("e2", access.IncidentReopened, "P1"))
		want(began, 0)
	})
}

func TestInboundEventsAreForgottenAfterTwoDays(t *testing.T) {
	inWorldOf(t, func(w *world) { w.idle = true }, func(t *testing.T, w *world) {
		e := w.told("e1", "incident.triggered", "P1")
		rows := func() (n int) {
			must(t, w.db.View(t.Context(), func(q ledger.Querier) error {
				return q.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM inbound_events`).Scan(&n)
			}))
			return n
		}
		for age, left := range map[time.Duration]int{48 * time.Hour: 1, 50 * time.Hour: 0} {
			at := w.ledger.Now().Add(-age).UnixMicro()
			must(t, w.raw(`DELETE FROM inbound_events`))
			w.take(e)
			must(t, w.raw(fmt.Sprintf(`UPDATE inbound_events SET occurred_at = %d, received_at = %d`, at, at)))
			w.stop()
			w.start() // and that is when it looks first
			w.settle()
			if n := rows(); n != left {
				t.Errorf("after %s there are %d", age, n)
			}
		}
	})
}

func TestRefusedHookIsOneEventASourceAndMinute(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 3 {
			w.engine.RefuseHook(t.Context(), "pagerduty", "192.0.2.1", "signature_wrong")
		}
		w.wantOnlyEvent(audit.HookRefused, `"data":{"hook":"pagerduty","reason":"signature_wrong"}`)
		w.engine.RefuseHook(t.Context(), "pagerduty", "192.0.2.2", "signature_wrong")
		w.pass(time.Minute)
		w.engine.RefuseHook(t.Context(), "pagerduty", "192.0.2.1", "signature_wrong")
		if n := w.count(audit.HookRefused); n != 3 {
			t.Errorf("%d events", n)
		}
	})
}

// wantOnlyEvent holds the only audit event of the type against a part of its body.
func (w *world) wantOnlyEvent(typ, part string) {
	w.t.Helper()
	w.pass(time.Second + time.Millisecond) // until it is sealed
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Type: typ, Limit: 10})
		if err == nil && len(events) != 1 {
			w.t.Errorf("%d events are %s", len(events), typ)
		}
		for _, e := range events {
			if !strings.Contains(string(e.Body), part) {
				w.t.Errorf("%s is not in %s", part, e.Body)
			}
		}
		return err
	}))
}
