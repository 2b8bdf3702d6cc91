package engine_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Who gives access by the facts of a resource commits before they change, so that
// the grant is among those that are evaluated again; or after, and then knows them.
func TestFactsOfAResourceDoNotChangeUnderADecision(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, "")
	changed := customer(acme.ID, "bronze")
	done := make(chan error, 1)
	err := c.nodes[0].ledger.Update(t.Context(), func(tx *ledger.Tx) error {
		if err := tx.LockEntitled(access.Entitled{Subject: alice, Action: debug, Resource: acme}); err != nil {
			return err
		}
		go func() {
			_, err := c.nodes[0].SyncResources(t.Context(), engine.SeedSource, access.Catalogue{Resources: []access.Resource{changed}})
			done <- err
		}()
		select {
		case err := <-done:
			t.Errorf("it changed under a decision: %v", err)
			done <- err
		case <-time.After(500 * time.Millisecond): // it would long be done
		}
		return nil
	})
	must(t, err)
	must(t, <-done)
	must(t, c.nodes[0].ledger.View(t.Context(), func(tx *ledger.Tx) error {
		r, err := tx.Resource(acme)
		if r.Properties["tier"] != "bronze" {
			t.Errorf("afterwards it is %+v", r)
		}
		return err
	}))
}
