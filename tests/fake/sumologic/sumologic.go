package sumologic

import (
	"crypto/rand"
	"net/http"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Config of a Fake. The zero value is good.
type Config struct {
	Address  string   // to listen on; "": 127.0.0.1 and a free port
	Code     string   // the secret part of the URL; "": a fresh one
	MaxBytes int      // of a request before compression; 0: 1,000,000
	Fields   []string // that the account has; those of a request that it lacks are dropped
	Budget   int      // messages that it keeps; of what comes later it says yes and drops it; 0: no budget
}

// Fake is the fake.
type Fake struct {
	cfg    Config
	server *script.Server

	mu       sync.Mutex
	released chan struct{} // closed by Release
	changed  script.Signal // fired whenever something changes
	script   script.Queue[Step]
	calls    []Call
	messages []Message
	dropped  int
	under    int // requests under way
	most     int // of them at once
}

// New starts a fake that ends with the test.
func New(tb testing.TB, cfg Config) *Fake {
	tb.Helper()
	f, err := Start(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.Down)
	return f
}

// Start starts a fake that ends with Down. It is for programs; a test uses New.
func Start(cfg Config) (*Fake, error) {
	f := Unstarted(cfg)
	return f, f.Up()
}

// Unstarted returns a fake without an address, which is reached by its Transport: for
// tests in synthetic time.
func Unstarted(cfg Config) *Fake {
	if cfg.Code == "" {
		cfg.Code = rand.Text() + rand.Text() + "=="
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 1_000_000
	}
	f := &Fake{cfg: cfg, released: make(chan struct{}), changed: script.NewSignal()}
	f.server = script.NewServer(cfg.Address, f)
	return f
}

// Transport reaches the fake without a network, whatever the host.
func (f *Fake) Transport() http.RoundTripper { return script.InProcess(f) }

// URL is the source's, with its secret. It stays the same while the fake goes down
// and up.
func (f *Fake) URL() string { return "http://" + f.server.Address() + pathPrefix + f.cfg.Code }

// Code is the secret part of the URL.
func (f *Fake) Code() string { return f.cfg.Code }

// Up starts listening, on the address of before.
func (f *Fake) Up() error { return f.server.Up() }

// Down stops listening and breaks every connection. What it has stays.
func (f *Fake) Down() { f.server.Down() }

// Release lets every request that hangs now go on.
func (f *Fake) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.released)
	f.released = make(chan struct{})
}
