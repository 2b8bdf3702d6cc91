package audit

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/curfew-access/curfew/engine/trouble"
)

// Store gives committed events their place in the sequence. The ledger
// satisfies it.
type Store interface {
	// SealEvents appends at most limit committed events to the sequence and its
	// tree, in one transaction, and reports how many there were. With keys it signs
	// a checkpoint of them.
	SealEvents(ctx context.Context, limit int, keys *Keys) (int, error)
}

// BrokenError says that the log is not what was sealed before: it was changed, or an
// old copy was put back. Nothing is sealed onto it; events commit and wait.
type BrokenError struct{ Why string }

// Error says why.
func (e *BrokenError) Error() string { return "the audit log is not what was sealed: " + e.Why }

// Sealer gives every committed event a gapless sequence number. Readers,
// cursors and sinks follow that number, never an id or a time, so that an event
// that commits late is not passed over.
type Sealer struct {
	Store Store
	Every time.Duration // how often it looks; default 100 ms
	Log   *slog.Logger
	Keys  *Keys // sign a checkpoint of each seal; nil: there are none
	// Busy, if set, says that ends are waiting for the ledger: sealing leaves it to
	// them, for sealPatience at the most.
	Busy func() bool

	unsealed trouble.Line
	broken   trouble.Line
	sealed   time.Time // when it last looked
}

const (
	sealBatch    = 1000
	sealPatience = 500 * time.Millisecond
	// When so many events have come since it last looked, it lets more of them come:
	// a transaction costs more than an event in it, and the writers are to have that.
	sealMany   = 100
	sealGather = 400 * time.Millisecond
)

// Run seals until ctx ends, and once more then, so that a clean stop leaves no
// event unsealed. A ledger that does not answer is tried again.
func (s *Sealer) Run(ctx context.Context) error {
	every := s.Every
	if every <= 0 {
		every = 100 * time.Millisecond
	}
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			s.seal(last)
			return nil
		}
		next := every
		if s.Busy == nil || !s.Busy() || time.Since(s.sealed) >= sealPatience {
			if s.seal(ctx) >= sealMany {
				next = max(every, sealGather)
			}
			s.sealed = time.Now()
		}
		wait.Reset(next)
	}
}

// seal seals what there is, and reports how many events that were.
func (s *Sealer) seal(ctx context.Context) (sealed int) {
	for {
		n, err := s.Store.SealEvents(ctx, sealBatch, s.Keys)
		sealed += n
		if changed := (*BrokenError)(nil); errors.As(err, &changed) {
			s.broken.Failed(s.Log, "audit events are committed and not sealed, because the audit log was changed or set back; "+
				"look for what was changed with curfew audit verify, and restore it: sealing goes on by itself then", err)
			return sealed
		}
		if err != nil && ctx.Err() == nil {
			s.unsealed.Failed(s.Log, "audit events could not be sealed; trying again", err)
		}
		if err != nil || n < sealBatch {
			return sealed
		}
	}
}
