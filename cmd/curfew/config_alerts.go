package main

import (
	"errors"
	"fmt"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/pagerduty"
)

// alertsEntry is who is called when something is wrong, as it is written.
type alertsEntry struct {
	PagerDuty *pagingEntry `yaml:"pagerduty"`
}

// pagingEntry is a service of PagerDuty's that is told of alarms.
type pagingEntry struct {
	RoutingKey secretRef `yaml:"routing_key"` // of an integration of the kind Events API V2
	URL        string    `yaml:"url"`         // default: PagerDuty's own
	Severity   string    `yaml:"severity"`    // of every incident; default: as grave as it is
}

// Paging is how PagerDuty is told of alarms.
type Paging struct {
	pagerduty.EventsConfig `json:"-"`
	Missing                bool // its key is not there: nobody is called
}

func (r *configReader) alerts(entry alertsEntry) {
	if entry.PagerDuty == nil {
		return
	}
	const at = "alerts.pagerduty"
	p := &Paging{EventsConfig: pagerduty.EventsConfig{
		URL: entry.PagerDuty.URL, Severity: entry.PagerDuty.Severity, ExternalURL: r.cfg.ExternalURL,
	}}
	if p.URL != "" {
		p.Reach = connectors.ReachPrivate // an operator names it
	}
	var missing []error
	before := len(r.faults)
	p.RoutingKey = r.optional(at+".routing_key", entry.PagerDuty.RoutingKey, &missing).Reveal()
	p.Missing = len(missing) > 0
	cfg := p.EventsConfig
	if p.Missing || len(r.faults) > before { // that is told already
		cfg.RoutingKey = "00000000000000000000000000000000"
	}
	cfg.ExternalURL = "https://probe.invalid" // its own is told with its own place
	if _, err := pagerduty.NewEvents(cfg); err != nil {
		r.take(at, errors.Unwrap(err))
	}
	if p.Missing {
		r.cfg.Uncalled = append(r.cfg.Uncalled, fmt.Errorf("PagerDuty is not told of alarms: %w", errors.Join(missing...)))
	}
	r.cfg.Paging = p
}
