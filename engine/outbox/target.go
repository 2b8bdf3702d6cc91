package outbox

import (
	"context"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Target is a target as the worker treats it.
type Target struct {
	Name      string // for people
	Deliverer Deliverer
	Verifier  Verifier // nil: it is never asked whether a binding exists
	Width     int      // messages under way at once; 0: the worker's Width
	PerSecond float64  // messages begun in a second, on this node; 0: as many as there are
	// Retry is how deliveries to it are tried again: while it is down, it is tried no
	// more rarely.
	Retry trouble.Backoff
}

// Verifier asks a target whether a binding exists there. access.Unknown says that
// the target can not tell; an error, that it was not asked or did not answer.
type Verifier interface {
	Verify(context.Context, access.Message) (access.Presence, error)
}

// TargetState is how a target is, as this node sees it.
type TargetState struct {
	Name     string
	Up       bool // it is not taken to be down
	UnderWay int  // messages and questions that it has not answered yet
}

// States returns how the targets are, in no order. It returns at once.
func (w *Worker) States() []TargetState {
	w.prepared.Do(w.prepare)
	out := make([]TargetState, 0, len(w.lanes))
	for _, l := range w.lanes {
		_, open := l.breaker.Open()
		out = append(out, TargetState{Name: l.target.Name, Up: !open, UnderWay: len(l.slots)})
	}
	return out
}
