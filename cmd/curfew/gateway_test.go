package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/engine/outbox"
)

const always = "schedules: [{id: payments-primary, shifts: [{subject: 'user:alice@example.com'}]}]"

// home is a directory with a small configuration: Alice, who is on call, and an
// administrator, and one target.
func home(t *testing.T, targetURL string) string {
	t.Helper()
	dir := t.TempDir()
	err := errors.Join(
		write(filepath.Join(dir, "curfew.yaml"), `listen: 127.0.0.1:0
policies: policies
oncall: {rota: rota.yaml}
people: people.yaml
resources: resources.yaml
auth:
  tokens:
    - {name: alice, subject: "user:alice@example.com", secret: file:alice}
    - {name: admin, subject: "service:admin", groups: [admins], secret: file:admin}
targets: [{name: t, webhook: {url: "`+targetURL+`", secret: env:WEBHOOK, retry_first: 10ms, retry_cap: 100ms}}]
`),
		write(filepath.Join(dir, "policies", "data.yaml"), "teams: {payments: {schedules: [payments-primary]}}"),
		write(filepath.Join(dir, "rota.yaml"), always),
		write(filepath.Join(dir, "people.yaml"), "people: [{subject: 'user:alice@example.com', groups: [payments]}]"),
		write(filepath.Join(dir, "resources.yaml"),
			"resources: [{type: db, id: main, properties: {owner: payments}, entitlements: [{action: read, durations: [1s, 2h], target: t}]}]"),
		write(filepath.Join(dir, "alice"), "alices-own-token"), write(filepath.Join(dir, "admin"), "admins-own-token"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// open makes the gateway of a home, not running.
func open(t *testing.T, dir string, opts options) *gateway {
	t.Helper()
	cfg, err := loadConfig(filepath.Join(dir, "curfew.yaml"), env)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGateway(t.Context(), cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// serve runs the gateway of a home until the test or stop ends it.
func serve(t *testing.T, dir string, opts options) (g *gateway, stop func()) {
	t.Helper()
	g = open(t, dir, opts)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(g.Run(ctx), g.Close()) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the gateway ended with: %v", err)
		}
	})
	t.Cleanup(stop)
	return g, stop
}

// curfew runs the command line as the holder of a token.
func curfew(ctx context.Context, g *gateway, token string, out io.Writer, args ...string) (code int, stderr string) {
	var errs bytes.Buffer
	code = run(ctx, append(args, "--url", g.URL(), "--token-file", filepath.Join(filepath.Dir(g.cfg.Path), token)), stdio{
		In: strings.NewReader(""), Out: out, Err: &errs, LookupEnv: func(string) (string, bool) { return "", false },
	})
	return code, errs.String()
}

// okTarget confirms everything.
func okTarget(t *testing.T) string {
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(target.Close)
	return target.URL
}

// eventTypes reads the sealed events of a ledger that nobody holds, and reports
// events that are not sealed.
func eventTypes(t *testing.T, path string) (types []string) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	l, err := ledger.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := l.SealEvents(t.Context(), 10, nil); n != 0 || err != nil {
		t.Errorf("%d events were not sealed: %v", n, err)
	}
	err = l.View(t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Limit: 500})
		for _, e := range events {
			var event audit.Event
			err = errors.Join(err, json.Unmarshal(e.Body, &event))
			types = append(types, event.Type)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func TestGatewayTellsOfItsStartAndStop(t *testing.T) {
	t.Parallel()
	g, stop := serve(t, home(t, okTarget(t)), options{Version: "v1"})
	var out bytes.Buffer
	if code, stderr := curfew(t.Context(), g, "alice", &out, "request", "db/main", "read", "--for", "2h", "--reason", "x"); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	stop()
	types := eventTypes(t, g.cfg.LedgerPath)
	started := slices.Index(types, audit.GatewayStarted)
	if started < 0 || started > slices.Index(types, audit.RequestSubmitted) || types[len(types)-1] != audit.GatewayStopped {
		t.Errorf("got %v", types)
	}
}

func TestGatewayThatIsStoppedAtOnceStopsCleanly(t *testing.T) {
	t.Parallel()
	g := open(t, home(t, okTarget(t)), options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(g.Run(ctx), g.Close()); err != nil {
		t.Error(err)
	}
	if types := eventTypes(t, g.cfg.LedgerPath); types[len(types)-1] != audit.GatewayStopped {
		t.Errorf("got %v", types)
	}
}

func TestGatewayHoldsItsLedgerAlone(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	g, _ := serve(t, dir, options{})
	if _, err := newGateway(t.Context(), g.cfg, options{}); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("got %v", err)
	}
}

func TestGatewayThatCanNotListenLetsItsLedgerGo(t *testing.T) {
	t.Parallel()
	busy := httptest.NewServer(nil)
	defer busy.Close()
	cfg, err := loadConfig(filepath.Join(home(t, okTarget(t)), "curfew.yaml"), env)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen = strings.TrimPrefix(busy.URL, "http://")
	for range 2 {
		if _, err := newGateway(t.Context(), cfg, options{}); err == nil || errors.Is(err, sqlite.ErrLocked) {
			t.Errorf("got %v", err)
		}
	}
}

func TestReadinessIsDegradedWithoutTheTargetOfABinding(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	g, stop := serve(t, dir, options{})
	if r := g.ready(t.Context()); r.Status != api.StatusOK || len(r.Checks) != 7 {
		t.Errorf("got %+v", r)
	}
	if code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "2h", "--reason", "x"); code != exitOK {
		t.Fatal(stderr)
	}
	stop()
	config := filepath.Join(dir, "curfew.yaml")
	moved := strings.Replace(read(config), "webhook: {url: \"", "webhook: {url: \"http://127.0.0.1:9/", 1)
	if err := write(config, moved); err != nil {
		t.Fatal(err)
	}
	g, stop = serve(t, dir, options{})
	r := g.ready(t.Context())
	if r.Status != api.StatusDegraded || !strings.Contains(fmt.Sprint(r.Checks), "target_missing: access was given through 1 target that is") {
		t.Errorf("got %+v", r)
	}
	stop()
	if r := g.ready(t.Context()); r.Status != api.StatusUnavailable {
		t.Errorf("without a ledger: got %+v", r)
	}
}

func TestReadinessIsDegradedWithoutTheSecretOfATarget(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	config := filepath.Join(dir, "curfew.yaml")
	if err := write(config, strings.Replace(read(config), "env:WEBHOOK", "env:NOWHERE", 1)); err != nil {
		t.Fatal(err)
	}
	g, _ := serve(t, dir, options{})
	if r := g.ready(t.Context()); r.Status != api.StatusDegraded {
		t.Errorf("got %+v", r)
	}
	code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "2h", "--reason", "x")
	if code != exitConflict || !strings.Contains(stderr, "target_missing") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestTailFollows(t *testing.T) {
	t.Parallel()
	g, _ := serve(t, home(t, okTarget(t)), options{})
	ask := []string{"request", "db/main", "read", "--for", "2h", "--reason", "x"}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := 0
	out := writer(func(line []byte) {
		if seen += bytes.Count(line, []byte(audit.GrantStarted)); seen == 3 {
			cancel()
			return
		}
		if code, stderr := curfew(t.Context(), g, "alice", io.Discard, ask...); code != exitOK {
			t.Error(stderr)
		}
	})
	_, _ = out.Write(nil) // the first request
	code, stderr := curfew(ctx, g, "admin", out, "audit", "tail", "-f", "--type", audit.GrantStarted, "-o", "json")
	if code != exitOK || seen != 3 {
		t.Errorf("exit %d after %d events: %s", code, seen, stderr)
	}
}

// writer is a func as an io.Writer.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestOptionsReachTheLoops(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var steps []string
	deprovisioned := make(chan struct{})
	told := make(chan access.Verb, 2)
	g, _ := serve(t, home(t, okTarget(t)), options{
		Step: func(name string) {
			mu.Lock()
			defer mu.Unlock()
			if steps = append(steps, name); name == "deprovision.recorded" {
				close(deprovisioned)
			}
		},
		Deliverer: func(d outbox.Deliverer) outbox.Deliverer { return eavesdropper{d, told} },
	})
	if code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "1s", "--reason", "x"); code != exitOK {
		t.Fatal(stderr)
	}
	<-deprovisioned
	want := []string{
		"request.committed", "provision.claimed", "provision.recorded", "end.committed", "deprovision.claimed", "deprovision.recorded",
	}
	mu.Lock()
	defer mu.Unlock()
	for _, step := range want {
		if !slices.Contains(steps, step) {
			t.Errorf("no step %s in %v", step, steps)
		}
	}
	if first, second := <-told, <-told; first != access.VerbProvision || second != access.VerbDeprovision {
		t.Errorf("told %s, %s", first, second)
	}
}

// eavesdropper hears what a target confirmed.
type eavesdropper struct {
	outbox.Deliverer
	told chan<- access.Verb
}

func (e eavesdropper) Deliver(ctx context.Context, m access.Message) (access.Receipt, error) {
	receipt, err := e.Deliverer.Deliver(ctx, m)
	e.told <- m.Type
	return receipt, err
}
