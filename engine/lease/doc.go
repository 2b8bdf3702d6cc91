// Package lease makes the end of grants prompt and checks fast: it announces the
// moment a grant is over, and holds for each subject, action and resource until
// when there is access. Memory does so for one process, Redis for many.
//
// It is a hint, a clock and an index, never an authority: it makes no access,
// ends none, and may forget everything. The ledger is behind it, and wherever a
// lease is not certain it says that the ledger must be asked.
package lease

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Events is who hears what a lease has to say. Each function returns at once and
// is safe for concurrent use.
type Events struct {
	// Expired: the end of the grant was announced. It is a hint, which anybody
	// with access to the store can forge: look whether the grant is over.
	Expired func(grantID string)
	// Connected: announcements come from now on, and may have been missed before.
	Connected func()
	// Emptied: a new epoch has begun, in which nothing is held yet.
	Emptied func()
}

// Epochs is where the epoch of the store is agreed upon: the ledger.
type Epochs interface {
	// LeaseEpoch returns the epoch; Number 0 before the first.
	LeaseEpoch(ctx context.Context) (access.LeaseEpoch, error)
	// NewLeaseEpoch begins the epoch after the one given, on the server; if another
	// node was first, it returns the one that this began.
	NewLeaseEpoch(ctx context.Context, after int64, server string) (access.LeaseEpoch, error)
}

// State is what a lease found, for operators.
type State struct {
	Kind      string // "memory", "standalone", "sentinel", "cluster"
	Connected bool   // what is held can be read, and belongs to the epoch
	ReadOnly  bool   // writes are refused; a warning says why
	Epoch     int64
	Servers   []string // addresses of the masters
	Replicas  int
	// Announced says that ends are announced: the store was heard to do so.
	Announced bool
	Skew      time.Duration
	Facts     []string // what was found, as sentences
	Warnings  []string // what an operator should change, as sentences
}

// linger is how long a standing is kept at the least, so that one that says that
// access is over outlives whoever is about to write an older one.
const linger = 5 * time.Second
