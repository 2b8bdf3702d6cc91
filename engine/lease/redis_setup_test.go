package lease_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/tests/service"
	"github.com/curfew-access/curfew/tests/suite/leasesuite"
)

// rights are what a user of Redis needs for a lease.
var rights = []any{
	"+@read", "+@write", "+@connection", "+eval", "+evalsha", "+info", "+time", "+wait", "+subscribe", "+psubscribe", "+unsubscribe", "+punsubscribe",
}

// user makes a user of the server with the rights and more.
func user(t *testing.T, addr string, more ...any) {
	t.Helper()
	args := append([]any{"acl", "setuser", "gateway", "on", ">s3cret/pass", "~curfew:*"}, rights...)
	must(t, client(t, addr).Do(t.Context(), append(args, more...)...).Err())
}

func TestAUserWithFewRightsIsEnough(t *testing.T) {
	t.Parallel()
	for name, channel := range map[string]string{
		"a pattern":                 "&__keyevent@*__:expired",
		"the channel to the letter": "&__keyevent@0__:expired",
	} {
		t.Run(name, func(t *testing.T) {
			server := service.Redis(t, "--notify-keyspace-events", "Ex")
			user(t, server.Addr, channel)
			s := scene(t, config(t, "redis://gateway:s3cret%2Fpass@"+server.Addr))
			certain(s, live(s, "alice", 1))
			must(t, s.Lease.Hold(t.Context(), access.Hold{GrantID: "a", Until: time.Now()}))
			s.Await("it is announced", func() bool { s.Lease.Poke(t.Context(), "a"); return len(s.Heard()) == 1 })
			if text := strings.Join(s.Lease.State().Warnings, "\n"); text != "" {
				t.Errorf("there is a warning: %s", text)
			}
		})
	}
}

// mute runs a lease that is connected and never announces.
func mute(t *testing.T, cfg lease.RedisConfig) *lease.Redis {
	t.Helper()
	r := open(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	nothing := func() {}
	go func() {
		done <- r.Run(ctx, lease.Events{Expired: func(string) {}, Connected: nothing, Emptied: nothing})
	}()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	return r
}

// await waits until the condition holds.
func await(t *testing.T, what string, r *lease.Redis, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not so: %s; the state is %+v", what, r.State())
		}
	}
}

func warned(r *lease.Redis, text string) func() bool {
	return func() bool { return strings.Contains(strings.Join(r.State().Warnings, "\n"), text) }
}

func TestARedisThatAnnouncesNothingIsUsedAndWarnedOf(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	user(t, server.Addr, "+config|get", "&*")
	r := mute(t, config(t, "redis://gateway:s3cret%2Fpass@"+server.Addr))
	await(t, "it is connected", r, func() bool { return r.State().Connected })
	await(t, "it is warned of", r, warned(r, "ElastiCache"))
	await(t, "it is heard that there is nothing to hear", r, warned(r, "Redis announces no ends"))
	if r.State().Announced || r.Poke(t.Context(), "grt_a") {
		t.Error("an announcement is promised")
	}
	must(t, client(t, server.Addr).ConfigSet(t.Context(), "notify-keyspace-events", "Ex").Err())
	await(t, "it is heard that there is something to hear", r, func() bool {
		return r.State().Announced && !warned(r, "Redis announces no ends")()
	})
}

func TestAUserWhoMayNotSubscribeIsWarnedOf(t *testing.T) {
	t.Parallel()
	server := service.Redis(t, "--notify-keyspace-events", "Ex")
	user(t, server.Addr)
	r := mute(t, config(t, "redis://gateway:s3cret%2Fpass@"+server.Addr))
	await(t, "it is warned of", r, warned(r, "ACL SETUSER"))
	if state := r.State(); !state.Connected || state.Announced {
		t.Errorf("the state is %+v", state)
	}
	c := client(t, server.Addr)
	_, before := calls(t, c, "psubscribe")
	looked(t, c, r, 12)
	if _, after := calls(t, c, "psubscribe"); before == 0 || after-before > 1 {
		t.Errorf("%d subscriptions were tried in three seconds, after %d", after-before, before)
	}
}

func TestAPasswordIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const password = "hunter2"
	server := service.Redis(t, "--requirepass", "another")
	var log logged
	cfg := config(t, "redis://:"+password+"@"+server.Addr)
	cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := mute(t, cfg)
	await(t, "it is warned of", r, warned(r, "WRONGPASS"))
	err := r.Stand(t.Context(), access.Standing{Entitled: leasesuite.Of("alice"), Version: 1})
	printed := fmt.Sprintf("%v %+v %#v %s %v %+v %s", cfg.URL, cfg.URL, cfg.URL, cfg.URL, err, r.State(), log.String())
	if strings.Contains(printed, password) {
		t.Errorf("it is: %s", printed)
	}
	for _, url := range []string{
		"redis://:hunter2@host:port/0", "redis://user:hunter2%zz@host", "redis://hunter2@@host:1:2/x", "redis://host/hunter2",
		"hunter2://host", "redis://:hunter2@a,b", "redis+cluster://:hunter2@a/1", "redis+sentinel://:hunter2@a", "redis://host:hunter2",
		"redis://:pa?hunter2@host/0", "redis://:pa?x=1&hunter2@host/0", "redis://:pa#hunter2@host/0", "redis://:pa/hunter2@host/0",
		"redis://:pa?hunter2@a@host/0", "redis://host?hunter2=1", "redis://host/0?hunter2&hunter2", "redis+sentinel://a/main?hunter2=x",
		"redis+sentinel://a/main?sentinel_password=x@hunter2", "redis+unix:///r.sock?db=hunter2", "redis://host/0#hunter2", "redis://:hunter2?@host",
	} {
		if _, err := lease.ParseRedisURL(url); err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func TestNothingIsLeftOpenAfterRun(t *testing.T) {
	server := service.Redis(t)
	before := runtime.NumGoroutine()
	r := open(t, config(t, "redis://"+server.Addr))
	s := leasesuite.NewScene(t, r)
	s.End()
	await(t, "all goroutines have ended", r, func() bool { return runtime.NumGoroutine() <= before })
	c := client(t, server.Addr)
	await(t, "all connections are closed", r, func() bool {
		return strings.Count(c.ClientList(t.Context()).Val(), "\n") == 1
	})
}

func TestRedisBySocketAndDatabase(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis+unix://"+server.Socket+"?db=3"))
	certain(s, live(s, "alice", 1))
	if n := client(t, server.Addr).DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are in database 0", n)
	}
}

func TestRedisByTLS(t *testing.T) {
	t.Parallel()
	dir := service.Dir(t)
	pool := authority(t, dir)
	port := freePort(t)
	service.Redis(t, "--tls-port", port, "--tls-cert-file", filepath.Join(dir, "cert.pem"), "--tls-key-file", filepath.Join(dir, "key.pem"),
		"--tls-ca-cert-file", filepath.Join(dir, "ca.pem"), "--tls-auth-clients", "no")
	cfg := config(t, "rediss://127.0.0.1:"+port)

	stranger := mute(t, cfg)
	await(t, "one whom nobody vouches for is not trusted", stranger, warned(stranger, "certificate signed by unknown authority"))

	cfg.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	s := scene(t, cfg)
	certain(s, live(s, "alice", 1))
	must(t, s.Lease.Hold(t.Context(), access.Hold{GrantID: "a", Until: time.Now()}))
	s.Await("it is announced", func() bool { s.Lease.Poke(t.Context(), "a"); return len(s.Heard()) == 1 })
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

// authority makes an authority and a certificate of it for this machine.
func authority(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	must(t, err)
	certDER, err := x509.CreateCertificate(rand.Reader, cert, ca, key.Public(), caKey)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for name, block := range map[string]pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: caDER}, "cert.pem": {Type: "CERTIFICATE", Bytes: certDER}, "key.pem": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&block), 0o600))
	}
	parsed, err := x509.ParseCertificate(caDER)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}
