package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/curfew-access/curfew/engine/access"
)

// gauges are figures that are read when somebody asks. What is not known is
// absent: an old figure would hide that.
type gauges struct {
	cfg     Config
	figures *figures
}

func newGauges(cfg Config) *gauges {
	g := &gauges{cfg: cfg}
	if cfg.Figures != nil {
		g.figures = &figures{read: cfg.count}
	}
	return g
}

func gauge(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

var (
	uncertainty = gauge("curfew_clock_uncertainty_seconds",
		"How far the ledger's clock, as this node knows it, may be from the database's.")
	skew      = gauge("curfew_clock_skew_seconds", "The ledger's clock minus this machine's.")
	leaseSkew = gauge("curfew_lease_clock_skew_seconds", "The lease's clock minus the ledger's.")
	connected = gauge("curfew_lease_connected", "1 while the lease can be read and written, else 0.")
	epoch     = gauge("curfew_lease_epoch", "The number of the lease's life. It grows when what was in it may be lost.")
	expired   = gauge("curfew_lease_expired_events", "1 while the lease announces the ends of grants, else 0.")
	overdue   = gauge("curfew_bindings_overdue", "Bindings that were not brought to their state in time. Absent when the ledger does not answer.")
	live      = gauge("curfew_grants_live", "Grants that give access now. Absent when the ledger does not answer.")
	activated = gauge("curfew_policy_activated_timestamp_seconds",
		"When the policies in force came into force on this node. Absent when there are none.")
	refusals    = gauge("curfew_policy_refused_total", "Newer policies that were broken and refused.")
	current     = gauge("curfew_policy_current", "1 while the newest policies that were seen are in force, else 0.")
	agreed      = gauge("curfew_policy_active", "1 while the policies in force here are those that are active for all nodes, else 0.")
	sourceUp    = gauge("curfew_policy_source_up", "1 while policies can be read where they come from, else 0.")
	openTasks   = prometheus.NewDesc("curfew_tasks_open", "Tasks that wait for a second person. Absent when the ledger does not answer.", []string{"kind"}, nil)
	allOfGauges = []*prometheus.Desc{
		uncertainty, skew, leaseSkew, connected, epoch, expired, overdue, live, activated, refusals, current, agreed, sourceUp, openTasks,
		noticesWaiting, noticeOldest, alarmsOpen, alarmsUntold, syncAge, drifted, oldestQuestion,
		sinkLag, sinkEvents, sinkSetAside,
	}
)

// Describe is of prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range allOfGauges {
		to <- d
	}
}

// Collect is of prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	for d, read := range map[*prometheus.Desc]func() time.Duration{uncertainty: g.cfg.Uncertainty, skew: g.cfg.Skew} {
		if read != nil {
			send(d, read().Seconds())
		}
	}
	if g.cfg.Lease != nil {
		l := g.cfg.Lease()
		send(leaseSkew, l.Skew.Seconds())
		send(connected, truth(l.Connected))
		send(epoch, float64(l.Epoch))
		send(expired, truth(l.Announced))
	}
	if g.cfg.Policy != nil {
		sendPolicy(g.cfg.Policy(), send, to)
	}
	if g.figures == nil {
		return
	}
	if f, known := g.figures.get(); known {
		send(overdue, float64(f.Overdue))
		send(live, float64(f.Live))
		sendTasks(f.Tasks, to)
		sendNotices(f.Notices, send)
		sendAlarms(f.Alarms, to)
		sendSyncs(f.syncs, to)
		sendSinks(f.sinks, to)
		send(drifted, float64(f.Verify.Drifted))
		send(oldestQuestion, f.Verify.Oldest.Seconds())
	}
}

func sendPolicy(p Policy, send func(*prometheus.Desc, float64), to chan<- prometheus.Metric) {
	if !p.Since.IsZero() {
		send(activated, float64(p.Since.UnixMilli())/1000)
	}
	to <- prometheus.MustNewConstMetric(refusals, prometheus.CounterValue, float64(p.Refusals))
	send(current, truth(p.Current))
	send(agreed, truth(p.Active))
	send(sourceUp, truth(p.SourceUp))
}

func sendTasks(open access.TaskCounts, to chan<- prometheus.Metric) {
	for kind, n := range map[access.TaskKind]int64{
		access.TaskAfterReview: open.AfterReview, access.TaskFlag: open.Flag,
		access.TaskBulkEnd: open.BulkEnd, access.TaskForceClose: open.ForceClose,
	} {
		to <- prometheus.MustNewConstMetric(openTasks, prometheus.GaugeValue, float64(n), string(kind))
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
