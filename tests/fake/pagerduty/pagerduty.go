package pagerduty

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Config of a Fake. The zero value is good.
type Config struct {
	Address string           // to listen on; "": 127.0.0.1 and a free port
	Key     string           // the first API key; "": a fresh one
	Now     func() time.Time // its clock; nil: time.Now
	Limit   int              // requests a minute; 0: no limit
	// RetryPause is between two tries of a webhook; 0: 50 ms. The real one takes
	// longer and longer, for 48 h.
	RetryPause time.Duration
}

// Fake is the fake.
type Fake struct {
	cfg     Config
	mux     *http.ServeMux
	server  *script.Server
	hooks   *http.Client
	sending sync.WaitGroup

	mu       sync.Mutex
	released chan struct{} // closed by Release
	changed  script.Signal // fired whenever something changes

	keys      map[string]bool
	apps      map[string]App
	tokens    map[string]token
	script    script.Queue[Step]
	calls     []Call
	skew      time.Duration
	window    time.Time // when the minute of the limit began
	spent     int       // of it
	ids       int
	rowsOf    string // what is asked for that rows answer; "": nothing
	rows      []onCall
	users     []User
	schedules []*schedule
	policies  []Policy
	incidents []*Incident
	subs      []*subscription
	past      []event
	sent      []Delivery
	routing   []string // keys of integrations for events
	alerts    []*Alert
}

// New starts a fake that ends with the test.
func New(tb testing.TB, cfg Config) *Fake {
	tb.Helper()
	f, err := Start(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.Close)
	return f
}

// Start starts a fake that ends with Close. It is for programs; a test uses New.
func Start(cfg Config) (*Fake, error) {
	f := Unstarted(cfg)
	return f, f.Up()
}

// Unstarted returns a fake without an address, which is reached by its Transport:
// for tests in synthetic time.
func Unstarted(cfg Config) *Fake {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Key = cmp.Or(cfg.Key, "u+"+rand.Text())
	cfg.RetryPause = cmp.Or(cfg.RetryPause, 50*time.Millisecond)
	f := &Fake{
		cfg: cfg, hooks: &http.Client{Timeout: hookTimeout},
		keys: map[string]bool{cfg.Key: true}, apps: map[string]App{}, tokens: map[string]token{},
		released: make(chan struct{}), changed: script.NewSignal(),
	}
	f.mux, f.server = f.routes(), script.NewServer(cfg.Address, f)
	return f
}

// URL is the API's address. It stays the same while the fake goes down and up.
func (f *Fake) URL() string { return "http://" + f.server.Address() }

// Key is the first API key.
func (f *Fake) Key() string { return f.cfg.Key }

// Up starts listening, on the address of before.
func (f *Fake) Up() error { return f.server.Up() }

// Down stops listening and breaks every connection. The state stays; webhooks that
// are due are dropped.
func (f *Fake) Down() { f.server.Down() }

// Close ends the fake, and waits for what it still does.
func (f *Fake) Close() {
	f.Down()
	f.sending.Wait()
	f.hooks.CloseIdleConnections()
}

// Skew puts the clock that it shows in its answers ahead, or behind.
func (f *Fake) Skew(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.skew = by
}

// Release lets every slow answer that hangs now go on.
func (f *Fake) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.released)
	f.released = make(chan struct{})
}

// id makes an id. The caller holds f.mu.
func (f *Fake) id() string {
	f.ids++
	return fmt.Sprintf("P%06d", f.ids)
}

// notify wakes who waits. The caller holds f.mu.
func (f *Fake) notify() { f.changed.Fire() }
