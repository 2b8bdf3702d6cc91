package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/curfew-access/curfew/engine/access"
)

// polls counts how sources of facts are asked. Their names come from the
// configuration, and not from a caller.
type polls struct {
	total *prometheus.CounterVec
	took  *prometheus.HistogramVec
}

// pollBounds goes up to the longest that a source is waited for.
var pollBounds = []float64{.001, .01, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

func newPolls() polls {
	return polls{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "curfew_source_polls_total",
			Help: "How often a source of facts was asked by this node; not_kept: it answered, and the ledger did not take that.",
		}, []string{"source", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "curfew_source_poll_seconds", Help: "How long a source of facts took to answer, or to fail.", Buckets: pollBounds,
		}, []string{"source"}),
	}
}

// Polled counts a poll of a source of facts.
func (m *Metrics) Polled(source, outcome string, took time.Duration) {
	m.polls.total.WithLabelValues(source, outcome).Inc()
	m.polls.took.WithLabelValues(source).Observe(took.Seconds())
}

// sources tells how the sources of facts are when somebody asks.
type sources struct {
	read func() []access.SourceState
}

func sourceGauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"source"}, nil)
}

var (
	sourceAge    = sourceGauge("curfew_source_age_seconds", "How old what a source of facts said last is, as this node knows it. Absent when it never answered.")
	sourceFailed = sourceGauge("curfew_source_failed", "1 while a source of facts can not be asked, else 0.")
	sourceKnown  = sourceGauge("curfew_source_known", "1 while what a source of facts said last counts, 0 when it is too old.")
)

// Describe is of prometheus.Collector.
func (sources) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sourceAge, sourceFailed, sourceKnown} {
		to <- d
	}
}

// Collect is of prometheus.Collector.
func (s sources) Collect(to chan<- prometheus.Metric) {
	if s.read == nil {
		return
	}
	for _, state := range s.read() {
		send := func(d *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, state.Name)
		}
		if state.AgeSeconds != nil {
			send(sourceAge, float64(*state.AgeSeconds))
		}
		send(sourceFailed, truth(state.FailedSince != nil))
		send(sourceKnown, truth(state.Known))
	}
}
