package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/pdp"
)

// until waits for what a gateway will be.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// policiesAre is what readyz says of the policies.
func policiesAre(t *testing.T, g *gateway) api.Check {
	t.Helper()
	checks := g.ready(t.Context()).Checks
	return checks[slices.IndexFunc(checks, func(c api.Check) bool { return c.Name == "policies" })]
}

// answered is what the policies say to Alice, who asks to read for two hours: the
// codes of the reasons.
func answered(t *testing.T, g *gateway) (effect string, codes []string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL()+"/v1/decisions",
		strings.NewReader(`{"action": {"name": "read"}, "resource": {"type": "db", "id": "main"}, "for": "2h", "reason": "x"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer alices-own-token")
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var d struct {
		Effect  string
		Reasons []struct{ Code string }
		Code    string
	}
	if err := json.NewDecoder(res.Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	for _, reason := range d.Reasons {
		codes = append(codes, reason.Code)
	}
	if d.Effect == "" {
		return d.Code, nil
	}
	return d.Effect, codes
}

func wantAnswer(t *testing.T, g *gateway, effect string, codes ...string) {
	t.Helper()
	if gotEffect, gotCodes := answered(t, g); gotEffect != effect || !slices.Equal(gotCodes, codes) {
		t.Errorf("got %s for %v, want %s for %v", gotEffect, gotCodes, effect, codes)
	}
}

// policyEvents are the events of a running gateway about its policies.
func policyEvents(t *testing.T, g *gateway) (types []string, last map[string]any) {
	t.Helper()
	if _, err := g.ledger.SealEvents(t.Context(), 100, nil); err != nil {
		t.Fatal(err)
	}
	err := g.ledger.View(t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Limit: 500})
		for _, sealed := range events {
			var e audit.Event
			if err := json.Unmarshal(sealed.Body, &e); err != nil {
				return err
			}
			if strings.HasPrefix(e.Type, "policy.") {
				types, last = append(types, e.Type), e.Data
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return types, last
}

const (
	standingRule = "package access\n\nallow contains {\"code\": \"standing\", \"title\": \"Standing access\"}\n"
	brokenRule   = "package access\n\nallow contains {\"code\": \"hunter2\"} if undeclared\n"
)

// replace puts a file in a place as a whole.
func replace(t *testing.T, path, content string) {
	t.Helper()
	half := filepath.Join(filepath.Dir(path), ".half")
	if err := write(half, content); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(half, path); err != nil {
		t.Fatal(err)
	}
}

func TestPoliciesOfARunningGatewayAreEdited(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	g, _ := serve(t, dir, options{})
	first := g.policy.Revision()
	wantAnswer(t, g, "allow", "on_call")
	if c := policiesAre(t, g); c.Status != api.StatusOK || c.Detail != "revision "+first[:12] {
		t.Errorf("at the start: %+v", c)
	}
	for _, line := range []string{"curfew_policy_current 1", "curfew_policy_active 1", "curfew_policy_source_up 1", "curfew_policy_refused_total 0"} {
		if figures := anybody(t, g, "/metrics"); !strings.Contains(figures, line) || !strings.Contains(figures, "curfew_policy_activated_timestamp_seconds ") {
			t.Errorf("there is no %s in\n%s", line, figures)
		}
	}

	rule := filepath.Join(dir, "policies", "access.rego")
	replace(t, rule, standingRule)
	until(t, "the rule counts", func() bool { return g.policy.Revision() != first })
	second := g.policy.Revision()
	wantAnswer(t, g, "allow", "standing")
	types, last := policyEvents(t, g)
	if !slices.Equal(types, []string{audit.PolicyActivated, audit.PolicyActivated}) || last["revision"] != second || last["previous"] != first ||
		last["source"] != "directory "+filepath.Join(dir, "policies") {
		t.Errorf("events %v, the last %v", types, last)
	}

	replace(t, rule, brokenRule)
	g.hangups <- syscall.SIGHUP
	until(t, "the broken rule is refused", func() bool { return policiesAre(t, g).Status == api.StatusDegraded })
	wantAnswer(t, g, "allow", "standing")
	if ready := anybody(t, g, "/readyz"); !strings.Contains(ready, "the newest was refused") || strings.Contains(ready, "rego") || strings.Contains(ready, "hunter2") {
		t.Errorf("readyz: %s", ready)
	}
	if figures := anybody(t, g, "/metrics"); !strings.Contains(figures, "curfew_policy_current 0") || !strings.Contains(figures, "curfew_policy_refused_total 1") {
		t.Error("the figures do not say so")
	}
	until(t, "the refusal is told", func() bool { types, _ := policyEvents(t, g); return len(types) == 3 })
	if types, last = policyEvents(t, g); types[2] != audit.PolicyRefused || last["faults"] != 1.0 || !strings.Contains(last["first"].([]any)[0].(string), "access.rego:3") {
		t.Errorf("events %v, the last %v", types, last)
	}

	replace(t, rule, standingRule)
	g.hangups <- syscall.SIGHUP
	until(t, "it is mended", func() bool { return policiesAre(t, g).Status == api.StatusOK })
	if types, _ := policyEvents(t, g); len(types) != 3 || g.policy.Revision() != second {
		t.Errorf("mended: %v, %s", types, g.policy.Revision())
	}
}

func TestGatewayWithoutAPolicyStartsAndEndsWhatItGave(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	g, stop := serve(t, dir, options{})
	if code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "1s", "--reason", "x"); code != exitOK {
		t.Fatal(stderr)
	}
	stop()
	rule := filepath.Join(dir, "policies", "access.rego")
	replace(t, rule, brokenRule)
	g, stop = serve(t, dir, options{})
	if g.policy.Revision() != "" {
		t.Fatalf("revision %q is in force", g.policy.Revision())
	}
	if r := g.ready(t.Context()); r.Status != api.StatusUnavailable || !strings.HasPrefix(policiesAre(t, g).Detail, "policy_missing: ") {
		t.Errorf("got %+v", r)
	}
	until(t, "the grant ends", func() bool {
		var ended bool
		err := g.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			events, err := tx.Events(ledger.EventFilter{Limit: 500, Type: audit.BindingDeprovisioned})
			ended = len(events) > 0
			return err
		})
		return err == nil && ended
	})
	replace(t, rule, standingRule)
	until(t, "there is a policy", func() bool { return policiesAre(t, g).Status == api.StatusOK })
	wantAnswer(t, g, "allow", "standing")
	stop()
}

func TestGatewayServesByABundleOverHTTP(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	file := filepath.Join(dir, "served.tar.gz")
	build := func(revision, rule string) {
		opaBundle(t, file, map[string]string{"access/access.rego": rule, ".manifest": `{"revision": "` + revision + `", "roots": ["access"]}`},
			"--signing-key", testWebhook+testWebhook, "--signing-alg", "HS256")
	}
	build("v1", standingRule)
	var down atomic.Bool
	var refused atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case down.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Header.Get("Authorization") != "Bearer "+testToken:
			refused.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			http.ServeFile(w, r, file)
		}
	}))
	t.Cleanup(server.Close)
	config := filepath.Join(dir, "curfew.yaml")
	err := write(config, strings.Replace(read(config), "policies: policies", `policies:
  bundle:
    url: `+server.URL+`/team.tar.gz
    token: env:TOKEN
    poll: 1s
    key: file:key
    algorithm: HS256
    cache: kept.tar.gz`, 1))
	if err == nil {
		err = write(filepath.Join(dir, "key"), testWebhook+testWebhook)
	}
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logged := options{Log: slog.New(slog.NewTextHandler(&log, nil))}
	g, stop := serve(t, dir, logged)
	wantAnswer(t, g, "allow", "standing")
	if !strings.HasSuffix(g.policy.Revision(), "+v1") || refused.Load() != 0 {
		t.Errorf("revision %s", g.policy.Revision())
	}
	build("v2", strings.ReplaceAll(standingRule, "standing", "second"))
	until(t, "the next bundle", func() bool { return strings.HasSuffix(g.policy.Revision(), "+v2") })
	wantAnswer(t, g, "allow", "second")

	down.Store(true)
	until(t, "the server is down", func() bool { return policiesAre(t, g).Status == api.StatusDegraded })
	wantAnswer(t, g, "allow", "second")
	if figures := anybody(t, g, "/metrics"); !strings.Contains(figures, "curfew_policy_source_up 0") || !strings.Contains(figures, "curfew_policy_current 1") {
		t.Error("the figures do not say so")
	}
	stop()
	g, stop = serve(t, dir, logged)
	wantAnswer(t, g, "allow", "second")
	if c := policiesAre(t, g); c.Status != api.StatusDegraded || !strings.Contains(c.Detail, "kept from before the start") {
		t.Errorf("got %+v", c)
	}
	down.Store(false)
	until(t, "the server is back", func() bool { return policiesAre(t, g).Status == api.StatusOK })
	stop()
	if strings.Contains(log.String(), testToken) || !strings.Contains(log.String(), "503 Service Unavailable") {
		t.Errorf("the log: %s", &log)
	}
}

func TestReadinessOfPolicies(t *testing.T) {
	t.Parallel()
	good := func(change func(*pdp.DeliveryState)) pdp.DeliveryState {
		s := pdp.DeliveryState{Revision: strings.Repeat("0123456789", 6) + "+x"}
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		state        pdp.DeliveryState
		status, says string
	}{
		"in force":          {good(func(*pdp.DeliveryState) {}), api.StatusOK, "revision 012345678901"},
		"none":              {pdp.DeliveryState{}, api.StatusUnavailable, "policy_missing: no policy is in force"},
		"none, and refused": {pdp.DeliveryState{Refused: true}, api.StatusUnavailable, "; the newest was refused"},
		"refused":           {good(func(s *pdp.DeliveryState) { s.Refused = true }), api.StatusDegraded, "the newest was refused, and the log says why"},
		"waiting":           {good(func(s *pdp.DeliveryState) { s.Waiting = true }), api.StatusDegraded, "the newest waits for the ledger"},
		"silent":            {good(func(s *pdp.DeliveryState) { s.Silent = true }), api.StatusDegraded, "where they come from does not answer"},
		"kept":              {good(func(s *pdp.DeliveryState) { s.Silent, s.Recalled = true, true }), api.StatusDegraded, "kept from before the start"},
		"elsewhere":         {good(func(s *pdp.DeliveryState) { s.Elsewhere = true }), api.StatusDegraded, "another revision is active for all nodes"},
	} {
		if c := policyCheck(tc.state); c.Name != "policies" || c.Status != tc.status || !strings.Contains(c.Detail, tc.says) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
