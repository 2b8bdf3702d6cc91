package lease

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// node is one master as it was when it was found: another run of the server, or
// another server at the address, is another node.
type node struct {
	addr   string
	id     string // its run id and its replication id
	client *redis.Client

	followers atomic.Int32 // its replicas
	heard     atomic.Bool  // a subscription is live
	refuses   atomic.Bool  // the last write that is known of was refused
	echoed    atomic.Int64 // when an announcement was last heard, in ms since 1970

	// The monitor's: the clock's difference, by the quickest answer of late.
	skew   time.Duration
	trip   time.Duration
	skewed time.Time
}

// skewLife is how long a measurement of the clock is preferred to slower ones.
const skewLife = 5 * time.Second

// saw takes what the node said of itself.
func (n *node) saw(f *found) {
	n.followers.Store(int32(f.replicas)) //nolint:gosec // a small number
	if n.skewed.IsZero() || f.trip <= n.trip || time.Since(n.skewed) > skewLife {
		n.skew, n.trip, n.skewed = f.skew, f.trip, time.Now()
	}
}

func (n *node) replicas() int { return int(n.followers.Load()) }

// errOtherServer says that a connection reached another server than the epoch is on.
var errOtherServer = errors.New("it is not the server that the epoch is on")

// found is what a server said of itself.
type found struct {
	id       string
	role     string
	replicas int
	sentinel string        // "" when it is missing
	skew     time.Duration // its clock minus the ledger's
	trip     time.Duration // how long it took to answer
}

// newNode makes a node whose every connection is to that run of that server.
func (r *Redis) newNode(addr, id string) *node {
	n := &node{addr: addr, id: id}
	options := r.cfg.options(addr, func(ctx context.Context, conn *redis.Conn) error {
		err := n.verify(ctx, conn)
		if err != nil {
			r.doubt.Store(true)
			r.signal()
		}
		return err
	})
	options.ReadTimeout += waits
	n.client = redis.NewClient(options)
	return n
}

// verify asks the server at the other end of a new connection who it is.
func (n *node) verify(ctx context.Context, conn *redis.Conn) error {
	var f found
	server, replication := conn.Info(ctx, "server"), conn.Info(ctx, "replication")
	if err := cmp.Or(server.Err(), replication.Err()); err != nil {
		return err
	}
	f.read(server.Val(), replication.Val())
	if f.id != n.id || f.role != "master" {
		return errOtherServer
	}
	return nil
}

func (f *found) read(server, replication string) {
	s, r := parseInfo(server), parseInfo(replication)
	f.role = r["role"]
	f.replicas, _ = strconv.Atoi(r["connected_slaves"])
	if s["run_id"] != "" && r["master_replid"] != "" {
		f.id = s["run_id"] + "/" + r["master_replid"]
	}
}

// parseInfo reads the lines of INFO.
func parseInfo(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[key] = value
		}
	}
	return out
}

// probe asks a server who it is, whether the sentinel is there, and the time.
func (r *Redis) probe(ctx context.Context, client *redis.Client, sentinel string) (*found, error) {
	var f found
	pipe := client.Pipeline()
	server, replication, held, clock := pipe.Info(ctx, "server"), pipe.Info(ctx, "replication"), pipe.Get(ctx, sentinel), pipe.Time(ctx)
	before := r.cfg.Now()
	started := time.Now()
	err := exec(ctx, pipe)
	f.trip = time.Since(started)
	if err = cmp.Or(err, server.Err(), replication.Err(), clock.Err(), unlessNil(held.Err())); err != nil {
		return nil, err
	}
	f.read(server.Val(), replication.Val())
	f.sentinel = held.Val()
	f.skew = clock.Val().Sub(before.Add(f.trip / 2))
	if f.id == "" {
		return nil, errors.New("INFO names no run_id and master_replid, by which a restarted server is known")
	}
	return &f, nil
}
