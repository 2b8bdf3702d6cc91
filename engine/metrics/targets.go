package metrics

import "github.com/prometheus/client_golang/prometheus"

// Target is how a target is, as this node sees it.
type Target struct {
	Name     string // an operator's word
	Up       bool   // it is not taken to be down
	UnderWay int    // messages that it has not answered yet
}

// targets are figures that are read when somebody asks.
type targets struct{ read func() []Target }

var (
	targetUp = prometheus.NewDesc("curfew_target_up",
		"0 while this node takes the target to be down and tries it with one message at a time, else 1.", []string{"target"}, nil)
	targetUnderWay = prometheus.NewDesc("curfew_deliveries_under_way",
		"Messages to the target, from this node, that it has not answered yet.", []string{"target"}, nil)
)

// Describe is of prometheus.Collector.
func (targets) Describe(to chan<- *prometheus.Desc) { to <- targetUp; to <- targetUnderWay }

// Collect is of prometheus.Collector.
func (t targets) Collect(to chan<- prometheus.Metric) {
	if t.read == nil {
		return
	}
	for _, s := range t.read() {
		to <- prometheus.MustNewConstMetric(targetUp, prometheus.GaugeValue, truth(s.Up), s.Name)
		to <- prometheus.MustNewConstMetric(targetUnderWay, prometheus.GaugeValue, float64(s.UnderWay), s.Name)
	}
}
