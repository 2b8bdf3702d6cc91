package chaos

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// History is all that is known of a run once it is over and every fault is
// healed: what callers were told, what the targets were told and did, and what
// the ledger holds.
type History struct {
	Skew    time.Duration // how far the clocks of the callers, the targets and the ledger may be apart
	Steps   []Step
	Checks  []Check
	Dark    []Window // when a node could reach no store
	Deaf    []Window // when a node may not have read the ledger
	Targets []Target
	Told    []string // the audit events that the API listed in the end, in its order
	Sunk    []string // the audit events that a sink took, in the order in which it did
	Key     string   // verifies checkpoints
	Ledger  Ledger
}

// The kinds of Step.
const (
	Ask      = "ask"
	Approve  = "approve"
	Deny     = "deny"
	Withdraw = "withdraw"
	Revoke   = "revoke"
)

// Step is one thing that a caller wanted done, however often it was said.
type Step struct {
	Kind    string
	Key     string // the Idempotency-Key; an Ask has it as its reason, too
	About   access.Entitled
	Object  string     // the request or grant that it is about; "" for an Ask
	Seconds int        // how long an Ask is for
	Later   *time.Time // when what an Ask is for is to begin; nil: at once
	Calls   []Call
}

// Call is one HTTP call of a step.
type Call struct {
	Node         int
	Began, Ended time.Time
	Status       int    // 0: no answer came
	Other        bool   // it had another body under the same key
	RequestID    string // of the answer, as are the following
	GrantID      string
	Live         bool   // the grant had begun
	Code         string // of a problem
	Propagating  bool
}

// Done reports whether the answer says that it happened.
func (c Call) Done() bool { return c.Status >= 200 && c.Status < 300 }

// Check is one question whether a subject may do something now.
type Check struct {
	Node         int
	About        access.Entitled
	Began, Ended time.Time
	Status       int // 0: no answer came
	Yes          bool
}

// Window is a time in which something held for a node.
type Window struct {
	Node     int
	From, To time.Time
}

// Target is what one target was told, and what it came to.
type Target struct {
	Name     string
	Compares bool // it compares generations: it is judged on order
	Calls    []target.Call
	Exists   map[access.Entitled]bool
}

// Ledger is what the ledger holds in the end.
type Ledger struct {
	Now      time.Time
	Requests []Request
	Grants   []Grant
	Bindings []Binding
	Attempts []Attempt
	Log      []Entry // the sealed events, in their sequence
	Head     int64   // the number that the last of them should have
	Pending  int     // events that are not sealed
	Stray    int     // events that are neither sealed nor waiting to be
	// Checkpoints are all that are kept, and then the newest, as signed notes.
	Checkpoints []string
}

// Request is a row of requests.
type Request struct{ ID, Reason, State string }

// Grant is a row of grants.
type Grant struct {
	ID, RequestID, BindingID string
	About                    access.Entitled
	StartsAt, ExpiresAt      time.Time
	CreatedAt                time.Time
	EndedAt                  *time.Time
	Prior, State, EndReason  string
}

// Binding is a row of bindings.
type Binding struct {
	ID                string
	About             access.Entitled
	Target            string
	Desired, Observed string
	Generation        int64
	NextAt            *time.Time
}

// Attempt is a row of attempts.
type Attempt struct {
	BindingID  string
	Generation int64
	Attempt    int
	Verb       access.Verb
	StartedAt  time.Time
	FinishedAt *time.Time
	Class      string // "": under way, or its gateway died
}

// Entry is a sealed audit event.
type Entry struct {
	Seq  int64
	ID   string
	Leaf string // hex
	Body string
}
