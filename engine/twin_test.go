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
