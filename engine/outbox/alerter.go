package outbox

import (
	"context"
	"log/slog"

	"github.com/curfew-access/curfew/engine/access"
)

// LogAlerter alerts by a line in the log at level error. The audit event is
// written with the taking of the alert.
type LogAlerter struct{ Log *slog.Logger }

// Overdue logs the binding.
func (a LogAlerter) Overdue(_ context.Context, b access.Binding) {
	a.Log.Error("OVERDUE: access is not in the state that it should be", "binding", b.ID, "subject", b.Subject.String(),
		"action", b.Action.Name, "resource", b.Resource.String(), "target", b.Target,
		"desired", b.Desired, "observed", b.Observed, "since", b.DueAt, "attempts", b.Attempts, "error", b.LastError)
}
