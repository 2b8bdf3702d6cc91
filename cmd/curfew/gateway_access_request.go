package main

import (
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/denial"
)

// accessRequests is AuthZEN's access request profile as the gateway offers it.
// The ledger is open.
func (g *gateway) accessRequests() *engine.AccessRequests {
	public := strings.TrimSuffix(g.cfg.ExternalURL, "/")
	offered := &engine.AccessRequests{
		URL:     public,
		Denials: denial.New(public, public+engine.AccessRequestPath, g.ledger, g.ledger.Now),
	}
	if g.cfg.Callbacks != nil {
		offered.Callbacks = g.cfg.Callbacks
	}
	return offered
}
