package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine"
)

// testRouting is the key of the tests' integration for events.
const testRouting = "hunter2hunter2hunter2hunter2hunt"

func loadAlerts(t *testing.T, config string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "curfew.yaml")
	if err := write(path, config); err != nil {
		t.Fatal(err)
	}
	return loadConfig(path, func(name string) (string, bool) {
		switch name {
		case "ROUTING":
			return testRouting, true
		case "API":
			return "u+hunter2-hunter2-hunter2", true
		}
		return env(name)
	})
}

func TestFaultsOfAlertsAndSourcesNameTheirPlace(t *testing.T) {
	t.Parallel()
	pager := func(more string) string { return "alerts: {pagerduty: {routing_key: env:ROUTING" + more + "}}" }
	for name, tc := range map[string]struct{ config, want string }{
		"no key":                         {"alerts: {pagerduty: {}}", "alerts.pagerduty.routing_key: it is missing"},
		"a literal key":                  {"alerts: {pagerduty: {routing_key: " + testRouting + "}}", "alerts.pagerduty.routing_key: a secret does not stand in the configuration itself"},
		"an API key":                     {"alerts: {pagerduty: {routing_key: env:API}}", "alerts.pagerduty: the routing key is not 32 letters and digits"},
		"another severity":               {pager(", severity: loud"), `alerts.pagerduty: the severity is "loud"; want one of critical, error, warning, info`},
		"PagerDuty in the clear":         {pager(", url: 'http://events.pagerduty.com'"), "takes https only"},
		"an address that is none":        {pager(", url: events.pagerduty.com"), "alerts.pagerduty: the address of the Events API: the URL is not an absolute"},
		"an unknown key":                 {pager(", colour: red"), "alerts.pagerduty.colour: there is no such key"},
		"another pager":                  {"alerts: {opsgenie: {}}", "alerts.opsgenie: there is no such key"},
		"a source without a name":        {"sources: [{every: 1h}]", `sources[0].name: "" is not the name of a source`},
		"a source with a space":          {"sources: [{name: 'my crm', every: 1h}]", "sources[0].name: "},
		"a source in capitals":           {"sources: [{name: AWS, every: 1h}]", "sources[0].name: "},
		"a source that is the file":      {"sources: [{name: seed, every: 1h}]", `sources[0].name: "seed" is what the file resources is called`},
		"a source twice":                 {"sources: [{name: aws, every: 1h}, {name: aws, every: 2h}]", `sources[1].name: "aws" is sources[0] already`},
		"a source without its time":      {"sources: [{name: aws}]", "sources[0].every: it is missing"},
		"a source that hurries":          {"sources: [{name: aws, every: 30s}]", "sources[0].every: 30s is out of range; want 1m0s to 720h0m0s"},
		"a source that takes its time":   {"sources: [{name: aws, every: 721h}]", "sources[0].every: 721h0m0s is out of range"},
		"a source whose time is a count": {"sources: [{name: aws, every: 5}]", "sources[0].every: "},
		"an unknown key of a source":     {"sources: [{name: aws, every: 1h, colour: red}]", "sources[0].colour: there is no such key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := loadAlerts(t, tc.config)
			wantFault(t, err, tc.want)
		})
	}
}

func TestAlertsAndSourcesAreReadWhole(t *testing.T) {
	t.Parallel()
	cfg, err := loadAlerts(t, "external_url: https://curfew.example.com\nalerts: {pagerduty: {routing_key: env:ROUTING}}")
	if err != nil {
		t.Fatal(err)
	}
	if p := cfg.Paging; p == nil || p.RoutingKey != testRouting || p.URL != "" || p.Severity != "" || p.Reach != connectors.ReachPublic ||
		p.ExternalURL != "https://curfew.example.com" || p.Missing || len(cfg.Uncalled) > 0 {
		t.Errorf("read as %v", p)
	}
	asJSON, err := json.Marshal(cfg)
	if text := fmt.Sprintf("%v %+v %#v %v %#v %s", cfg, cfg, cfg, *cfg.Paging, *cfg.Paging, asJSON); err != nil || strings.Contains(text, "hunter2") {
		t.Errorf("the key is printed: %v %s", err, text)
	}
	cfg, err = loadAlerts(t, `alerts: {pagerduty: {routing_key: env:ROUTING, url: "http://127.0.0.1:9", severity: warning}}
sources: [{name: aws, every: 24h}, {name: crm.eu, every: 1m}]`)
	if p := cfg.Paging; err != nil || p.URL != "http://127.0.0.1:9" || p.Severity != "warning" || p.Reach != connectors.ReachPrivate {
		t.Errorf("read as %v, %v", p, err)
	}
	if want := []engine.CatalogueSource{{Name: "aws", Every: 24 * time.Hour}, {Name: "crm.eu", Every: time.Minute}}; !slices.Equal(cfg.Sources, want) {
		t.Errorf("sources are %+v", cfg.Sources)
	}
	if cfg, err = loadAlerts(t, "lease: memory"); err != nil || cfg.Paging != nil || cfg.Sources != nil {
		t.Errorf("without them there are %v, %v, %v", cfg.Paging, cfg.Sources, err)
	}
}

func TestAPagerWithoutItsKeyIsLeftOut(t *testing.T) {
	t.Parallel()
	cfg, err := loadAlerts(t, "alerts: {pagerduty: {routing_key: env:NOWHERE}}")
	if err != nil || !cfg.Paging.Missing || len(cfg.Uncalled) != 1 || !errors.Is(cfg.Uncalled[0], errSecretMissing) ||
		!strings.HasPrefix(cfg.Uncalled[0].Error(), "PagerDuty is not told of alarms: alerts.pagerduty.routing_key: ") {
		t.Errorf("read as %v, %v, %v", cfg.Paging, cfg.Uncalled, err)
	}
}
