package lease

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/curfew-access/curfew/engine/access"
)

// backOff is when something that was refused is tried again. It goes by the
// clock, so that nothing that wakes the monitor makes it sooner.
type backOff struct {
	pause time.Duration
	until time.Time
}

const (
	pauseFirst = time.Second
	pauseMost  = 10 * time.Second
)

func (b *backOff) over() bool { return !time.Now().Before(b.until) }

func (b *backOff) more() {
	b.pause = min(max(2*b.pause, pauseFirst), pauseMost)
	b.until = time.Now().Add(b.pause)
}

// begin begins an epoch on the masters and marks them as having it. Should that
// not succeed everywhere, a later look begins another. It returns how long to
// sleep.
//
// A server that answers reads and refuses writes would be the end of one epoch
// after another: so it is tried first whether writes are taken, and while they are
// not, none begins.
func (m *monitor) begin(ctx context.Context, after access.LeaseEpoch, found []*found) time.Duration {
	if !m.refused.over() {
		return looks
	}
	ctx, cancel := context.WithTimeout(ctx, settles)
	defer cancel()
	epoch := after
	if m.unmarked == "" || m.unmarked != after.Server || serverOf(after) != identity(m.nodes) {
		if !m.tryWrites(ctx, newKeys(m.cfg.Prefix, after.Number+1)) {
			m.refused.more()
			return looks
		}
		var first bool
		if epoch, first = m.number(ctx, after, found); !first {
			return looks
		}
	}
	if !m.mark(ctx, epoch) {
		m.refused.more()
		return looks
	}
	m.refused = backOff{}
	return looksSoon
}

// tryWrites reports whether every master takes a key that is over at once.
func (m *monitor) tryWrites(ctx context.Context, k keys) bool {
	taken := true
	for i, n := range m.nodes {
		err := m.finder.client(n.addr, m.cfg.probeOptions).Do(ctx, "set", k.trial(m.masters[i].tag), "1", "pxat", 1).Err()
		m.noteWrite(n, err)
		taken = taken && err == nil
	}
	return taken
}

// number has the ledger number a new epoch. first reports whether it is the one of
// this node.
func (m *monitor) number(ctx context.Context, after access.LeaseEpoch, found []*found) (epoch access.LeaseEpoch, first bool) {
	if slices.ContainsFunc(sentinels(found), func(s string) bool { return s != "" && serverOf(after) == identity(m.nodes) }) {
		m.notes.warn("foreign", errForeign, "an epoch's sentinel was another's: does another gateway, on another ledger, use the prefix %q of this Redis?", m.cfg.Prefix)
	}
	m.mine = newNonce()
	server := joinServer(identity(m.nodes), m.mine)
	asked := time.Now()
	epoch, err := m.cfg.Epochs.NewLeaseEpoch(ctx, after.Number, server)
	m.notes.warn("begin", err, "the ledger takes no new epoch: %v", err)
	if err != nil {
		return epoch, false
	}
	m.noteEpoch(epoch, asked)
	return epoch, epoch.Server == server
}

var errForeign = errors.New("a sentinel is another's")

// mark writes the epoch's sentinels. An epoch whose one sentinel the server said
// it did not take has never been read or written in by anybody, so that it is
// marked again later. Of any other, keys may have been written and lost since.
func (m *monitor) mark(ctx context.Context, epoch access.LeaseEpoch) bool {
	k := newKeys(m.cfg.Prefix, epoch.Number)
	m.unmarked = ""
	marked := true
	for i, n := range m.nodes {
		client := m.finder.client(n.addr, m.cfg.probeOptions)
		err := client.SetArgs(ctx, k.sentinel(m.masters[i].tag), m.mine, redis.SetArgs{Mode: "NX", TTL: sentinelLife}).Err()
		err = unlessNil(err) // it is another's: the next look sees it
		m.noteWrite(n, err)
		marked = marked && err == nil
		if len(m.nodes) == 1 && isRefusal(err) {
			m.unmarked = epoch.Server
		}
	}
	return marked
}
