package lease

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// inspect looks at each master's settings, now and then and whenever there is a
// new one: one that was restarted has forgotten what it was told.
func (m *monitor) inspect(ctx context.Context) {
	if time.Since(m.inspected) < inspects {
		return
	}
	m.inspected = time.Now()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for i, n := range m.nodes {
		m.keepSentinel(ctx, n, m.masters[i].tag)
		m.inspectEvents(ctx, n)
		m.inspectMemory(ctx, n)
		m.inspectPersistence(ctx, n)
	}
}

// keepSentinel gives the sentinel its whole life again, if it is there.
func (m *monitor) keepSentinel(ctx context.Context, n *node, tag string) {
	if l := m.live.Load(); l != nil {
		_ = n.client.PExpire(ctx, l.keys.sentinel(tag), sentinelLife).Err() // it lives long enough to fail many times
	}
}

var errSetting = errors.New("a setting is not as it should be")

// inspectEvents sees to it that ends are announced, if that is allowed. Whether
// they are is what listeners hear.
func (m *monitor) inspectEvents(ctx context.Context, n *node) {
	const setting = "notify-keyspace-events"
	settings, err := n.client.ConfigGet(ctx, setting).Result()
	if err != nil {
		if isRefusal(err) {
			m.notes.fact("events "+n.addr, "%s may not be asked for at %s; whether ends are announced is heard", setting, n.addr)
		}
		return
	}
	flags := settings[setting]
	if announcing(flags) {
		m.notes.warn("events "+n.addr, nil, "")
		return
	}
	wanted := addFlags(flags)
	err = n.client.ConfigSet(ctx, setting, wanted).Err()
	if err == nil {
		m.notes.fact("events "+n.addr, "%s was %q at %s and is %q now, until the server is restarted; it belongs into its configuration",
			setting, flags, n.addr, wanted)
	}
	m.notes.warn("events "+n.addr, err, "%s is %q at %s, so that ends are not announced, and may not be set from here: set it to %q in its "+
		"configuration. ElastiCache and MemoryDB take it from a parameter group; Azure and Google have it as a setting of the instance. "+
		"Until then grants end by the ledger's timer alone", setting, flags, n.addr, wanted)
}

// announcing reports whether the flags have the events of keys that expired, by
// the name of the event.
func announcing(flags string) bool {
	return strings.Contains(flags, "E") && strings.ContainsAny(flags, "xA")
}

// addFlags adds what is missing and leaves what others need.
func addFlags(flags string) string {
	if !strings.Contains(flags, "E") {
		flags += "E"
	}
	if !strings.ContainsAny(flags, "xA") {
		flags += "x"
	}
	return flags
}

func (m *monitor) inspectMemory(ctx context.Context, n *node) {
	text, err := n.client.Info(ctx, "memory").Result()
	if err != nil {
		return
	}
	memory := parseInfo(text)
	policy := memory["maxmemory_policy"]
	var fault error
	switch policy {
	case "": // it does not say
	case "noeviction":
		m.notes.fact("eviction "+n.addr, "maxmemory-policy is noeviction at %s: Redis throws no keys away", n.addr)
	default:
		fault = errSetting
		m.notes.forget("eviction " + n.addr)
	}
	m.notes.warn("eviction "+n.addr, fault, "maxmemory-policy is %s at %s: Redis may throw keys away while they are needed. That costs "+
		"speed, because the ledger is asked then; set it to noeviction", policy, n.addr)
}

func (m *monitor) inspectPersistence(ctx context.Context, n *node) {
	text, err := n.client.Info(ctx, "persistence").Result()
	if err != nil {
		return
	}
	kept := "appends to a file"
	if parseInfo(text)["aof_enabled"] != "1" {
		kept = "appends to no file; after a restart keys are built up anew from the ledger"
	}
	replicas := "no replicas"
	if n.replicas() > 0 {
		replicas = "replicas, and changes wait for one"
	}
	m.notes.fact("persistence "+n.addr, "Redis at %s has %s and %s", n.addr, replicas, kept)
}

// isRefusal reports whether the server answered and said no.
func isRefusal(err error) bool {
	var refusal redis.Error
	return errors.As(err, &refusal) && !errors.Is(err, redis.Nil)
}
