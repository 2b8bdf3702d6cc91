package metrics_test

import (
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/metrics"
)

func TestTargetsAreShownAsTheyAre(t *testing.T) {
	t.Parallel()
	cfg := full()
	wantSeries(t, scrape(t, metrics.New(cfg)), map[string]string{
		`curfew_target_up{target="okta"}`:            "1",
		`curfew_target_up{target="gate"}`:            "0",
		`curfew_deliveries_under_way{target="okta"}`: "3",
		`curfew_deliveries_under_way{target="gate"}`: "0",
	})
	cfg.Targets = nil
	for name := range scrape(t, metrics.New(cfg)) {
		if strings.HasPrefix(name, "curfew_target_") || strings.HasPrefix(name, "curfew_deliveries_") {
			t.Errorf("without targets there is %s", name)
		}
	}
}
