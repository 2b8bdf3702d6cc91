package api_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
)

func TestWhoDoesNotSayWhoTheyAreIsRefused(t *testing.T) {
	cases := map[string]struct{ header, code string }{
		"no header":          {"", "token_missing"},
		"another scheme":     {"Basic " + aliceSecret, "token_malformed"},
		"no token":           {"Bearer", "token_malformed"},
		"an empty token":     {"Bearer ", "token_malformed"},
		"two tokens":         {"Bearer " + aliceSecret + " " + bobSecret, "token_malformed"},
		"a token, no scheme": {aliceSecret, "token_malformed"},
		"an unknown token":   {"Bearer " + strings.ToUpper(aliceSecret), "token_invalid"},
		"a prefix":           {"Bearer " + aliceSecret[:18], "token_invalid"},
		"a token and more":   {"Bearer " + aliceSecret + "0", "token_invalid"},
	}
	w := newWorld(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, s := range []sent{{method: "GET", path: "/v1/grants"}, {method: "POST", path: "/v1/requests", body: askFor2h}} {
				s.header = map[string]string{"Authorization": tc.header}
				rec := w.do(s)
				wantProblem(t, rec, 401, tc.code, "")
				if got := rec.Header().Get("WWW-Authenticate"); got != "Bearer" {
					t.Fatalf("WWW-Authenticate is %q", got)
				}
			}
		})
	}
	requests, grants, events := w.stored()
	if requests+grants != 0 || !slices.Equal(events, []string{"caller.refused"}) {
		t.Fatalf("%d requests, %d grants, events %v; want the one refusal of this source and minute", requests, grants, events)
	}
}

func TestTwoAuthorizationHeadersAreRefused(t *testing.T) {
	w := newWorld(t)
	r := newRequest(t, "GET", "/v1/grants")
	r.Header.Add("Authorization", "Bearer "+aliceSecret)
	r.Header.Add("Authorization", "Bearer "+bobSecret)
	wantProblem(t, w.serve(r), 401, "token_malformed", "")
}

func TestProbesAndDocumentNeedNoToken(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json"} {
		if rec := w.do(sent{method: "GET", path: path, header: map[string]string{"Authorization": ""}}); rec.Code != 200 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

func TestRefusalByPolicyIs403(t *testing.T) {
	w := newWorld(t)
	w.policy.refuse = "audit.read"
	p := wantProblem(t, w.get("/v1/audit/events"), 403, "not_allowed", "")
	if !strings.Contains(p.Detail, "the test says no") {
		t.Fatalf("detail is %q", p.Detail)
	}
}

func TestBadTokensAreRefusedTogether(t *testing.T) {
	const secret = "0123456789abcdef"
	_, err := api.New(api.Config{Tokens: []api.Token{
		{Subject: alice, Secret: secret},
		{Name: "short", Subject: alice, Secret: "hunter2"},
		{Name: "same", Subject: alice, Secret: secret},
		{Name: "same", Subject: bob, Secret: secret + "1"},
		{Name: "nobody", Secret: secret + "2"},
		{Name: "spaced", Subject: bob, Secret: "0123456789 abcdef"},
	}})
	if err == nil {
		t.Fatal("they were taken")
	}
	text := err.Error()
	for _, says := range []string{
		`token 1 (""): it has no name`, `token 2 ("short"): its secret has 7 bytes; 16 are the least`,
		`token 3 ("same"): it has the secret of token 1`, `token 4 ("same"): another token has the name`,
		`token 5 ("nobody"): its subject`, `token 6 ("spaced"): its secret holds a character`,
		"the engine is missing", "the log is missing",
	} {
		if !strings.Contains(text, says) {
			t.Errorf("the error does not say %q:\n%s", says, text)
		}
	}
	for _, s := range []string{secret, "hunter2", "0123456789 abcdef"} {
		if strings.Contains(text, s) {
			t.Errorf("the error holds the secret %q", s)
		}
	}
}

func TestTokenPrintsNoSecret(t *testing.T) {
	token := api.Token{Name: "ci", Subject: access.Subject{Type: "service", ID: "ci"}, Secret: aliceSecret}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", token, token, token, token), log.String()} {
		if strings.Contains(text, aliceSecret) || !strings.Contains(text, "service:ci") {
			t.Errorf("it prints %s", text)
		}
	}
}

func TestCallSaysChannelAndSource(t *testing.T) {
	for header, channel := range map[string]string{"": "api", "cli": "cli", "CLI": "api", "slack": "api"} {
		w := newWorld(t)
		rec := w.do(sent{method: "POST", path: "/v1/requests", body: askFor2h, header: map[string]string{
			"Curfew-Channel": header, "X-Forwarded-For": "10.9.8.7", "X-Request-ID": "mine-1",
		}})
		if got := want[access.Request](t, rec, 201); string(got.Channel) != channel {
			t.Errorf("%q: channel is %s", header, got.Channel)
		}
		w.stored()
		events := want[struct {
			Items []struct {
				Channel, Source string
				HTTPRequestID   string `json:"http_request_id"`
			}
		}](t, w.get("/v1/audit/events?type=request.submitted"), 200).Items
		if len(events) != 1 || events[0].Source != "192.0.2.1" || events[0].Channel != channel || events[0].HTTPRequestID != "mine-1" {
			t.Errorf("%q: events are %+v", header, events)
		}
	}
}
