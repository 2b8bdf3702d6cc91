package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	looks     = 250 * time.Millisecond // how often the masters are asked how they are
	looksSoon = 25 * time.Millisecond  // while something is under way
	finds     = time.Second            // how often it is asked where they are
	inspects  = 10 * time.Second       // how often settings are looked at
)

// monitor watches the masters. It is used by one goroutine.
type monitor struct {
	*Redis
	finder    *finder
	work      *sync.WaitGroup
	masters   []master
	foundAt   time.Time
	nodes     []*node
	ears      map[*node]context.CancelFunc
	inspected time.Time
	mine      string // nonce of the epoch that this node began last
	unmarked  string // server of an epoch of this node's whose sentinel was refused
	refused   backOff
	wrote     time.Time // when it was last tried whether writes are taken
}

// look finds and asks the masters and holds them against the ledger's epoch. It
// returns how long to sleep.
func (m *monitor) look(ctx context.Context) time.Duration {
	epoch, asked := m.ledger.read()
	if asked.IsZero() {
		return looks // the ledger was not read yet; reading it wakes
	}
	found, err := m.survey(ctx, epoch.Number)
	if ctx.Err() != nil {
		return looks
	}
	if err != nil {
		m.live.Store(nil)
		m.doubt.Store(true)
		m.notes.warn("connection", err, "Redis does not answer as it must, and the ledger is asked in its place: %v", err)
		return looks
	}
	m.renew(found)
	switch judge(epoch, m.cfg.Now(), identity(m.nodes), m.mine, sentinels(found)) {
	case agrees:
		m.adopt(ctx, epoch)
		return looks
	case begin:
		m.live.Store(nil)
		return m.begin(ctx, epoch, found)
	case wait:
		m.live.Store(nil)
	}
	return looksSoon
}

// survey asks where the masters are, if it is time to, and each how it is.
func (m *monitor) survey(ctx context.Context, epoch int64) ([]*found, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout+m.cfg.Timeout)
	defer cancel()
	if m.doubt.Swap(false) || time.Since(m.foundAt) > finds {
		masters, err := m.finder.masters(ctx)
		if err != nil {
			return nil, err
		}
		m.masters, m.foundAt = masters, time.Now()
	}
	k := newKeys(m.cfg.Prefix, epoch)
	out, faults := make([]*found, len(m.masters)), make([]error, len(m.masters))
	var asking sync.WaitGroup
	for i, master := range m.masters {
		client := m.finder.client(master.addr, m.cfg.probeOptions)
		asking.Go(func() {
			f, err := m.probe(ctx, client, k.sentinel(master.tag))
			if err == nil && f.role != "master" {
				err = fmt.Errorf("its role is %s, not master", f.role)
			}
			if err != nil {
				faults[i] = fmt.Errorf("%s: %w", master.addr, plain(err))
			}
			out[i] = f
		})
	}
	asking.Wait()
	return out, errors.Join(faults...)
}

func sentinels(found []*found) (out []string) {
	for _, f := range found {
		out = append(out, f.sentinel)
	}
	return out
}

// renew keeps a node for each master, and makes one for each that is new.
func (m *monitor) renew(found []*found) {
	nodes := make([]*node, len(found))
	for i, f := range found {
		at := slices.IndexFunc(m.nodes, func(n *node) bool { return n.addr == m.masters[i].addr && n.id == f.id })
		if at >= 0 {
			nodes[i] = m.nodes[at]
		} else {
			nodes[i] = m.newNode(m.masters[i].addr, f.id)
			m.inspected = time.Time{}
		}
		nodes[i].saw(f)
		if f.replicas > 0 {
			m.replicated.Store(true)
		}
	}
	for _, n := range m.nodes {
		if !slices.Contains(nodes, n) {
			m.leave(n)
		}
	}
	m.nodes = nodes
	furthest := slices.MaxFunc(nodes, func(a, b *node) int { return cmp.Compare(a.skew.Abs(), b.skew.Abs()) })
	m.skew.Store(int64(furthest.skew))
}

func (m *monitor) leave(n *node) {
	if deafen, ok := m.ears[n]; ok {
		deafen()
		delete(m.ears, n)
	}
	m.notes.leave(n.addr)
	_ = n.client.Close()
}

func serverOf(epoch access.LeaseEpoch) string {
	identity, _ := splitServer(epoch.Server)
	return identity
}

// adopt makes the epoch the one that is read and written in.
func (m *monitor) adopt(ctx context.Context, epoch access.LeaseEpoch) {
	before := m.adopted.Load()
	_, nonce := splitServer(epoch.Server)
	next := &life{
		number: epoch.Number, nonce: nonce, keys: newKeys(m.cfg.Prefix, epoch.Number),
		nodes: m.nodes, masters: m.masters, cluster: m.cfg.URL.Kind == "cluster",
	}
	same := before != nil && before.is(epoch)
	switch {
	case same:
		next.settled = before.settled
	case before != nil || m.mine == nonce || m.cfg.Now().Sub(epoch.Since).Abs() < settles:
		next.settled = time.Now().Add(settles)
	}
	if !same || !slices.Equal(before.nodes, next.nodes) || !sameSlots(before.masters, next.masters) {
		m.adopted.Store(next)
	} else {
		next = before
	}
	connected := m.live.Swap(next) == nil
	if now, _ := m.ledger.read(); !next.is(now) {
		m.live.Store(nil) // the ledger was read meanwhile
		return
	}
	m.notes.warn("connection", nil, "")
	if connected {
		m.cfg.Log.Info("Redis answers", "kind", m.cfg.URL.Kind, "epoch", next.number, "servers", len(next.nodes))
	}
	m.inspect(ctx) // before there are listeners, which then have something to hear
	m.inspectWrites(ctx)
	m.listenTo(ctx)
	if !same && (before != nil || m.mine == nonce) {
		m.events.Emptied()
		m.sweepOld(ctx, next)
	}
}

func sameSlots(a, b []master) bool {
	return slices.EqualFunc(a, b, func(a, b master) bool { return a.addr == b.addr && slices.Equal(a.slots, b.slots) })
}

// listenTo starts a subscription on each master that has none.
func (m *monitor) listenTo(ctx context.Context) {
	for _, n := range m.nodes {
		if _, ok := m.ears[n]; ok {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		m.ears[n] = cancel
		m.work.Go(func() { m.listen(ctx, n) })
	}
}

// close leaves nothing open.
func (m *monitor) close() {
	m.live.Store(nil)
	for _, n := range m.nodes {
		m.leave(n)
	}
	m.finder.close()
}

// plain is the error without the port of ours, which is another each time.
func plain(err error) error {
	if before, after, ok := strings.Cut(err.Error(), "->"); ok && strings.HasPrefix(before, "read tcp") {
		_, reason, _ := strings.Cut(after, ": ")
		return errors.New("read: " + reason)
	}
	return err
}
