package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sink is how far a place that audit events are sent to is behind.
type Sink struct {
	Name     string        // an operator's word
	Lag      time.Duration // how old the first event is that it has not; 0: it has all
	Events   int64         // that it has not
	SetAside int64         // events that it would not take
}

func sinkGauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help+" Absent when the ledger does not answer.", []string{"sink"}, nil)
}

var (
	sinkLag      = sinkGauge("curfew_sink_lag_seconds", "How old the first audit event is that the sink has not; 0 when it has all.")
	sinkEvents   = sinkGauge("curfew_sink_lag_events", "Sealed audit events that the sink has not.")
	sinkSetAside = sinkGauge("curfew_sink_set_aside", "Audit events that the sink would not take, and that wait for a person.")
)

// sendSinks sends how far sinks are behind. The names are those of the configuration.
func sendSinks(list []Sink, to chan<- prometheus.Metric) {
	for _, s := range list {
		for d, value := range map[*prometheus.Desc]float64{
			sinkLag: s.Lag.Seconds(), sinkEvents: float64(s.Events), sinkSetAside: float64(s.SetAside),
		} {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, s.Name)
		}
	}
}

// sending counts what this node sends. Each sink has its series from the beginning, so
// that a first failure is an increase.
type sending struct{ sent, failures *prometheus.CounterVec }

func newSending() sending {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"sink"})
	}
	return sending{
		sent:     counter("curfew_sink_sent_total", "Audit events that the sink took from this node, repeats too."),
		failures: counter("curfew_sink_failures_total", "Times that the sink did not take what this node sent."),
	}
}

// SinkSent counts audit events that a sink took; 0 when there is one.
func (m *Metrics) SinkSent(sink string, events int) {
	m.sending.failures.WithLabelValues(sink)
	m.sending.sent.WithLabelValues(sink).Add(float64(events))
}

// SinkFailed counts that a sink did not take what it was sent.
func (m *Metrics) SinkFailed(sink string) { m.sending.failures.WithLabelValues(sink).Inc() }
