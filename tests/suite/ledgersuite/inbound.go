package ledgersuite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

func told(id, typ, incident string, at time.Time) access.IncidentEvent {
	return access.IncidentEvent{Source: "pagerduty", ID: id, Type: typ, Incident: incident, OccurredAt: at}
}

// take takes events, each in a transaction of its own, and returns when that was.
func (f *fixture) take(events ...access.IncidentEvent) (at []time.Time) {
	f.t.Helper()
	for _, e := range events {
		f.update(func(tx *ledger.Tx) error {
			at = append(at, tx.Now())
			fresh, err := tx.TakeInbound(e)
			if err == nil && !fresh {
				f.t.Errorf("%+v was taken before", e)
			}
			return err
		})
	}
	return at
}

// inboundOnce: an event is taken once, by whoever comes first, unless the
// transaction that took it fails or gives it back.
func inboundOnce(t *testing.T, f *fixture) {
	e := told("one", access.IncidentResolved, "P1", f.l.Now().Add(-time.Hour))
	failure := errors.New("on purpose")
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
		_, err := tx.TakeInbound(e)
		return errors.Join(err, failure)
	})
	if !errors.Is(err, failure) {
		t.Fatal(err)
	}
	f.update(func(tx *ledger.Tx) error {
		fresh, err := tx.TakeInbound(e)
		if !fresh {
			t.Error("what a transaction took that failed is taken")
		}
		return errors.Join(err, tx.ReturnInbound(e))
	})
	var first atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				fresh, err := tx.TakeInbound(e)
				if fresh {
					first.Add(1)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if first.Load() != 1 {
		t.Errorf("%d of 8 took it", first.Load())
	}
	other := e
	other.Source = "another"
	f.take(other) // the same id of another source is another event
	inboundForgotten(t, f, e)
}

// inboundForgotten: an id is forgotten only when the event is too old to be taken,
// by its own time and by when it came.
func inboundForgotten(t *testing.T, f *fixture, old access.IncidentEvent) {
	ahead := told("ahead", access.IncidentResolved, "P2", f.l.Now().Add(time.Hour))
	received := f.take(ahead)[0]
	f.update(func(tx *ledger.Tx) error { return tx.ForgetInbound(old.OccurredAt.Add(time.Minute)) })
	f.update(func(tx *ledger.Tx) error {
		fresh, err := tx.TakeInbound(old)
		if fresh {
			t.Error("it was forgotten too early")
		}
		return err
	})
	f.update(func(tx *ledger.Tx) error { return tx.ForgetInbound(received.Add(time.Minute)) })
	f.take(old)
	f.update(func(tx *ledger.Tx) error {
		fresh, err := tx.TakeInbound(ahead)
		if fresh {
			t.Error("it was forgotten before the time that it says it occurred at")
		}
		return err
	})
}

// closedIncidents: an incident is closed when the newest that was told of it, by
// the teller's clock, is that it was resolved.
func closedIncidents(t *testing.T, f *fixture) {
	now := f.l.Now().Truncate(time.Second)
	minute := func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }
	at := f.take(
		told("early", access.IncidentResolved, "early", now),
		told("a1", access.IncidentResolved, "resolved", minute(1)),
		told("b1", access.IncidentResolved, "reopened", minute(1)),
		told("b2", access.IncidentReopened, "reopened", minute(2)),
		told("c1", access.IncidentReopened, "told in the wrong order", minute(2)),
		told("c2", access.IncidentResolved, "told in the wrong order", minute(1)),
		told("d1", access.IncidentResolved, "resolved again", minute(1)),
		told("d2", access.IncidentReopened, "resolved again", minute(2)),
		told("d3", access.IncidentResolved, "resolved again", minute(3)),
		told("e1", "incident.acknowledged", "acknowledged", minute(1)),
	)
	f.update(func(tx *ledger.Tx) error { // that another source reopened its own says nothing of ours
		_, err := tx.TakeInbound(access.IncidentEvent{
			Source: "another", ID: "f1", Type: access.IncidentReopened, Incident: "resolved", OccurredAt: minute(9),
		})
		return err
	})
	for id, told := range map[string]int{"early": 0, "resolved": 1, "resolved again": 8, "reopened": -1, "told in the wrong order": -1, "acknowledged": -1, "another": -1} {
		f.update(func(tx *ledger.Tx) error {
			closed, err := tx.HoldIncident(id)
			if (closed != nil) != (told >= 0) || closed != nil && *closed != (access.ClosedIncident{ID: id, At: at[told]}) {
				t.Errorf("the incident %q is %+v", id, closed)
			}
			return err
		})
	}
	want := []access.ClosedIncident{{ID: "early", At: at[0]}, {ID: "resolved", At: at[1]}, {ID: "resolved again", At: at[8]}}
	for i, since := range []time.Time{at[0], at[1], at[8], at[9]} {
		err := f.l.Look(t.Context(), func(tx *ledger.Tx) error {
			got, err := tx.ClosedIncidents(since)
			if rest := want[min(i, len(want)):]; err == nil && !slices.Equal(got, rest) {
				t.Errorf("since %s: %+v, want %+v", since, got, rest)
			}
			return err
		})
		f.must(err)
	}
}

// boundToIncident: grants are found by what they are bound to while they have not
// ended.
func boundToIncident(t *testing.T, f *fixture) {
	var ids []string
	add := func(while string, state access.GrantState) access.Grant {
		var g access.Grant
		f.update(func(tx *ledger.Tx) (err error) {
			g, err = addBound(tx, entitled(len(ids)), while, state)
			return err
		})
		ids = append(ids, g.ID)
		return g
	}
	first, scheduled, number := add("incident:P1", access.GrantActive), add("incident:P1", access.GrantScheduled), add("incident:7", access.GrantActive)
	add("incident:P2", access.GrantActive)
	add("incident:p1", access.GrantActive)
	add("oncall", access.GrantActive)
	want := func(limit int, bounds string, grants ...access.Grant) { // in the order of their ids
		t.Helper()
		slices.SortFunc(grants, func(a, b access.Grant) int { return strings.Compare(a.ID, b.ID) })
		grants = grants[:min(len(grants), limit)]
		f.view(func(tx *ledger.Tx) error {
			got, err := tx.UnendedGrantsWhile(strings.Fields(bounds), limit)
			same := slices.EqualFunc(got, grants, func(a, b access.Grant) bool { return a.ID == b.ID && a.Bound != nil && a.State == b.State })
			if err == nil && !same {
				t.Errorf("bound to %s: %+v", bounds, got)
			}
			return err
		})
	}
	want(9, "incident:P1", first, scheduled)
	want(9, "incident:P1 incident:7", first, scheduled, number)
	want(2, "incident:P1 incident:7", first, scheduled, number)
	want(9, "incident:P3")
	f.update(func(tx *ledger.Tx) error {
		return errors.Join(tx.LockBindings(first.BindingID), endOne(tx, first, access.EndIncidentResolved))
	})
	want(9, "incident:P1", scheduled)
}

// addBound stores a grant that is bound to something, with its request and
// binding.
func addBound(tx *ledger.Tx, x access.Entitled, while string, state access.GrantState) (access.Grant, error) {
	r, err := addRequest(tx, x)
	if err != nil {
		return access.Grant{}, err
	}
	binding, err := tx.TakeBinding(access.NewID(access.KindBinding, tx.Now()), x, "box", "box-1")
	if err != nil {
		return access.Grant{}, err
	}
	ends := tx.Now().Add(time.Hour)
	g := access.Grant{
		ID: access.NewID(access.KindGrant, tx.Now()), RequestID: r.ID, BindingID: binding.ID, Entitled: x, State: state,
		While: &while, Bound: &access.Bound{EndsBy: ends, FactsAt: tx.Now()},
		StartsAt: tx.Now(), ExpiresAt: ends, DecisionID: r.DecisionID, CreatedAt: tx.Now(),
	}
	if err := errors.Join(tx.CloseRequest(r.ID, access.RequestApproved), tx.AddGrant(g)); err != nil {
		return g, fmt.Errorf("a grant while %s: %w", while, err)
	}
	return g, nil
}
