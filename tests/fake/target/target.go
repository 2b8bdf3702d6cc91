package target

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/script"
)

// Config of a Target. The zero value is good.
type Config struct {
	Address            string   // to listen on; "": 127.0.0.1 and a free port
	Secrets            []string // a message signed with any one is taken; none: a fresh one is made
	CompareGenerations bool     // ignore a message older than the newest seen of its binding, and answer 204
	CallsBack          bool     // act on a message with a callback once it is accepted, and say at once that it is done
}

// Target is the fake.
type Target struct {
	server  *script.Server
	secrets []string
	hooks   []*standardwebhooks.Webhook
	compare bool
	alone   bool           // it calls back without being asked to
	calling sync.WaitGroup // callbacks that it makes alone

	mu        sync.Mutex
	released  chan struct{} // closed by Release
	script    script.Queue[Step]
	otherwise Step
	calls     []Call
	acts      int // how many calls were acted on
	exists    map[access.Entitled]bool
	newest    map[string]int64 // the highest generation acted on, by binding
	questions []Asked
	sayings   script.Queue[Saying]
	changed   script.Signal // fired whenever something above changes
}

// New starts a target that ends with the test.
func New(tb testing.TB, cfg Config) *Target {
	tb.Helper()
	t, err := Start(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(t.Down)
	return t
}

// Start starts a target that ends with Down. It is for programs; a test uses New.
func Start(cfg Config) (*Target, error) {
	if len(cfg.Secrets) == 0 {
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		cfg.Secrets = []string{"whsec_" + base64.StdEncoding.EncodeToString(key)}
	}
	t := &Target{
		secrets: cfg.Secrets, compare: cfg.CompareGenerations, alone: cfg.CallsBack,
		released: make(chan struct{}), changed: script.NewSignal(),
		exists: map[access.Entitled]bool{}, newest: map[string]int64{},
	}
	t.server = script.NewServer(cfg.Address, http.HandlerFunc(t.serve))
	for i, secret := range cfg.Secrets {
		hook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, fmt.Errorf("secret %d of the fake target: %w", i+1, err)
		}
		t.hooks = append(t.hooks, hook)
	}
	return t, t.Up()
}

// URL is where messages go. It stays the same while the target goes down and up.
func (t *Target) URL() string { return "http://" + t.server.Address() + "/hook" }

// Secret is the first signing secret, "whsec_…".
func (t *Target) Secret() string { return t.secrets[0] }

// Up starts listening, on the address of before. A target that is up stays so.
func (t *Target) Up() error { return t.server.Up() }

// Down stops listening and breaks every connection: callers are refused. Calls
// that hang end without acting. What exists, the history and the script stay.
func (t *Target) Down() {
	t.server.Down()
	t.calling.Wait()
}

// Script queues what the next calls meet, one step for each call, behind what is
// queued already. A call that meets no step is served well, or as Otherwise says.
func (t *Target) Script(steps ...Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, step := range steps {
		t.script.Add(step, step.times)
	}
}

// Otherwise sets what calls meet when the script has ended; the zero Step is good
// service.
func (t *Target) Otherwise(step Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.otherwise = step
}

// Release lets every call that hangs now go on: it acts, if it has not yet and if
// its signature is good, and answers 204, even when its caller has long left. Calls
// that come later hang anew.
func (t *Target) Release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.released)
	t.released = make(chan struct{})
}
