package api_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// mine is a policy of a team that is no policy of access: what OPA is asked for.
// Alice may query it; Bob may not.
var mine = map[string]string{
	"mine.rego": `package mine

import data.things

next := input.a + 1
default allow := false
allow if input.user == "alice"
set contains n if some n in [3, 1, 2]
pairs[[1, "x"]] := "<é>"
has_input if input
number := 1.50
wrong := n if some n in [1, 2]
lenient if not to_number(input.text) == 1
twice(x) := x * 2
first := things[0]
large := [sprintf("%08d", [n]) | some n in numbers.range(1, 500)]
`,
	"data.yaml": "things: [one, {two: 2}]\n\"a b\": {\"c/d\": 1, \"7\": seven}\n",
	"api.rego": `package api

default allow := false
allow if input.actor.id == "alice@example.com"
`,
}

// withPolicies serves the API with the policies of a directory.
func withPolicies(t testing.TB, dir string) *world {
	t.Helper()
	w := newWorld(t)
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: dir})
	must(t, err)
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.engine = engine.New(engine.Config{
		Ledger: w.ledger, Policy: p, Facts: facts{}, Lease: lease.NewMemory(w.ledger.Now, true), Log: log,
	})
	w.handler, err = api.New(api.Config{Engine: w.engine, Log: log, Version: "1.2.3", Tokens: []api.Token{
		{Name: "alice", Subject: alice, Secret: aliceSecret}, {Name: "bob", Subject: bob, Secret: bobSecret},
	}})
	must(t, err)
	return w
}

func directory(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

// runOPA runs the stock server on a directory, and returns how it is asked.
func runOPA(t *testing.T, dir string) func(sent) answered {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "opa.sock")
	ctx, stop := context.WithCancel(context.Background())
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, stockOPA(t), "run", "--server", "--addr", "unix://"+socket, "--log-level", "error", dir)
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		stop()
		<-ended
	})
	ask := func(s sent) answered {
		r, err := http.NewRequestWithContext(t.Context(), s.method, "http://opa"+s.path, strings.NewReader(s.body))
		must(t, err)
		for name, value := range s.header {
			r.Header.Set(name, value)
		}
		resp, err := client.Do(r)
		if err != nil {
			return answered{} // it dropped the connection
		}
		defer func() { _ = resp.Body.Close() }()
		raw, err := io.ReadAll(resp.Body)
		must(t, err)
		return answered{resp.StatusCode, resp.Header, raw}
	}
	for deadline := time.Now().Add(time.Minute); ; {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket)
		if err == nil {
			must(t, conn.Close())
			return ask
		}
		select {
		case <-ended:
			t.Fatalf("opa ended: %s", said.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("opa does not listen")
		}
	}
}

// stockOPA is the program of the version that the module of the tools has: the one
// that make has built, or else a fresh one.
func stockOPA(t *testing.T) string {
	t.Helper()
	built, err := filepath.Abs("../../bin/tools/opa")
	must(t, err)
	if _, err := os.Stat(built); err == nil {
		return built
	}
	fresh := filepath.Join(t.TempDir(), "opa")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", "../../tools", "-o", fresh, "github.com/open-policy-agent/opa")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build opa: %v\n%s", err, out)
	}
	return fresh
}

// answered is an answer of either.
type answered struct {
	status int
	header http.Header
	body   []byte
}

func (w *world) ask(s sent) answered {
	r := httptest.NewRequestWithContext(w.t.Context(), s.method, s.path, strings.NewReader(s.body))
	r.Header.Set("Authorization", "Bearer "+aliceSecret)
	for name, value := range s.header {
		r.Header.Set(name, value)
	}
	rec := w.serve(r)
	return answered{rec.Code, rec.Header(), rec.Body.Bytes()}
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func post(path, body string) sent { return sent{method: "POST", path: path, body: body} }

func get(path string) sent { return sent{method: "GET", path: path} }

// varies is the status of an answer of OPA that is not the same each time.
const varies = -1

// TestDataAPIAnswersAsOPADoes sends the same to both. Where they are known to
// differ the case says how, and that they do is checked too.
func TestDataAPIAnswersAsOPADoes(t *testing.T) {
	dir := directory(t, mine)
	ours, opa := withPolicies(t, dir).ask, runOPA(t, dir)
	// Both keep a query once it is compiled, and the metrics of the first one show it.
	_, _ = ours(post("/v1/data/mine/next", `{"input":{"a":1}}`)), opa(post("/v1/data/mine/next", `{"input":{"a":1}}`))
	gz := map[string]string{"Content-Encoding": "gzip"}
	for name, tc := range map[string]struct {
		ask    sent
		status int    // of ours
		other  int    // of OPA, where it differs
		why    string // where it differs, also in what it says
	}{
		"a rule":                             {ask: post("/v1/data/mine/next", `{"input":{"a":1}}`), status: 200},
		"a whole package":                    {ask: post("/v1/data/mine", `{"input":{"a":1,"user":"alice"}}`), status: 500},
		"a boolean":                          {ask: post("/v1/data/mine/allow", `{"input":{"user":"alice"}}`), status: 200},
		"a default":                          {ask: post("/v1/data/mine/allow", `{"input":{}}`), status: 200},
		"a set is an array":                  {ask: post("/v1/data/mine/set", `{"input":{}}`), status: 200},
		"a key that is an array":             {ask: post("/v1/data/mine/pairs", `{"input":{}}`), status: 200},
		"a number as it was written":         {ask: post("/v1/data/mine/number", `{"input":{}}`), status: 200},
		"undefined":                          {ask: post("/v1/data/mine/next", `{"input":{}}`), status: 200},
		"no such document":                   {ask: post("/v1/data/nobody/knows", `{"input":{}}`), status: 200},
		"a function":                         {ask: post("/v1/data/mine/twice", `{"input":{}}`), status: 500},
		"data":                               {ask: post("/v1/data/things", `{"input":{}}`), status: 200},
		"an item of an array":                {ask: post("/v1/data/things/0", `{"input":{}}`), status: 200},
		"a number that is written otherwise": {ask: post("/v1/data/things/00", `{"input":{}}`), status: 200},
		"an item of a rule's array":          {ask: post("/v1/data/mine/large/1", `{"input":{}}`), status: 200},
		"below an item":                      {ask: post("/v1/data/things/1/two", `{"input":{}}`), status: 200},
		"an item by a rule":                  {ask: post("/v1/data/mine/first", `{"input":{}}`), status: 200},
		"escaped parts":                      {ask: post("/v1/data/a%20b/c%2Fd", `{"input":{}}`), status: 200},
		"a name that is a number":            {ask: post("/v1/data/a%20b/7", `{"input":{}}`), status: 200},
		"empty parts":                        {ask: post("/v1/data//things//0/", `{"input":{}}`), status: 200},
		"a slash at the end":                 {ask: post("/v1/data/mine/number/", `{"input":{}}`), status: 200},
		"no input":                           {ask: post("/v1/data/mine/number", `{}`), status: 200},
		"no input, and a rule that has it":   {ask: post("/v1/data/mine/has_input", `{}`), status: 200},
		"no body":                            {ask: post("/v1/data/mine/number", ``), status: 200},
		"a body of null":                     {ask: post("/v1/data/mine/number", `null`), status: 200},
		"an input of null":                   {ask: post("/v1/data/mine/has_input", `{"input":null}`), status: 200},
		"an input of false":                  {ask: post("/v1/data/mine/has_input", `{"input":false}`), status: 200},
		"an input of a text":                 {ask: post("/v1/data/mine/has_input", `{"input":"x"}`), status: 200},
		"members beside input":               {ask: post("/v1/data/mine/next", `{"x":[{}],"input":{"a":1},"y":"\"}"}`), status: 200},
		"an escaped name":                    {ask: post("/v1/data/mine/next", `{"\u0069nput":{"a":1}}`), status: 200},
		"white space":                        {ask: post("/v1/data/mine/next", " {\n\t\"input\" : {\"a\" : 1 } \r\n} "), status: 200},
		"another Content-Type":               {ask: sent{method: "POST", path: "/v1/data/mine/next", body: `{"input":{"a":1}}`, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, status: 200},
		"gzip":                               {ask: sent{method: "POST", path: "/v1/data/mine/next", body: zipped(`{"input":{"a":1}}`), header: gz}, status: 200},
		"gzip that is none":                  {ask: sent{method: "POST", path: "/v1/data/mine/next", body: `{"input":{"a":1}}`, header: gz}, status: 400, other: varies, why: "OPA drops the connection, the first time"},
		"gzip of what is too large":          {ask: sent{method: "POST", path: "/v1/data/mine/number", body: zipped(`{"input":"` + strings.Repeat("a", 1<<20) + `"}`), header: gz}, status: 413, other: 200, why: "1 MiB is the most"},
		"not JSON":                           {ask: post("/v1/data/mine/next", `{"input":`), status: 400},
		"an input that is not JSON":          {ask: post("/v1/data/mine/next", `{"input":{"a":01}}`), status: 400},
		"brackets that do not match":         {ask: post("/v1/data/mine/next", `{"input":[}]}`), status: 400},
		"a member that is not JSON":          {ask: post("/v1/data/mine/next", `{"input":{"a":1},"x":tru}`), status: 400},
		"a comma at the end":                 {ask: post("/v1/data/mine/next", `{"input":{"a":1},}`), status: 400},
		"an array":                           {ask: post("/v1/data/mine/next", `[]`), status: 400},
		"a text":                             {ask: post("/v1/data/mine/next", `"x"`), status: 400},
		"a member twice":                     {ask: post("/v1/data/mine/next", `{"input":{"a":1,"a":2}}`), status: 400, other: 200, why: "to OPA the last one counts"},
		"input twice":                        {ask: post("/v1/data/mine/next", `{"input":{"a":1},"input":{"a":2}}`), status: 400, other: 200, why: "to OPA the last one counts"},
		"another twice":                      {ask: post("/v1/data/mine/next", `{"input":{"a":1},"x":1,"x":2}`), status: 400, other: 200, why: "to OPA the last one counts"},
		"a name in another case":             {ask: post("/v1/data/mine/next", `{"Input":{"a":1}}`), status: 400, other: 200, why: "to OPA it is input"},
		"something that follows":             {ask: post("/v1/data/mine/next", `{"input":{"a":1}} x`), status: 400, other: 200, why: "OPA does not read it"},
		"not UTF-8":                          {ask: post("/v1/data/mine/has_input", "{\"input\":\"\xff\"}"), status: 400, other: 200, why: "OPA puts another character in its place"},
		"half of a character":                {ask: post("/v1/data/mine/has_input", `{"input":"\ud800"}`), status: 400, other: 200, why: "OPA puts another character in its place"},
		"a conflict":                         {ask: post("/v1/data/mine/wrong", `{"input":{}}`), status: 500},
		"an error in a built-in":             {ask: post("/v1/data/mine/lenient", `{"input":{"text":"x"}}`), status: 200},
		"an error in a built-in, strictly":   {ask: post("/v1/data/mine/lenient?strict-builtin-errors", `{"input":{"text":"x"}}`), status: 500},
		"strictly, in so many words":         {ask: post("/v1/data/mine/lenient?strict-builtin-errors=TRUE", `{"input":{"text":"x"}}`), status: 500},
		"not strictly":                       {ask: post("/v1/data/mine/lenient?strict-builtin-errors=1", `{"input":{"text":"x"}}`), status: 200},
		"metrics":                            {ask: post("/v1/data/mine/next?metrics=true", `{"input":{"a":1}}`), status: 200},
		"pretty":                             {ask: post("/v1/data/mine?pretty", `{"input":{}}`), status: 500},
		"a parameter that nobody knows":      {ask: post("/v1/data/mine/next?nothing=1", `{"input":{"a":1}}`), status: 200},
		"an explanation that nobody knows":   {ask: post("/v1/data/mine/next?explain=why", `{"input":{"a":1}}`), status: 200},
		"an explanation":                     {ask: post("/v1/data/mine/next?explain=full", `{"input":{"a":1}}`), status: 400, other: 200, why: "not offered: it shows the policy"},
		"the labels of rules":                {ask: post("/v1/data/mine/next?rule_labels", `{"input":{"a":1}}`), status: 400, other: 200, why: "not offered"},
		"instruments":                        {ask: post("/v1/data/mine/next?instrument=true", `{"input":{"a":1}}`), status: 400, other: 200, why: "not offered"},
		"GET":                                {ask: get("/v1/data/mine/next?input=%7B%22a%22%3A1%7D"), status: 200},
		"GET without input":                  {ask: get("/v1/data/mine/number"), status: 200},
		"GET with two inputs":                {ask: get("/v1/data/mine/next?input=1&input=%7B%22a%22%3A1%7D"), status: 200},
		"GET with what is not JSON":          {ask: get("/v1/data/mine/next?input=%7B"), status: 400},
		"GET with an empty input":            {ask: get("/v1/data/mine/next?input="), status: 400},
		"GET with an input of null":          {ask: get("/v1/data/mine/has_input?input=null"), status: 200},
		"YAML":                               {ask: sent{method: "POST", path: "/v1/data/mine/next", body: "input: {a: 1}", header: map[string]string{"Content-Type": "application/yaml"}}, status: 415, other: 200, why: "JSON alone is read"},
		"PUT":                                {ask: sent{method: "PUT", path: "/v1/data/new", body: `{}`}, status: 405, other: 204, why: "policies come from where the gateway is told to load them"},
		"PATCH":                              {ask: sent{method: "PATCH", path: "/v1/data/new", body: `[]`}, status: 405, other: 204, why: "the same"},
		"DELETE":                             {ask: sent{method: "DELETE", path: "/v1/data/never"}, status: 405, other: 404, why: "the same"},
		"policies":                           {ask: get("/v1/policies"), status: 501, other: 200, why: "the same"},
		"a query in Rego":                    {ask: post("/v1/query", `{"query":"x = 1"}`), status: 501, other: 200, why: "it can read all there is"},
		"partial evaluation":                 {ask: post("/v1/compile", `{"query":"data.mine.allow"}`), status: 501, other: 200, why: "it can read all there is"},
		"OPA before 1.0":                     {ask: post("/v0/data/mine/number", `{}`), status: 501, other: 200, why: "not offered"},
		"the default decision":               {ask: post("/", `{}`), status: 501, other: 404, why: "not offered"},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := ours(tc.ask), opa(tc.ask)
			if got.status != tc.status {
				t.Fatalf("ours is %d %s", got.status, got.body)
			}
			if tc.other == varies {
				return
			}
			if tc.why != "" {
				tc.other = cmp.Or(tc.other, tc.status)
				alike := want.status == got.status && reflect.DeepEqual(comparable(t, got), comparable(t, want))
				if want.status != tc.other || alike {
					t.Fatalf("OPA is %d %s, which is not the known difference (%s)", want.status, want.body, tc.why)
				}
				return
			}
			if got.status != want.status || !reflect.DeepEqual(comparable(t, got), comparable(t, want)) {
				t.Errorf("ours is %d %s\n OPA is %d %s", got.status, got.body, want.status, want.body)
			}
		})
	}
}

// comparable is what both must say alike: of an error the code, and of metrics the
// names of those that every OPA has.
func comparable(t *testing.T, a answered) any {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("the content type is %q", got)
	}
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.UseNumber() // 1.50 is not 1.5
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	if a.status != http.StatusOK {
		return v["code"]
	}
	delete(v, "decision_id")
	if warning, ok := v["warning"].(map[string]any); ok {
		delete(warning, "message")
	}
	if metrics, ok := v["metrics"].(map[string]any); ok {
		names := slices.Sorted(maps.Keys(metrics))
		v["metrics"] = slices.DeleteFunc(names, func(n string) bool {
			return n == "timer_rego_external_resolve_ns" || strings.Contains(n, "compile") || strings.Contains(n, "query_parse") || strings.HasPrefix(n, "timer_rego_load")
		})
	}
	return v
}

// TestClientLibraryOfOPAWorksAsItIs runs a program that is made of a client library
// for OPA, at a fixed version, against the API.
func TestClientLibraryOfOPAWorksAsItIs(t *testing.T) {
	program := filepath.Join(t.TempDir(), "opaclient")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../../tests/opaclient", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the client: %v\n%s", err, out)
	}
	server := httptest.NewServer(withPolicies(t, directory(t, mine)).handler)
	defer server.Close()
	ask := func(secret string, questions ...string) []string {
		cmd := exec.CommandContext(t.Context(), program, "-url", server.URL, "-token", secret)
		cmd.Stdin = strings.NewReader(strings.Join(questions, "\n"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	got := ask(aliceSecret,
		`{"path":"mine/next","input":{"a":41}}`, `{"path":"mine/allow","input":{"user":"alice"}}`, `{"path":"mine/allow","input":{"user":"mallory"}}`,
		`{"path":"mine/set","input":{}}`, `{"path":"mine/next","input":{}}`, `{"path":"things","input":null}`, `{"path":"mine/large","input":{}}`,
		`{"path":"mine/wrong","input":{}}`)
	for i, want := range []string{`{"result":42}`, `{"result":true}`, `{"result":false}`, `{"result":[1,2,3]}`, `{"result":null}`, `{"result":["one",{"two":2}]}`} {
		if got[i] != want {
			t.Errorf("answer %d is %s, want %s", i, got[i], want)
		}
	}
	if len(got) != 8 || !strings.HasPrefix(got[6], `{"result":["00000001",`) || !strings.Contains(got[7], `"error":"`) {
		t.Errorf("got %.200q", got)
	}
	if got := ask(bobSecret, `{"path":"mine/next","input":{"a":41}}`); !strings.Contains(got[0], `"error":"`) {
		t.Errorf("whoever may not query got %s", got)
	}
}
