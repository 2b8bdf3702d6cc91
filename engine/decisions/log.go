package decisions

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Store keeps chunks. The ledger satisfies it.
type Store interface {
	// PutDecisionChunks stores chunks, in one transaction. One that is there
	// already is left as it is.
	PutDecisionChunks(ctx context.Context, chunks ...access.DecisionChunk) error
	// ForgetDecisionChunks drops at most limit chunks whose decisions are all from
	// before the time, unless another node does so in this hour. It reports how many
	// there were.
	ForgetDecisionChunks(ctx context.Context, node string, before time.Time, limit int) (int, error)
	// TellDecisionsDropped writes to the audit log that decisions are not in the
	// decision log.
	TellDecisionsDropped(ctx context.Context, node string, dropped int64, since time.Time) error
}

// The defaults of a log.
const (
	DefaultBuffer = 32 << 20
	DefaultKeep   = 90 * 24 * time.Hour
	MinBuffer     = 2 * maxEvent // an event of the greatest length fits
)

// Config is what a log is made of. Store, Now, Log and Node are required.
type Config struct {
	Store  Store
	Form   Form
	Node   string           // names this process among those on the ledger
	Now    func() time.Time // the ledger's clock
	Log    *slog.Logger
	Buffer int           // bytes; default DefaultBuffer
	Keep   time.Duration // how long chunks are kept; default DefaultKeep
}

// Log is the decision log. Record is safe for concurrent use; Run must be running
// for anything to be kept.
type Log struct {
	store  Store
	form   Form
	now    func() time.Time
	log    *slog.Logger
	keep   time.Duration
	buffer buffer
	wake   chan struct{}
	packer packer

	// Of the writer's loop alone.
	waiting   []access.DecisionChunk
	failures  int // in a row
	retryAt   time.Time
	toldAt    time.Time
	unwritten trouble.Line
	unkept    trouble.Line
}

// New returns a log.
func New(cfg Config) (*Log, error) {
	if cfg.Store == nil || cfg.Now == nil || cfg.Log == nil || cfg.Node == "" {
		return nil, errors.New("decisions: the store, the clock, the log and the node's name are required")
	}
	packer, err := newPacker(cfg.Node)
	if err != nil {
		return nil, err
	}
	l := &Log{
		store: cfg.Store, form: cfg.Form, now: cfg.Now, log: cfg.Log, keep: cfg.Keep, buffer: buffer{limit: cfg.Buffer},
		wake: make(chan struct{}, 1), packer: packer,
	}
	if l.keep <= 0 {
		l.keep = DefaultKeep
	}
	if l.buffer.limit <= 0 {
		l.buffer.limit = DefaultBuffer
	}
	return l, nil
}

// about is what a line has beside its input and result, or a little more.
const about = 1 << 10

// Record takes a decision down. It returns at once: what the buffer has no room
// for is dropped, and told.
func (l *Log) Record(e access.DecisionEvent) {
	erased := l.form.erase(&e)
	full := l.buffer.add(e.ID, e.At, len(e.Input)+len(e.Result)+about, func(lines []byte) []byte {
		return l.form.append(lines, &e, erased)
	})
	if full {
		select {
		case l.wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// Figures counts for operators.
func (l *Log) Figures() Figures { return l.buffer.figures() }
