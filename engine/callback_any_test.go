package engine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// flows is a target whose messages start flows: each lands when its time has come,
// in whatever order, believes what it was told, and mostly says so.
type flows struct {
	w    *world
	luck *rand.Rand
	good bool          // from now on all of them work, and soon
	one  chan struct{} // guards the gateway, which is restarted under them
}

// take meets a message as luck has it.
func (f *flows) take(m access.Message) (time.Duration, error) {
	lands, says, acts := time.Second, true, true
	switch n := f.luck.IntN(10); {
	case f.good || m.Data.Callback == nil:
	case n == 0: // it lands long after it should have, and says so then
		lands = time.Minute + time.Duration(f.luck.IntN(240))*time.Second
	case n == 1: // it fails
		acts, lands = false, time.Duration(f.luck.IntN(100))*time.Second
	default: // it lands in time, but nobody need hear of it
		lands, says = time.Duration(f.luck.IntN(60_000))*time.Millisecond, f.luck.IntN(4) > 0
	}
	if !f.good && f.luck.IntN(8) == 0 {
		return time.Second, &access.DeliveryError{Class: access.ClassRefused, Status: 503, Err: errors.New("503")}
	}
	time.AfterFunc(lands, func() { f.land(m, acts, says) })
	if !f.good && f.luck.IntN(6) == 0 {
		return 3 * time.Second, &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: errors.New("timeout")}
	}
	return time.Duration(f.luck.IntN(2)) * time.Second, nil
}

func (f *flows) land(m access.Message, acts, says bool) {
	outcome := failed
	if acts {
		outcome = done
		f.w.target.act(m)
	}
	for says && m.Data.Callback != nil {
		f.one <- struct{}{}
		_, err := f.w.word(m, outcome, "")
		<-f.one
		if err == nil || access.CodeOf(err) != "" {
			return
		}
		time.Sleep(time.Second) // fake: the bubble's clock
	}
}

func (f *flows) restart() {
	f.one <- struct{}{}
	f.w.stop()
	f.w.start()
	<-f.one
}

// Whatever a target's flows do, in whatever order, and whatever people and the
// gateway do meanwhile: when it has all drained, the target has what it should.
func TestAnyOrderOfFlowsEndsInTheRightState(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			luck := rand.New(rand.NewPCG(seed, 7))
			inWorldOf(t, func(w *world) {
				w.terms = func(box *engine.Target) {
					box.CallbackWithin, box.MaxLag, box.Renew = time.Minute, 5*time.Second, seed%2 == 0
				}
			}, func(t *testing.T, w *world) {
				f := &flows{w: w, luck: rand.New(rand.NewPCG(seed, 8)), one: make(chan struct{}, 1)}
				w.target.script(f.take)
				var held []engine.RequestView
				for range 15 {
					switch n := luck.IntN(10); {
					case n < 5:
						held = append(held, w.mustAsk([]time.Duration{30 * time.Second, 2 * time.Minute, time.Hour}[luck.IntN(3)]))
					case n < 9:
						w.revokeAll(held)
						held = nil
					default:
						f.restart()
					}
					w.pass(time.Duration(luck.IntN(40_000)) * time.Millisecond)
				}
				w.revokeAll(held)
				want := access.Absent
				if seed%3 == 0 {
					want = access.Present
					w.mustAsk(2 * time.Hour)
				}
				w.target.mu.Lock()
				f.good = true
				w.target.mu.Unlock()
				w.pass(15 * time.Minute)
				m := w.message(-1)
				w.wantSettled(m.Data.Binding.ID, want)
				if w.target.holds() != (want == access.Present) {
					t.Fatalf("the target holds access: %v; it was told %v", w.target.holds(), w.target.verbs())
				}
			})
		})
	}
}

// revokeAll ends those of the grants that have not ended.
func (w *world) revokeAll(held []engine.RequestView) {
	w.t.Helper()
	for _, r := range held {
		if _, err := w.engine.Revoke(w.t.Context(), as(alice), r.Grant.ID, ""); err != nil && !errors.Is(err, access.ErrConflict) {
			w.t.Fatal(err)
		}
	}
}
