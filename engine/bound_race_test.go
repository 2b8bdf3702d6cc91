package engine_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
)

// Whatever ends a grant in the moment in which facts move it does end it, and
// nothing that moves it brings it back. On PostgreSQL, where transactions do run
// at once.
func TestMovesAtOnceWithEnds(t *testing.T) {
	c := newCluster(t, 1, "")
	l := c.nodes[0].ledger
	n := &news{shifts: map[access.Subject][]access.Shift{}}
	e := engine.New(engine.Config{
		Ledger: l, Policy: &policy{answer: whileOnCall(0, 10*time.Hour)}, Facts: n, Snapshots: n, Lease: lease.NewMemory(l.Now, false),
		Log: slog.New(slog.DiscardHandler), Targets: []engine.Target{{Name: "box", Contract: "box-1", Deadline: time.Second}},
	})
	w := &world{t: t, engine: e, ledger: l, news: n}
	for name, tc := range map[string]struct {
		end func(access.Grant) error
		why access.EndReason
	}{
		"a revoke": {func(g access.Grant) error {
			_, err := e.Revoke(t.Context(), as(alice), g.ID, "")
			return err
		}, access.EndRevoked},
		"a resource that leaves the catalogue": {func(access.Grant) error {
			_, err := e.SyncResources(t.Context(), "seed", access.Catalogue{})
			return err
		}, access.EndResourceGone},
	} {
		t.Run(name, func(t *testing.T) {
			for range 15 {
				w.seed()
				n.set(func(n *news) { n.at, n.shifts[alice] = l.Now(), []access.Shift{w.shift(-time.Hour, 2*time.Hour)} })
				while := access.WhileOnCall
				r, err := e.Submit(t.Context(), as(alice), engine.Ask{Action: debug, Resource: acme, While: &while, Reason: "PD-1"})
				must(t, err)
				n.set(func(n *news) { n.shifts[alice] = []access.Shift{w.shift(-time.Hour, 3*time.Hour)} })
				var both sync.WaitGroup
				both.Go(func() {
					if err := e.FollowFacts(t.Context(), access.Snapshot{}, snapshotOf(access.SourceOnCall, l.Now())); err != nil {
						t.Error(err)
					}
				})
				both.Go(func() {
					if err := tc.end(*r.Grant); err != nil {
						t.Error(err)
					}
				})
				both.Wait()
				w.wantEndedFor(r.Grant.ID, tc.why)
			}
		})
	}
}
