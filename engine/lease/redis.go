package lease

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Redis is the lease of many processes. Its methods are safe for concurrent use,
// and of no use while Run does not run: then nothing is known and nothing is
// certain.
type Redis struct {
	cfg    RedisConfig
	wake   chan struct{}
	doubt  atomic.Bool // where the masters are is to be asked anew
	events Events

	live       atomic.Pointer[life] // nil: not connected, or not in the ledger's epoch
	adopted    atomic.Pointer[life] // the last that was live
	ledger     ledgerEpoch
	replicated atomic.Bool // replicas were seen, or are to be expected
	skew       atomic.Int64
	notes      notes
}

// life is an epoch on its servers, as this node reads and writes in it. It does
// not change.
type life struct {
	number int64
	nonce  string // what its sentinels hold
	keys   keys
	// settled is when every node can be known to have seen the epoch.
	settled time.Time
	nodes   []*node
	masters []master // of nodes, in their order
	cluster bool
}

// same reports whether both are of one epoch: other nodes or slots make another
// life of it.
func (l *life) same(other *life) bool { return l.number == other.number && l.nonce == other.nonce }

// node returns the one that has the key; nil if none does.
func (l *life) node(key string) *node {
	if !l.cluster {
		return l.nodes[0]
	}
	slot := slotOf(key)
	for i, m := range l.masters {
		if within(m.slots, slot) {
			return l.nodes[i]
		}
	}
	return nil
}

// OpenRedis returns a lease on Redis, which need not be there: Run looks for it
// until it is. An error is one of the configuration.
func OpenRedis(_ context.Context, cfg RedisConfig) (*Redis, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	// The library writes to stderr what its callers are told as well.
	redis.SetLogger(&logging.VoidLogger{})
	r := &Redis{cfg: cfg, wake: make(chan struct{}, 1)}
	r.replicated.Store(cfg.URL.Kind != "standalone")
	r.notes.log = cfg.Log
	return r, nil
}

// Checks reports that standings are kept.
func (r *Redis) Checks() bool { return true }

// Skew is the store's clock minus the ledger's, as measured: in a Cluster that of
// the master that is furthest off.
func (r *Redis) Skew() time.Duration { return time.Duration(r.skew.Load()) }

// State tells operators what was found.
func (r *Redis) State() State {
	s := State{Kind: r.cfg.URL.Kind, Skew: r.Skew(), Facts: r.notes.facts(), Warnings: r.notes.warnings()}
	if l := r.adopted.Load(); l != nil {
		s.Epoch = l.number
		for _, n := range l.nodes {
			s.Servers = append(s.Servers, n.addr)
			s.Replicas += n.replicas()
		}
	}
	l := r.live.Load()
	s.Connected = l != nil
	s.Announced = r.announced(l)
	s.ReadOnly = l.readOnly()
	return s
}

// announced reports whether every master was heard to announce ends.
func (r *Redis) announced(l *life) bool {
	if l == nil {
		return false
	}
	for _, n := range l.nodes {
		if !n.announces() {
			return false
		}
	}
	return true
}

// Run keeps the connection, the epoch and the subscriptions until ctx ends, and
// leaves nothing open.
func (r *Redis) Run(ctx context.Context, events Events) error {
	r.events = events
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { r.follow(ctx) })
	m := &monitor{Redis: r, finder: newFinder(&r.cfg), work: &work, ears: map[*node]context.CancelFunc{}}
	defer m.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		}
		timer.Reset(m.look(ctx))
	}
}

// signal makes the monitor look at once.
func (r *Redis) signal() {
	select {
	case r.wake <- struct{}{}:
	default: // already signalled
	}
}

// lose opens the circuit: until the monitor has looked again nothing is asked.
func (r *Redis) lose(l *life) {
	r.live.CompareAndSwap(l, nil)
	r.doubt.Store(true)
	r.signal()
}
