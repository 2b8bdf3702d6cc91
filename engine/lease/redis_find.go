package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// master is where a master is said to be.
type master struct {
	addr  string
	slots []slotRange // nil: all
	tag   string      // of a key that it has
}

// finder finds the masters. It is used by one goroutine.
type finder struct {
	cfg     *RedisConfig
	clients map[string]*redis.Client // by address: to ask with
	asked   []string                 // whom to ask, whoever answered last first
}

func newFinder(cfg *RedisConfig) *finder {
	return &finder{cfg: cfg, clients: map[string]*redis.Client{}, asked: slices.Clone(cfg.URL.Addrs)}
}

// masters asks where the masters are, in the order of their addresses.
func (f *finder) masters(ctx context.Context) ([]master, error) {
	switch f.cfg.URL.Kind {
	case "sentinel":
		return f.ask(ctx, f.bySentinel)
	case "cluster":
		return f.ask(ctx, f.bySlots)
	}
	return []master{{addr: f.cfg.URL.Addrs[0], tag: "0"}}, nil
}

// ask asks one after another until one answers.
func (f *finder) ask(ctx context.Context, question func(ctx context.Context, addr string) ([]master, error)) ([]master, error) {
	var all error
	for i, addr := range f.asked {
		masters, err := question(ctx, addr)
		if err == nil {
			f.asked = slices.Insert(slices.Delete(f.asked, i, i+1), 0, addr)
			return masters, nil
		}
		all = errors.Join(all, fmt.Errorf("%s: %w", addr, err))
	}
	return nil, all
}

func (f *finder) bySentinel(ctx context.Context, addr string) ([]master, error) {
	client := f.client(addr, f.cfg.sentinelOptions)
	answer, err := client.Do(ctx, "sentinel", "get-master-addr-by-name", f.cfg.URL.Master).StringSlice()
	switch {
	case errors.Is(err, redis.Nil) || err == nil && len(answer) != 2:
		return nil, fmt.Errorf("this Sentinel knows no master %q", f.cfg.URL.Master)
	case err != nil:
		return nil, err
	}
	return []master{{addr: net.JoinHostPort(answer[0], answer[1]), tag: "0"}}, nil
}

func (f *finder) bySlots(ctx context.Context, addr string) ([]master, error) {
	slots, err := f.client(addr, f.cfg.probeOptions).ClusterSlots(ctx).Result() //nolint:staticcheck // CLUSTER SHARDS is not in Redis 6.2
	if err != nil {
		return nil, err
	}
	asked, _, _ := net.SplitHostPort(addr)
	by := map[string][]slotRange{}
	covered := 0
	for _, s := range slots {
		if len(s.Nodes) == 0 {
			continue
		}
		host, port, err := net.SplitHostPort(s.Nodes[0].Addr)
		if err != nil {
			return nil, errors.New("CLUSTER SLOTS names a node without an address")
		}
		at := net.JoinHostPort(cmp.Or(host, asked), port)
		by[at] = append(by[at], slotRange{s.Start, s.End})
		covered += s.End - s.Start + 1
	}
	if covered != slotCount {
		return nil, errors.New("the Cluster serves " + strconv.Itoa(covered) + " of its slots")
	}
	var masters []master
	for at, slots := range by {
		slices.SortFunc(slots, func(a, b slotRange) int { return cmp.Compare(a.first, b.first) })
		masters = append(masters, master{at, slots, tagIn(slots)})
	}
	slices.SortFunc(masters, func(a, b master) int { return cmp.Compare(a.addr, b.addr) })
	f.learn(masters)
	return masters, nil
}

// learn makes the masters ones to ask: those that were named at first may go.
func (f *finder) learn(masters []master) {
	for _, m := range masters {
		if !slices.Contains(f.asked, m.addr) {
			f.asked = append(f.asked, m.addr)
		}
	}
	f.asked = slices.DeleteFunc(f.asked, func(addr string) bool {
		keep := slices.Contains(f.cfg.URL.Addrs, addr) ||
			slices.ContainsFunc(masters, func(m master) bool { return m.addr == addr })
		if !keep {
			f.leave(addr)
		}
		return !keep
	})
}

// client is the one to ask the server with.
func (f *finder) client(addr string, options func(addr string) *redis.Options) *redis.Client {
	client, ok := f.clients[addr]
	if !ok {
		client = redis.NewClient(options(addr))
		f.clients[addr] = client
	}
	return client
}

func (f *finder) leave(addr string) {
	if client, ok := f.clients[addr]; ok {
		_ = client.Close()
		delete(f.clients, addr)
	}
}

func (f *finder) close() {
	for addr := range f.clients {
		f.leave(addr)
	}
}
