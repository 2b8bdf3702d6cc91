package audit

import (
	"context"
	"log/slog"
	"time"

	"github.com/curfew-access/curfew/engine/trouble"
)

// Store gives committed events their place in the sequence. The ledger
// satisfies it.
type Store interface {
	// SealEvents appends at most limit committed events to the sequence, in one
	// transaction, and reports how many there were.
	SealEvents(ctx context.Context, limit int) (int, error)
}

// Sealer gives every committed event a gapless sequence number. Readers,
// cursors and sinks follow that number, never an id or a time, so that an event
// that commits late is not passed over.
type Sealer struct {
	Store Store
	Every time.Duration // how often it looks; default 100 ms
	Log   *slog.Logger
	// Busy, if set, says that ends are waiting for the ledger: sealing leaves it to
	// them, for sealPatience at the most.
	Busy func() bool

	unsealed trouble.Line
	sealed   time.Time // when it last looked
}

const (
	sealBatch    = 500
	sealPatience = 500 * time.Millisecond
)

// Run seals until ctx ends, and once more then, so that a clean stop leaves no
// event unsealed. A ledger that does not answer is tried again.
func (s *Sealer) Run(ctx context.Context) error {
	every := s.Every
	if every <= 0 {
		every = 100 * time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if s.Busy == nil || !s.Busy() || time.Since(s.sealed) >= sealPatience {
			s.seal(ctx)
			s.sealed = time.Now()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			s.seal(last)
			return nil
		}
	}
}

func (s *Sealer) seal(ctx context.Context) {
	for {
		n, err := s.Store.SealEvents(ctx, sealBatch)
		if err != nil && ctx.Err() == nil {
			s.unsealed.Failed(s.Log, "audit events could not be sealed; trying again", err)
		}
		if err != nil || n < sealBatch {
			return
		}
	}
}
