package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/outbox"
	fake "github.com/curfew-access/curfew/tests/fake/target"
)

// crashMain is a gateway that kills itself with SIGKILL at the step that
// CURFEW_CRASH_AT names: nothing is flushed, no defer runs.
func crashMain() {
	at := os.Getenv("CURFEW_CRASH_AT")
	die := func(step string) {
		if step == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := loadConfig(os.Args[1], os.LookupEnv)
	if err == nil {
		var g *gateway
		g, err = newGateway(ctx, cfg, options{Step: die, Deliverer: func(d outbox.Deliverer) outbox.Deliverer { return dying{d, die} }})
		if err == nil {
			err = errors.Join(g.Run(ctx), g.Close())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// dying kills the process when the target has acted and nobody knows yet.
type dying struct {
	outbox.Deliverer
	die func(step string)
}

func (d dying) Deliver(ctx context.Context, m access.Message) (access.Receipt, error) {
	receipt, err := d.Deliverer.Deliver(ctx, m)
	d.die(strings.TrimPrefix(string(m.Type), "access.") + ".delivered")
	return receipt, err
}

// TestKillBetweenAnyTwoSteps kills the gateway at each step of a grant's life
// and starts it again. Whoever asked repeats with the same Idempotency-Key, as a
// good client does; nothing else is done for it. In the end there is one request
// and one grant, the target holds no access, and each step is in the audit log
// once.
func TestKillBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	reviewed := []string{
		"request.submitted", "request.reviewed", "request.approved", "grant.started", "grant.ended",
		"binding.provisioned", "binding.deprovisioned",
	}
	scheduled := append([]string{"grant.scheduled"}, reviewed...)
	cases := map[string]struct {
		story func(*crashScene)
		steps []string // to die at
		want  []string // in the audit log, once each
	}{
		"a review, a grant and its end": {(*crashScene).reviewed, []string{
			"request.committed", "review.committed", "provision.claimed", "provision.delivered", "provision.recorded",
			"end.committed", "deprovision.claimed", "deprovision.delivered", "deprovision.recorded",
		}, reviewed},
		"a revoke":            {(*crashScene).revoked, []string{"revoke.committed"}, reviewed},
		"a withdrawal":        {(*crashScene).withdrawn, []string{"withdrawal.committed"}, []string{"request.submitted", "request.withdrawn"}},
		"a start in a second": {(*crashScene).scheduled, []string{"start.committed"}, scheduled},
	}
	for name, tc := range cases {
		for _, step := range tc.steps {
			t.Run(name+", killed at "+step, func(t *testing.T) {
				t.Parallel()
				s := newCrashScene(t, step)
				tc.story(s)
				select {
				case <-s.died:
				case <-time.After(20 * time.Second):
					t.Fatalf("the gateway never came to %s", step)
				}
				s.check(tc.want)
			})
		}
	}
}

// crashScene is a gateway that dies once, who starts it again, and a target.
type crashScene struct {
	t      *testing.T
	target *fake.Target
	config string
	url    string
	tokens map[string]string
	died   chan struct{} // closed when the gateway was killed
}

var globex = access.Entitled{
	Subject: access.Subject{Type: "user", ID: "carol@example.com"}, Action: access.Action{Name: "debug"},
	Resource: access.ResourceRef{Type: "customer", ID: "globex"},
}

func newCrashScene(t *testing.T, step string) *crashScene {
	t.Helper()
	dir := t.TempDir()
	if err := copyExamples(dir); err != nil {
		t.Fatal(err)
	}
	s := &crashScene{t: t, config: filepath.Join(dir, "examples", "quickstart", "curfew.yaml"), tokens: map[string]string{}, died: make(chan struct{})}
	address := ownAddress(t)
	s.url = "http://" + address
	s.target = fake.New(t, fake.Config{})
	for path, change := range map[string][]string{
		s.config: {"127.0.0.1:8080", address, "http://127.0.0.1:9090/", s.target.URL(), "retry_cap: 5s", "retry_cap: 1s"},
		filepath.Join(filepath.Dir(s.config), "resources.yaml"): {"30s", "3s"},
	} {
		if err := write(path, strings.NewReplacer(change...).Replace(read(path))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := provideSecrets(s.config); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, ".quickstart")
	if err := write(filepath.Join(state, "webhook-secret"), s.target.Secret()); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"alice", "bob", "carol"} {
		s.tokens[who] = strings.TrimSpace(read(filepath.Join(state, "token-"+who)))
	}
	s.supervise(step)
	return s
}

// ownAddress is an address that stays free while the gateway is down: on a
// loopback host of its own, where no other listener of the tests gets its port.
func ownAddress(t *testing.T) string {
	t.Helper()
	var b [3]byte
	_, _ = rand.Read(b[:])
	listener, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", b[0]|1, b[1], b[2]|1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// supervise starts the gateway, and again when it was killed.
func (s *crashScene) supervise(step string) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for crash := step; ctx.Err() == nil; crash = "" {
			cmd := exec.CommandContext(ctx, "curfew-crash", s.config)
			cmd.Env = append(os.Environ(), "CURFEW_CRASH_AT="+crash)
			cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
			var said bytes.Buffer
			cmd.Stderr = &said
			err := cmd.Run()
			if ctx.Err() != nil {
				return
			}
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				s.t.Errorf("the gateway ended: %v: %s", err, &said)
				return
			}
			close(s.died) // a second time is a panic: it dies once
		}
	})
	s.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// call makes a call until it is answered, always under the same key.
func (s *crashScene) call(who, method, path string, body, answer any) {
	s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	key := rand.Text()
	for deadline := time.Now().Add(30 * time.Second); ; {
		status, text, err := s.try(who, method, path, key, raw)
		switch {
		case err == nil && status < 300:
			if err := json.Unmarshal(text, answer); err != nil {
				s.t.Fatal(err)
			}
			return
		case err == nil:
			s.t.Fatalf("%s %s: %d %s", method, path, status, text)
		case time.Now().After(deadline):
			s.t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // between two calls to a gateway that is being started
	}
}

func (s *crashScene) try(who, method, path, key string, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.tokens[who])
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, text, err
}

// request asks as Carol, and has Bob approve.
func (s *crashScene) request(length string, startsAt *time.Time) (r engine.RequestView) {
	s.t.Helper()
	s.call("carol", "POST", "/v1/requests", map[string]any{
		"action": globex.Action, "resource": globex.Resource, "for": length, "reason": "INC-12", "starts_at": startsAt,
	}, &r)
	return r
}

func (s *crashScene) approve(r engine.RequestView) (approved engine.RequestView) {
	s.t.Helper()
	s.call("bob", "POST", "/v1/requests/"+r.ID+"/approve", map[string]any{}, &approved)
	return approved
}

func (s *crashScene) reviewed() {
	s.approve(s.request("3s", nil))
	s.target.Await(s.t, "the grant to be opened", fake.Open(globex))
	s.target.Await(s.t, "the grant to be closed", fake.Gone(globex))
}

func (s *crashScene) revoked() {
	r := s.approve(s.request("2h", nil))
	var g engine.GrantView
	for g.Binding.Observed != access.Present { // a revoke would overtake a provision that is not recorded
		s.call("carol", "GET", "/v1/grants/"+r.Grant.ID, nil, &g)
	}
	s.call("carol", "POST", "/v1/grants/"+r.Grant.ID+"/revoke", map[string]any{}, &g)
	s.target.Await(s.t, "the grant to be closed", fake.Gone(globex))
}

func (s *crashScene) withdrawn() {
	r := s.request("2h", nil)
	s.call("carol", "POST", "/v1/requests/"+r.ID+"/withdraw", map[string]any{}, &r)
}

func (s *crashScene) scheduled() {
	start := time.Now().Add(2 * time.Second)
	s.approve(s.request("3s", &start))
	s.target.Await(s.t, "the grant to be opened", fake.Open(globex))
	s.target.Await(s.t, "the grant to be closed", fake.Gone(globex))
}

// check waits until the binding is settled and holds the books against each
// other: the API's lists, the audit log and what the target was told.
func (s *crashScene) check(want []string) {
	s.t.Helper()
	var grants engine.Page[engine.GrantView]
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) { // polls the API
		s.call("carol", "GET", "/v1/grants", nil, &grants)
		settled := !slices.ContainsFunc(grants.Items, func(g engine.GrantView) bool {
			return g.Binding.Observed != access.Absent || g.State != access.GrantEnded
		})
		if settled {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the binding did not settle: %+v", grants.Items[0].Binding)
		}
	}
	var requests engine.Page[engine.RequestView]
	s.call("carol", "GET", "/v1/requests", nil, &requests)
	if len(requests.Items) != 1 || len(grants.Items) > 1 {
		s.t.Errorf("there are %d requests and %d grants", len(requests.Items), len(grants.Items))
	}
	if s.target.Exists(globex) {
		s.t.Error("the target still holds access")
	}
	s.checkAudit(want)
	s.checkHistory()
}

func (s *crashScene) checkAudit(want []string) {
	s.t.Helper()
	seen := map[string]int{}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) { // until sealed
		clear(seen)
		var events engine.Page[struct{ Type string }]
		s.call("bob", "GET", "/v1/audit/events?limit=500", nil, &events)
		missing := false
		for _, e := range events.Items {
			seen[e.Type]++
		}
		for _, typ := range want {
			missing = missing || seen[typ] == 0
		}
		if !missing {
			break
		}
	}
	for _, typ := range want {
		if seen[typ] == 0 || (seen[typ] != 1 && typ != "binding.deprovisioned") { // which may be asserted again
			s.t.Errorf("%s is %d times in the audit log, want once: %v", typ, seen[typ], seen)
		}
	}
}

// checkHistory: repeats of a delivery carry the same id, and generations never
// go back.
func (s *crashScene) checkHistory() {
	s.t.Helper()
	newest := int64(0)
	for _, c := range s.target.Calls() {
		if c.Generation() < newest {
			s.t.Errorf("generation %d came after %d", c.Generation(), newest)
		}
		newest = c.Generation()
		if want := fmt.Sprintf("%s_%d", c.Message.Data.Binding.ID, c.Generation()); c.ID != want {
			s.t.Errorf("a delivery has the id %s, want %s", c.ID, want)
		}
	}
}
