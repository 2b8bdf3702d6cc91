package engine_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

var (
	provision   = access.VerbProvision
	deprovision = access.VerbDeprovision
)

func typeOf(t *testing.T, body []byte) string {
	t.Helper()
	var e struct{ Type string }
	must(t, json.Unmarshal(body, &e))
	return e.Type
}

func TestOneGrantFromRequestToDeprovision(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(30 * time.Second)
		if r.State != access.RequestApproved || r.Grant == nil || r.Grant.ExpiresAt.Sub(r.Grant.StartsAt) != 30*time.Second {
			t.Fatalf("answer %+v, want an approved request with a grant of 30 s", r)
		}
		w.settle()
		if !w.target.holds() {
			t.Fatal("the target was not told to open")
		}
		w.pass(30*time.Second - time.Millisecond)
		if !w.target.holds() {
			t.Fatal("the target was told to close before the grant's end")
		}
		w.pass(2 * time.Millisecond)
		if w.target.holds() {
			t.Fatal("the target still holds access after the grant's end")
		}
		w.wantVerbs(provision, deprovision)
		w.wantEvents(r.ID, "request.submitted", "request.approved", "grant.started", "binding.desired", "grant.ended", "binding.desired")
		want := []string{
			"binding.desired", "binding.attempted", "binding.provisioned",
			"binding.desired", "binding.attempted", "binding.deprovisioned",
		}
		var got []string
		for _, typ := range w.events(ledger.EventFilter{BindingID: r.Grant.BindingID}) {
			if typ[:8] == "binding." {
				got = append(got, typ)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("events of the binding are\n%v, want\n%v", got, want)
		}
	})
}

func TestOverlappingGrantsAreOneProvisionAndOneDeprovision(t *testing.T) {
	cases := map[string][2]time.Duration{
		"the first ends first":  {30 * time.Second, 2 * time.Minute},
		"the second ends first": {2 * time.Minute, 30 * time.Second},
	}
	for name, lengths := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				first, second := w.mustAsk(lengths[0]), w.mustAsk(lengths[1])
				if first.Grant.BindingID != second.Grant.BindingID {
					t.Fatal("the grants do not share a binding")
				}
				w.pass(31 * time.Second)
				if !w.target.holds() {
					t.Fatal("the end of one grant closed the other's access")
				}
				w.pass(2 * time.Minute)
				w.wantVerbs(provision, deprovision)
			})
		})
	}
}

func TestOverlappingGrantsRevokedInEitherOrder(t *testing.T) {
	for name, order := range map[string][2]int{"first, then second": {0, 1}, "second, then first": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				grants := []string{w.mustAsk(time.Hour).Grant.ID, w.mustAsk(time.Hour).Grant.ID}
				w.settle()
				for i, pick := range order {
					_, err := w.engine.Revoke(t.Context(), as(alice), grants[pick], "done")
					must(t, err)
					w.settle()
					if got := w.target.holds(); got != (i == 0) {
						t.Fatalf("after revoke %d the target holds access: %v", i+1, got)
					}
				}
				w.wantVerbs(provision, deprovision)
			})
		})
	}
}

func TestRevokeOfEndedGrantIsConflict(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		g := w.mustAsk(time.Hour).Grant
		_, err := w.engine.Revoke(t.Context(), as(alice), g.ID, "")
		must(t, err)
		_, err = w.engine.Revoke(t.Context(), as(alice), g.ID, "")
		if !errors.Is(err, access.ErrConflict) {
			t.Fatalf("second revoke: %v, want a conflict", err)
		}
	})
}

func TestTargetDownAtTheEndIsToldOnceWhenItIsBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(30 * time.Second)
		w.settle()
		w.target.script(func(access.Message) (time.Duration, error) {
			return 0, &access.DeliveryError{Class: access.ClassUnreachable, Err: errors.New("connection refused")}
		})
		w.pass(50 * time.Second)
		b := w.binding(r.Grant.BindingID)
		if b.Observed != access.Unknown || b.Desired != access.Absent || b.LastError == "" {
			t.Fatalf("binding is %+v, want an unknown one with the error", b)
		}
		before := len(w.target.verbs())
		w.target.script(newTarget().answer)
		w.pass(8 * time.Second)
		if n := len(w.target.verbs()) - before; n != 1 || w.target.holds() {
			t.Fatalf("after it was back the target was told %d times (holds: %v), want once", n, w.target.holds())
		}
		w.pass(time.Minute)
		if n := len(w.target.verbs()) - before; n != 1 {
			t.Fatalf("it was told %d times in all, want once", n)
		}
		w.wantAttempts(r.Grant.BindingID, func(a ledger.Attempt, last bool) bool {
			confirmed := a.Verb == provision || last
			return a.FinishedAt != nil && (a.Class == access.ClassConfirmed) == confirmed && (a.Detail == "") == confirmed
		})
	})
}

func TestProvisionThatWasNeverClaimedIsNotDeprovisioned(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.stop()
		w.idle = true
		w.start()
		g := w.mustAsk(time.Hour).Grant
		_, err := w.engine.Revoke(t.Context(), as(alice), g.ID, "")
		must(t, err)
		w.stop()
		w.idle = false
		w.start()
		w.pass(time.Minute)
		w.wantVerbs()
	})
}

// A provision that hangs is overtaken by the deprovision, and because it may
// land after it, the deprovision is asserted again when it is over.
func TestRevokeWhileProvisioningIsInFlight(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.target.script(func(m access.Message) (time.Duration, error) {
			if m.Type == provision {
				return 10 * time.Second, nil
			}
			return 0, nil
		})
		g := w.mustAsk(time.Hour).Grant
		w.pass(time.Second)
		_, err := w.engine.Revoke(t.Context(), as(alice), g.ID, "")
		must(t, err)
		w.settle()
		w.wantVerbs(deprovision) // at once
		w.pass(10 * time.Second)
		if !w.target.holds() {
			t.Fatal("the story is wrong: the provision should have landed late")
		}
		w.pass(20 * time.Second)
		if w.target.holds() {
			t.Fatal("a provision that landed late was left standing")
		}
		w.wantVerbs(deprovision, provision, deprovision)
		b := w.binding(g.BindingID)
		if b.Observed != access.Absent || b.NextAt != nil {
			t.Fatalf("binding is %+v, want settled and absent", b)
		}
	})
}

// A new grant while an old deprovision hangs waits for it: a removal that lands
// late would take the new access away.
func TestGrantWhileDeprovisionIsInFlight(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first := w.mustAsk(30 * time.Second)
		w.settle()
		w.target.script(func(m access.Message) (time.Duration, error) {
			if m.Type == deprovision {
				return 5 * time.Second, nil
			}
			return 0, nil
		})
		w.pass(31 * time.Second)
		second := w.mustAsk(time.Hour)
		if first.Grant.BindingID != second.Grant.BindingID {
			t.Fatal("the grants do not share a binding")
		}
		w.pass(6 * time.Second)
		if !w.target.holds() {
			t.Fatal("the new grant was not opened after the old removal")
		}
		w.wantVerbs(provision, deprovision, provision)
		if b := w.binding(second.Grant.BindingID); b.Observed != access.Present {
			t.Fatalf("binding is %+v, want present", b)
		}
	})
}

// The gateway is stopped between the end and its delivery; the next one delivers.
func TestRestartGoesOnWithWhatWasDue(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.mustAsk(30 * time.Second)
		w.pass(10 * time.Millisecond)
		w.stop()
		w.pass(time.Minute)
		w.wantVerbs(provision)
		w.start()
		w.pass(10 * time.Millisecond)
		w.wantVerbs(provision, deprovision)
	})
}

func TestGrantBoundToAShiftEndsWithTheLastOneThatPolicyMatched(t *testing.T) {
	shift := func(id string, level int, end time.Duration) access.Shift {
		until := time.Now().Add(end)
		return access.Shift{Schedule: &access.Ref{ID: id}, Level: level, End: &until}
	}
	open := access.Shift{Schedule: &access.Ref{ID: "primary"}, Level: 1}
	cases := map[string]struct {
		shifts func() []access.Shift
		want   time.Duration
	}{
		"the longest of two matched": {func() []access.Shift {
			return []access.Shift{shift("primary", 1, 10*time.Minute), shift("primary", 1, 20*time.Minute)}
		}, 20 * time.Minute},
		"one that policy did not match counts for nothing": {func() []access.Shift {
			return []access.Shift{shift("primary", 1, 10*time.Minute), shift("manager", 3, time.Hour)}
		}, 10 * time.Minute},
		"a shift without end gives an hour, to be renewed": {func() []access.Shift { return []access.Shift{open} }, time.Hour},
		"a shift beyond the cap ends at it": {func() []access.Shift {
			return []access.Shift{shift("primary", 1, 10*time.Hour)}
		}, 90 * time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.facts.shifts = tc.shifts()
				w.policy.set(func(access.Input) access.Decision {
					limit := int64(90 * 60)
					return access.Decision{
						Effect: access.Allow, Reasons: []access.Reason{{Code: "on_call", Title: "On call"}}, MaxSeconds: &limit,
						Until: &access.Until{OnCall: []access.ShiftRef{{Schedule: "primary", Level: 1}}},
					}
				})
				r := w.mustAskWhile("oncall")
				if r.Grant == nil || r.Grant.ExpiresAt.Sub(r.Grant.StartsAt).Round(time.Millisecond) != tc.want {
					t.Fatalf("answer %+v grant %+v, want one of %s", r.Decision, r.Grant, tc.want)
				}
			})
		})
	}
}

func filterByRequest(id string) ledger.EventFilter { return ledger.EventFilter{RequestID: id} }

// wantAttempts holds each attempt on a binding, as recorded, against a rule.
func (w *world) wantAttempts(bindingID string, rule func(a ledger.Attempt, last bool) bool) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		attempts, err := tx.Attempts(bindingID)
		for i, a := range attempts {
			if !rule(a, i == len(attempts)-1) {
				w.t.Errorf("attempt %d of %d is recorded as %+v", i+1, len(attempts), a)
			}
		}
		if len(attempts) < 3 {
			w.t.Errorf("only %d attempts are recorded", len(attempts))
		}
		return err
	}))
}
