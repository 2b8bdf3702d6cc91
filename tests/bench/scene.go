package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/tests/service"
)

// scene is a gateway on a ledger with live grants.
type scene struct {
	ledger  string // where it is
	redis   *service.RedisServer
	gateway *child
	closing closers
}

func (sc *scene) end() error { return sc.closing.close() }

// scene starts a gateway, configured as each change says, and waits until its lease
// holds everything.
func (s *stage) scene(ctx context.Context, one series, changes ...func(*childConfig)) (sc *scene, err error) {
	sc = &scene{}
	defer func() {
		if err != nil {
			err = errors.Join(err, sc.end())
		}
	}()
	if sc.ledger, err = s.ledger(ctx, one.ledger, one.live); err != nil {
		return sc, err
	}
	sc.closing.add(func() error { return s.drop(sc.ledger) })
	cfg := childConfig{Kind: "gateway", Ledger: sc.ledger, Policies: s.opts.Policies, Target: s.target.server.URL, Verbose: s.opts.Verbose, Decisions: true}
	if one.lease != noRedis {
		if sc.redis, err = s.redis(); err != nil {
			return sc, err
		}
		sc.closing.add(sc.redis.Kill)
		cfg.Lease = redisURL(sc.redis)
	}
	for _, change := range changes {
		change(&cfg)
	}
	if sc.gateway, err = startChild(ctx, cfg); err != nil {
		return sc, err
	}
	sc.closing.add(sc.gateway.stop)
	built, err := sc.gateway.awaitLease(ctx, one.live)
	s.say("%+v: the lease holds everything %.1f s after the start", one, built.At.Seconds())
	return sc, err
}

// leasePatience is how long a lease of a million grants may take to be written.
const leasePatience = 5 * time.Minute

// awaitLease waits until the lease was written from the ledger.
func (c *child) awaitLease(ctx context.Context, grants int) (built rebuilding, err error) {
	for end := time.Now().Add(leasePatience); ; {
		if err := c.object(ctx, "/more/rebuilt", &built); err != nil {
			return built, err
		}
		if built.At > 0 && built.Grants >= int64(grants) {
			return built, nil
		}
		if time.Now().After(end) {
			return built, fmt.Errorf("the lease holds %d of %d grants after %s", built.Grants, grants, leasePatience)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return built, err
		}
	}
}

func (c *child) object(ctx context.Context, path string, into any) error {
	raw, err := c.ask(ctx, path)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	return err
}
