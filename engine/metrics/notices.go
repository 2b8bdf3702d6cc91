package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/curfew-access/curfew/engine/access"
)

// noticeOutcomes is what can come of a notice. Each has its series from the
// beginning, so that a first "dropped" is an increase.
var noticeOutcomes = []string{"shown", "changed", "failed", "held", "dropped", "moot"}

func newNotices() *prometheus.CounterVec {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "curfew_notices_total",
		Help: "Times that this node tried to tell somebody of something, by what came of it; held: the messenger asked for a rest; " +
			"dropped: it can not be told and is given up; moot: there was nothing to tell any more.",
	}, []string{"outcome"})
	for _, o := range noticeOutcomes {
		total.WithLabelValues(o)
	}
	return total
}

// Noticed counts what came of a notice.
func (m *Metrics) Noticed(outcome string) { m.notices.WithLabelValues(outcome).Inc() }

var (
	noticesWaiting = gauge("curfew_notices_waiting", "Notices that wait to be shown, or to be changed. Absent when the ledger does not answer.")
	noticeOldest   = gauge("curfew_notice_oldest_seconds",
		"Since when the first of the notices waits that do; 0 when none does. Absent when the ledger does not answer.")
)

func sendNotices(c access.NoticeCounts, send func(*prometheus.Desc, float64)) {
	send(noticesWaiting, float64(c.Waiting))
	send(noticeOldest, c.Oldest.Seconds())
}
