package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/metrics"
)

// sinksReady says degraded when a sink does not take audit events, or has not had them
// for too long. Nothing waits for that, and nothing is lost: what it has not had is
// kept for it. Its name is an operator's word.
func (g *gateway) sinksReady(ctx context.Context) []api.Check {
	checks := g.sinkChecks()
	if len(checks) == 0 {
		return nil
	}
	states, err := g.engine.SinkStates(ctx)
	if err != nil {
		checks[0].Status = api.StatusDegraded
		checks[0].Detail = joined(checks[0].Detail, "not known: the ledger does not answer")
		return checks
	}
	if said := troubled(states, g.ledger.Now()); said != "" {
		checks[0].Status, checks[0].Detail = api.StatusDegraded, joined(checks[0].Detail, said)
	}
	return checks
}

func joined(said, more string) string {
	if said == "" {
		return more
	}
	return said + "; " + more
}

// troubled names the sinks that are configured and not as they should be.
func troubled(states []access.SinkState, now time.Time) string {
	var said []string
	for _, s := range states {
		if standing := s.Standing(now); standing != access.SinkOK && standing != access.SinkRetired {
			said = append(said, fmt.Sprintf("%s is %s, by %s", s.Name, standing, s.Lag(now).Round(time.Second)))
		}
	}
	return strings.Join(said, "; ")
}

// sinkFigures is how far the configured sinks are behind.
func (g *gateway) sinkFigures(ctx context.Context) (out []metrics.Sink, err error) {
	if len(g.cfg.Sinks) == 0 {
		return nil, nil
	}
	states, err := g.engine.SinkStates(ctx)
	for _, s := range states {
		if s.RetiredAt == nil {
			out = append(out, metrics.Sink{Name: s.Name, Lag: s.Lag(g.ledger.Now()), Events: max(s.Head-s.Seq, 0), SetAside: s.SetAside})
		}
	}
	return out, err
}
