package main

import (
	"context"
	"fmt"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/alarm"
	"github.com/curfew-access/curfew/engine/api"
)

// openAlarms makes what keeps alarms, and whom it calls. Nothing is asked of
// PagerDuty here: the gateway starts without it.
func (g *gateway) openAlarms(context.Context, options) error {
	g.alarms = &alarm.Loop{Store: g.engine, Log: g.log}
	if !g.pages() {
		return nil
	}
	events, err := pagerduty.NewEvents(g.cfg.Paging.EventsConfig)
	if err != nil {
		return fmt.Errorf("alerts: %w", err)
	}
	g.alarms.Pager = events
	return nil
}

// pages reports whether somebody is called.
func (g *gateway) pages() bool { return g.cfg.Paging != nil && !g.cfg.Paging.Missing }

// alertChecks is whether somebody can be called, for the probe; none: nobody is to
// be. That there is an alarm is no fault of the gateway.
func (g *gateway) alertChecks() []api.Check {
	if g.cfg.Paging == nil {
		return nil
	}
	c := api.Check{Name: "alerts", Status: api.StatusOK}
	if g.cfg.Paging.Missing {
		c.Status, c.Detail = api.StatusDegraded, "the pager has no key and is not told, and the log has the name"
	}
	return []api.Check{c}
}
