package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// startIn bounds how long a gateway may take until it serves.
const startIn = 60 * time.Second

// start runs a gateway until the world ends, and returns when it serves.
func (w *world) start(t *testing.T, n int) {
	t.Helper()
	name := fmt.Sprintf("node%d", n)
	p, err := stage.Start(context.Background(), stage.Program{
		Name: "gateway", Path: cmp.Or(w.program, filepath.Join(bin, "curfew")), Args: []string{"serve", "--config", filepath.Join(w.dir, name+".yaml")},
		Log: w.log(n), Show: stage.Hide,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.nodes[n] = p
	w.mu.Unlock()
	if _, err := p.Wait(context.Background(), startIn, "serves"); err != nil {
		t.Fatal(err)
	}
	w.until(t, "the gateway answers", func() error { _, err := w.readiness(n); return err })
}

// readiness is what a gateway says of itself.
func (w *world) readiness(n int) (said string, err error) {
	response, err := w.client.Get(w.url(n) + "/readyz")
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	w.record(string(raw))
	return string(raw), err
}

func (w *world) log(n int) string { return filepath.Join(w.dir, fmt.Sprintf("node%d.log", n)) }

func (w *world) node(n int) *stage.Process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes[n]
}

// restart stops a gateway in good order and starts it again.
func (w *world) restart(t *testing.T, n int) {
	t.Helper()
	if err := w.node(n).End(); err != nil {
		t.Error(err)
	}
	w.start(t, n)
}

// hangUp has every gateway that runs read its files and ask its sources again.
func (w *world) hangUp(t *testing.T) {
	t.Helper()
	for n := range w.addrs {
		select {
		case <-w.node(n).Ended():
		default:
			if err := syscall.Kill(w.node(n).Pid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// close ends the gateways, and looks for secrets in all that was written.
func (w *world) close() {
	if w.t.Failed() && w.pd != nil {
		w.t.Logf("PagerDuty saw\n%s\nthe target saw\n%s", w.pd.State(), w.target.State())
	}
	if w.nodes[w.front] != nil {
		w.readAll("/v1/audit/events?limit=500")
		w.readAll("/v1/decisions?limit=500")
		w.readAll("/metrics")
	}
	for n, p := range w.nodes {
		if p == nil {
			continue
		}
		if err := p.End(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			w.t.Error(err)
		}
		said, _ := os.ReadFile(w.log(n)) // an empty one shows nothing
		for _, sign := range []string{"panic:", "fatal error:", "panicked"} {
			if bytes.Contains(said, []byte(sign)) {
				w.t.Errorf("the log of node %d says %q", n, sign)
			}
		}
		if w.t.Failed() {
			w.t.Logf("the log of node %d, without calls:\n%s", n, withoutCalls(said))
		}
	}
	if w.slack != nil {
		w.closeSlack()
	}
	w.keepSecrets()
}

// readAll has everything that a gateway tells recorded.
func (w *world) readAll(path string) {
	for cursor := ""; ; {
		var page engine.Page[json.RawMessage]
		status, raw, err := w.call(operator, http.MethodGet, path+cursor, "")
		if err != nil || status != http.StatusOK {
			w.t.Errorf("%s: %d %s: %v", path, status, raw, err)
		}
		if json.Unmarshal(raw, &page) != nil || len(page.Items) == 0 || page.NextCursor == nil {
			return
		}
		cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// withoutCalls is the end of a log without its line for each call.
func withoutCalls(log []byte) []byte {
	var left []byte
	for line := range bytes.Lines(log) {
		if !bytes.Contains(line, []byte("msg=request ")) {
			left = append(left, line...)
		}
	}
	return left[max(0, len(left)-16<<10):]
}

// keepSecrets reports every file that the gateways wrote, every answer and every
// message to the target that holds a secret.
func (w *world) keepSecrets() {
	written := map[string]string{"what callers were answered": w.said.String()}
	if w.pd != nil {
		written["what PagerDuty was asked"] = w.pd.State().String()
		w.removals = append(w.removals, w.target)
	}
	for _, t := range w.removals {
		for _, call := range t.Calls() {
			written["a message to a target"] += w.withoutCallback(call)
		}
	}
	paths, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil {
		w.t.Error(err)
	}
	read := 0
	for _, path := range paths {
		if name := filepath.Base(path); w.secrets[name] != "" || strings.HasSuffix(name, ".yaml") {
			continue
		}
		if text, err := os.ReadFile(path); err == nil { // a folder is none
			written[path] = string(text)
			read++
		}
	}
	if read == 0 || len(w.said.String()) == 0 {
		w.t.Error("nothing that was written was looked at")
	}
	for where, text := range written {
		for name, secret := range w.secrets {
			if strings.Contains(text, strings.TrimPrefix(secret, "whsec_")) {
				w.t.Errorf("%s holds the secret %q", where, name)
			}
		}
	}
}

// withoutCallback is a message to a target without the token that only this message
// may hold. From then on the token is looked for everywhere else.
func (w *world) withoutCallback(call target.Call) string {
	back := call.Message.Data.Callback
	if back == nil || back.Token == "" {
		return string(call.Body)
	}
	w.secrets["callback-"+call.ID+"-"+strconv.Itoa(call.N)] = back.Token
	return strings.ReplaceAll(string(call.Body), back.Token, "")
}

// call makes one call as somebody, to the gateway that people talk to, and returns
// the status and the answer.
func (w *world) call(who, method, path, body string) (int, []byte, error) {
	request, err := http.NewRequest(method, w.url(w.front)+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+w.secrets["token-"+who])
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := w.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	w.record(string(raw))
	return response.StatusCode, raw, err
}

// try makes a call that must be answered 2xx.
func (w *world) try(who, method, path string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	status, raw, err := w.call(who, method, path, string(text))
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, status, raw)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(raw, answer)
}

// run runs the gateway's program as somebody, and returns what it printed.
func (w *world) run(t *testing.T, who string, args ...string) string {
	t.Helper()
	args = append(args, "--url", w.url(w.front), "--token-file", filepath.Join(w.dir, "token-"+who))
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "curfew"), args...).CombinedOutput()
	w.record(string(out))
	if err != nil {
		t.Fatalf("curfew %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (w *world) record(said string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said.WriteString(said)
	w.said.WriteString("\n")
}

const (
	patience = 30 * time.Second // for what must happen soon, on a busy machine
	lookAway = 100 * time.Millisecond
)

// until tries until it succeeds, and fails the test with its last error after
// patience.
func (w *world) until(t *testing.T, what string, try func() error) {
	t.Helper()
	w.untilIn(t, patience, what, try)
}

func (w *world) untilIn(t *testing.T, patience time.Duration, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(lookAway)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waiting until %s: %v", what, err)
		}
	}
}
