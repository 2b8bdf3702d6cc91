package metrics_test

import (
	"context"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/metrics"
	"github.com/curfew-access/curfew/engine/sinks"
)

var _ sinks.Observer = (*metrics.Metrics)(nil)

func TestHowFarSinksAreBehindIsShown(t *testing.T) {
	t.Parallel()
	cfg := full()
	cfg.Sinks = func(context.Context) ([]metrics.Sink, error) {
		return []metrics.Sink{{Name: "splunk", Lag: 90 * time.Second, Events: 7, SetAside: 2}, {Name: "file"}}, nil
	}
	m := metrics.New(cfg)
	m.SinkSent("splunk", 3)
	m.SinkSent("splunk", 4)
	m.SinkFailed("splunk")
	m.SinkSent("soc", 0)
	wantSeries(t, scrape(t, m), map[string]string{
		`curfew_sink_lag_seconds{sink="splunk"}`:    "90",
		`curfew_sink_lag_seconds{sink="file"}`:      "0",
		`curfew_sink_lag_events{sink="splunk"}`:     "7",
		`curfew_sink_set_aside{sink="splunk"}`:      "2",
		`curfew_sink_set_aside{sink="file"}`:        "0",
		`curfew_sink_sent_total{sink="splunk"}`:     "7",
		`curfew_sink_failures_total{sink="splunk"}`: "1",
		`curfew_sink_sent_total{sink="soc"}`:        "0",
		`curfew_sink_failures_total{sink="soc"}`:    "0",
	})
}
