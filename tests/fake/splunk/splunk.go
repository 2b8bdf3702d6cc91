package splunk

import (
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Config of a Fake. The zero value is good.
type Config struct {
	Address    string // to listen on; "": 127.0.0.1 and a free port
	Token      Token  // the first token
	MaxContent int    // bytes of a request before compression; 0: 1 MiB and a quarter. The real one's default is 800 MiB
	MaxQueue   int    // events that are taken and not indexed, beyond which it is busy; 0: no bound
}

// Token is a token of the collector's.
type Token struct {
	Value    string   // "": a fresh one
	Disabled bool     // as an operator's click does
	Ack      bool     // with indexer acknowledgement
	Index    string   // the default; "": main
	Indexes  []string // that it may write to beside the default
}

// Event is an event as it is searched.
type Event struct {
	Time                            float64 // in seconds
	Host, Source, SourceType, Index string
	Raw                             []byte // the event's own bytes
	Fields                          map[string]string
	Request                         int // in which it came; 1 is the first
}

// Fake is the fake.
type Fake struct {
	cfg    Config
	mux    *http.ServeMux
	server *script.Server

	mu       sync.Mutex
	released chan struct{} // closed by Release
	changed  script.Signal // fired whenever something changes

	tokens   map[string]*Token
	script   script.Queue[Step]
	calls    []Call
	held     bool // what is taken waits in the queue
	queue    []batch
	index    []Event
	channels map[string]*channel
	health   int // the code that it tells of itself
}

// batch is what one request brought.
type batch struct {
	events  []Event
	channel string // "": nobody asks for it
	ack     int
}

// channel numbers what came on it.
type channel struct {
	next    int
	indexed map[int]bool // and not told yet
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
	if cfg.MaxContent == 0 {
		cfg.MaxContent = 5 << 18
	}
	f := &Fake{
		released: make(chan struct{}), changed: script.NewSignal(),
		tokens: map[string]*Token{}, channels: map[string]*channel{}, health: codeHealthy,
	}
	cfg.Token.Value = f.AddToken(cfg.Token)
	f.cfg, f.mux = cfg, f.routes()
	f.server = script.NewServer(cfg.Address, f)
	return f
}

// Transport reaches the fake without a network, whatever the host.
func (f *Fake) Transport() http.RoundTripper { return script.InProcess(f) }

// URL is the collector's address. It stays the same while the fake goes down and up.
func (f *Fake) URL() string { return "http://" + f.server.Address() }

// Token is the first token.
func (f *Fake) Token() string { return f.cfg.Token.Value }

// AddToken adds a token, or puts it in the place of the one of that value.
func (f *Fake) AddToken(t Token) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.Value == "" {
		t.Value = "tok-" + rand.Text()
	}
	if t.Index == "" {
		t.Index = "main"
	}
	f.tokens[t.Value] = &t
	return t.Value
}

// Up starts listening, on the address of before.
func (f *Fake) Up() error { return f.server.Up() }

// Down stops listening and breaks every connection. What it has stays.
func (f *Fake) Down() { f.server.Down() }

// Restart forgets what only a running Splunk knows: what is taken and not indexed, and
// all acknowledgements.
func (f *Fake) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue, f.channels = nil, map[string]*channel{}
	f.changed.Fire()
}

// Hold lets what is taken from now on wait, until IndexAll, IndexNext or Flow.
func (f *Fake) Hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = true
}

// Flow indexes what waits, and what comes from now on at once.
func (f *Fake) Flow() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = false
	f.drain(len(f.queue))
}

// IndexAll indexes what waits now.
func (f *Fake) IndexAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drain(len(f.queue))
}

// IndexNext indexes what came with the request that waits longest.
func (f *Fake) IndexNext() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drain(min(1, len(f.queue)))
}

// Sicken sets the code that it tells of itself: 17 is well, 18 to 20 are not.
func (f *Fake) Sicken(code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.health = code
}

// Release lets every request that hangs now go on.
func (f *Fake) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.released)
	f.released = make(chan struct{})
}

// take puts what a request brought behind the queue. The caller holds f.mu.
func (f *Fake) take(b batch) {
	f.queue = append(f.queue, b)
	if !f.held {
		f.drain(len(f.queue))
	}
	f.changed.Fire()
}

// drain indexes the first batches of the queue. The caller holds f.mu.
func (f *Fake) drain(n int) {
	for _, b := range f.queue[:n] {
		f.index = append(f.index, b.events...)
		if c := f.channels[b.channel]; c != nil {
			c.indexed[b.ack] = true
		}
	}
	f.queue = slices.Clone(f.queue[n:])
	f.changed.Fire()
}

// queued counts the events that wait. The caller holds f.mu.
func (f *Fake) queued() (n int) {
	for _, b := range f.queue {
		n += len(b.events)
	}
	return n
}
