package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// policyEvents are the data of the events about policies, in order.
func (w *world) policyEvents() (events []audit.Event) {
	w.t.Helper()
	_, err := w.ledger.SealEvents(w.t.Context(), 1000, nil)
	must(w.t, err)
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		sealed, err := tx.Events(ledger.EventFilter{Limit: 1000})
		for _, s := range sealed {
			var e audit.Event
			must(w.t, json.Unmarshal(s.Body, &e))
			if e.Type == audit.PolicyActivated || e.Type == audit.PolicyRefused {
				events = append(events, e)
			}
		}
		return err
	}))
	return events
}

func TestRevisionIsActivatedOnceWithItsEvent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, name := range []string{"r1", "r1", "r2+git", "r2+git", "r1"} {
			must(t, w.engine.ActivatePolicy(t.Context(), access.PolicyRevision{Name: name, Bundle: name[2:], Source: "directory p"}))
		}
		active, err := w.engine.ActivePolicy(t.Context())
		if err != nil || active.Name != "r1" || active.Source != "directory p" {
			t.Errorf("active is %+v, %v", active, err)
		}
		var got []string
		for _, e := range w.policyEvents() {
			got = append(got, fmt.Sprint(e.Type, " ", e.Revision, " ", e.Data["revision"], " ", e.Data["previous"], " ", e.Data["bundle_revision"], " ", e.Data["source"]))
		}
		if want := []string{
			"policy.activated r1 r1 <nil> <nil> directory p",
			"policy.activated r2+git r2+git r1 +git directory p",
			"policy.activated r1 r1 r2+git <nil> directory p",
		}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

// Each event names the revision that was active before it, whoever came at once:
// the events are one chain.
func TestActivationsAtOnceAreOneChain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if err := w.engine.ActivatePolicy(t.Context(), access.PolicyRevision{Name: fmt.Sprint("r", i)}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		events := w.policyEvents()
		var before any
		for _, e := range events {
			if e.Data["previous"] != before {
				t.Errorf("%v follows %v, and says %v", e.Data["revision"], before, e.Data["previous"])
			}
			before = e.Data["revision"]
		}
		if active, err := w.engine.ActivePolicy(t.Context()); len(events) != 8 || active.Name != before || err != nil {
			t.Errorf("%d events, and %q is active after %v: %v", len(events), active.Name, before, err)
		}
	})
}

func TestRefusalIsAnEventAndNothingElse(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		must(t, w.engine.ActivatePolicy(t.Context(), access.PolicyRevision{Name: "r1"}))
		must(t, w.engine.RefusePolicy(t.Context(), access.PolicyRefusal{Source: "bundle https://b", Faults: 7, Lines: []string{"a.rego:1: x"}}))
		events := w.policyEvents()
		last := events[len(events)-1]
		if len(events) != 2 || last.Type != audit.PolicyRefused || fmt.Sprint(last.Data) != "map[faults:7 first:[a.rego:1: x] source:bundle https://b]" {
			t.Errorf("got %+v", last)
		}
		if active, err := w.engine.ActivePolicy(t.Context()); active.Name != "r1" || err != nil {
			t.Errorf("active is %+v, %v", active, err)
		}
	})
}
