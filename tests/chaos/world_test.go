package chaos_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/tests/chaos"
	fake "github.com/curfew-access/curfew/tests/fake/target"
	"github.com/curfew-access/curfew/tests/service"
)

// The targets of a world: one of each kind.
const (
	plain     = "plain"     // does whatever it is told last
	comparing = "comparing" // compares generations
)

// world is a set-up that can be broken: nodes, what they depend on, and the lines
// between them.
type world struct {
	t       *testing.T
	nodes   []*node
	caller  *caller
	secret  string // signs for the targets
	targets map[string]*fake.Target
	doors   map[string]*service.ProxyServer // before each target
	sink    *sink
	key     string // verifies checkpoints
	ledger  *reader

	// Of several nodes.
	redis      *service.RedisServer
	postgres   *service.PostgresServer
	toRedis    []*service.ProxyServer // by node
	toPostgres []*service.ProxyServer
}

// onSQLite is one node with a ledger of its own and its lease in the process.
func onSQLite(t *testing.T, later bool) *world {
	t.Helper()
	w, s := newWorld(t, later)
	return w.onSQLite(s)
}

func (w *world) onSQLite(s *setup) *world {
	t := w.t
	t.Helper()
	path := filepath.Join(s.dir, "curfew.db")
	address := ownAddress(t)
	w.nodes = []*node{startNode(t, program(t), s.configure(t, 0, address, "sqlite:"+path, "memory"), address)}
	w.begin(s)
	var err error
	if w.ledger, err = readSQLite(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.ledger.close() })
	return w
}

// onPostgres is two nodes on one PostgreSQL and one Redis, each with lines of its
// own.
func onPostgres(t *testing.T, later bool) *world {
	t.Helper()
	w, s := newWorld(t, later)
	w.postgres, w.redis = service.Postgres(t), service.Redis(t)
	database := w.postgres.Database(t)
	w.ledger = readPostgres(database)
	for n := range 2 {
		w.toRedis = append(w.toRedis, service.Proxy(t, w.redis.Addr))
		w.toPostgres = append(w.toPostgres, service.Proxy(t, w.postgres.Addr))
		through, err := url.Parse(database)
		if err != nil {
			t.Fatal(err)
		}
		through.Host = w.toPostgres[n].Addr
		address := ownAddress(t)
		w.nodes = append(w.nodes, startNode(t, program(t),
			s.configure(t, n, address, through.String(), "redis://"+w.toRedis[n].Addr+"/0"), address))
	}
	w.begin(s)
	return w
}

// newWorld makes the targets and lays out what the nodes share. If it is to be later,
// the target that compares generations confirms by a callback, and not by its answer.
func newWorld(t *testing.T, later bool) (*world, *setup) {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	s := &setup{dir: t.TempDir(), targets: map[string]string{}, later: later, secret: "whsec_" + base64.StdEncoding.EncodeToString(key)}
	w := &world{t: t, secret: s.secret, targets: map[string]*fake.Target{}, doors: map[string]*service.ProxyServer{}}
	for _, name := range []string{plain, comparing} {
		tgt := fake.New(t, fake.Config{
			Address: ownAddress(t), Secrets: []string{s.secret}, CompareGenerations: name == comparing, CallsBack: true, // where a message asks for it
		})
		address := strings.TrimSuffix(strings.TrimPrefix(tgt.URL(), "http://"), "/hook")
		w.targets[name], w.doors[name] = tgt, service.Proxy(t, address)
		s.targets[name] = "http://" + w.doors[name].Addr + "/hook"
	}
	w.sink = newSink(t)
	s.sink = w.sink.url
	var err error
	if s.signing, w.key, err = audit.NewKey(rand.Reader, "chaos/audit"); err != nil {
		t.Fatal(err)
	}
	s.layOut(t)
	return w, s
}

// begin waits until every node serves.
func (w *world) begin(s *setup) {
	w.t.Helper()
	w.caller = newCaller(w.nodes, s.secrets)
	w.await("the nodes serve", 60*time.Second, w.serving)
}

// serving says what does not serve yet; nothing is "".
func (w *world) serving(ctx context.Context) string {
	for n := range w.nodes {
		if status, raw := w.caller.send(ctx, n, operator, http.MethodGet, "/readyz", "", nil); status != http.StatusOK {
			return w.nodes[n].url + " is not ready: " + string(raw) + "\n" + w.nodes[n].tail(1000)
		}
	}
	return ""
}

// checks reports whether the nodes answer checks at all.
func (w *world) checks(ctx context.Context) bool {
	return w.caller.check(ctx, 0, entitled(0, 0, w.names())).Status != http.StatusNotFound
}

func (w *world) names() []string { return []string{comparing, plain} }

// shape is what a plan must know of the world.
func (w *world) shape(length time.Duration) chaos.Shape {
	return chaos.Shape{For: length, Nodes: len(w.nodes), Redis: w.redis != nil, Postgres: w.postgres != nil, Targets: w.names()}
}

// await polls until a condition says nothing any more.
func (w *world) await(what string, limit time.Duration, missing func(context.Context) string) bool {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		why := missing(ctx)
		if why == "" {
			return true
		}
		select {
		case <-ctx.Done():
			w.t.Errorf("waited %s until %s: %s", limit, what, why)
			return false
		case <-time.After(50 * time.Millisecond): // between two looks
		}
	}
}

// history gathers what is known once the run is over: the nodes are asked for
// their audit log and stopped in good order before the ledger is read.
func (w *world) history(h chaos.History) (chaos.History, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var faults []error
	for _, n := range w.nodes[1:] {
		faults = append(faults, n.hold(syscall.SIGTERM))
	}
	var err error
	if h.Told, err = w.told(ctx); err != nil {
		faults = append(faults, err)
	}
	w.await("the sink has all events", time.Minute, func(context.Context) string { return w.unsunk(h.Told) })
	faults = append(faults, w.nodes[0].hold(syscall.SIGTERM))
	h.Key, h.Sunk = w.key, w.sink.taken()
	if h.Ledger, err = w.ledger.snapshot(ctx); err != nil {
		faults = append(faults, err)
	}
	// The last node said that it stopped after it was asked.
	if n := len(h.Ledger.Log); n == len(h.Told)+1 && strings.Contains(h.Ledger.Log[n-1].Body, `"gateway.stopped"`) {
		h.Told = append(h.Told, h.Ledger.Log[n-1].Body)
		h.Sunk = append(h.Sunk, h.Ledger.Log[n-1].Body)
	}
	for _, name := range w.names() {
		s := w.targets[name].State()
		h.Targets = append(h.Targets, chaos.Target{Name: name, Compares: name == comparing, Calls: s.Calls, Exists: s.Exists})
	}
	return h, errors.Join(faults...)
}

// unsunk says that the sink lacks the newest event; nothing is "".
func (w *world) unsunk(told []string) string {
	if n := len(told); n > 0 && !w.sink.has(told[n-1]) {
		return "it lacks " + told[n-1]
	}
	return ""
}

// told lists the audit events once all are sealed.
func (w *world) told(ctx context.Context) ([]string, error) {
	w.await("events are sealed", 10*time.Second, w.ledger.unsettled)
	return w.caller.events(ctx, 0)
}
