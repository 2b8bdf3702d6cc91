package main

import (
	"context"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/decisions"
	"github.com/curfew-access/curfew/engine/metrics"
)

// openDecisions makes the decision log, and names this process.
func (g *gateway) openDecisions(context.Context, options) (err error) {
	g.node = access.NewID("node", g.ledger.Now())
	g.decisionForm = decisions.NewForm(map[string]string{"id": g.node, "version": g.version}, g.cfg.Decisions.Masks)
	g.decisions, err = decisions.New(decisions.Config{
		Store: g.ledger, Form: g.decisionForm, Node: g.node, Now: g.ledger.Now, Log: g.log,
		Buffer: g.cfg.Decisions.Buffer, Keep: g.cfg.Decisions.Keep,
	})
	return err
}

// decisionLog is who takes decisions down: nobody, if that is configured. The log
// runs all the same, for what is old.
func (g *gateway) decisionLog() interface{ Record(access.DecisionEvent) } {
	if g.cfg.Decisions.None {
		return nil
	}
	return g.decisions
}

func (g *gateway) decisionFigures() metrics.Decisions {
	return metrics.Decisions(g.decisions.Figures())
}
