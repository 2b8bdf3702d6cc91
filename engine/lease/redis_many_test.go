package lease_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/tests/service"
	"github.com/curfew-access/curfew/tests/suite/leasesuite"
)

// port is the port of an address.
func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

// pair is a master with a replica that follows it, and a Sentinel that watches.
// Both reach the master by a line that can be broken.
type pair struct {
	master, replica, sentinel *service.RedisServer
	line                      *service.ProxyServer
}

func newPair(t *testing.T) pair {
	t.Helper()
	var p pair
	p.master = service.Redis(t, "--repl-diskless-sync-delay", "0")
	p.line = service.Proxy(t, p.master.Addr)
	p.replica = service.Redis(t, "--replicaof", "127.0.0.1 "+port(p.line.Addr), "--repl-diskless-sync-delay", "0")
	until(t, "the replica follows", func() bool {
		return strings.Contains(client(t, p.replica.Addr).Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	p.sentinel = service.Sentinel(t, "sentinel monitor main 127.0.0.1 "+port(p.line.Addr)+" 1",
		"sentinel down-after-milliseconds main 1000", "sentinel failover-timeout main 3000")
	sentinel := client(t, p.sentinel.Addr)
	until(t, "the Sentinel knows the replica", func() bool {
		return strings.Contains(sentinel.Info(t.Context(), "sentinel").Val(), "slaves=1")
	})
	return p
}

// config is one by the Sentinel. The gateway's own line to the master is whole.
func (p pair) config(t *testing.T) lease.RedisConfig {
	t.Helper()
	cfg := config(t, "redis+sentinel://"+p.sentinel.Addr+"/main")
	cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == p.line.Addr {
			addr = p.master.Addr
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return cfg
}

// until waits until the condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not so: %s", what)
		}
	}
}

// watch asks again and again until stopped, and counts how often the answer was yes.
func watch(s *leasesuite.Scene, name string) (stop func() (yes int)) {
	ctx, cancel := context.WithCancel(s.Context())
	var asking sync.WaitGroup
	yes := 0
	asking.Go(func() {
		for ctx.Err() == nil {
			if allowed(s, name) {
				yes++
			}
		}
	})
	return func() int {
		cancel()
		asking.Wait()
		return yes
	}
}

func TestARevokeThatAFailoverLosesIsNeverTakenBack(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	s := scene(t, p.config(t))
	certain(s, live(s, "alice", 1))
	if !allowed(s, "alice") {
		t.Fatal("there is no access to lose")
	}
	if n := s.Lease.State().Replicas; n != 1 {
		t.Fatalf("%d replicas are seen", n)
	}

	// The master is cut off from its replica and from the Sentinel, not from us.
	p.line.Swallow()
	err := s.Lease.Stand(t.Context(), s.Stands("alice", 2, time.Time{}))
	if !errors.Is(err, access.ErrPropagating) {
		t.Fatalf("a change that no replica has is answered with %v", err)
	}
	stop := watch(s, "alice")
	replica := client(t, p.replica.Addr)
	held := replica.Keys(t.Context(), "curfew:1:s:*").Val()
	if len(held) != 1 || !strings.HasPrefix(replica.Get(t.Context(), held[0]).Val(), "1 ") {
		t.Fatal("the replica has the tombstone: the test shows nothing")
	}
	next(s, 1)
	s.Await("it can be written", func() bool {
		err := s.Lease.Stand(t.Context(), live(s, "bob", 1))
		return err == nil || errors.Is(err, access.ErrPropagating)
	})
	if yes := stop(); yes > 0 {
		t.Errorf("after the revoke %d checks said yes", yes)
	}
	if s.Emptied() != 2 {
		t.Errorf("%d epochs were called empty", s.Emptied())
	}
	s.Await("it hears", func() bool {
		_ = s.Lease.Hold(t.Context(), access.Hold{GrantID: "a", Until: time.Now()})
		s.Lease.Poke(t.Context(), "a")
		return len(s.Heard()) == 1
	})
}

func TestAReplicatedRedisIsNotAskedWhenTheLedgerWasNot(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	cfg := p.config(t)
	ledger := &epochs{}
	cfg.Epochs = ledger
	s := scene(t, cfg)
	certain(s, live(s, "alice", 1))
	ledger.setDown(true)
	s.Await("what stands is not known", func() bool {
		_, known := s.Lease.Standing(t.Context(), leasesuite.Of("alice"))
		return !known
	})
	if err := s.Lease.Stand(t.Context(), live(s, "alice", 2)); !errors.Is(err, access.ErrPropagating) {
		t.Errorf("got %v", err)
	}
	ledger.setDown(false)
	s.Await("it is known again", func() bool { return allowed(s, "alice") })
	if !s.Lease.State().Connected || s.Lease.State().Epoch != 1 {
		t.Errorf("the state is %+v", s.Lease.State())
	}
}

func TestAMasterThatBecameAReplicaIsNotAsked(t *testing.T) {
	t.Parallel()
	one, two := service.Redis(t), service.Redis(t)
	s := scene(t, config(t, "redis://"+one.Addr))
	certain(s, live(s, "alice", 1))
	must(t, client(t, one.Addr).ReplicaOf(t.Context(), "127.0.0.1", port(two.Addr)).Err())
	s.Await("it is noticed", func() bool { return !s.Lease.State().Connected })
	if allowed(s, "alice") {
		t.Error("a replica says yes")
	}
	must(t, client(t, one.Addr).ReplicaOf(t.Context(), "no", "one").Err())
	next(s, 1)
}

// cluster starts three masters that have the slots between them.
func cluster(t *testing.T) (servers []*service.RedisServer) {
	t.Helper()
	const slots = 16384
	for i := range 3 {
		server := service.Redis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--enable-debug-command", "yes")
		servers = append(servers, server)
		c := client(t, server.Addr)
		must(t, c.ClusterAddSlotsRange(t.Context(), slots*i/3, slots*(i+1)/3-1).Err())
		must(t, c.Do(t.Context(), "cluster", "set-config-epoch", i+1).Err())
		must(t, c.Do(t.Context(), "debug", "set-active-expire", "0").Err())
		must(t, c.ClusterMeet(t.Context(), "127.0.0.1", port(servers[0].Addr)).Err())
	}
	for _, server := range servers {
		c := client(t, server.Addr)
		until(t, "the cluster is one", func() bool {
			info := c.ClusterInfo(t.Context()).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return servers
}

func TestRedisClusterSuite(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	var prefix prefixes
	leasesuite.Run(t, func(t *testing.T, story func(*testing.T, leasesuite.World)) {
		cfg := config(t, "redis+cluster://"+servers[0].Addr+","+servers[1].Addr)
		cfg.Prefix = prefix.next()
		story(t, leasesuite.World{Lease: open(t, cfg), Now: time.Now, Unit: 300 * time.Millisecond, Many: 1300})
	})
	for _, server := range servers {
		if n := client(t, server.Addr).DBSize(t.Context()).Val(); n < 300 {
			t.Errorf("one of the masters holds %d keys: they are not shared out", n)
		}
	}
}

func TestAMasterOfAClusterThatRestartsBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	s := scene(t, config(t, "redis+cluster://"+servers[0].Addr))
	names := []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan"}
	for _, name := range names {
		certain(s, live(s, name, 1))
	}
	must(t, servers[0].Kill())
	must(t, servers[0].Start())
	next(s, 1)
	for _, name := range names {
		if allowed(s, name) {
			t.Errorf("%s's standing of before is read", name)
		}
	}
	certain(s, live(s, "alice", 1))
}

func TestASlotOfAClusterMayMove(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	s := scene(t, config(t, "redis+cluster://"+servers[0].Addr))
	certain(s, live(s, "alice", 1))
	from, name := holder(t, servers)
	to := (from + 1) % 3
	slot := client(t, servers[from].Addr).ClusterKeySlot(t.Context(), name).Val()
	move(t, servers, from, to, slot, name)
	stop := func() bool { return allowed(s, "alice") }
	s.Await("what stands is known where it is now", stop)
	certain(s, s.Stands("alice", 2, time.Time{}))
	if allowed(s, "alice") || s.Lease.State().Epoch != 1 {
		t.Errorf("the state is %+v", s.Lease.State())
	}
	if client(t, servers[to].Addr).Exists(t.Context(), name).Val() != 1 {
		t.Error("the slot did not move: the test shows nothing")
	}
}

// holder finds the one standing that is held.
func holder(t *testing.T, servers []*service.RedisServer) (at int, key string) {
	t.Helper()
	for i, server := range servers {
		if keys := client(t, server.Addr).Keys(t.Context(), "curfew:*:s:*").Val(); len(keys) == 1 {
			return i, keys[0]
		}
	}
	t.Fatal("nothing stands")
	return 0, ""
}

// move moves a slot with its one key.
func move(t *testing.T, servers []*service.RedisServer, from, to int, slot int64, key string) {
	t.Helper()
	a, b := client(t, servers[from].Addr), client(t, servers[to].Addr)
	id := func(c *redis.Client) string { return c.ClusterMyID(t.Context()).Val() }
	idA, idB := id(a), id(b)
	must(t, b.Do(t.Context(), "cluster", "setslot", slot, "importing", idA).Err())
	must(t, a.Do(t.Context(), "cluster", "setslot", slot, "migrating", idB).Err())
	must(t, a.Do(t.Context(), "migrate", "127.0.0.1", port(servers[to].Addr), key, 0, 5000).Err())
	for _, server := range []*service.RedisServer{servers[to], servers[from]} {
		must(t, client(t, server.Addr).Do(t.Context(), "cluster", "setslot", fmt.Sprint(slot), "node", idB).Err())
	}
}
