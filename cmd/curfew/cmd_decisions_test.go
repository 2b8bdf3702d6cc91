package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/cmd/curfew/client"
)

// exported runs an export of a gateway that answers with h.
func exported(t *testing.T, h http.HandlerFunc) (file, progress string, err error) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	cl, err := client.New(server.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	name := filepath.Join(t.TempDir(), "out.ndjson")
	if err := write(name, "what was there\n"); err != nil {
		t.Fatal(err)
	}
	c := &cli{stdio: stdio{Out: &out, Err: &errs}}
	x := &export{client: cl, query: url.Values{}, err: &errs, tells: true, pause: time.Millisecond}
	err = c.exportTo(t.Context(), x, name, false)
	content, _ := os.ReadFile(name)
	return string(content), errs.String() + out.String(), err
}

// pageOf is a page of one decision.
func pageOf(n int, next string) string {
	return fmt.Sprintf(`{"items":[{"decision_id":"dec_%d","timestamp":"2026-01-31T09:00:0%dZ"}],"next_cursor":%s}`, n, n, next)
}

func TestExportWaitsForAGatewayThatGoesAway(t *testing.T) {
	t.Parallel()
	calls := 0
	file, progress, err := exported(t, func(w http.ResponseWriter, r *http.Request) {
		switch calls++; {
		case r.FormValue("cursor") == "":
			_, _ = io.WriteString(w, pageOf(1, `"a"`))
		case calls < 5:
			panic(http.ErrAbortHandler)
		case calls < 7:
			w.WriteHeader(http.StatusBadGateway)
		case r.FormValue("cursor") == "a":
			_, _ = io.WriteString(w, pageOf(2, `"b"`))
		default:
			_, _ = io.WriteString(w, `{"items":[],"next_cursor":null}`)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(file, "\n"); len(lines) != 3 || !strings.Contains(lines[0], "dec_1") || !strings.Contains(lines[1], "dec_2") {
		t.Errorf("the file is\n%s", file)
	}
	if !strings.Contains(progress, "\r2 decisions, to 2026-01-31T09:00:02Z\n2 decisions written to ") {
		t.Errorf("progress is %q", progress)
	}
}

func TestExportThatIsRefusedInTheMiddleSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	file, _, err := exported(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("cursor") == "" {
			_, _ = io.WriteString(w, pageOf(1, `"a"`))
			return
		}
		w.WriteHeader(http.StatusForbidden)
	})
	if err == nil || !strings.Contains(err.Error(), "1 decision written; go on with --cursor a") || strings.Count(file, "\n") != 1 {
		t.Errorf("got %v with\n%s", err, file)
	}
}

func TestExportThatDoesNotBeginTouchesNothing(t *testing.T) {
	t.Parallel()
	calls := 0
	file, _, err := exported(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusBadGateway)
	})
	if err == nil || calls != 1 || file != "what was there\n" {
		t.Errorf("after %d calls: %v with\n%s", calls, err, file)
	}
}

func TestTerminalIsAFileAndMore(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if isTerminal(file) || isTerminal(&bytes.Buffer{}) {
		t.Error("a file and a buffer are terminals")
	}
}

// TestDecisionsSurviveAStop asks for what policy would say, which only the
// decision log keeps, and stops the gateway at once.
func TestDecisionsSurviveAStop(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	config := filepath.Join(dir, "curfew.yaml")
	if err := write(config, read(config)+"decisions: {mask: [/input/context/reason]}\n"); err != nil {
		t.Fatal(err)
	}
	g, stop := serve(t, dir, options{Version: "v1"})
	if code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "2h", "--reason", "hunter2", "--dry-run"); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	stop()
	g, _ = serve(t, dir, options{Version: "v1"})
	if code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "2h", "--reason", "hunter2"); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var out bytes.Buffer
	code, stderr := curfew(t.Context(), g, "admin", &out, "decisions", "export", "-")
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if code != exitOK || len(lines) != 2 {
		t.Fatalf("exit %d with\n%s%s", code, out.String(), stderr)
	}
	for _, line := range lines {
		if strings.Contains(line, "hunter2") || !strings.Contains(line, `"erased":["/input/context/reason"]`) || !strings.Contains(line, `"version":"v1"`) {
			t.Errorf("got %s", line)
		}
	}
	if n := g.decisionFigures().Dropped; n != 0 {
		t.Errorf("%d were dropped", n)
	}
}

func TestDecisionsThatAreNotToBeLogged(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	config := filepath.Join(dir, "curfew.yaml")
	if err := write(config, read(config)+"decisions: {log: none}\n"); err != nil {
		t.Fatal(err)
	}
	g, _ := serve(t, dir, options{})
	if code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "2h", "--reason", "x", "--dry-run"); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if f := g.decisionFigures(); f.Logged+f.Dropped != 0 {
		t.Errorf("figures are %+v", f)
	}
}
