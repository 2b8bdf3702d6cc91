package lease

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisConfig is what a Redis lease is made of. URL, Epochs, Now and Log are
// required.
type RedisConfig struct {
	URL    RedisURL
	Prefix string      // of every key; "" for "curfew"
	TLS    *tls.Config // for URLs by TLS: nil trusts what the system trusts
	Epochs Epochs
	// Now is the ledger's clock.
	Now func() time.Time
	Log *slog.Logger
	// Timeout bounds each write and each read; 0 for 300 ms.
	Timeout time.Duration
	// Dial opens connections; nil for the network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// MarshalText is where Redis is, without passwords: what a configuration that is
// printed says of it.
func (c RedisConfig) MarshalText() ([]byte, error) { return []byte(c.URL.String()), nil }

const (
	defaultPrefix  = "curfew"
	defaultTimeout = 300 * time.Millisecond
	dialTimeout    = time.Second
)

// CheckPrefix reports what is wrong with a prefix of keys.
func CheckPrefix(prefix string) error {
	if len(prefix) > 32 || !plainID(strings.NewReplacer(".", "-", ":", "-").Replace(prefix)) ||
		strings.HasPrefix(prefix, ":") || strings.HasSuffix(prefix, ":") {
		return errors.New("want 1 to 32 letters, digits, dots, hyphens and underlines, with colons only between them")
	}
	return nil
}

func (c *RedisConfig) complete() error {
	c.Prefix = cmp.Or(c.Prefix, defaultPrefix)
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	if c.URL.TLS && c.TLS == nil {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if len(c.URL.Addrs) == 0 || c.Epochs == nil || c.Now == nil || c.Log == nil {
		return errors.New("a lease on Redis needs a URL, epochs, a clock and a log")
	}
	return CheckPrefix(c.Prefix)
}

// options are those of a client of one server. Nothing is tried again, nothing is
// cached, and the context counts: a check that waits has the ledger to ask.
func (c *RedisConfig) options(addr string, onConnect func(context.Context, *redis.Conn) error) *redis.Options {
	o := &redis.Options{
		Addr: addr, DB: c.URL.DB, Username: c.URL.User, Password: c.URL.password,
		Dialer: c.Dial, OnConnect: onConnect,
		Protocol: 2, DisableIdentity: true,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		DialTimeout: dialTimeout, ReadTimeout: c.Timeout, WriteTimeout: c.Timeout, PoolTimeout: c.Timeout,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if c.URL.TLS {
		o.TLSConfig = c.TLS
	}
	if c.URL.Kind == "cluster" {
		o.DB = 0
	}
	return o
}

// probeOptions are those of a client that the monitor asks with.
func (c *RedisConfig) probeOptions(addr string) *redis.Options {
	o := c.options(addr, nil)
	o.PoolSize, o.PipelinePoolSize = 1, -1
	return o
}

// sentinelOptions are those of a client of a Sentinel.
func (c *RedisConfig) sentinelOptions(addr string) *redis.Options {
	o := c.probeOptions(addr)
	o.DB, o.Username, o.Password = 0, c.URL.SentinelUser, c.URL.sentinelPassword
	return o
}
