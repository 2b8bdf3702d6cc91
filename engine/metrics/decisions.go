package metrics

import "github.com/prometheus/client_golang/prometheus"

// Decisions is how the decision log is.
type Decisions struct {
	Logged  int64 // since the start
	Dropped int64 // for want of room, since the start
	Bytes   int   // that wait for the ledger
}

// decisionLog tells of the decision log when somebody asks.
type decisionLog struct{ read func() Decisions }

var (
	logged       = gauge("curfew_decisions_logged_total", "Decisions that the decision log took.")
	dropped      = gauge("curfew_decisions_dropped_total", "Decisions that are not in the decision log, because its buffer was full.")
	waitingBytes = gauge("curfew_decision_log_bytes", "What of the decision log is not in the ledger yet.")
)

// Describe is of prometheus.Collector.
func (decisionLog) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logged, dropped, waitingBytes} {
		to <- d
	}
}

// Collect is of prometheus.Collector.
func (l decisionLog) Collect(to chan<- prometheus.Metric) {
	if l.read == nil {
		return
	}
	d := l.read()
	to <- prometheus.MustNewConstMetric(logged, prometheus.CounterValue, float64(d.Logged))
	to <- prometheus.MustNewConstMetric(dropped, prometheus.CounterValue, float64(d.Dropped))
	to <- prometheus.MustNewConstMetric(waitingBytes, prometheus.GaugeValue, float64(d.Bytes))
}
