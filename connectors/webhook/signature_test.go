package webhook_test

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/npm"
)

//go:embed testdata/standardwebhooks/package-lock.json
var peersLock []byte

// wire is a message as a target gets it.
type wire struct {
	Secret  string            `json:"secret"` // the one that it is verified with
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`
}

// captured is what a target really sends with the secrets.
func captured(t *testing.T, now func() time.Time, secrets ...string) wire {
	t.Helper()
	var got wire
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got.Headers = map[string]string{}
		for name := range r.Header {
			got.Headers[strings.ToLower(name)] = r.Header.Get(name)
		}
		got.Body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	until := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	_, err := mustNew(t, webhook.Config{Name: "okta", URL: server.URL, Secrets: secrets, Now: now}).Deliver(t.Context(), access.Message{
		Type: access.VerbProvision, Timestamp: until.Add(-time.Hour),
		Data: access.MessageData{
			Binding: access.BindingRef{ID: "bnd_06h075kp17vzy1b5y81tdrdr5w", Generation: 3}, ExpiresAt: &until,
			Subject: access.Subject{Type: "user", ID: "zoë@example.com"}, Action: access.Action{Name: "debug"},
			Resource: access.ResourceRef{Type: "customer", ID: "acme"},
			Grants:   []access.MessageGrant{{Reason: "it is <slow> & \"odd\"\u2028, says 日本"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// The signature is held against two implementations that are not ours. What one of
// them takes and the other does not is a fault of this test, or a find.
func TestSignaturesVerifyElsewhere(t *testing.T) {
	t.Parallel()
	const older, other = "whsec_T2xkZXItaG9yc2UtYmF0dGVyeS1zdGFwbGUtMTIzNA==", "whsec_Zm9yZWlnbi1ob3JzZS1iYXR0ZXJ5LXN0YXBsZS0xMjM="
	one, two := captured(t, nil, secret), captured(t, nil, secret, older)
	stale := captured(t, func() time.Time { return time.Now().Add(-10 * time.Minute) }, secret)
	if one.Headers["webhook-id"] != "bnd_06h075kp17vzy1b5y81tdrdr5w_3" {
		t.Fatalf("its id is %q", one.Headers["webhook-id"])
	}
	if n := len(strings.Fields(two.Headers["webhook-signature"])); n != 2 {
		t.Fatalf("with two secrets there are %d signatures", n)
	}
	with := func(w wire, secret string, changes ...func(*wire)) wire {
		w.Secret, w.Headers, w.Body = secret, maps.Clone(w.Headers), bytes.Clone(w.Body)
		for _, change := range changes {
			change(&w)
		}
		return w
	}
	header := func(name string, change func(string) string) func(*wire) {
		return func(w *wire) { w.Headers[name] = change(w.Headers[name]) }
	}
	later := func(text string) string {
		seconds, _ := strconv.ParseInt(text, 10, 64)
		return strconv.FormatInt(seconds+1, 10)
	}
	cases := map[string]struct {
		wire wire
		good bool
	}{
		"one secret":                      {with(one, secret), true},
		"the newer of two":                {with(two, secret), true},
		"the older of two":                {with(two, older), true},
		"a secret that it is not":         {with(two, other), false},
		"another body":                    {with(one, secret, func(w *wire) { w.Body = bytes.Replace(w.Body, []byte("debug"), []byte("admin"), 1) }), false},
		"a body that goes on":             {with(one, secret, func(w *wire) { w.Body = append(w.Body, '\n') }), false},
		"another id":                      {with(one, secret, header("webhook-id", func(id string) string { return id + "4" })), false},
		"another time":                    {with(one, secret, header("webhook-timestamp", later)), false},
		"another time, with two":          {with(two, older, header("webhook-timestamp", later)), false},
		"no signature":                    {with(one, secret, header("webhook-signature", func(string) string { return "" })), false},
		"a signature of another version":  {with(one, secret, header("webhook-signature", func(s string) string { return "v2" + s[2:] })), false},
		"a message of ten minutes before": {with(stale, secret), false},
	}
	var wires []wire
	var names []string
	for name, tc := range cases {
		names, wires = append(names, name), append(wires, tc.wire)
	}
	inNode := verifiedInNode(t, wires)
	for i, name := range names {
		inGo := "ok"
		if err := verifiedInGo(t, wires[i]); err != nil {
			inGo = err.Error()
		}
		if good := cases[name].good; (inGo == "ok") != good || (inNode[i] == "ok") != good {
			t.Errorf("%s: Go says %q and Node %q", name, inGo, inNode[i])
		}
	}
}

func verifiedInGo(t *testing.T, w wire) error {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(w.Secret)
	if err != nil {
		t.Fatal(err)
	}
	headers := http.Header{}
	for name, value := range w.Headers {
		headers.Set(name, value)
	}
	return hook.Verify(w.Body, headers)
}

// verifiedInNode is what npm's standardwebhooks says of each message.
func verifiedInNode(t *testing.T, wires []wire) []string {
	t.Helper()
	dir, err := npm.Install(peersLock)
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(dir, "node_modules")
	nodes, err := filepath.Glob(filepath.Join(modules, "node-*", "bin", "node"))
	if err != nil || len(nodes) != 1 {
		t.Fatalf("there is not one Node for this machine, but %q: %v", nodes, err)
	}
	var in bytes.Buffer
	for _, w := range wires {
		line, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.CommandContext(t.Context(), nodes[0], filepath.Join("testdata", "standardwebhooks", "verify.cjs"), modules)
	var faults bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &faults
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &faults)
	}
	var said []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		said = append(said, lines.Text())
	}
	if len(said) != len(wires) {
		t.Fatalf("node says %d things of %d messages:\n%s", len(said), len(wires), out)
	}
	return said
}
