package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/lease"
)

func TestLeaseThatCanNotBeUsedIsDegradedAndNeverUnavailable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state  lease.State
		status string
		says   string
	}{
		"in memory":      {lease.State{Kind: "memory", Connected: true}, api.StatusOK, "memory"},
		"Redis is there": {lease.State{Kind: "standalone", Connected: true, Servers: []string{"10.0.0.1:6379"}}, api.StatusOK, "standalone"},
		"Redis is away":  {lease.State{Kind: "cluster"}, api.StatusDegraded, "the ledger ends grants"},
		"Redis takes no writes": {lease.State{Kind: "standalone", Connected: true, ReadOnly: true, Warnings: []string{"full at 10.0.0.1:6379"}},
			api.StatusDegraded, "refuses writes; the ledger is asked for what can not be written; the log has 1 warning"},
		"with warnings": {lease.State{Kind: "sentinel", Connected: true, Warnings: []string{"a at 10.0.0.1:6379", "b"}},
			api.StatusOK, "the log has 2 warnings"},
	} {
		c := leaseCheck(tc.state)
		if c.Name != "lease" || c.Status != tc.status || !strings.Contains(c.Detail, tc.says) || strings.Contains(c.Detail, "10.0.0.1") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestClockThatIsOffIsDegraded(t *testing.T) {
	t.Parallel()
	for uncertainty, status := range map[time.Duration]string{
		0: api.StatusOK, 500 * time.Millisecond: api.StatusOK, 501 * time.Millisecond: api.StatusDegraded, time.Hour: api.StatusDegraded,
	} {
		if c := clockCheck(uncertainty); c.Status != status {
			t.Errorf("%s: %+v", uncertainty, c)
		}
	}
}

// anybody gets a path without a token.
func anybody(t *testing.T, g *gateway, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", path, res.StatusCode, raw, err)
	}
	return string(raw)
}

func TestFiguresOfARunningGatewayAreThere(t *testing.T) {
	t.Parallel()
	g, _ := serve(t, home(t, okTarget(t)), options{Version: "v9"})
	if code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "2h", "--reason", "x"); code != exitOK {
		t.Fatal(stderr)
	}
	figures := anybody(t, g, "/metrics")
	for _, line := range []string{
		"curfew_grants_live 1", "curfew_bindings_overdue 0", "curfew_lease_connected 1", "curfew_clock_uncertainty_seconds 0", `version="v9"`,
	} {
		if !strings.Contains(figures, line) {
			t.Errorf("there is no %s in\n%s", line, figures)
		}
	}
	for _, name := range []string{"alice", "main", "payments"} {
		if strings.Contains(figures, name) {
			t.Errorf("the figures name %s", name)
		}
	}
}

func TestMissingTargetsAreNamedOnceInTheLogOnly(t *testing.T) {
	t.Parallel()
	n := &needs{}
	for i, missing := range [][]string{nil, {"a"}, {"a"}, {"a", "b"}, nil, {"a"}} {
		if got, want := n.news(missing), []bool{false, true, false, true, true, true}[i]; got != want {
			t.Errorf("step %d: news is %v", i, got)
		}
	}
}

func TestRevokeSaysThatItIsPropagating(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusAccepted} {
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			body := `{"id":"grt_1","state":"ended"}`
			if status == http.StatusAccepted {
				body = `{"id":"grt_1","state":"ended","propagating":true}`
			}
			_, _ = io.WriteString(w, body)
		}))
		defer gateway.Close()
		for _, output := range []string{outputTable, outputJSON} {
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"revoke", "grt_1", "--url", gateway.URL, "--output", output}, stdio{
				In: strings.NewReader(""), Out: &out, Err: &errs,
				LookupEnv: func(string) (string, bool) { return "", false },
			})
			if code != exitOK || strings.Contains(out.String(), "propagating") != (status == http.StatusAccepted) {
				t.Errorf("%d as %s: exit %d, %s%s", status, output, code, &out, &errs)
			}
		}
	}
}
