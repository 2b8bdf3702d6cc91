package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/service"
)

// exampleSet is a gateway as an example configures it, with an example's own program
// beside it.
type exampleSet struct {
	*testing.T
	dir    string
	url    string
	tokens map[string]string // of people and jobs
}

// newExample lays out a folder for a gateway that will be at url.
func newExample(t *testing.T, tokens ...string) *exampleSet {
	t.Helper()
	address, err := stage.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	s := &exampleSet{T: t, dir: service.Dir(t), url: "http://" + address, tokens: map[string]string{}}
	for _, name := range tokens {
		s.tokens[name] = "token-of-" + name + "-" + strings.Repeat("x", 16)
	}
	s.write("policies/access/access.rego", letIn)
	return s
}

func (s *exampleSet) write(name, text string) {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// program runs a program until the test ends, and waits for a line of it. What it
// wrote is held against the secrets.
func (s *exampleSet) program(p stage.Program, ready string) *stage.Process {
	s.Helper()
	p.Log, p.Show = filepath.Join(s.dir, p.Name+".log"), stage.Hide
	running, err := stage.Start(context.Background(), p)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := running.End(); err != nil {
			s.Errorf("the %s ended with %v", p.Name, err)
		}
		said, _ := os.ReadFile(p.Log)
		for _, secret := range append(p.Env, "cbt_") {
			if _, value, found := strings.Cut(secret, "="); found {
				secret = strings.TrimPrefix(value, "whsec_")
			}
			if len(secret) >= 4 && !strings.HasPrefix(secret, "http") && bytes.Contains(said, []byte(secret)) {
				s.Errorf("the log of the %s holds a secret: %.8s…", p.Name, secret)
			}
		}
		if s.Failed() {
			s.Logf("the %s said\n%s", p.Name, withoutCalls(said))
		}
	})
	if _, err := running.Wait(context.Background(), startIn, ready); err != nil {
		s.Fatal(err)
	}
	return running
}

// serve starts the gateway on a configuration.
func (s *exampleSet) serve(config string, env ...string) {
	s.Helper()
	s.write("curfew.yaml", config)
	s.program(stage.Program{
		Name: "gateway", Path: filepath.Join(bin, "curfew"), Args: []string{"serve", "--config", filepath.Join(s.dir, "curfew.yaml")}, Env: env,
	}, "serves")
}

// build builds a program of an example that is not among those of all tests.
func (s *exampleSet) build(folder, name string, flags ...string) (path string) {
	s.Helper()
	path = filepath.Join(s.dir, name)
	args := append([]string{"build", "-C", filepath.Join("../../examples", folder), "-o", path}, flags...)
	if out, err := exec.CommandContext(s.Context(), "go", append(args, ".")...).CombinedOutput(); err != nil {
		s.Fatalf("build %s: %v\n%s", folder, err, out)
	}
	return path
}

// call makes a call of the API as somebody, which must succeed.
func (s *exampleSet) call(who, method, path string, body, into any) {
	s.Helper()
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.Fatal(err)
		}
		sent = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, sent)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.tokens[who])
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 {
		s.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, raw, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		s.Fatal(err)
	}
}

// ask has somebody ask for access, which they are given.
func (s *exampleSet) ask(who, resourceType, id, action string) (grant string) {
	s.Helper()
	var r engine.RequestView
	s.call(who, http.MethodPost, "/v1/requests", map[string]any{
		"action": map[string]string{"name": action}, "resource": map[string]string{"type": resourceType, "id": id},
		"for": "2h", "reason": "to see how it goes",
	}, &r)
	if r.Grant == nil {
		s.Fatalf("the request is %s", r.State)
	}
	return r.Grant.ID
}

func (s *exampleSet) grant(who, id string) (g engine.GrantView) {
	s.Helper()
	s.call(who, http.MethodGet, "/v1/grants/"+id, nil, &g)
	return g
}

// await waits until a grant is as it should be.
func (s *exampleSet) await(who, id, what string, fits func(engine.GrantView) bool) (g engine.GrantView) {
	s.Helper()
	s.until(what, func() error {
		if g = s.grant(who, id); fits(g) {
			return nil
		}
		return fmt.Errorf("the grant is %s (%v), its binding %+v", g.State, g.EndReason, g.Binding)
	})
	return g
}

func (s *exampleSet) awaitObserved(who, id string, p access.Presence) engine.GrantView {
	s.Helper()
	return s.await(who, id, "the binding is "+string(p), func(g engine.GrantView) bool { return g.Binding.Observed == p })
}

// until tries until it succeeds, or for patience.
func (s *exampleSet) until(what string, try func() error) {
	s.Helper()
	tick := time.NewTicker(lookAway)
	defer tick.Stop()
	for late := time.After(patience); ; {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			s.Fatalf("waiting until %s: %v", what, err)
		}
	}
}

// event waits for an audit event of a type.
func (s *exampleSet) event(who string, typ string, fits func(audit.Event) bool) {
	s.Helper()
	s.until("there is an event "+typ, func() error {
		var page engine.Page[audit.Event]
		s.call(who, http.MethodGet, "/v1/audit/events?limit=100&type="+typ, nil, &page)
		for _, e := range page.Items {
			if fits(e) {
				return nil
			}
		}
		return fmt.Errorf("there are %d others: %+v", len(page.Items), page.Items)
	})
}
