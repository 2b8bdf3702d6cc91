package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var program string

// TestMain builds the function as it is deployed, but for this machine.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambda-sync-")
	if err == nil {
		program = filepath.Join(dir, "bootstrap")
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", program, ".")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the function:", err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// event is what EventBridge's scheduler calls the function with.
const event = `{"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event","source":"aws.events",
"account":"123456789012","time":"2026-11-22T00:00:00Z","region":"us-east-1",
"resources":["arn:aws:scheduler:us-east-1:123456789012:schedule/default/daily"],"detail":{}}`

// answer is what a run came to.
type answer struct {
	report  Report
	message string // of an error; "": it is none
	kind    string
}

// runtimeAPI is Lambda's runtime API: it hands out events, and takes what comes of them.
type runtimeAPI struct {
	events   chan time.Duration // until the deadline
	answers  chan answer
	requests int
}

// world is all that the function can reach.
type world struct {
	lambda    runtimeAPI
	directory http.HandlerFunc
	gateway   http.HandlerFunc
	secrets   map[string]string // by ARN
	env       []string          // of the function, beside what is said of the world

	mu     sync.Mutex
	stdout bytes.Buffer
	news   chan struct{} // there is more in stdout
	sent   []string      // bodies that the gateway got whole
}

const (
	gatewaySecret   = "gateway-token-that-is-never-printed"
	directorySecret = "directory-token-that-is-never-printed"
	gatewayARN      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:curfew-AbCdEf"
	directoryARN    = "arn:aws:secretsmanager:us-east-1:123456789012:secret:crm-AbCdEf"
	sessionToken    = "session-token-that-is-never-printed"
)

// start starts the function in a world.
func (w *world) start(t *testing.T) {
	t.Helper()
	w.news = make(chan struct{}, 1)
	w.lambda.events, w.lambda.answers = make(chan time.Duration), make(chan answer, 1)
	if w.secrets == nil {
		w.secrets = map[string]string{gatewayARN: gatewaySecret + "\n", directoryARN: directorySecret}
	}
	serve := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(serve(w.serveSecrets), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(serve(w.lambda.serve), "http://"),
		"AWS_SESSION_TOKEN=" + sessionToken, "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=" + port,
		"CURFEW_URL=" + serve(w.gateway) + "/", "CURFEW_TOKEN_SECRET_ARN=" + gatewayARN, "CURFEW_SOURCE=crm",
		`CURFEW_ENTITLEMENTS=[{"action":"debug","durations":["2h"],"target":"okta"}]`,
		"DIRECTORY_URL=" + serve(w.directory) + "/v2/customers?view=short", "DIRECTORY_TOKEN_SECRET_ARN=" + directoryARN,
	}, w.env...)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		for _, secret := range []string{gatewaySecret, directorySecret, sessionToken} {
			if strings.Contains(w.said(), secret) {
				t.Errorf("the log holds a secret:\n%s", w.said())
			}
		}
		if t.Failed() {
			t.Logf("the function said\n%s", w.said())
		}
	})
}

// Write takes what the function logs.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
	return w.stdout.Write(p)
}

// logs waits until the function has logged a text. Its answer can be here first.
func (w *world) logs(t *testing.T, text string) {
	t.Helper()
	for late := time.After(patience); !strings.Contains(w.said(), text); {
		select {
		case <-w.news:
		case <-late:
			t.Fatalf("the function does not log %s", text)
		}
	}
}

func (w *world) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stdout.String()
}

const patience = 20 * time.Second

// run hands the function one event, and returns what came of it.
func (w *world) run(t *testing.T, within time.Duration) answer {
	t.Helper()
	late := time.After(patience)
	select {
	case w.lambda.events <- within:
	case <-late:
		t.Fatalf("the function takes no event; it said\n%s", w.said())
	}
	select {
	case a := <-w.lambda.answers:
		return a
	case <-late:
		t.Fatalf("the function gives no answer; it said\n%s", w.said())
		return answer{}
	}
}

func (l *runtimeAPI) serve(w http.ResponseWriter, r *http.Request) {
	const base = "/2018-06-01/runtime/invocation/"
	switch {
	case r.Method == http.MethodGet && r.URL.Path == base+"next":
		select {
		case within := <-l.events:
			l.requests++
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-"+strconv.Itoa(l.requests))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(within).UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:sync")
			_, _ = io.WriteString(w, event)
		case <-r.Context().Done():
		}
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/response"):
		var a answer
		if err := json.NewDecoder(r.Body).Decode(&a.report); err != nil {
			a.message = "no report: " + err.Error()
		}
		w.WriteHeader(http.StatusAccepted)
		l.answers <- a
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/error"):
		var said struct{ ErrorMessage, ErrorType string }
		_ = json.NewDecoder(r.Body).Decode(&said)
		w.WriteHeader(http.StatusAccepted)
		l.answers <- answer{message: said.ErrorMessage, kind: said.ErrorType}
	default:
		http.NotFound(w, r)
	}
}

func (w *world) serveSecrets(rw http.ResponseWriter, r *http.Request) {
	text, known := w.secrets[r.URL.Query().Get("secretId")]
	switch {
	case r.URL.Path != "/secretsmanager/get" || r.Header.Get("X-Aws-Parameters-Secrets-Token") != sessionToken:
		http.Error(rw, "not so", http.StatusUnauthorized)
	case !known:
		http.Error(rw, "AccessDeniedException", http.StatusBadRequest)
	default:
		_ = json.NewEncoder(rw).Encode(map[string]string{"ARN": r.URL.Query().Get("secretId"), "SecretString": text})
	}
}
