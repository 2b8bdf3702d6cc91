package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// After an hour every removal waits for minutes; when the target is back, none does.
// What it refused for what it is waits as before.
func TestAfterALongOutageRemovalsTakeSeconds(t *testing.T) {
	inWorldOf(t, func(w *world) {
		w.terms = func(box *engine.Target) { box.Retry.Cap = 5 * time.Minute }
	}, func(t *testing.T, w *world) {
		bindings := map[access.Subject]string{}
		for _, s := range []access.Subject{alice, bob, dave} {
			length := access.Duration(30 * time.Second)
			r, err := w.engine.Submit(t.Context(), as(s), engine.Ask{Action: debug, Resource: acme, For: &length, Reason: "PD-1"})
			must(t, err)
			bindings[s] = r.Grant.BindingID
		}
		w.settle()
		w.target.script(func(m access.Message) (time.Duration, error) {
			if m.Data.Subject == dave {
				return 0, &access.DeliveryError{Class: access.ClassRefused, Status: 403, Err: errors.New("answered 403")}
			}
			return 15 * time.Second, &access.DeliveryError{Class: access.ClassUnreachable, Err: errors.New("no answer")}
		})
		w.pass(time.Hour)
		w.target.script(newTarget().answer)
		refused := w.binding(bindings[dave]).NextAt
		w.pass(50 * time.Second) // the probe under way, a rest, and a probe
		for _, s := range []access.Subject{alice, bob} {
			if b := w.binding(bindings[s]); b.Observed != access.Absent || b.NextAt != nil {
				t.Errorf("the binding of %s is %s, its next attempt at %v", s, b.Observed, b.NextAt)
			}
		}
		b := w.binding(bindings[dave])
		if w.ledger.Now().Before(*refused) && (b.NextAt == nil || !b.NextAt.Equal(*refused)) {
			t.Errorf("what was refused is due at %v, want %v as before", b.NextAt, refused)
		}
		w.pass(8 * time.Minute)
		if b := w.binding(bindings[dave]); b.Observed != access.Absent {
			t.Errorf("what was refused is never tried again: %+v", b)
		}
	})
}
