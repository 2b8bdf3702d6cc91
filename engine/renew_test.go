package engine_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

const update = access.VerbUpdate

// renews are the terms of a target that is told when a deadline moves.
func renews(box *engine.Target) { box.Renew = true }

// wantDeadline wants the newest message to be this one, and to name the end of the grant.
func (w *world) wantDeadline(verb access.Verb, generation int64, g *access.Grant) {
	w.t.Helper()
	m := w.message(-1)
	if m.Type != verb || m.Data.Binding.Generation != generation || m.Data.ExpiresAt == nil || !m.Data.ExpiresAt.Equal(g.ExpiresAt) {
		w.t.Fatalf("the target was told %s of generation %d until %v, want %s of generation %d until %s",
			m.Type, m.Data.Binding.Generation, m.Data.ExpiresAt, verb, generation, g.ExpiresAt)
	}
	b := w.binding(g.BindingID)
	if b.Generation == generation && (b.ToldUntil == nil || !b.ToldUntil.Equal(g.ExpiresAt)) {
		w.t.Fatalf("the binding was told until %v, want %s", b.ToldUntil, g.ExpiresAt)
	}
}

func TestDeadlineThatMovesIsTold(t *testing.T) {
	cases := map[string]struct {
		terms func(*engine.Target)
		story func(w *world)
	}{
		"an extension": {renews, func(w *world) {
			w.mustAsk(time.Hour)
			w.settle()
			r := w.mustAsk(2 * time.Hour)
			w.settle()
			w.wantVerbs(provision, update)
			w.wantDeadline(update, 2, r.Grant)
			w.wantSettled(r.Grant.BindingID, access.Present)
			w.wantBindingEvents(r.Grant.BindingID, "desired attempted provisioned desired attempted updated")
		}},
		"an extension, to a target that does not want to know": {nil, func(w *world) {
			w.mustAsk(time.Hour)
			w.settle()
			w.mustAsk(2 * time.Hour)
			w.pass(time.Minute)
			w.wantVerbs(provision)
		}},
		"another grant that ends sooner changes nothing": {renews, func(w *world) {
			w.mustAsk(time.Hour)
			w.settle()
			w.mustAsk(2 * time.Minute)
			w.pass(3 * time.Minute)
			w.wantVerbs(provision)
		}},
		"less than a second is no news": {renews, func(w *world) {
			w.mustAsk(time.Hour)
			w.settle()
			w.pass(900 * time.Millisecond)
			w.mustAsk(time.Hour)
			w.settle()
			w.wantVerbs(provision)
		}},
		"the one of several grants that ends last is revoked": {renews, func(w *world) {
			first := w.mustAsk(time.Hour)
			w.settle()
			second := w.mustAsk(2 * time.Hour)
			w.settle()
			w.revoke(second)
			w.wantVerbs(provision, update, update)
			w.wantDeadline(update, 3, first.Grant)
			w.revoke(first)
			w.wantVerbs(provision, update, update, deprovision)
		}},
		"a scheduled grant begins beside another": {renews, func(w *world) {
			w.mustAsk(time.Hour)
			r := w.mustSchedule()
			w.settle()
			w.wantVerbs(provision)
			w.pass(time.Minute + 10*time.Millisecond)
			w.wantVerbs(provision, update)
			w.wantDeadline(update, 2, r.Grant)
		}},
		"access that was to end is wanted again before the target heard of it": {renews, func(w *world) {
			first := w.mustAsk(time.Hour)
			w.settle()
			w.stop()
			w.idle = true
			w.start()
			w.revoke(first)
			second := w.mustAsk(2 * time.Hour)
			w.stop()
			w.idle = false
			w.start()
			w.pass(10 * time.Millisecond)
			w.wantVerbs(provision, update)
			w.wantDeadline(update, 4, second.Grant)
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inWorldOf(t, func(w *world) { w.terms = tc.terms }, func(_ *testing.T, w *world) { tc.story(w) })
		})
	}
}

// When a deadline moves while the target is not known to have heard of the one
// before, what is to be told goes on as what it is.
func TestDeadlineThatMovesBeforeItWasConfirmed(t *testing.T) {
	cases := map[string]struct {
		takes  time.Duration // the first attempt
		fails  bool
		before time.Duration // until the deadline moves
		verbs  []access.Verb
		last   int64 // the generation told last
	}{
		"nobody has claimed it: it is told as it is then":   {0, false, -1, []access.Verb{provision}, 1},
		"it is under way: it is followed by another":        {5 * time.Second, false, time.Second, []access.Verb{provision, provision}, 2},
		"it failed: it is tried again under a new number":   {0, true, 100 * time.Millisecond, []access.Verb{provision, provision}, 2},
		"it is under way and fails: it is tried again anew": {5 * time.Second, true, time.Second, []access.Verb{provision, provision}, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inWorldOf(t, func(w *world) { w.terms, w.idle = renews, tc.before < 0 }, func(_ *testing.T, w *world) {
				var calls atomic.Int64
				w.target.script(func(access.Message) (time.Duration, error) {
					if calls.Add(1) > 1 {
						return 0, nil
					}
					if tc.fails {
						return tc.takes, &access.DeliveryError{Class: access.ClassRefused, Status: 503, Err: errors.New("503")}
					}
					return tc.takes, nil
				})
				w.mustAsk(time.Hour)
				w.pass(max(tc.before, 0))
				r := w.mustAsk(2 * time.Hour)
				if w.idle {
					w.stop()
					w.idle = false
					w.start()
				}
				w.pass(10 * time.Second)
				w.wantVerbs(tc.verbs...)
				w.wantDeadline(provision, tc.last, r.Grant)
				w.wantSettled(r.Grant.BindingID, access.Present)
			})
		})
	}
}

func TestDeadlinesThatMoveWhileAnUpdateFailsAreOneUpdate(t *testing.T) {
	inWorldOf(t, func(w *world) { w.terms = renews }, func(_ *testing.T, w *world) {
		var down atomic.Bool
		w.target.script(func(access.Message) (time.Duration, error) {
			if down.Load() {
				return 0, &access.DeliveryError{Class: access.ClassRefused, Status: 503, Err: errors.New("503")}
			}
			return 0, nil
		})
		w.mustAsk(30 * time.Second)
		w.settle()
		down.Store(true)
		w.mustAsk(2 * time.Minute)
		w.pass(10 * time.Second)
		last := w.mustAsk(2 * time.Minute)
		w.pass(10 * time.Second)
		if b := w.binding(last.Grant.BindingID); b.Observed != access.Unknown || !b.Renewing || b.DueAt == nil {
			t.Fatalf("while its update fails the binding is %+v", b)
		}
		down.Store(false)
		w.pass(10 * time.Second)
		w.wantDeadline(update, 3, last.Grant)
		w.wantSettled(last.Grant.BindingID, access.Present)
		w.pass(90 * time.Second)
		w.wantDeadline(update, 3, last.Grant) // and then nothing but the end
	})
}

func TestUpdateThatIsUnderWayDoesNotDelayTheEnd(t *testing.T) {
	inWorldOf(t, func(w *world) { w.terms = renews }, func(_ *testing.T, w *world) {
		w.target.script(func(m access.Message) (time.Duration, error) {
			if m.Type == update {
				return 10 * time.Second, nil
			}
			return 0, nil
		})
		first := w.mustAsk(time.Hour)
		w.settle()
		second := w.mustAsk(2 * time.Hour)
		w.pass(time.Second)
		w.revoke(first)
		w.revoke(second)
		w.wantVerbs(provision, deprovision)
		w.pass(time.Minute) // the update lands, and a target that does not compare generations opens what it names
		if w.target.holds() {
			t.Fatalf("the target holds access that was revoked; it was told %v", w.target.verbs())
		}
		w.wantSettled(first.Grant.BindingID, access.Absent)
	})
}

func TestUpdateThatNobodyUnderstandsAnyMoreIsAProvision(t *testing.T) {
	inWorldOf(t, func(w *world) { w.terms = renews }, func(_ *testing.T, w *world) {
		w.mustAsk(time.Hour)
		w.settle()
		w.stop()
		w.idle = true
		w.start()
		r := w.mustAsk(2 * time.Hour)
		w.stop()
		w.idle, w.terms = false, nil
		w.start()
		w.pass(10 * time.Millisecond)
		w.wantVerbs(provision, provision)
		w.wantDeadline(provision, 2, r.Grant)
	})
}

func TestDeadlineThatMovesWithAShiftIsTold(t *testing.T) {
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprintf("to a target that wants to know: %v", told), func(t *testing.T) {
			inNews(t, func(w *world) {
				atMostTenMinutes(w)
				if told {
					w.terms = renews
				}
			}, func(t *testing.T, w *world) {
				w.hearShifts(w.shift(-time.Minute, 2*time.Minute))
				g := w.mustBind()
				w.pass(10 * time.Second)
				w.hearShifts(w.shift(-time.Minute, 4*time.Minute))
				if !told {
					w.wantVerbs(provision)
					return
				}
				w.wantVerbs(provision, update)
				g = w.grant(g.ID)
				w.wantDeadline(update, 2, &g)
				w.hearShifts(w.shift(-time.Minute, 3*time.Minute))
				w.wantVerbs(provision, update, update)
				w.pass(4 * time.Minute)
				w.wantVerbs(provision, update, update, deprovision)
				for _, e := range w.eventsOf(audit.BindingUpdated) {
					if e.Data["verb"] != string(update) {
						t.Errorf("the event is %+v", e)
					}
				}
			})
		})
	}
}

func TestDeadlineThatMovesWhileAProvisionsWordIsWaitedFor(t *testing.T) {
	both := func(box *engine.Target) { renews(box); callsBack(box) }
	cases := map[string]func(t *testing.T, w *world){
		"it comes": func(_ *testing.T, w *world) {
			w.target.act(w.message(1))
			_, err := w.word(w.message(1), done, "")
			w.wantCode(err, "generation_passed")
			w.settle()
		},
		"it does not come": func(_ *testing.T, w *world) { w.pass(time.Minute) },
	}
	for name, story := range cases {
		t.Run(name, func(t *testing.T) {
			inWorldOf(t, func(w *world) { w.terms = both }, func(t *testing.T, w *world) {
				w.mustAsk(time.Hour)
				w.settle()
				r := w.mustAsk(2 * time.Hour)
				w.pass(10 * time.Second)
				w.wantVerbs(provision)
				story(t, w)
				w.wantVerbs(provision, provision)
				w.wantDeadline(provision, 2, r.Grant)
				w.do(w.message(2))
				w.wantSettled(r.Grant.BindingID, access.Present)
				last := w.mustAsk(2 * time.Hour)
				w.settle()
				w.wantDeadline(update, 3, last.Grant)
				w.do(w.message(3))
				w.wantSettled(r.Grant.BindingID, access.Present)
			})
		})
	}
}

// A node of an older release leaves the mark of a renewal where it is when it ends
// access: the target is to close it, whatever the mark says.
func TestWhatIsToBeClosedIsNeverToldAsAnUpdate(t *testing.T) {
	inWorldOf(t, func(w *world) { w.terms = renews }, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		w.target.script(refusesRemoval)
		w.revoke(r)
		w.settle()
		must(t, w.raw(`UPDATE bindings SET renewing = 1`))
		w.target.script(agrees)
		w.pass(10 * time.Second)
		w.wantSettled(r.Grant.BindingID, access.Absent)
		if w.target.holds() {
			t.Error("access is still there")
		}
		for i, verb := range w.target.verbs()[1:] {
			if verb != deprovision {
				t.Errorf("attempt %d at the removal was told as %s", i+1, verb)
			}
		}
	})
}
