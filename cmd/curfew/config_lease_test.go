package main

import (
	"crypto/tls"
	"path/filepath"
	"testing"

	"github.com/curfew-access/curfew/engine/lease"
)

func TestALeaseIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		config string
		want   func(*lease.RedisConfig) bool
	}{
		"none":               {"listen: 127.0.0.1:1", func(c *lease.RedisConfig) bool { return c == nil }},
		"memory":             {"lease: memory", func(c *lease.RedisConfig) bool { return c == nil }},
		"memory as a value":  {"lease: {url: memory}", func(c *lease.RedisConfig) bool { return c == nil }},
		"a URL":              {"lease: redis://host:6380/2", func(c *lease.RedisConfig) bool { return c.URL.Addrs[0] == "host:6380" && c.URL.DB == 2 }},
		"a URL by TLS":       {"lease: rediss://host", func(c *lease.RedisConfig) bool { return c.TLS.MinVersion == tls.VersionTLS12 }},
		"a URL of Sentinels": {"lease: redis+sentinel://a,b:1/main", func(c *lease.RedisConfig) bool { return c.URL.Master == "main" }},
		"a URL in a variable": {"lease: env:SECRET", func(c *lease.RedisConfig) bool {
			return c.URL.HasPassword() && c.URL.String() == "redis://host:6379/0"
		}},
		"keys and values": {"lease: {url: 'env:SECRET', prefix: team.a}", func(c *lease.RedisConfig) bool { return c.Prefix == "team.a" }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := loadLease(t, tc.config)
			if err != nil || !tc.want(cfg.Lease) {
				t.Errorf("%+v, %v", cfg.Lease, err)
			}
		})
	}
}

func TestAFaultOfALeaseIsNamedByItsPlace(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		"lease: etcd":                  "lease: want memory, or redis://",
		"lease: [a]":                   "lease: want memory, a URL of Redis, or keys and values",
		"lease: redis://:hunter2@host": "lease: it holds a password",
		"lease: redis+sentinel://h/m?sentinel_password=hunter2": "lease: it holds a password",
		"lease: redis://host/hunter2":                           "lease: the database is not a number",
		"lease: env:NOWHERE":                                    "lease: the secret is not there",
		"lease: {url: 'redis://h', colour: red}":                "lease.colour: there is no such key",
		"lease: {url: [hunter2]}":                               "lease.url: want a text, not a list",
		"lease: {prefix: a}":                                    "lease.url: want memory",
		"lease: {url: 'redis://h', prefix: 'a*'}":               "lease.prefix: want 1 to 32 letters",
		"lease: {url: 'redis://h', ca: ca.pem}":                 "lease.url: there are files for TLS",
		"lease: {url: 'rediss://h', ca: nowhere.pem}":           "lease.ca: open ",
		"lease: {url: 'rediss://h', ca: curfew.yaml}":           "lease.ca: curfew.yaml holds no certificate",
		"lease: {url: 'rediss://h', cert: c.pem}":               "lease.key: it is missing",
		"lease: {url: 'rediss://h', key: c.pem}":                "lease.cert: it is missing",
		"lease: {url: 'rediss://h', cert: c.pem, key: c.pem}":   "lease.cert: the certificate and its key can not be read",
	} {
		_, err := loadLease(t, config)
		wantFault(t, err, "\n"+want)
	}
}

func loadLease(t *testing.T, config string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "curfew.yaml")
	if err := write(path, config); err != nil {
		t.Fatal(err)
	}
	return loadConfig(path, func(name string) (string, bool) { return "redis://:hunter2@host", name == "SECRET" })
}
