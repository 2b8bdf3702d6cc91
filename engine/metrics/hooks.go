package metrics

import "github.com/prometheus/client_golang/prometheus"

// hooks tells of the messages to hooks when somebody asks.
type hooks struct {
	read func() map[string]map[string]int64
}

var hookMessages = prometheus.NewDesc("curfew_hook_messages_total",
	"Messages to a hook, by what became of them; refused: they were not signed by a secret that is configured.",
	[]string{"hook", "outcome"}, nil)

// Describe is of prometheus.Collector.
func (hooks) Describe(to chan<- *prometheus.Desc) { to <- hookMessages }

// Collect is of prometheus.Collector.
func (h hooks) Collect(to chan<- prometheus.Metric) {
	if h.read == nil {
		return
	}
	for hook, outcomes := range h.read() {
		for outcome, n := range outcomes {
			to <- prometheus.MustNewConstMetric(hookMessages, prometheus.CounterValue, float64(n), hook, outcome)
		}
	}
}
