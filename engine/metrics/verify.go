package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/curfew-access/curfew/engine/access"
)

var (
	drifted = gauge("curfew_bindings_drifted",
		"Bindings that are not as they should be, by their target's own word. Absent when the ledger does not answer.")
	oldestQuestion = gauge("curfew_verification_oldest_seconds",
		"For how long it has been time to ask about the binding that waits longest to be asked about. Absent when the ledger does not answer.")
)

func newAsked() *prometheus.CounterVec {
	asked := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "curfew_verifications_total",
		Help: "Questions to targets whether a binding exists, by what became of them.",
	}, []string{"outcome"})
	for _, what := range []access.Asked{access.AskedAgreed, access.AskedDrifted, access.AskedUnknown, access.AskedFailed, access.AskedOver} {
		asked.WithLabelValues(string(what))
	}
	return asked
}
