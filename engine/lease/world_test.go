package lease_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/tests/service"
	"github.com/curfew-access/curfew/tests/suite/leasesuite"
)

// epochs is what the ledger is to a lease.
type epochs struct {
	mu    sync.Mutex
	epoch access.LeaseEpoch
	down  bool
}

var errLedger = errors.New("the ledger is down")

func (e *epochs) LeaseEpoch(context.Context) (access.LeaseEpoch, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		return access.LeaseEpoch{}, errLedger
	}
	return e.epoch, nil
}

func (e *epochs) NewLeaseEpoch(_ context.Context, after int64, server string) (access.LeaseEpoch, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		return access.LeaseEpoch{}, errLedger
	}
	if e.epoch.Number == after {
		e.epoch = access.LeaseEpoch{Number: after + 1, Server: server, Since: time.Now()}
	}
	return e.epoch, nil
}

func (e *epochs) setDown(down bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down = down
}

func (e *epochs) number() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.epoch.Number
}

// logged is a log that can be searched.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// config is one for the URL, on a ledger of its own.
func config(t *testing.T, url string) lease.RedisConfig {
	t.Helper()
	u, err := lease.ParseRedisURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return lease.RedisConfig{
		URL: u, Epochs: &epochs{}, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Timeout: 500 * time.Millisecond, // this machine has others to serve
	}
}

func open(t *testing.T, cfg lease.RedisConfig) *lease.Redis {
	t.Helper()
	r, err := lease.OpenRedis(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// scene runs a lease of the configuration until the test ends.
func scene(t *testing.T, cfg lease.RedisConfig) *leasesuite.Scene {
	t.Helper()
	s := leasesuite.NewScene(t, open(t, cfg))
	s.World = leasesuite.World{Lease: s.Lease, Now: time.Now}
	t.Cleanup(s.End)
	return s
}

// certain writes a standing until every node is known to see it.
func certain(s *leasesuite.Scene, standing access.Standing) {
	s.Helper()
	s.Await("a standing is certain", func() bool { return s.Lease.Stand(s.Context(), standing) == nil })
}

// allowed reports whether a check says yes.
func allowed(s *leasesuite.Scene, name string) bool {
	standing, known := s.Lease.Standing(s.Context(), leasesuite.Of(name))
	return known && standing.LiveAt(time.Now())
}

// client is a bare client of the server.
func client(t *testing.T, addr string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// slow is a Redis that does not look for keys that are over by itself, so that
// what is announced was poked.
func slow(t *testing.T, args ...string) *service.RedisServer {
	t.Helper()
	server := service.Redis(t, args...)
	must(t, client(t, server.Addr).Do(t.Context(), "debug", "set-active-expire", "0").Err())
	return server
}

// prefixes makes a prefix for each world on a server.
type prefixes int

func (p *prefixes) next() string {
	*p++
	return "t" + strconv.Itoa(int(*p))
}
