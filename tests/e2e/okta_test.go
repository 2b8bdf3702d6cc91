package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/examples/stage"
)

const oktaToken = "client-token-of-the-flow"

// oktaSet is a gateway with the target of the example, and the flow's stand-in.
type oktaSet struct {
	*exampleSet
	flow *stage.Process
	at   string // where the flow is
}

// startOkta starts both. The configuration is the example's, but for addresses, and
// for times, which are short.
func startOkta(t *testing.T, script, knownToken string) *oktaSet {
	t.Helper()
	t.Parallel()
	s := &oktaSet{exampleSet: newExample(t, "operator", "alice")}
	address, err := stage.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	s.at = "http://" + address
	s.flow = s.program(stage.Program{
		Name: "flow", Path: s.build("okta-workflows/receiver", "okta"),
		Args: []string{"-listen", address, "-gateway", s.url, "-script", script},
		Env:  []string{"OKTA_CLIENT_TOKEN=" + oktaToken},
	}, "listening")
	s.serve(s.config(),
		"CURFEW_TOKEN_OPERATOR="+s.tokens["operator"], "CURFEW_TOKEN_ALICE="+s.tokens["alice"],
		"OKTA_CLIENT_TOKEN="+knownToken, "CURFEW_WEBHOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	return s
}

func (s *oktaSet) config() string {
	s.Helper()
	text, resources := "", ""
	for name, into := range map[string]*string{"curfew.yaml": &text, "resources.yaml": &resources} {
		raw, err := os.ReadFile(filepath.Join("../../examples/okta-workflows", name))
		if err != nil {
			s.Fatal(err)
		}
		*into = string(raw)
	}
	s.write("resources.yaml", resources)
	for old, now := range map[string]string{
		"listen: 127.0.0.1:8080":             "listen: " + strings.TrimPrefix(s.url, "http://"),
		"https://curfew.example.com":         s.url,
		"resources: resources.yaml":          "policies: policies\nresources: resources.yaml",
		"https://example.workflows.okta.com": s.at,
		"3f5e0c8f7a6b4d2e9c1b0a8d7e6f5c4b":   "curfew",
		"callback_timeout: 5m":               "callback_timeout: 3s",
		"max_lag: 10m":                       "max_lag: 0s",
		"retry_first: 10s":                   "retry_first: 100ms",
		"rate: 60/m":                         "rate: 600/m",
		"after: 1m":                          "after: 100ms",
	} {
		if strings.Count(text, old) != 1 {
			s.Fatalf("the example does not have %q once", old)
		}
		text = strings.Replace(text, old, now, 1)
	}
	return text
}

// said waits until the flow has said words in one line.
func (s *oktaSet) said(words ...string) {
	s.Helper()
	if _, err := s.flow.Wait(context.Background(), patience, words...); err != nil {
		s.Fatal(err)
	}
}

func (s *oktaSet) members() string {
	s.Helper()
	var groups map[string][]string
	res, err := http.Get(s.at + "/groups")
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&groups); err != nil {
		s.Fatal(err)
	}
	return strings.Join(groups["app/payments-admin view"], " ")
}

// Access is there when the flow says so, and gone when the flow says so: its 200
// says only that it has begun.
func TestOktaFlowConfirmsByCallback(t *testing.T) {
	s := startOkta(t, "1500ms, 1500ms", oktaToken)
	grant := s.ask("alice", "app", "payments-admin", "view")
	s.said("access.provision", "accepted as bnd_")
	if g := s.grant("alice", grant); g.Binding.Observed != access.Unknown || s.members() != "" {
		t.Errorf("when the flow has accepted, the binding is %+v and the group %q", g.Binding, s.members())
	}
	g := s.awaitObserved("alice", grant, access.Present)
	if s.members() != "alice@example.com" || s.flow.Count("access.provision", "done") != 1 || g.Binding.ConfirmedAt == nil {
		t.Errorf("the binding is %+v, the group %q", g.Binding, s.members())
	}
	byCallback := func(e audit.Event) bool { return e.Data["confirmed_by"] == "callback" }
	s.event("operator", audit.BindingProvisioned, byCallback)
	s.said("access.verify", "true")

	s.call("alice", http.MethodPost, "/v1/grants/"+grant+"/revoke", map[string]any{}, &g)
	s.said("access.deprovision", "accepted as bnd_")
	if g := s.grant("alice", grant); g.Binding.Observed != access.Unknown || s.members() == "" {
		t.Errorf("when the flow has accepted the end, the binding is %+v and the group %q", g.Binding, s.members())
	}
	s.awaitObserved("alice", grant, access.Absent)
	if s.members() != "" || s.flow.Count("access.deprovision", "called back") != 1 {
		t.Errorf("in the end the group is %q", s.members())
	}
	s.event("operator", audit.BindingDeprovisioned, byCallback)
	s.said("access.verify", "false")
	s.event("operator", audit.BindingVerified, func(audit.Event) bool { return true })
}

// A flow that dies after its Close card, or says that it failed, is called until it
// says that it is done.
func TestOktaFlowThatDoesNotConfirmIsCalledAgain(t *testing.T) {
	s := startOkta(t, "die, 0s, fail, die, 0s", oktaToken)
	grant := s.ask("alice", "app", "payments-admin", "view")
	g := s.awaitObserved("alice", grant, access.Present)
	if s.flow.Count("access.provision", "accepted") != 2 || s.members() != "alice@example.com" {
		t.Errorf("the binding is %+v, the group %q", g.Binding, s.members())
	}
	s.call("alice", http.MethodPost, "/v1/grants/"+grant+"/revoke", map[string]any{}, &g)
	s.await("alice", grant, "what the flow said is shown", func(g engine.GrantView) bool {
		return strings.Contains(g.Binding.LastError, "429 Too Many Requests") || g.Binding.Observed == access.Absent
	})
	s.awaitObserved("alice", grant, access.Absent)
	if s.members() != "" || s.flow.Count("access.deprovision", "accepted") != 3 || s.flow.Count("died") != 2 {
		t.Errorf("in the end the group is %q", s.members())
	}
	for _, class := range []access.Class{access.ClassNoCallback, access.ClassCalledBack} {
		s.event("operator", audit.BindingFailed, func(e audit.Event) bool { return e.Data["class"] == string(class) })
	}
}

// A wrong client token is nothing that passes: it is shown as what it is, and waits
// for somebody to mend it.
func TestOktaFlowThatDoesNotKnowTheTokenIsSaidPlainly(t *testing.T) {
	s := startOkta(t, "", "another-token-than-that")
	grant := s.ask("alice", "app", "payments-admin", "view")
	g := s.await("alice", grant, "the refusal is shown", func(g engine.GrantView) bool { return g.Binding.LastError != "" })
	if !strings.Contains(g.Binding.LastError, "answered 401 ") || g.Binding.Observed != access.Unknown || s.members() != "" {
		t.Errorf("the binding is %+v, the group %q", g.Binding, s.members())
	}
	if next := g.Binding.NextAt; next == nil || time.Until(*next) < time.Minute {
		t.Errorf("it is tried again at %v, which is too soon", next)
	}
	s.said("REFUSED")
}
