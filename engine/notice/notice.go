package notice

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

// Messenger shows notices. An error that wraps access.Permanent says that this one
// will never be shown; an *access.DeliveryError can say after how long its reader
// may be told anything again. Every other is a fault that may pass.
type Messenger interface {
	// Show shows a notice that is nowhere yet, or changes it where it is, and returns
	// its place. It ends soon after ctx does.
	Show(ctx context.Context, n access.NoticeView) (access.Place, error)
}

// Store keeps what is to be shown, and what is. The engine is one.
type Store interface {
	// BeginNotices has notices begin at the head of the sequence, unless they have
	// begun, and hands back claims of a process that is known to be gone.
	BeginNotices(ctx context.Context) error
	// FollowNotices plans from the next events, a page at the most, and reports
	// whether there may be more. Reading goes to one state of the ledger; what is
	// planned commits with how far it has come, or not at all if another node was
	// first.
	FollowNotices(ctx context.Context, page int, plan func(Ledger, audit.Event) (Plan, error)) (more bool, err error)
	// ClaimNotices takes notices that are due, for so long, at the most one for each
	// reader and none for those in but.
	ClaimNotices(ctx context.Context, owner string, lasts time.Duration, but []string, limit int) ([]access.Notice, error)
	// NoticeView is a notice with what it is about.
	NoticeView(ctx context.Context, n access.Notice) (access.NoticeView, error)
	// RecordNotice writes down what came of a claimed notice. ErrConflict says that
	// the claim was lost.
	RecordNotice(ctx context.Context, owner string, n access.Notice, r Result) error
}

// Ledger is what a plan needs to know beside the event. *ledger.Tx is one. What is
// not there is access.ErrNotFound.
type Ledger interface {
	Request(id string) (access.Request, error)
	Decision(id string) (access.DecisionRecord, error)
	Grant(id string) (access.Grant, error)
	Task(id string) (access.Task, error)
	Reviews(requestID string) ([]access.ReviewRecord, error)
	// Asked lists those who were asked to answer a request.
	Asked(requestID string) ([]access.Recipient, error)
	// PeopleOf lists the users who are in one of the groups, in order, so many at the
	// most.
	PeopleOf(limit int, groups ...string) ([]access.Subject, error)
	// Now is the ledger's time.
	Now() time.Time
}

// Plan is what an event leads to.
type Plan struct {
	Notices []access.Notice
	// What has gone on: notices about it are shown anew.
	Requests, Grants, Tasks, Alarms []string // ids
	// Unasked says that there is a request and nobody to ask, nor to tell so.
	Unasked bool
}

// Add takes what another event leads to too.
func (p *Plan) Add(more Plan) {
	p.Notices = append(p.Notices, more.Notices...)
	p.Requests, p.Grants = append(p.Requests, more.Requests...), append(p.Grants, more.Grants...)
	p.Tasks, p.Alarms = append(p.Tasks, more.Tasks...), append(p.Alarms, more.Alarms...)
}

// Outcome is what came of a claimed notice.
type Outcome string

// The outcomes.
const (
	Shown   Outcome = "shown"   // it is, for the first time
	Changed Outcome = "changed" // what was shown is
	Failed  Outcome = "failed"  // it will be tried again
	Held    Outcome = "held"    // the messenger asked for a rest; it will be tried again
	Dropped Outcome = "dropped" // it can not be shown, and is given up
	Moot    Outcome = "moot"    // there is nothing to tell any more
)

// Result is an outcome with what is to be written down.
type Result struct {
	Outcome Outcome
	Place   access.Place  // shown or changed: where
	Why     string        // not shown: the reason; no secret
	Wait    time.Duration // failed or held: until it is tried again
	Rest    time.Duration // until anything may be shown to its reader
}

// Observer counts for operators. Its method returns at once and is safe for
// concurrent use.
type Observer interface {
	Noticed(outcome string)
}

// Config is what Notices are made of. Store, Messenger, Log and Now are required.
type Config struct {
	Store     Store
	Messenger Messenger
	Log       *slog.Logger
	Now       func() time.Time // the ledger's clock
	Node      string           // names this node in claims, beside what makes them this process's
	// Operators are channels, as the messenger names them, or users ("user:…"): they
	// are told of alarms, and of what nobody else could be told.
	Operators []string
	Observer  Observer // nil: nobody counts
}

// Notices plans and shows. Its methods are safe for concurrent use.
type Notices struct {
	cfg     Config
	planner Planner
	owner   string
	woken   chan struct{} // the follower is to look
	due     chan struct{} // the courier is
	begun   chan struct{} // closed once claims of a process that is gone are handed back: no sooner is anything claimed here

	unread, unclaimed, unrecorded trouble.Line
	courier                       courier
}

// New returns notices that do nothing until they run.
func New(cfg Config) *Notices {
	n := &Notices{
		cfg: cfg, planner: Planner{Operators: cfg.Operators}, owner: access.NewID(cmp.Or(cfg.Node, "node"), cfg.Now()),
		woken: make(chan struct{}, 1), due: make(chan struct{}, 1), begun: make(chan struct{}),
	}
	n.courier = courier{
		Notices: n, busy: map[string]bool{}, breaker: trouble.Breaker{After: downAfter, Rests: probes, Now: cfg.Now},
	}
	return n
}

// Wake has the next events read at once.
func (n *Notices) Wake() { poke(n.woken) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is signalled already
	}
}

// lookEvery is the longest that the ledger goes unlooked at. A look is one
// statement: whoever is to be asked waits for it.
const lookEvery = 300 * time.Millisecond

// Run follows and shows until ctx ends. Then what is being shown is given a few
// seconds.
func (n *Notices) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	loops.Go(func() { n.follow(ctx) })
	n.courier.run(ctx)
	loops.Wait()
	return nil
}

func (n *Notices) count(o Outcome) {
	if n.cfg.Observer != nil {
		n.cfg.Observer.Noticed(string(o))
	}
}
