package lease_test

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/service"
)

// holes opens connections, and makes those that are open half-open: what is sent
// on them is lost, in both directions, and they stay.
type holes struct {
	mu    sync.Mutex
	conns []*hole
}

type hole struct {
	net.Conn
	open atomic.Bool
}

func (h *holes) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, &hole{Conn: conn})
	return h.conns[len(h.conns)-1], nil
}

func (h *holes) swallow() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.open.Store(true)
	}
}

func (h *hole) Read(p []byte) (int, error) {
	for {
		n, err := h.Conn.Read(p)
		if err != nil || !h.open.Load() {
			return n, err
		}
	}
}

func (h *hole) Write(p []byte) (int, error) {
	if h.open.Load() {
		return len(p), nil
	}
	return h.Conn.Write(p)
}

func TestASubscriptionThatDiesSilentlyIsHeardAgain(t *testing.T) {
	server := service.Redis(t)
	var lines holes
	cfg := config(t, "redis://"+server.Addr)
	cfg.Dial = lines.dial
	s := scene(t, cfg)
	before := s.Connected()
	lines.swallow()
	s.Await("it is subscribed again", func() bool { return s.Connected() > before })
	s.Await("it can be asked", func() bool { return s.Lease.Hold(t.Context(), access.Hold{GrantID: "a", Until: time.Now()}) == nil })
	s.Await("it hears", func() bool { s.Lease.Poke(t.Context(), "a"); return len(s.Heard()) == 1 })
}

func TestALineThatSwallowsAndHealsIsHeardAgain(t *testing.T) {
	t.Parallel()
	line := service.Proxy(t, service.Redis(t).Addr)
	s := scene(t, config(t, "redis://"+line.Addr))
	certain(s, live(s, "alice", 1))
	for name, harm := range map[string]func(){"swallowing": line.Swallow, "cut": line.Cut} {
		harm()
		if allowed(s, "alice") {
			t.Fatalf("a line that is %s says yes", name)
		}
		s.Await("the circuit is open", func() bool { return !s.Lease.State().Connected && !s.Lease.State().Announced })
		must(t, line.Heal())
		heard, n := len(s.Heard()), 0
		s.Await("it hears again", func() bool {
			n++
			_ = s.Lease.Hold(t.Context(), access.Hold{GrantID: name + strconv.Itoa(n), Until: time.Now()})
			return len(s.Heard()) > heard
		})
		s.Await("it says yes", func() bool { return allowed(s, "alice") })
	}
}

func TestAForgedAnnouncementIsOnlyAHint(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	c := client(t, server.Addr)
	until := time.Now().Add(time.Hour)
	must(t, s.Lease.Hold(t.Context(), access.Hold{GrantID: "grt_a", Until: until}))
	for _, key := range []string{
		"", "curfew", "curfew:1:", "curfew:1:g:", "curfew:2:g:grt_a", "other:1:g:grt_a", "curfew:1:s:{x}",
		"curfew:1:g:" + strings.Repeat("x", 1000), "curfew:1:g:a\nb", "curfew:1:g:a b", "curfew:1:g:grt_a",
	} {
		must(t, c.Publish(t.Context(), "__keyevent@0__:expired", key).Err())
		must(t, c.Publish(t.Context(), "__keyevent@1__:expired", "curfew:1:g:other_database").Err())
	}
	s.Await("it is heard", func() bool { return len(s.Heard()) > 0 })
	if heard := s.Heard(); len(heard) != 1 || heard[0] != "grt_a" {
		t.Fatalf("heard %v", heard)
	}
	mended, _, err := s.Lease.Mend(t.Context(), []access.Hold{{GrantID: "grt_a", Until: until}}, nil)
	if err != nil || mended != (access.Mended{}) {
		t.Fatalf("the grant's key was touched: %+v, %v", mended, err)
	}
}

func TestASettingThatIsMissingIsMadeAndOthersAreKept(t *testing.T) {
	t.Parallel()
	server := service.Redis(t, "--notify-keyspace-events", "Kl")
	s := scene(t, config(t, "redis://"+server.Addr))
	flags := client(t, server.Addr).ConfigGet(t.Context(), "notify-keyspace-events").Val()["notify-keyspace-events"]
	for _, flag := range "KlEx" {
		if !strings.ContainsRune(flags, flag) {
			t.Errorf("%c is missing in %q", flag, flags)
		}
	}
	if text := strings.Join(s.Lease.State().Facts, "\n"); !strings.Contains(text, "notify-keyspace-events was") {
		t.Errorf("it is not said: %s", text)
	}
}

func TestThatAllIsWellIsSaidOnce(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	cfg := config(t, "redis://"+server.Addr)
	var log logged
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	s := scene(t, cfg)
	for _, fact := range []string{"maxmemory-policy is noeviction", "ends are announced"} {
		s.Await(fact, func() bool { return strings.Contains(strings.Join(s.Lease.State().Facts, "\n"), fact) })
		if n := strings.Count(log.String(), fact); n != 1 {
			t.Errorf("%q is logged %d times", fact, n)
		}
	}
}

func TestAPolicyThatThrowsKeysAwayIsWarnedOf(t *testing.T) {
	t.Parallel()
	server := service.Redis(t, "--maxmemory-policy", "allkeys-lru")
	s := scene(t, config(t, "redis://"+server.Addr))
	s.Await("it is warned of", func() bool {
		return strings.Contains(strings.Join(s.Lease.State().Warnings, "\n"), "maxmemory-policy is allkeys-lru")
	})
}
