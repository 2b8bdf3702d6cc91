// Package metrics counts for operators, in Prometheus's terms: how late the ends
// of grants were, how long their removal took, what had to be mended in the
// lease, how checks were answered, and how the clocks and stores are.
//
// It is the only home of the Prometheus client. It decides nothing, is asked
// without a token, and so holds no name of a person or a resource: no label has a
// value that a caller could choose. Targets have the names that operators gave them.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/curfew-access/curfew/engine/access"
)

// Lease is how the lease is.
type Lease struct {
	Connected bool
	Epoch     int64
	Announced bool          // the ends of grants are announced
	Skew      time.Duration // its clock minus the ledger's
}

// Policy is how the policies are.
type Policy struct {
	Since    time.Time // when those in force came into force here; zero: there are none
	Refusals int64     // newer ones that were broken, since the start
	Current  bool      // the newest that were seen are in force
	Active   bool      // those in force here are those that are active for all nodes
	SourceUp bool      // where they come from answers
}

// Figures is what is in the ledger.
type Figures struct {
	Live    int64 // grants that give access now
	Overdue int64 // bindings that were not brought to their state in time
	Tasks   access.TaskCounts
	Notices access.NoticeCounts
	Alarms  access.AlarmCounts
	Verify  access.VerifyCounts
}

// Config is where figures come from that are read when somebody asks. All but
// Log may be nil: their figures are absent then.
type Config struct {
	Version string
	// Uncertainty bounds how far the ledger's clock may be off; Skew is that clock
	// minus this machine's. They return at once.
	Uncertainty, Skew func() time.Duration
	// Lease returns at once.
	Lease func() Lease
	// Policy returns at once.
	Policy func() Policy
	// Decisions returns at once.
	Decisions func() Decisions
	// Sources returns at once.
	Sources func() []access.SourceState
	// Hooks is how many messages each hook had, by what became of them. It returns
	// at once.
	Hooks func() map[string]map[string]int64
	// Targets is how the targets are. It returns at once.
	Targets func() []Target
	// Figures asks the ledger: it may take its time, or not answer at all.
	Figures func(context.Context) (Figures, error)
	// SyncAges asks the ledger how old the catalogues of declared sources are.
	SyncAges func(context.Context) (map[string]time.Duration, error)
	// Sinks asks the ledger how far the sinks of audit events are behind.
	Sinks func(context.Context) ([]Sink, error)
	Log   *slog.Logger
}

// Metrics counts. It satisfies the engine's Observer; its methods return at once
// and are safe for concurrent use.
type Metrics struct {
	registry  *prometheus.Registry
	log       *slog.Logger
	heard     prometheus.Counter
	unheard   prometheus.Counter
	late      prometheus.Histogram
	confirmed prometheus.Histogram
	missing   prometheus.Counter
	extra     prometheus.Counter
	wrong     prometheus.Counter
	checks    *prometheus.CounterVec
	polls     polls
	notices   *prometheus.CounterVec
	asked     *prometheus.CounterVec
	sending   sending
}

// answerers is what a check can be answered by. Each has its series from the
// beginning, so that a first "none" is an increase.
var answerers = []string{"lease", "ledger", "none"}

// New returns metrics with a registry of their own.
func New(cfg Config) *Metrics {
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "curfew_grants_ended_total",
		Help: "Grants that ended for being over, by whether the lease announced the end first.",
	}, []string{"heard"})
	mended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "curfew_lease_mended_total",
		Help: "Keys of the lease that were not as the ledger says and were put right.",
	}, []string{"kind"})
	m := &Metrics{
		registry: prometheus.NewRegistry(), log: cfg.Log,
		heard: ended.WithLabelValues(strconv.FormatBool(true)), unheard: ended.WithLabelValues(strconv.FormatBool(false)),
		late: histogram("curfew_expiry_lateness_seconds",
			"From the time at which a grant was over until it was ended.", promptly),
		confirmed: histogram("curfew_expiry_to_confirmed_seconds",
			"From the time at which a removal was due until the target confirmed it.", append(promptly, slowly...)),
		missing: mended.WithLabelValues("missing"), extra: mended.WithLabelValues("extra"), wrong: mended.WithLabelValues("wrong"),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "curfew_checks_total",
			Help: "Checks that were answered, by what answered; none: no store did, and the answer was no.",
		}, []string{"by"}),
		polls: newPolls(), notices: newNotices(), asked: newAsked(), sending: newSending(),
	}
	for _, by := range answerers {
		m.checks.WithLabelValues(by)
	}
	m.registry.MustRegister(ended, mended, m.late, m.confirmed, m.checks, build(cfg.Version), newGauges(cfg), decisionLog{cfg.Decisions}, hooks{cfg.Hooks},
		sources{cfg.Sources}, targets{cfg.Targets}, m.polls.total, m.polls.took, m.notices, m.asked, m.sending.sent, m.sending.failures,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// The bounds of what is prompt, fine where the promise is (50 ms), and of what
// waits for a target that is down, in seconds.
var (
	promptly = []float64{
		.001, .002, .003, .005, .0075, .01, .015, .02, .03, .04, .05, .075, .1, .15, .2, .3, .5, .75, 1, 1.5, 2, 3, 5, 10, 15, 30, 60,
	}
	slowly = []float64{120, 300, 900, 3600, 6 * 3600, 24 * 3600}
)

func histogram(name, help string, bounds []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds})
}

func build(version string) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "curfew_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	info.Set(1)
	return info
}

// Ended counts the end of a grant that was over.
func (m *Metrics) Ended(late time.Duration, heard bool) {
	m.late.Observe(max(late, 0).Seconds())
	if heard {
		m.heard.Inc()
	} else {
		m.unheard.Inc()
	}
}

// Confirmed counts a removal that a target confirmed.
func (m *Metrics) Confirmed(late time.Duration) { m.confirmed.Observe(max(late, 0).Seconds()) }

// Mended counts what was put right in the lease.
func (m *Metrics) Mended(n access.Mended) {
	m.missing.Add(float64(n.Missing))
	m.extra.Add(float64(n.Extra))
	m.wrong.Add(float64(n.Wrong))
}

// Asked counts a question to a target by what became of it.
func (m *Metrics) Asked(what access.Asked) { m.asked.WithLabelValues(string(what)).Inc() }

// Checked counts a check by what answered it.
func (m *Metrics) Checked(by string) { m.checks.WithLabelValues(by).Inc() }

// maxScrapes bounds how many may read at once: anybody can.
const maxScrapes = 4

// Handler answers Prometheus. What can not be read is left out and logged; the
// rest is answered.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
	})
}
