package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Config of a Collector. The zero value is good.
type Config struct {
	Plain    bool // TCP without TLS
	KnowsWho bool // callers show a certificate, which ClientCertificate makes
}

// Collector is the fake.
type Collector struct {
	cfg   Config
	trust *authority
	own   tls.Certificate
	open  sync.WaitGroup // goroutines of connections

	mu       sync.Mutex
	address  string
	listener net.Listener // nil while down
	conns    map[net.Conn]bool
	hung     chan struct{} // not nil: nothing is read until it is closed
	closeIn  int           // messages until a connection is closed; 0: none is
	state    State
	changed  script.Signal
}

// State is what came: a copy.
type State struct {
	Messages    []Message // in the order in which they came
	Broken      []string  // what was no message, or only a part of one
	Connections int       // that were accepted
}

// New starts a collector that ends with the test.
func New(tb testing.TB, cfg Config) *Collector {
	tb.Helper()
	c := &Collector{cfg: cfg, conns: map[net.Conn]bool{}, changed: script.NewSignal(), address: "127.0.0.1:0"}
	var err error
	if c.trust, err = newAuthority(tb.TempDir()); err != nil {
		tb.Fatal(err)
	}
	if c.own, err = c.trust.server(); err != nil {
		tb.Fatal(err)
	}
	if err := c.Up(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Down)
	return c
}

// Address is where it listens, also after it was down.
func (c *Collector) Address() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.address
}

// CA is the file with whom a caller must trust.
func (c *Collector) CA() string { return c.trust.path("ca.pem") }

// ClientCertificate makes files with which a caller shows who it is.
func (c *Collector) ClientCertificate(tb testing.TB, name string) (cert, key string) {
	tb.Helper()
	return c.issue(tb, name, caller(name))
}

// ServerCertificate makes files with which another collector shows that it is one.
func (c *Collector) ServerCertificate(tb testing.TB) (cert, key string) {
	tb.Helper()
	return c.issue(tb, "collector", collector())
}

func (c *Collector) issue(tb testing.TB, name string, template *x509.Certificate) (cert, key string) {
	tb.Helper()
	cert, key, err := c.trust.issue(name, template)
	if err != nil {
		tb.Fatal(err)
	}
	return cert, key
}

// Up starts listening, on the address of before. One that is up stays so.
func (c *Collector) Up() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", c.address)
	if err != nil {
		return fmt.Errorf("the fake can not listen: %w", err)
	}
	c.listener, c.address = listener, listener.Addr().String()
	c.open.Go(func() { c.accept(listener) })
	return nil
}

// Down stops listening and breaks every connection: what was not read of them is lost.
func (c *Collector) Down() {
	c.mu.Lock()
	if c.listener != nil {
		_ = c.listener.Close()
	}
	c.listener = nil
	for conn := range c.conns {
		_ = conn.Close()
	}
	if c.hung != nil {
		close(c.hung)
		c.hung = nil
	}
	c.mu.Unlock()
	c.open.Wait()
}

// Break closes every connection. Others are accepted.
func (c *Collector) Break() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		_ = conn.Close()
	}
}

// CloseAfter closes a connection, once, as soon as so many more messages were read.
func (c *Collector) CloseAfter(messages int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeIn = messages
}

// Hang stops reading, from all connections, until Release.
func (c *Collector) Hang() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hung == nil {
		c.hung = make(chan struct{})
	}
}

// Release goes on reading.
func (c *Collector) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hung != nil {
		close(c.hung)
		c.hung = nil
	}
}

// State is what came until now.
func (c *Collector) State() State {
	state, _ := c.look()
	return state
}

// Await waits for a state that fits and returns it. The test fails when there is none.
func (c *Collector) Await(tb testing.TB, what string, fits func(State) bool) State {
	tb.Helper()
	return script.Await(tb, what, c.wait, fits)
}

func (c *Collector) wait(ctx context.Context, fits func(State) bool) error {
	state, err := script.Wait(ctx, c.look, fits)
	if err != nil {
		return fmt.Errorf("%w; %d messages came over %d connections, and %q", err, len(state.Messages), state.Connections, state.Broken)
	}
	return nil
}

func (c *Collector) look() (State, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.state
	state.Messages, state.Broken = slices.Clone(state.Messages), slices.Clone(state.Broken)
	return state, c.changed.Next()
}
