package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/curfew-access/curfew/engine/access"
)

var (
	alarmsOpen = prometheus.NewDesc("curfew_alarms_open",
		"Alarms that are not over, by what they are about. Absent when the ledger does not answer.", []string{"kind"}, nil)
	alarmsUntold = gauge("curfew_alarms_untold",
		"Alarms that the pager has not heard of, or not that they are over. Absent when the ledger does not answer.")
	syncAge = sourceGauge("curfew_sync_age_seconds",
		"How old the newest catalogue of a declared source is. Absent when it brought none, or the ledger does not answer.")
)

func sendAlarms(c access.AlarmCounts, to chan<- prometheus.Metric) {
	for kind, n := range map[access.AlarmKind]int64{
		access.AlarmOverdue: c.Overdue, access.AlarmDrifted: c.Drifted, access.AlarmSyncStale: c.SyncStale,
		access.AlarmSinkBehind: c.SinkBehind, access.AlarmAuditBroken: c.AuditBroken,
	} {
		to <- prometheus.MustNewConstMetric(alarmsOpen, prometheus.GaugeValue, float64(n), string(kind))
	}
	to <- prometheus.MustNewConstMetric(alarmsUntold, prometheus.GaugeValue, float64(c.Untold))
}

// sendSyncs sends how old catalogues are. The names are those of the configuration.
func sendSyncs(ages map[string]time.Duration, to chan<- prometheus.Metric) {
	for source, age := range ages {
		to <- prometheus.MustNewConstMetric(syncAge, prometheus.GaugeValue, age.Seconds(), source)
	}
}

// counted is what the ledger is asked for, all at once.
type counted struct {
	Figures
	syncs map[string]time.Duration
	sinks []Sink
}

// count asks for it.
func (c Config) count(ctx context.Context) (n counted, err error) {
	if n.Figures, err = c.Figures(ctx); err == nil && c.SyncAges != nil {
		n.syncs, err = c.SyncAges(ctx)
	}
	if err == nil && c.Sinks != nil {
		n.sinks, err = c.Sinks(ctx)
	}
	return n, err
}
