package metrics_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/metrics"
	"github.com/curfew-access/curfew/engine/watch"
)

var _ watch.Observer = (*metrics.Metrics)(nil)

func TestSourcesAreCountedAndShown(t *testing.T) {
	t.Parallel()
	since := time.UnixMilli(1_700_000_000_000)
	cfg := full()
	cfg.Sources = func() []access.SourceState {
		return []access.SourceState{
			{Name: "pagerduty", Known: true, AgeSeconds: new(int64(42)), FailedSince: &since},
			{Name: "rota"},
		}
	}
	m := metrics.New(cfg)
	m.Polled("pagerduty", watch.OutcomeAnswered, 300*time.Millisecond)
	m.Polled("pagerduty", watch.OutcomeFailed, time.Minute)
	got := scrape(t, m)
	wantSeries(t, got, map[string]string{
		`curfew_source_age_seconds{source="pagerduty"}`:                    "42",
		`curfew_source_age_seconds{source="rota"}`:                         "",
		`curfew_source_failed{source="pagerduty"}`:                         "1",
		`curfew_source_failed{source="rota"}`:                              "0",
		`curfew_source_known{source="pagerduty"}`:                          "1",
		`curfew_source_known{source="rota"}`:                               "0",
		`curfew_source_polls_total{outcome="answered",source="pagerduty"}`: "1",
		`curfew_source_polls_total{outcome="failed",source="pagerduty"}`:   "1",
		`curfew_source_poll_seconds_bucket{source="pagerduty",le="0.5"}`:   "1",
		`curfew_source_poll_seconds_bucket{source="pagerduty",le="60"}`:    "2",
	})
}
