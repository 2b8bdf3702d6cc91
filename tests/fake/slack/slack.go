package slack

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Config of a Fake. The zero value is good.
type Config struct {
	Address       string           // to listen on; "": 127.0.0.1 and a free port
	BotToken      string           // "": a fresh one, "xoxb-…"
	AppToken      string           // "": a fresh one, "xapp-…"
	SigningSecret string           // "": a fresh one
	Scopes        []string         // of the bot token; nil: AllScopes
	Now           func() time.Time // its clock; nil: time.Now
	Latency       time.Duration    // of each answer of the Web API, and of a response URL
	RateLimited   bool             // one message a second to a conversation, and no more
}

// AllScopes is what a bot token has that says nothing else.
var AllScopes = []string{"commands", "chat:write", "users:read", "users:read.email"}

// Fake is the fake: a workspace with people, conversations and one app.
type Fake struct {
	cfg    Config
	server *script.Server
	client *http.Client
	socks  sockets

	mu       sync.Mutex
	changed  script.Signal
	released chan struct{} // closed by Release
	queue    script.Queue[Step]
	ids      int
	last     int64 // timestamp given last, in microseconds
	appURL   string
	tokens   map[string]token
	people   []*User
	channels []*Channel
	messages []*Message
	triggers map[string]*trigger
	replies  map[string]*replyURL
	views    map[string]*view
	screens  map[string][]*view // what a person sees, the top one last
	posted   map[string]time.Time
	calls    []Call
	faults   []string
}

type token struct {
	scopes  []string
	app     bool // "xapp-…"
	revoked bool
}

// New starts a fake that ends with the test. Each thing that Slack would not take,
// or that people would see as an error, makes the test fail at its end.
func New(tb testing.TB, cfg Config) *Fake {
	tb.Helper()
	f := Unstarted(cfg)
	if err := f.server.Up(); err != nil {
		tb.Fatal(err)
	}
	f.Watch(tb)
	tb.Cleanup(f.Close)
	return f
}

// Start starts a fake that ends with Close. It is for programs; a test uses New.
func Start(cfg Config) (*Fake, error) {
	f := Unstarted(cfg)
	return f, f.server.Up()
}

// Unstarted returns a fake without an address, which is reached by its Transport,
// and which reaches the app by AppIs: for tests in synthetic time.
func Unstarted(cfg Config) *Fake {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Scopes == nil {
		cfg.Scopes = slices.Clone(AllScopes)
	}
	cfg.BotToken = cmp.Or(cfg.BotToken, "xoxb-"+rand.Text())
	cfg.AppToken = cmp.Or(cfg.AppToken, "xapp-1-"+rand.Text())
	cfg.SigningSecret = cmp.Or(cfg.SigningSecret, strings.ToLower(rand.Text()))
	f := &Fake{
		cfg: cfg, client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}, changed: script.NewSignal(), released: make(chan struct{}),
		tokens:   map[string]token{cfg.BotToken: {scopes: cfg.Scopes}, cfg.AppToken: {scopes: []string{"connections:write"}, app: true}},
		triggers: map[string]*trigger{}, replies: map[string]*replyURL{}, views: map[string]*view{}, screens: map[string][]*view{}, posted: map[string]time.Time{},
	}
	f.server = script.NewServer(cfg.Address, f)
	f.people = []*User{{ID: BotUser, Name: "curfew", RealName: "Curfew", TeamID: Team, Bot: true}}
	return f
}

// What the workspace and its app are called.
const (
	Team    = "T00000001"
	BotUser = "U00000BOT"
	BotID   = "B00000001"
	AppID   = "A00000001"
)

// Watch makes a test fail at its end for the faults until then.
func (f *Fake) Watch(tb testing.TB) {
	tb.Cleanup(func() {
		for _, fault := range f.TakeFaults() {
			tb.Errorf("the fake Slack: %s", fault)
		}
	})
}

// TakeFaults returns what Slack would not have taken, or people would have seen as
// an error, since it was asked last.
func (f *Fake) TakeFaults() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	faults := f.faults
	f.faults = nil
	return faults
}

func (f *Fake) fault(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// URL is the Web API's address, with the slash at its end. It stays the same while
// the fake goes down and up.
func (f *Fake) URL() string { return f.base() + "/api/" }

func (f *Fake) base() string { return "http://" + f.server.Address() }

// Transport reaches the fake without a network.
func (f *Fake) Transport() http.RoundTripper { return script.InProcess(f) }

// BotToken is the app's, of the workspace.
func (f *Fake) BotToken() string { return f.cfg.BotToken }

// AppToken is the app's, for Socket Mode.
func (f *Fake) AppToken() string { return f.cfg.AppToken }

// SigningSecret is what Slack signs with.
func (f *Fake) SigningSecret() string { return f.cfg.SigningSecret }

// Secrets returns everything that nobody may ever read in a log: the tokens, the
// signing secret, and every trigger and response URL until now.
func (f *Fake) Secrets() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	secrets := []string{f.cfg.BotToken, f.cfg.AppToken, f.cfg.SigningSecret}
	for id := range f.triggers {
		secrets = append(secrets, id)
	}
	for path := range f.replies {
		secrets = append(secrets, path)
	}
	return secrets
}

// AppAt says where the app is: its hooks are at the URL followed by "commands",
// "interactions" and "options". With "", everything goes by the socket.
func (f *Fake) AppAt(hooks string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.appURL = hooks; hooks != "" {
		f.appURL = strings.TrimSuffix(hooks, "/") + "/"
	}
}

// AppIs says that the app is a handler in this process, whose hooks are at
// "/hooks/slack/".
func (f *Fake) AppIs(handler http.Handler) {
	f.mu.Lock()
	f.client = &http.Client{Transport: script.InProcess(handler), Timeout: patience}
	f.mu.Unlock()
	f.AppAt("http://curfew.test/hooks/slack/")
}

// Up starts listening, on the address of before.
func (f *Fake) Up() error { return f.server.Up() }

// Down stops listening and breaks every connection. The state stays.
func (f *Fake) Down() {
	f.socks.drop()
	f.server.Down()
}

// Close ends the fake.
func (f *Fake) Close() {
	f.Down()
	f.client.CloseIdleConnections()
}

// Release lets every answer that hangs now go on.
func (f *Fake) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.released)
	f.released = make(chan struct{})
}

// RevokeToken ends a token: "token_revoked".
func (f *Fake) RevokeToken(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.tokens[text]
	t.revoked = true
	f.tokens[text] = t
}

// AddToken makes another bot token, with other scopes.
func (f *Fake) AddToken(scopes ...string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := "xoxb-" + secret()
	f.tokens[text] = token{scopes: slices.Clone(scopes)}
	return text
}

// SetScopes changes what the bot token may do.
func (f *Fake) SetScopes(scopes ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.tokens[f.cfg.BotToken]
	t.scopes = slices.Clone(scopes)
	f.tokens[f.cfg.BotToken] = t
}

// id makes an id. The caller holds f.mu.
func (f *Fake) id(prefix string) string {
	f.ids++
	return fmt.Sprintf("%s%08d", prefix, f.ids)
}

// stamp makes a message's timestamp, later than any before. The caller holds f.mu.
func (f *Fake) stamp() string {
	f.last = max(f.last+1, f.cfg.Now().UnixMicro())
	return fmt.Sprintf("%d.%06d", f.last/1e6, f.last%1e6)
}
