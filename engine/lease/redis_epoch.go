package lease

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// follows is how often the ledger's epoch is read.
	follows = 400 * time.Millisecond
	// fresh is how long a reading of the ledger's epoch is good for, where a
	// server that is not the master any more may not know it yet.
	fresh = 1500 * time.Millisecond
	// settles is how long after a new epoch a change is not called certain: other
	// nodes may read in the old one. It is longer than fresh.
	settles = 2 * time.Second
	// patience is for how long a node leaves another the time to set up the epoch
	// that it began, and disputes for how long it does not begin one of its own
	// when it sees other servers.
	patience = time.Second
	disputes = 3 * time.Second
	// sentinelLife is how long a sentinel lives without a gateway.
	sentinelLife = 24 * time.Hour
)

// ledgerEpoch is the ledger's epoch as it was read last.
type ledgerEpoch struct {
	mu    sync.Mutex
	epoch access.LeaseEpoch
	asked time.Time // before it was read; zero: never
}

func (e *ledgerEpoch) note(epoch access.LeaseEpoch, asked time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if asked.After(e.asked) {
		e.epoch, e.asked = epoch, asked
	}
}

func (e *ledgerEpoch) read() (epoch access.LeaseEpoch, asked time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.epoch, e.asked
}

// follow reads the ledger's epoch again and again.
func (r *Redis) follow(ctx context.Context) {
	ticker := time.NewTicker(follows)
	defer ticker.Stop()
	for {
		_, err := r.readEpoch(ctx)
		if ctx.Err() == nil {
			r.notes.warn("epoch", err, "the epoch can not be read from the ledger, which is asked in place of Redis: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// readEpoch reads the ledger's epoch, and closes the one that it is not.
func (r *Redis) readEpoch(ctx context.Context) (access.LeaseEpoch, error) {
	ctx, cancel := context.WithTimeout(ctx, settles)
	defer cancel()
	asked := time.Now()
	epoch, err := r.cfg.Epochs.LeaseEpoch(ctx)
	if err != nil {
		return epoch, err
	}
	r.noteEpoch(epoch, asked)
	return epoch, nil
}

func (r *Redis) noteEpoch(epoch access.LeaseEpoch, asked time.Time) {
	before, first := r.ledger.read()
	r.ledger.note(epoch, asked)
	if l := r.live.Load(); l != nil && !l.is(epoch) {
		r.lose(l)
	}
	if before.Number != epoch.Number || first.IsZero() {
		r.signal()
	}
}

// is reports whether the life is of the epoch.
func (l *life) is(epoch access.LeaseEpoch) bool {
	_, nonce := splitServer(epoch.Server)
	return l.number == epoch.Number && l.nonce == nonce
}

// The server of an epoch is the identity of the masters and a nonce, which the
// epoch's sentinels hold: so a node knows whether it began the epoch itself, and
// whether a sentinel is of this ledger.

func joinServer(identity, nonce string) string { return identity + "#" + nonce }

func splitServer(server string) (identity, nonce string) {
	identity, nonce, _ = strings.Cut(server, "#")
	return identity, nonce
}

func newNonce() string { return rand.Text()[:16] }

// identity names the masters: each run of each server is another.
func identity(nodes []*node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.id)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// verdict is what a node makes of the epoch and the masters that it sees.
type verdict int

const (
	agrees verdict = iota // the epoch is on these masters, and they have its keys
	wait                  // another node may be setting it up
	begin                 // a new one is to begin
)

// judge compares the ledger's epoch, of which now is the time, with what was
// found. mine is the nonce of the epoch that this node began last.
func judge(epoch access.LeaseEpoch, now time.Time, identity, mine string, sentinels []string) verdict {
	on, nonce := splitServer(epoch.Server)
	age := now.Sub(epoch.Since).Abs()
	ours := nonce == mine
	switch {
	case epoch.Number == 0 || nonce == "":
		return begin
	case on != identity && !ours && age < disputes:
		return wait
	case on != identity:
		return begin
	case !slices.ContainsFunc(sentinels, func(s string) bool { return s != nonce }):
		return agrees
	case !ours && age < patience:
		return wait
	}
	return begin
}
