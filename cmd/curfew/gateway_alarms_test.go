package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

// withPager adds a pager, and a source that is to bring its catalogue, to the
// configuration of a home.
func withPager(t *testing.T, dir, url, key string) string {
	t.Helper()
	path := filepath.Join(dir, "curfew.yaml")
	err := errors.Join(write(filepath.Join(dir, "routing"), key), write(path, read(path)+
		"\nalerts: {pagerduty: {routing_key: file:routing, url: '"+url+"'}}\nsources: [{name: aws, every: 1h}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// silent has the source be silent for a day.
func silent(t *testing.T, dir string) {
	t.Helper()
	g := open(t, dir, options{})
	err := errors.Join(g.ledger.Update(t.Context(), func(tx *ledger.Tx) error { return tx.DeclareSources([]string{"aws"}) }), g.Close())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "curfew.db"))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx ledger.Querier) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE sync_sources SET declared_at = declared_at - 86400000000`)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestAnAlarmOfAGatewayIsAnIncidentUntilItIsOver(t *testing.T) {
	t.Parallel()
	pd := fake.New(t, fake.Config{})
	dir := withPager(t, home(t, okTarget(t)), pd.URL(), pd.AddRoutingKey())
	silent(t, dir)
	g, _ := serve(t, dir, options{})
	pd.Await(t, "somebody is called", fake.Paged(1))
	if a := pd.Alerts()[0]; a.Severity != "warning" || !strings.Contains(a.Summary, "aws") {
		t.Errorf("the incident is %+v", a)
	}
	if r := g.ready(t.Context()); r.Status != api.StatusOK {
		t.Errorf("with an alarm the probe says %+v", r)
	}
	if err := g.ledger.Update(t.Context(), func(tx *ledger.Tx) error { return tx.SourceSynced("aws") }); err != nil {
		t.Fatal(err)
	}
	pd.Await(t, "it is resolved", fake.Paged(0))
	if a := pd.Alerts(); len(a) != 1 || a[0].Triggers != 1 || a[0].Resolves != 1 {
		t.Errorf("the incidents are %+v", a)
	}
	figures := anybody(t, g, "/metrics")
	for _, want := range []string{`curfew_alarms_open{kind="sync_stale"} 0`, "curfew_alarms_untold ", `curfew_sync_age_seconds{source="aws"} `} {
		if !strings.Contains(figures, want) {
			t.Errorf("there is no %s in\n%s", want, figures)
		}
	}
}

func TestGatewayStartsWithoutTheKeyOfItsPagerAndSaysSo(t *testing.T) {
	t.Parallel()
	dir := withPager(t, home(t, okTarget(t)), "http://127.0.0.1:9", "")
	g, _ := serve(t, dir, options{})
	found := false
	for _, c := range g.ready(t.Context()).Checks {
		if c.Name == "alerts" {
			found = c.Status == api.StatusDegraded && strings.Contains(c.Detail, "has no key")
		}
	}
	if !found {
		t.Errorf("the probe says %+v", g.ready(t.Context()))
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"config", "check", filepath.Join(dir, "curfew.yaml"), "--against-ledger=false"},
		stdio{In: strings.NewReader(""), Out: &out, Err: &errs, LookupEnv: env})
	if code == exitOK || !strings.Contains(errs.String(), "PagerDuty is not told of alarms: alerts.pagerduty.routing_key") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
}
