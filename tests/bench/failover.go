package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/curfew-access/curfew/tests/service"
)

// failovers revokes grants while the line between a Redis and its replica is
// held, so that the replica is never told; then the first dies and the replica
// takes over. Both nodes are asked again and again whether there is access.
func (s *stage) failovers(ctx context.Context) (f revokeFigure, err error) {
	f.What = "after a failover that lost it"
	var answers []time.Duration
	for round := range s.opts.Rounds {
		one, took, err := s.failover(ctx)
		if err != nil {
			return f, fmt.Errorf("failover %d: %w", round+1, err)
		}
		s.say("failover %d: %d revoked, of %d checks afterwards %d said yes", round+1, one.Revoked, one.Checks, one.Yes)
		f.Revoked, f.At200, f.Checks, f.Yes = f.Revoked+one.Revoked, f.At200+one.At200, f.Checks+one.Checks, f.Yes+one.Yes
		answers = append(answers, took...)
	}
	f.Answer = tailOf(answers, 0, 0)
	return f, nil
}

// replicas is a Redis, its replica, the line between them, and the line that
// leads to whoever is the primary.
type replicas struct {
	primary, replica *service.RedisServer
	link             *service.ProxyServer
	front            *road
	closing          closers
}

func (s *stage) replicas(ctx context.Context) (r *replicas, err error) {
	r = &replicas{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.closing.close())
		}
	}()
	if r.primary, err = s.redis("--repl-diskless-sync-delay", "0"); err != nil {
		return r, err
	}
	r.closing.add(r.primary.Kill)
	if r.link, err = service.StartProxy(r.primary.Addr); err != nil {
		return r, err
	}
	r.closing.add(func() error { r.link.Close(); return nil })
	host, port, _ := net.SplitHostPort(r.link.Addr)
	if r.replica, err = s.redis("--replicaof", host+" "+port); err != nil {
		return r, err
	}
	r.closing.add(r.replica.Kill)
	if r.front, err = newRoad(r.primary.Addr); err != nil {
		return r, err
	}
	r.closing.add(r.front.close)
	return r, r.inStep(ctx)
}

// inStep waits until the replica has what the primary has.
func (r *replicas) inStep(ctx context.Context) error {
	primary, replica := redis.NewClient(&redis.Options{Addr: r.primary.Addr}), redis.NewClient(&redis.Options{Addr: r.replica.Addr})
	defer primary.Close()
	defer replica.Close()
	for end := time.Now().Add(patience); ; {
		there, err := replica.Info(ctx, "replication").Result()
		if err == nil && strings.Contains(there, "master_link_status:up") {
			if acknowledged, err := primary.Wait(ctx, 1, time.Second).Result(); err == nil && acknowledged == 1 {
				return nil
			}
		}
		if time.Now().After(end) {
			return errors.New("the replica is not in step with its primary")
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// fail ends the primary and has the replica take over.
func (r *replicas) fail(ctx context.Context) error {
	if err := r.primary.Kill(); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: r.replica.Addr})
	defer client.Close()
	err := client.Do(ctx, "replicaof", "no", "one").Err()
	r.front.lead(r.replica.Addr)
	return err
}

// acknowledged is a revoke that was answered.
type acknowledged struct {
	grant int
	from  time.Time // when no check may say yes any more
}

func (s *stage) failover(ctx context.Context) (f revokeFigure, took []time.Duration, err error) {
	r, err := s.replicas(ctx)
	if err != nil {
		return f, nil, err
	}
	defer func() { err = errors.Join(err, r.closing.close()) }()
	p, err := s.pair(ctx, "redis://"+r.front.addr()+"/0", 1000)
	if err != nil {
		return f, nil, err
	}
	defer func() { err = errors.Join(err, p.closing.close()) }()
	if err := r.inStep(ctx); err != nil {
		return f, nil, err
	}
	r.link.Swallow()
	var gone []acknowledged
	const each = 5
	for n := range each {
		began := time.Now()
		status, err := p.a.revoke(ctx, p.grants.id("grt", n))
		if err != nil {
			return f, took, err
		}
		took = append(took, time.Since(began))
		from := time.Now()
		if status == http.StatusOK {
			f.At200++
		} else {
			from = from.Add(propagation)
		}
		gone = append(gone, acknowledged{n, from})
	}
	f.Revoked = each
	if err := r.fail(ctx); err != nil {
		return f, took, err
	}
	f.Checks, f.Yes, err = p.resurrected(ctx, gone, s.opts.Pace.Watch)
	return f, took, err
}

// resurrected asks both nodes about what was revoked, in turn, for a while, and
// counts the answers, and the yes among them.
func (p *pair) resurrected(ctx context.Context, gone []acknowledged, length time.Duration) (checks, yes int, err error) {
	for end := time.Now().Add(length); time.Now().Before(end); {
		for _, g := range gone {
			for _, node := range []*child{p.a, p.b} {
				ask, err := node.asker(ctx, p.grants, g.grant)
				if err != nil {
					return checks, yes, err
				}
				r, err := ask.check()
				ask.close()
				if err != nil {
					return checks, yes, err
				}
				if r.asked.Before(g.from) {
					continue
				}
				checks++
				if r.yes {
					yes++
				}
			}
		}
	}
	return checks, yes, nil
}
