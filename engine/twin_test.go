package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// meeting lets revokes on only when two of them have come.
type meeting struct {
	*policy
	mu  sync.Mutex
	n   int
	met chan struct{}
}

func (m *meeting) Allow(ctx context.Context, in access.APIInput) (access.Permission, error) {
	if in.Operation == "grant.revoke" {
		m.mu.Lock()
		if m.n++; m.n == 2 {
			close(m.met)
		}
		m.mu.Unlock()
		<-m.met
	}
	return m.policy.Allow(ctx, in)
}

// TestATwinOfARevokeIsNotAnsweredBeforeTheLeaseKnows: two revokes under one key
// come at once; the one that did not do it must not say 200 before the one that
// did has told the lease.
func TestATwinOfARevokeIsNotAnsweredBeforeTheLeaseKnows(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.stop()
		w.decider = &meeting{policy: w.policy, met: make(chan struct{})}
		w.start()
		r := w.mustAsk(time.Hour)
		w.wantCheck(true, "lease")
		w.lease.set(func(f *moody) { f.slow = time.Second })
		call := as(alice)
		call.Once = engine.Once{Route: "revoke", Key: "k", BodyHash: "h"}
		answers := make(chan engine.Revocation, 2)
		for range 2 {
			go func() {
				a, err := w.engine.Revoke(t.Context(), call, r.Grant.ID, "")
				if err != nil {
					t.Error(err)
				}
				answers <- a
			}()
		}
		first := <-answers
		if live, by := w.check(w.engine); live && !first.Propagating {
			t.Errorf("a revoke was answered with 200 and a check says yes, by the %s", by)
		}
		<-answers
	})
}

// A node dies after it has claimed a delivery: when its claim lapses, another
// makes the attempt, and the dead node's word counts no more.
func TestClaimOfADeadNodeIsTakenOver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.stop()
		w.idle = true
		w.start()
		w.mustAsk(time.Hour)
		dead, err := w.engine.Claim(t.Context(), "dead", 10, map[string]int{"box-1": 10})
		must(t, err)
		if len(dead) != 1 {
			t.Fatalf("%d claimed", len(dead))
		}
		again, err := w.engine.Claim(t.Context(), "alive", 10, map[string]int{"box-1": 10})
		must(t, err)
		if len(again) != 0 {
			t.Fatal("claimed twice")
		}
		w.pass(15*time.Second + 10*time.Second + time.Millisecond) // the attempt's deadline, and the margin
		again, err = w.engine.Claim(t.Context(), "alive", 10, map[string]int{"box-1": 10})
		must(t, err)
		if len(again) != 1 || again[0].Attempt != 2 || again[0].Generation != dead[0].Generation {
			t.Fatalf("after the claim lapsed: %+v", again)
		}
		_, err = w.engine.Record(t.Context(), access.Outcome{Delivery: dead[0], Receipt: access.Receipt{Status: 204, Tries: 1}})
		must(t, err)
		if b := w.binding(dead[0].BindingID); b.Observed != access.Unknown {
			t.Errorf("a claim that lapsed made it %s", b.Observed)
		}
		_, err = w.engine.Record(t.Context(), access.Outcome{Delivery: again[0], Unsent: true})
		must(t, err)
		handed, err := w.engine.Claim(t.Context(), "third", 10, map[string]int{"box-1": 10})
		must(t, err)
		if len(handed) != 1 || handed[0].Attempt != 3 {
			t.Errorf("what was handed back is not claimed again: %+v", handed)
		}
	})
}
