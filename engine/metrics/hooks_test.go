package metrics_test

import (
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/metrics"
)

func TestMessagesToHooksAreCountedByWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	cfg := full()
	wantSeries(t, scrape(t, metrics.New(cfg)), map[string]string{
		`curfew_hook_messages_total{hook="pagerduty",outcome="taken"}`:   "3",
		`curfew_hook_messages_total{hook="pagerduty",outcome="refused"}`: "0",
	})
	cfg.Hooks = nil
	for name := range scrape(t, metrics.New(cfg)) {
		if strings.HasPrefix(name, "curfew_hook_") {
			t.Errorf("without a hook there is %s", name)
		}
	}
}
