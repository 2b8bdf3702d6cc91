package connectorsuite

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// What no error may hold. The signing secrets are base64 of 24 and of 32 bytes;
// the second decodes to text that a person typed.
const (
	firstSecret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secondSecret  = "whsec_Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZS0xMjM="
	typedSecret   = "correct-horse-battery-staple-123"
	bearer        = "Bearer tok-9f8e7d6c5b4a/3+2="
	basic         = "Basic Y3VyZmV3OnBhc3N3b3JkLW9mLWJhc2lj"
	basicPassword = "password-of-basic"
	shortHeader   = "k3y!"
	callbackToken = "cbt_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	queryToken    = "query-token-5d41402abc4b2a76"
	pathToken     = "T0AAAAAAAAAAA-path-token"
	host          = "target.example.com"
)

// scene is one target and one connector in one bubble.
type scene struct {
	connector Deliverer
	network   *network
	scheme    string

	mu    sync.Mutex
	calls []call
}

// call is a request that the target saw.
type call struct {
	Header http.Header
	Body   []byte
	At     time.Time
}

func newScene(t *testing.T, handler http.HandlerFunc) *scene {
	t.Helper()
	s := &scene{scheme: "http", network: &network{conns: make(chan net.Conn), closed: make(chan struct{})}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, call{Header: r.Header.Clone(), Body: body, At: time.Now()})
		s.mu.Unlock()
		handler(w, r)
	}))
	_ = server.Listener.Close()
	server.Listener = s.network
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return s
}

func (s *scene) env() Env {
	transport := &http.Transport{
		DialContext:     s.network.Dial,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		IdleConnTimeout: time.Second,
	}
	return Env{
		URL:     s.scheme + "://" + host + "/hooks/" + pathToken + "/invoke?clientToken=" + queryToken,
		Secrets: []string{firstSecret, secondSecret},
		Headers: map[string]string{
			"Authorization": bearer, "X-Basic": basic, "X-Short": shortHeader,
		},
		Timeout:   Timeout,
		Transport: transport,
	}
}

func (s *scene) seen() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.calls...)
}

// network is an in-memory listener, and the way to dial it.
type network struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	fail   error // what every dial ends with, if set
}

// Dial connects, whatever the address.
func (n *network) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if n.fail != nil {
		return nil, n.fail
	}
	ours, theirs := net.Pipe()
	select {
	case n.conns <- theirs:
		return ours, nil
	case <-n.closed:
		return nil, errors.New("closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.conns:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "tcp" }
func (address) String() string  { return "192.0.2.1:443" }
