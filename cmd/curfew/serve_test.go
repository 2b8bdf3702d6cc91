package main

import (
	"bufio"
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/curfew-access/curfew/engine/audit"
)

// TestServeStopsCleanlyOnSIGTERM starts curfew as a process of its own.
func TestServeStopsCleanlyOnSIGTERM(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "curfew", "serve", "--config", filepath.Join(dir, "curfew.yaml"), "--log-format", "json")
	cmd.Env = append(os.Environ(), "WEBHOOK="+testWebhook)
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	said := regexp.MustCompile(`^curfew serves (http://127\.0\.0\.1:\d+): ledger \S+curfew\.db, policies [0-9a-f]{12}, 1 resource, 1 person, 1 target\n$`).
		FindStringSubmatch(line)
	if said == nil {
		t.Fatalf("it said %q; %s", line, log.String())
	}
	for _, signal := range []os.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		res, err := http.Get(said[1] + "/readyz")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("not ready: %v %v", res, err)
		}
		_ = res.Body.Close()
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, log.String())
	}
	if strings.Contains(log.String(), testWebhook) || strings.Contains(log.String(), "own-token") || !strings.Contains(log.String(), `"msg":"stopping"`) {
		t.Errorf("the log: %s", log.String())
	}
	if types := eventTypes(t, filepath.Join(dir, "curfew.db")); !slices.Contains(types, audit.GatewayStopped) {
		t.Errorf("got %v", types)
	}
}
