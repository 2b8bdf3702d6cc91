package lease_test

import (
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/tests/service"
	"github.com/curfew-access/curfew/tests/suite/leasesuite"
)

// calls is how often the server was asked for a command, and how often it refused
// it before it looked at it.
func calls(t *testing.T, c *redis.Client, command string) (served, rejected int) {
	t.Helper()
	found := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+),.*rejected_calls=(\d+)`).
		FindStringSubmatch(c.Info(t.Context(), "commandstats").Val())
	if found == nil {
		return 0, 0
	}
	served, _ = strconv.Atoi(found[1])
	rejected, _ = strconv.Atoi(found[2])
	return served, rejected
}

// looked waits until the server was looked at so many times more. It takes a
// quarter of a second each time.
func looked(t *testing.T, c *redis.Client, r *lease.Redis, times int) {
	t.Helper()
	before, _ := calls(t, c, "time")
	await(t, "it is looked at the server", r, func() bool {
		now, _ := calls(t, c, "time")
		return now >= before+times
	})
}

func TestAFullRedisThatLostItsKeysBeginsNoEpochUntilItTakesWrites(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	cfg := config(t, "redis://"+server.Addr)
	ledger := &epochs{}
	cfg.Epochs = ledger
	s, c := scene(t, cfg), client(t, server.Addr)
	r := s.Lease.(*lease.Redis)
	certain(s, live(s, "alice", 1))
	must(t, c.ConfigSet(t.Context(), "maxmemory", "1").Err())
	must(t, c.FlushAll(t.Context()).Err())
	s.Await("it is seen", func() bool { return !r.State().Connected })
	await(t, "it is said", r, warned(r, "takes no writes (OOM)"))
	_, before := calls(t, c, "set")
	looked(t, c, r, 12)
	if n := ledger.number(); n > 2 {
		t.Errorf("the epoch is %d", n)
	}
	if _, after := calls(t, c, "set"); after-before > 3 {
		t.Errorf("%d writes were tried in three seconds", after-before)
	}
	if state := r.State(); state.Connected || allowed(s, "alice") {
		t.Errorf("it is used: %+v", state)
	}
	must(t, c.ConfigSet(t.Context(), "maxmemory", "0").Err())
	next(s, 1)
	if n := ledger.number(); n != 2 {
		t.Errorf("the epoch is %d", n)
	}
	if allowed(s, "alice") || warned(r, "takes no writes")() {
		t.Errorf("the state is %+v", r.State())
	}
	certain(s, live(s, "alice", 1))
}

func TestAUserWhoMayNotWriteBeginsNoEpoch(t *testing.T) {
	t.Parallel()
	server := service.Redis(t, "--notify-keyspace-events", "Ex")
	user(t, server.Addr, "&*", "-@write")
	cfg := config(t, "redis://gateway:s3cret%2Fpass@"+server.Addr)
	ledger := &epochs{}
	cfg.Epochs = ledger
	r, c := mute(t, cfg), client(t, server.Addr)
	await(t, "it is said", r, warned(r, "takes no writes (NOPERM)"))
	looked(t, c, r, 12)
	if n := ledger.number(); n > 1 || r.State().Connected {
		t.Errorf("the epoch is %d and the state %+v", n, r.State())
	}
	user(t, server.Addr, "&*")
	await(t, "it is connected", r, func() bool { return r.State().Connected && !warned(r, "takes no writes")() })
}

// The trial is taken and the sentinel is not: nobody can have read or written in
// the epoch, which is marked again.
func TestAnEpochWhoseSentinelWasRefusedIsMarkedLater(t *testing.T) {
	t.Parallel()
	server := service.Redis(t, "--notify-keyspace-events", "Ex")
	c := client(t, server.Addr)
	must(t, c.Do(t.Context(), append([]any{"acl", "setuser", "gateway", "on", ">s3cret/pass", "&*", "%R~curfew:*", "~curfew:*:e:*"}, rights...)...).Err())
	cfg := config(t, "redis://gateway:s3cret%2Fpass@"+server.Addr)
	ledger := &epochs{}
	cfg.Epochs = ledger
	r := mute(t, cfg)
	await(t, "it is said", r, warned(r, "takes no writes (NOPERM)"))
	looked(t, c, r, 12)
	user(t, server.Addr)
	await(t, "it is connected", r, func() bool { return r.State().Connected && !warned(r, "takes no writes")() })
	if n := ledger.number(); n != 1 {
		t.Errorf("the epoch is %d", n)
	}
}

func TestWritesThatAreRefusedAreWarnedOfUntilOneSucceeds(t *testing.T) {
	t.Parallel()
	full := func(size string) func(*testing.T, *redis.Client) error {
		return func(t *testing.T, c *redis.Client) error { return c.ConfigSet(t.Context(), "maxmemory", size).Err() }
	}
	replicas := func(n string) func(*testing.T, *redis.Client) error {
		return func(t *testing.T, c *redis.Client) error {
			return c.ConfigSet(t.Context(), "min-replicas-to-write", n).Err()
		}
	}
	right := func(what string) func(*testing.T, *redis.Client) error {
		return func(t *testing.T, c *redis.Client) error {
			return c.Do(t.Context(), "acl", "setuser", "gateway", what).Err()
		}
	}
	for word, tc := range map[string]struct {
		harm, mend func(*testing.T, *redis.Client) error
	}{
		"OOM":        {full("1"), full("0")},
		"NOREPLICAS": {replicas("1"), replicas("0")},
		"NOPERM":     {right("-@write"), right("+@write")},
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			server := service.Redis(t, "--notify-keyspace-events", "Ex")
			user(t, server.Addr, "&*")
			cfg := config(t, "redis://gateway:s3cret%2Fpass@"+server.Addr)
			var log logged
			cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
			s, c := scene(t, cfg), client(t, server.Addr)
			r := s.Lease.(*lease.Redis)
			certain(s, live(s, "alice", 1))
			must(t, tc.harm(t, c))
			if err := r.Stand(t.Context(), live(s, "alice", 2)); err == nil {
				t.Fatal("it is written")
			}
			await(t, "it is said", r, warned(r, "takes no writes ("+word+")"))
			for range 3 {
				_ = r.Hold(t.Context(), access.Hold{GrantID: "a", Until: time.Now().Add(time.Hour)})
				_ = r.Stand(t.Context(), live(s, "alice", 2))
			}
			if state := r.State(); !state.ReadOnly || !state.Connected || !allowed(s, "alice") {
				t.Errorf("what can be read is not: %+v", state)
			}
			if n := strings.Count(log.String(), "takes no writes"); n != 1 {
				t.Errorf("it is logged %d times", n)
			}
			must(t, tc.mend(t, c))
			await(t, "it is mended, though nobody writes", r, func() bool { return !r.State().ReadOnly && !warned(r, "takes no writes")() })
			certain(s, live(s, "alice", 2))
			if r.State().Epoch != 1 {
				t.Errorf("the state is %+v", r.State())
			}
		})
	}
}

func TestASweepOfOldEpochsOutlivesAHiccup(t *testing.T) {
	t.Parallel()
	server := service.Redis(t, "--enable-debug-command", "yes")
	s, c := scene(t, config(t, "redis://"+server.Addr)), client(t, server.Addr)
	const many = 100_000
	pipe := c.TxPipeline()
	pipe.FlushAll(t.Context())
	pipe.Do(t.Context(), "debug", "populate", many, "curfew:1")
	_, err := pipe.Exec(t.Context())
	must(t, err)
	s.Await("the sweep has begun", func() bool { return c.DBSize(t.Context()).Val() < many })
	must(t, server.Signal(syscall.SIGSTOP))
	s.Await("the circuit is open", func() bool {
		_, _ = s.Lease.Standing(t.Context(), leasesuite.Of("alice"))
		return !s.Lease.State().Connected
	})
	// Nobody waits longer than whoever finds it away.
	await(t, "it is said", s.Lease.(*lease.Redis), warned(s.Lease.(*lease.Redis), "Redis does not answer"))
	must(t, server.Signal(syscall.SIGCONT))
	s.Await("it is connected", func() bool { return s.Lease.State().Connected })
	s.Await("nothing of the epoch before is left", func() bool { return c.DBSize(t.Context()).Val() < 10 })
	if s.Lease.State().Epoch != 2 {
		t.Errorf("the state is %+v", s.Lease.State())
	}
}
