package main

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/metrics"
)

// newMetrics makes what counts for operators. The ledger and the lease are open.
func (g *gateway) newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Config{
		Version:     g.version,
		Uncertainty: g.ledger.Uncertainty,
		Skew:        g.ledger.Skew,
		Lease:       g.leaseFigures,
		Policy:      g.policyFigures,
		Decisions:   g.decisionFigures,
		Figures:     g.ledgerFigures,
		SyncAges:    func(ctx context.Context) (map[string]time.Duration, error) { return g.engine.SyncAges(ctx) },
		Sinks:       g.sinkFigures,
		Sources:     g.states,
		Hooks:       g.hookFigures,
		Targets:     g.targetFigures,
		Log:         g.log,
	})
}

func (g *gateway) leaseFigures() metrics.Lease {
	s := g.lease.State()
	return metrics.Lease{Connected: s.Connected, Epoch: s.Epoch, Announced: s.Announced, Skew: s.Skew}
}

func (g *gateway) policyFigures() metrics.Policy {
	if g.delivery == nil { // between the making of the two
		return metrics.Policy{}
	}
	s := g.delivery.State()
	return metrics.Policy{
		Since: s.Since, Refusals: s.Refusals, Current: s.Current(), Active: s.Revision != "" && !s.Elsewhere, SourceUp: !s.Silent,
	}
}

func (g *gateway) ledgerFigures(ctx context.Context) (f metrics.Figures, err error) {
	err = g.ledger.View(ctx, func(tx *ledger.Tx) error {
		counted, err := tx.Figures(g.engine.Asked()...)
		f = metrics.Figures(counted)
		return err
	})
	if g.cfg.Slack == nil {
		f.Notices = access.NoticeCounts{} // what was left when it went is nobody's to show
	}
	if !g.pages() {
		f.Alarms.Untold = 0 // there is nobody to be told
	}
	return f, err
}
