package lease_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/service"
	"github.com/curfew-access/curfew/tests/suite/leasesuite"
)

// live is a standing with access for long.
func live(s *leasesuite.Scene, name string, version int64) access.Standing {
	return s.Stands(name, version, time.Now().Add(time.Hour).Truncate(time.Microsecond))
}

// next waits until the epoch after the number is connected and announces ends.
func next(s *leasesuite.Scene, after int64) {
	s.Helper()
	s.Await("a new epoch is connected", func() bool {
		state := s.Lease.State()
		return state.Epoch > after && state.Connected && state.Announced
	})
}

func TestWhatWasWrittenIsNotCertainInANewEpoch(t *testing.T) {
	t.Parallel()
	s := scene(t, config(t, "redis://"+service.Redis(t).Addr))
	if err := s.Lease.Stand(t.Context(), live(s, "alice", 1)); !errors.Is(err, access.ErrPropagating) {
		t.Fatalf("got %v", err)
	}
	if !allowed(s, "alice") {
		t.Fatal("it is not written")
	}
	certain(s, live(s, "alice", 2))
}

func TestAFlushBeginsANewEpochAndIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	c := client(t, server.Addr)
	certain(s, live(s, "alice", 1))
	keys := c.Keys(t.Context(), "curfew:1:s:*").Val()
	if len(keys) != 1 || strings.Contains(keys[0], "alice") {
		t.Fatalf("the keys are %v", keys)
	}
	value := c.Get(t.Context(), keys[0]).Val()
	// A writer that knew nothing of the flush, in the same moment.
	pipe := c.TxPipeline()
	pipe.FlushAll(t.Context())
	pipe.Set(t.Context(), keys[0], value, time.Hour)
	_, err := pipe.Exec(t.Context())
	must(t, err)
	if allowed(s, "alice") {
		t.Fatal("what was written after all was lost is taken for what was there before")
	}
	next(s, 1)
	if allowed(s, "alice") {
		t.Fatal("what was written in the epoch before is read")
	}
	if s.Emptied() != 2 {
		t.Fatalf("%d epochs were called empty, want the first and the one after the flush", s.Emptied())
	}
	s.Await("what is left of the epoch before is deleted", func() bool { return c.Exists(t.Context(), keys[0]).Val() == 0 })
}

func TestARestartBeginsANewEpochThoughTheKeysAreKept(t *testing.T) {
	t.Parallel()
	server := service.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := scene(t, config(t, "redis://"+server.Addr))
	certain(s, live(s, "alice", 1))
	subscribed := s.Connected()
	must(t, server.Kill())
	if allowed(s, "alice") {
		t.Fatal("a server that is dead says yes")
	}
	must(t, server.Start())
	if client(t, server.Addr).Exists(t.Context(), "curfew:1:sentinel{0}").Val() != 1 {
		t.Fatal("the keys were not kept: the test shows nothing")
	}
	next(s, 1)
	if allowed(s, "alice") {
		t.Fatal("what was written before the restart is read")
	}
	s.Await("it is subscribed again", func() bool { return s.Connected() > subscribed })
	certain(s, live(s, "alice", 1))
}

func TestRedisNeedNotBeThereAtTheStart(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	must(t, server.Kill())
	r := open(t, config(t, "redis://"+server.Addr))
	started := make(chan error, 1)
	go func() { started <- server.Start() }()
	leasesuite.NewScene(t, r).End()
	must(t, <-started)
}

func TestAHangingServerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	certain(s, live(s, "alice", 1))
	must(t, server.Signal(syscall.SIGSTOP))
	defer func() { _ = server.Signal(syscall.SIGCONT) }()
	if allowed(s, "alice") {
		t.Fatal("it says yes")
	}
	s.Await("the circuit is open", func() bool { return !s.Lease.State().Connected })
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing that waits would succeed
	if err := s.Lease.Stand(ctx, live(s, "alice", 2)); err == nil || errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want that it is not connected", err)
	}
	must(t, server.Signal(syscall.SIGCONT))
	s.Await("it is connected in the same epoch", func() bool { return s.Lease.State().Connected })
	s.Await("it says yes", func() bool { return allowed(s, "alice") })
	if epoch := s.Lease.State().Epoch; epoch != 1 {
		t.Fatalf("the epoch is %d", epoch)
	}
}

func TestNodesAgreeOnTheEpoch(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	cfg := config(t, "redis://"+server.Addr)
	ledger := &epochs{}
	cfg.Epochs = ledger
	a, b := scene(t, cfg), scene(t, cfg)
	certain(a, live(a, "alice", 1))
	if !allowed(b, "alice") {
		t.Fatal("the other node does not see it")
	}
	certain(b, a.Stands("alice", 2, time.Time{}))
	if allowed(a, "alice") {
		t.Fatal("the other node does not see the tombstone")
	}
	must(t, client(t, server.Addr).FlushAll(t.Context()).Err())
	next(a, 1)
	next(b, 1)
	certain(a, live(a, "bob", 1))
	b.Await("the other node sees what is written in the new epoch", func() bool { return allowed(b, "bob") })
	if n := ledger.number(); n != 2 {
		t.Errorf("one flush made epoch %d of the first", n)
	}
}

func TestWithoutTheLedgerNoEpochIsTakenFor(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	cfg := config(t, "redis://"+server.Addr)
	ledger := &epochs{}
	cfg.Epochs = ledger
	s := scene(t, cfg)
	certain(s, live(s, "alice", 1))
	ledger.setDown(true)
	must(t, server.Kill())
	must(t, server.Start())
	s.Await("it is noticed", func() bool { return !s.Lease.State().Connected })
	s.Await("it is said", func() bool { return strings.Contains(strings.Join(s.Lease.State().Warnings, "\n"), "ledger") })
	ledger.setDown(false)
	next(s, 1)
}

func TestLedgersThatShareAPrefixNeverReadEachOthersKeys(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	a := scene(t, config(t, "redis://"+server.Addr))
	certain(a, live(a, "alice", 1))
	b := scene(t, config(t, "redis://"+server.Addr))
	if allowed(b, "alice") {
		t.Fatal("another ledger's standing is read")
	}
	if text := strings.Join(b.Lease.State().Warnings, "\n"); !strings.Contains(text, "another gateway") {
		t.Errorf("it is not said: %s", text)
	}
}

func TestPrefixesAreApart(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	cfg := config(t, "redis://"+server.Addr)
	cfg.Prefix = "one"
	a := scene(t, cfg)
	cfg.Prefix, cfg.Epochs = "two", &epochs{}
	b := scene(t, cfg)
	must(t, a.Lease.Hold(t.Context(), access.Hold{GrantID: "a", Until: time.Now()}))
	a.Await("it is announced", func() bool { a.Lease.Poke(t.Context(), "a"); return len(a.Heard()) == 1 })
	must(t, b.Lease.Hold(t.Context(), access.Hold{GrantID: "b", Until: time.Now()}))
	b.Await("it is announced", func() bool { b.Lease.Poke(t.Context(), "b"); return len(b.Heard()) == 1 })
	if heard := append(a.Heard(), b.Heard()...); heard[0] != "a" || heard[1] != "b" {
		t.Fatalf("announced %v", heard)
	}
	certain(a, live(a, "alice", 1))
	if allowed(b, "alice") {
		t.Fatal("a standing under another prefix is read")
	}
}

func TestAServerThatTakesTheAddressOfAnotherIsNotAskedInItsEpoch(t *testing.T) {
	t.Parallel()
	one, two := service.Redis(t), service.Redis(t)
	var switched atomic.Bool
	var misled atomic.Int64
	cfg := config(t, "redis://"+one.Addr)
	cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if switched.Load() {
			misled.Add(1)
			addr = two.Addr
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	s := scene(t, cfg)
	certain(s, live(s, "alice", 1))
	from, to := client(t, one.Addr), client(t, two.Addr)
	for _, k := range from.Keys(t.Context(), "*").Val() { // the other has it all, and the sentinel too
		must(t, to.Set(t.Context(), k, from.Get(t.Context(), k).Val(), time.Hour).Err())
	}
	switched.Store(true)
	certain(s, s.Stands("alice", 2, time.Time{}))
	var stops []func() int
	for range 20 { // so many at once that new connections are made
		stops = append(stops, watch(s, "alice"))
	}
	s.Await("some are led to the other", func() bool { return misled.Load() > 2 })
	must(t, from.Do(t.Context(), "client", "kill", "type", "normal", "skipme", "yes").Err())
	next(s, 1)
	yes := 0
	for _, stop := range stops {
		yes += stop()
	}
	if yes > 0 {
		t.Errorf("%d checks said yes by the server that knows nothing of the revoke", yes)
	}
}

func TestTheDifferenceOfClocksIsMeasured(t *testing.T) {
	t.Parallel()
	cfg := config(t, "redis://"+service.Redis(t).Addr)
	cfg.Now = func() time.Time { return time.Now().Add(-time.Minute) }
	s := scene(t, cfg)
	if off := s.Lease.Skew() - time.Minute; off.Abs() > time.Second {
		t.Errorf("the difference is %v, measured as %v", time.Minute, s.Lease.Skew())
	}
}
