package main

import (
	"log/slog"

	"github.com/curfew-access/curfew/engine/metrics"
	"github.com/curfew-access/curfew/engine/outbox"
)

// outbox is what the outbox must know of the target. around, if it is not nil, stands
// around what delivers.
func (t Target) outbox(log *slog.Logger, around func(outbox.Deliverer) outbox.Deliverer) outbox.Target {
	if t.As != nil {
		t.As.LogTo(log)
	}
	out := outbox.Target{Name: t.Name, Deliverer: t.Webhook, Width: t.Width, PerSecond: t.PerSecond, Retry: t.Retry}
	if around != nil {
		out.Deliverer = around(t.Webhook)
	}
	if t.Verify != nil {
		out.Verifier = t.Webhook
	}
	return out
}

// targetFigures is how the targets are, as this node sees it.
func (g *gateway) targetFigures() []metrics.Target {
	if g.worker == nil { // between the making of the two
		return nil
	}
	var out []metrics.Target
	for _, s := range g.worker.States() {
		out = append(out, metrics.Target{Name: s.Name, Up: s.Up, UnderWay: s.UnderWay})
	}
	return out
}
