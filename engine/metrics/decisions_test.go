package metrics_test

import (
	"log/slog"
	"testing"

	"github.com/curfew-access/curfew/engine/metrics"
)

func TestDecisionLogIsCounted(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Config{
		Decisions: func() metrics.Decisions { return metrics.Decisions{Logged: 7, Dropped: 2, Bytes: 512} }, Log: slog.New(slog.DiscardHandler),
	})
	wantSeries(t, scrape(t, m), map[string]string{
		"curfew_decisions_logged_total": "7", "curfew_decisions_dropped_total": "2", "curfew_decision_log_bytes": "512",
	})
	none := scrape(t, metrics.New(metrics.Config{Log: slog.New(slog.DiscardHandler)}))
	if value, there := none["curfew_decisions_logged_total"]; there {
		t.Errorf("without a decision log %s were logged", value)
	}
}
