package main

import (
	"context"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/sinks"
)

// engineSinks is what the engine must know of the sinks.
func (c Config) engineSinks() []engine.Sink {
	var all []engine.Sink
	for _, s := range c.Sinks {
		all = append(all, engine.Sink{Name: s.Name, Kind: s.Kind})
	}
	return all
}

// openSinks makes what sends audit events elsewhere. Nothing is sent here: the gateway
// starts without any of them.
func (g *gateway) openSinks(context.Context, options) error {
	cfg := sinks.Config{Store: g.engine, Log: g.log, Now: g.ledger.Now, Node: g.node, Observer: g.metrics}
	for _, s := range g.cfg.Sinks {
		for _, as := range s.As {
			as.LogTo(g.log)
		}
		if s.File != nil {
			s.File.LogTo(g.log.With("sink", s.Name))
		}
		cfg.Sinks = append(cfg.Sinks, s.Sink)
	}
	g.sinks = sinks.New(cfg)
	return nil
}

// sinkLoops send, and tidy up behind what is sent.
func (g *gateway) sinkLoops() []func(context.Context) error {
	loops := []func(context.Context) error{g.sinks.Run}
	for _, s := range g.cfg.Sinks {
		if s.File != nil {
			loops = append(loops, s.File.Run)
		}
	}
	return loops
}

// sinkChecks is whether all sinks can be sent to, for the probe; none: there are none.
// That one does not answer is an alarm, and no fault of the gateway.
func (g *gateway) sinkChecks() []api.Check {
	if len(g.cfg.Sinks) == 0 {
		return nil
	}
	c := api.Check{Name: "sinks", Status: api.StatusOK}
	if len(g.cfg.Unsent) > 0 {
		c.Status, c.Detail = api.StatusDegraded, "a sink lacks a secret or a file and is sent nothing, and the log has the name"
	}
	return []api.Check{c}
}
