package main

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/ledger"
)

// auditCheck says degraded while nothing is sealed, because the audit log was changed.
// What was changed is for those who may read the gateway's own log.
func (g *gateway) auditCheck(ctx context.Context) api.Check {
	c := api.Check{Name: "audit", Status: api.StatusOK}
	var since *time.Time
	err := g.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		since, _, err = tx.AuditBroken()
		return err
	})
	switch {
	case err != nil:
		c.Status, c.Detail = api.StatusDegraded, "not known: the ledger does not answer"
	case since != nil:
		c.Status, c.Detail = api.StatusDegraded, "it is not what was sealed, and nothing is sealed onto it; look with curfew audit verify --config"
	}
	return c
}
