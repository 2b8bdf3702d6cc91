// Package sinks sends sealed audit events to where others keep and search them: each
// sink is sent the whole sequence, in order and at least once, from a cursor in the
// ledger.
//
// It is behind the ledger and beside everything that gives or ends access: what is
// sent has been committed and sealed before, and nothing waits for it. A sink that is
// down falls behind, and disturbs no other. Each has one batch under way at a time, of
// one node: the node that holds the sink's claim.
//
// The cursor moves when what was sent is known to be safe, and not before: a crash, or
// a node that takes over, sends a batch again under the same ids. An event that the
// sink will never take is set aside, and those behind it go on; but only when the sink
// has taken another one since it refused, so that a sink that refuses everything is
// taken for misconfigured, and loses nothing.
package sinks

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Sender hands records over to a sink. Of its errors, an *access.RejectedError says
// that the sink will never take one of the records; one that wraps access.Permanent,
// that it takes none before somebody mends something; an *access.DeliveryError can say
// after how long it may be tried again. Every other is a fault that may pass. Records
// may have been taken for all of that: they are sent again under the same ids.
type Sender interface {
	// Send hands over records in their order. A receipt other than "" says that they
	// are taken and not safe yet: Settled is asked with it, also after a restart.
	Send(ctx context.Context, records []access.AuditRecord) (receipt string, err error)
}

// Settler is a Sender that gives receipts.
type Settler interface {
	// Settled reports whether what a receipt was given for is safe.
	Settled(ctx context.Context, receipt string) (safe bool, err error)
}

// Sink is one place that events are sent to, and how.
type Sink struct {
	Name       string
	Sender     Sender
	Format     audit.Format  // of the bodies
	MaxRecords int           // in a batch; 0: 500
	MaxBytes   int           // of bodies in a batch; 0: 1 MiB
	MaxRecord  int           // bytes of one body: what is larger is set aside; 0: as much as a batch
	Settle     time.Duration // how long a receipt is asked for before its batch is sent again; 0: 5 min
}

// Store keeps how far sinks have come. The engine is one.
type Store interface {
	// BeginSinks has sinks that are new begin with the oldest event that is kept, those
	// that are not configured any more retire, and hands back claims of a process that
	// is known to be gone.
	BeginSinks(ctx context.Context) error
	// SinkState is how a sink is now.
	SinkState(ctx context.Context, name string) (access.SinkState, error)
	// ClaimSink takes a sink for so long, or keeps it. It is ErrConflict while another
	// node has it.
	ClaimSink(ctx context.Context, owner, name string, lasts time.Duration) error
	// SinkPage is what a sink is to be sent next, so many events at the most.
	SinkPage(ctx context.Context, name string, limit int) (Page, error)
	// RecordSink writes down what came of a turn of a claimed sink. It is ErrConflict
	// when the claim was lost.
	RecordSink(ctx context.Context, owner string, s access.SinkState, r Result) error
}

// Page is what a sink is to be sent, read with its state at one moment.
type Page struct {
	State   access.SinkState
	Events  []Event // in sequence; without those that are set aside
	Through int64   // the page is of what is up to here
	Wanted  *Event  // set aside, and to be sent again; nil: there is none
	Changed error   // among them is one that is not what was sealed, or is not there; nil: all is well
}

// Event is a sealed event.
type Event struct {
	Seq  int64
	ID   string
	Type string
	At   time.Time
	Body []byte // canonical
	// Own says that it is about a sink: what becomes of it is no event again, or sinks
	// would have each other, and themselves, told of it for ever.
	Own bool
}

// Result is what came of a turn. One of its parts is set.
type Result struct {
	Took   *Took
	Failed *Failure
	Resent *Resent
	Leave  bool // the claim is handed back
}

// Took is what a sink has taken, or will never take.
type Took struct {
	Through int64  // whatever is up to here is taken, or set aside
	Receipt string // what the sink gave for it: it is not safe yet; "": it is
	Taken   bool   // something was taken: else all of it was set aside
	Aside   []Aside
}

// Aside is an event that a sink will never take.
type Aside struct {
	Event
	Reason string
}

// Failure is that a sink did not take what it was sent.
type Failure struct {
	access.SinkFailure
	Own  bool          // all that was sent is about sinks
	Wait time.Duration // until it is tried again
}

// Resent is what came of sending an event again that was set aside.
type Resent struct {
	Event
	Refused string // why it was refused again; "": it was taken
}

// Observer counts for operators. Its methods return at once and are safe for
// concurrent use.
type Observer interface {
	// SinkSent: so many events were taken by a sink, perhaps not for the first time; 0 at
	// the beginning.
	SinkSent(sink string, events int)
	// SinkFailed: a sink did not take what it was sent.
	SinkFailed(sink string)
}

type unobserved struct{}

func (unobserved) SinkSent(string, int) {}
func (unobserved) SinkFailed(string)    {}

// Config is what Sinks are made of. Store, Log and Now are required.
type Config struct {
	Store    Store
	Sinks    []Sink // each with a name of its own
	Log      *slog.Logger
	Now      func() time.Time // the ledger's clock
	Node     string           // names this node in claims, beside what makes them this process's
	Observer Observer         // nil: nobody counts
}

// Sinks sends to all sinks.
type Sinks struct {
	cfg       Config
	followers []*follower
	unbegun   trouble.Line
}

// New returns sinks that are sent nothing until they run.
func New(cfg Config) *Sinks {
	s := &Sinks{cfg: cfg}
	if cfg.Observer == nil {
		cfg.Observer = unobserved{}
	}
	owner := access.NewID(cmp.Or(cfg.Node, "node"), cfg.Now())
	for _, sink := range cfg.Sinks {
		cfg.Observer.SinkSent(sink.Name, 0)
		s.followers = append(s.followers, newFollower(cfg, sink, owner))
	}
	return s
}

// Run sends until ctx ends. Then batches under way are given a few seconds, and other
// nodes may go on at once.
func (s *Sinks) Run(ctx context.Context) error {
	if !s.begin(ctx) {
		return nil
	}
	var all sync.WaitGroup
	for _, f := range s.followers {
		all.Go(func() { f.run(ctx) })
	}
	all.Wait()
	return nil
}

// begin goes on trying: nothing is sent before the ledger knows the sinks.
func (s *Sinks) begin(ctx context.Context) bool {
	for {
		err := s.cfg.Store.BeginSinks(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.unbegun.Failed(s.cfg.Log, "sinks could not be read; trying again", err)
		if !pause(ctx, lookEvery) {
			return false
		}
	}
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
