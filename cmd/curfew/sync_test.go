package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

// syncCall is what a gateway got of a sync.
type syncCall struct {
	path, kind, encoding, body string
	query                      url.Values
}

// syncGateway answers every call with a status and a body.
func syncGateway(t *testing.T, status int, answer string) (address string, got *syncCall) {
	t.Helper()
	got = &syncCall{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Error(err)
				return
			}
		}
		raw, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}
		*got = syncCall{r.Method + " " + r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), string(raw), r.URL.Query()}
		kind := "application/json"
		if status >= 300 {
			kind = "application/problem+json"
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// typed runs a command line, and returns its exit code and what it printed.
func typed(t *testing.T, address, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	return typedFrom(t, address, strings.NewReader(in), args...)
}

func typedFrom(t *testing.T, address string, in io.Reader, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), append(args, "--url", address), stdio{In: in, Out: &stdout, Err: &stderr, LookupEnv: func(string) (string, bool) { return "", false }})
	return code, stdout.String(), stderr.String()
}

const (
	asJSON  = `{"resources": [{"type": "customer", "id": "acme"}]}`
	asLines = `{"type":"customer","id":"acme"}` + "\n" + `{"type":"customer","id":"globex"}` + "\n"
	asYAML  = `# who can be asked for
resources:
  - type: customer
    id: acme
    properties: {tier: gold, since: 2020, open: true, note: null}
  - {type: customer, id: globex}
`
	yamlAsLines = `{"id":"acme","properties":{"note":null,"open":true,"since":2020,"tier":"gold"},"type":"customer"}` + "\n" +
		`{"id":"globex","type":"customer"}` + "\n"
	noChange = `{"source":"crm","run_id":"run_1","received":2,"unchanged":2,"errors":[]}`
)

func TestFilesAreSentAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(`{"type":"customer","id":"acme","name":"`+strings.Repeat("x", 100)+`"}`+"\n", 9000)
	cases := map[string]struct {
		file, content string // the standard input if there is no file
		args          []string
		kind, body    string
		encoding      string
	}{
		"JSON by its name":                   {file: "a.json", content: asJSON, kind: kindJSON, body: asJSON},
		"lines by their name":                {file: "a.ndjson", content: asLines, kind: kindLines, body: asLines},
		"lines by their other name":          {file: "a.JSONL", content: asLines, kind: kindLines, body: asLines},
		"YAML by its name":                   {file: "a.yaml", content: asYAML, kind: kindLines, body: yamlAsLines},
		"JSON in a file called YAML":         {file: "a.yml", content: asJSON, kind: kindLines, body: `{"id":"acme","type":"customer"}` + "\n"},
		"JSON by how it begins":              {file: "catalogue", content: "\n " + asJSON, kind: kindJSON, body: "\n " + asJSON},
		"lines by how they begin":            {file: "catalogue", content: asLines, kind: kindLines, body: asLines},
		"YAML by how it begins":              {file: "catalogue", content: asYAML, kind: kindLines, body: yamlAsLines},
		"an empty catalogue":                 {file: "a.yaml", content: "resources: []", kind: kindJSON, body: `{"resources": []}`},
		"the standard input":                 {content: asJSON, kind: kindJSON, body: asJSON},
		"lines from the standard input":      {content: asLines, kind: kindLines, body: asLines},
		"YAML from the standard input":       {content: asYAML, kind: kindLines, body: yamlAsLines},
		"a file that is large":               {file: "a.ndjson", content: long, kind: kindLines, body: long, encoding: "gzip"},
		"a standard input that is large":     {content: long, kind: kindLines, body: long, encoding: "gzip"},
		"a large file that is sent as it is": {file: "a.ndjson", content: long, args: []string{"--gzip=false"}, kind: kindLines, body: long},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, in := "-", tc.content
			if tc.file != "" {
				path, in = filepath.Join(t.TempDir(), tc.file), ""
				if err := write(path, tc.content); err != nil {
					t.Fatal(err)
				}
			}
			address, got := syncGateway(t, 200, noChange)
			code, out, errs := typed(t, address, in, append([]string{"resources", "sync", "--source", "crm", path}, tc.args...)...)
			if code != exitOK || errs != "" || !strings.Contains(out, "unchanged     2") {
				t.Fatalf("it exits with %d, and prints %q %q", code, out, errs)
			}
			if got.path != "PUT /v1/sources/crm/resources" || got.kind != tc.kind || got.encoding != tc.encoding || got.body != tc.body {
				t.Errorf("the gateway got %s %s %s, %d bytes: %.200q", got.path, got.kind, got.encoding, len(got.body), got.body)
			}
		})
	}
}

func TestFlagsOfASyncReachTheGateway(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"":                  {"sync"},
		"allow_shrink=true": {"sync", "--allow-shrink"},
		"dry_run=true&skip_invalid=true": {
			"sync", "--skip-invalid", "--dry-run",
		},
		"dry_run=true": {"diff"},
	} {
		address, got := syncGateway(t, 200, noChange)
		if code, _, errs := typed(t, address, asJSON, append([]string{"resources", "--source", "crm", "-"}, args...)...); code != exitOK {
			t.Errorf("%q exits with %d: %s", args, code, errs)
		}
		if got.query.Encode() != want {
			t.Errorf("%q asks for %s", args, got.query.Encode())
		}
	}
}

func TestSyncSaysWhatItCameTo(t *testing.T) {
	t.Parallel()
	const changes = `{"source":"crm","run_id":"run_1","dry_run":true,"received":3,"created":1,"updated":1,"unchanged":1,"archived":2,"grants_ended":1,
		"changes":[{"change":"created","type":"customer","id":"acme"},{"change":"updated","type":"customer","id":"globex\n- customer/fake","fields":["name","properties"]},
		{"change":"archived","type":"customer","id":"initech"}],"changes_omitted":1,"errors":[]}`
	const faulty = `{"code":"invalid_resources","detail":"2 items are not as they must be; nothing has changed","error_count":3,"errors":[
		{"line":2,"index":1,"pointer":"","code":"invalid_json","detail":"it is no object"},
		{"line":1,"index":0,"resource":{"type":"customer","id":"acme"},"pointer":"/entitlements/0/target","code":"unknown_target","detail":"there is no target \"x\""}]}`
	cases := map[string]struct {
		args              []string
		status            int
		answer, in        string
		code              int
		out, errs, absent string
	}{
		"what has changed": {
			args: []string{"sync"}, status: 200, in: asJSON,
			answer: `{"source":"crm","run_id":"run_1","received":3,"created":1,"archived":2,"grants_ended":1,"errors":[]}`,
			out:    "created       1\nupdated       0\nunchanged     0\narchived      2\nskipped       0\ngrants ended  1\n",
		},
		"what would change": {
			args: []string{"sync", "--dry-run"}, status: 200, in: asJSON, answer: changes,
			out: "grants that would end  1\nA dry run: nothing has changed.\n",
		},
		"the answer as it is": {
			args: []string{"sync", "-o", "json"}, status: 200, in: asJSON, answer: `{"source":"crm","new_member":1}`, out: `"new_member": 1`,
		},
		"differences": {
			args: []string{"diff"}, status: 200, in: asJSON, answer: changes, code: exitDiffers,
			out: "+ customer/acme\n~ customer/globex - customer/fake (name, properties)\n- customer/initech\nand 1 more\n" +
				"1 to create, 1 to update, 2 to archive, which would end 1 grant\n",
		},
		"differences as JSON": {args: []string{"diff", "-o", "json"}, status: 200, in: asJSON, answer: changes, code: exitDiffers, out: `"changes_omitted": 1`},
		"no difference":       {args: []string{"diff"}, status: 200, in: asJSON, answer: noChange, out: "crm is what the catalogue has: 2 resources\n"},
		"a difference that would be refused": {
			args: []string{"diff"}, status: 200, in: asJSON, code: exitDiffers,
			answer: `{"source":"crm","run_id":"run_1","archived":3,"refusal":{"code":"shrink_refused","detail":"3 of 4 would be archived"},"errors":[]}`,
			errs:   "curfew: a sync of - would be refused: 3 of 4 would be archived (shrink_refused)\n",
		},
		"faults of lines": {
			args: []string{"sync"}, status: 422, in: asLines, answer: faulty, code: exitUsage,
			errs: "stdin:1: unknown_target: customer/acme /entitlements/0/target: there is no target \"x\"\nstdin:2: invalid_json: it is no object\n" +
				"stdin: and 1 fault more\ncurfew: 2 items are not as they must be; nothing has changed (invalid_resources)\n",
		},
		"faults of YAML have its lines": {
			args: []string{"diff"}, status: 422, in: asYAML, answer: faulty, code: exitUsage, errs: "stdin:3: unknown_target: ", absent: "stdin:1:",
		},
		"faults that are left out": {
			args: []string{"sync", "--skip-invalid"}, status: 200, in: asLines,
			answer: `{"source":"crm","run_id":"run_1","received":1,"skipped":1,"errors":[{"line":2,"index":1,"code":"invalid_json","detail":"x\nstdin:9: forged"}],"error_count":1}`,
			out:    "skipped       1\n", errs: "stdin:2: invalid_json: x stdin:9: forged\n",
		},
		"a snapshot that is much smaller": {
			args: []string{"sync"}, status: 409, in: asJSON, answer: `{"code":"shrink_refused","detail":"3 of 4 resources would be archived"}`,
			code: exitConflict, errs: "curfew: 3 of 4 resources would be archived (shrink_refused)\n",
		},
		"no token":               {args: []string{"sync"}, status: 401, in: asJSON, answer: `{"code":"unauthenticated","detail":"who?"}`, code: exitUnauthenticated, errs: "Set CURFEW_TOKEN"},
		"nothing in the file":    {args: []string{"sync"}, in: " \n", code: exitUsage, errs: `{"resources": []}`},
		"YAML of something else": {args: []string{"sync"}, in: "people: []", code: exitUsage, errs: "stdin: people: there is no such key"},
		"YAML without a list":    {args: []string{"sync"}, in: "resources: {a: b}", code: exitUsage, errs: "stdin: resources: want a list"},
		"YAML that JSON has not": {args: []string{"sync"}, in: "resources:\n  - {id: .nan}", code: exitUsage, errs: "stdin:2: it can not be written as JSON"},
		"a key of YAML twice":    {args: []string{"sync"}, in: "resources:\n  - {id: a, id: b}", code: exitUsage, errs: "stdin:2: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := syncGateway(t, max(tc.status, 200), tc.answer)
			code, out, errs := typed(t, address, tc.in, append([]string{"resources", "--source", "crm", "-"}, tc.args...)...)
			if code != tc.code || !strings.Contains(out, tc.out) || !strings.Contains(errs, tc.errs) || tc.errs == "" && errs != "" ||
				tc.absent != "" && strings.Contains(errs, tc.absent) {
				t.Errorf("it exits with %d, want %d, and prints\n%s---\n%s", code, tc.code, out, errs)
			}
		})
	}
}

func TestWhatCanNotBeReadIsNotSent(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("a body that broke off came to its end")
		}
	}))
	t.Cleanup(server.Close)
	sync := []string{"resources", "sync", "--source", "crm"}
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "nowhere.json"): "no such file",
		t.TempDir(): "is no file",
	} {
		if code, _, errs := typed(t, server.URL, "", append(sync, path)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: it exits with %d, and prints %s", path, code, errs)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("the gateway was called %d times", calls.Load())
	}
	for _, zipped := range []string{"--gzip", "--gzip=false"} {
		broken := io.MultiReader(strings.NewReader(strings.Repeat(asLines, 40_000)), iotest.ErrReader(errors.New("the pipe broke")))
		code, _, errs := typedFrom(t, server.URL, broken, append(sync, "-", zipped)...)
		if code != exitFailed || !strings.Contains(errs, "what is to be sent can not be read: the pipe broke") {
			t.Errorf("%s: it exits with %d, and prints %s", zipped, code, errs)
		}
	}
}

// A gateway that breaks the connection has the file from its beginning, once more.
func TestFileIsSentAgainWhenTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if bodies = append(bodies, string(raw)); len(bodies) == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, noChange)
	}))
	t.Cleanup(server.Close)
	if code, _, errs := typed(t, server.URL, asLines, "resources", "sync", "--source", "crm", "-"); code != exitOK || len(bodies) != 2 || bodies[1] != asLines {
		t.Errorf("it exits with %d, and prints %s; the gateway got %q", code, errs, bodies)
	}
}

func TestProgressIsShownAndTakenAway(t *testing.T) {
	t.Parallel()
	var terminal bytes.Buffer
	p := barProgress(&terminal)(int64(len(asLines)))
	body, err := p.watch(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(asLines)), nil })()
	if err != nil {
		t.Fatal(err)
	}
	read, err := io.ReadAll(body)
	if err != nil || string(read) != asLines {
		t.Fatalf("what is watched reads as %q, %v", read, err)
	}
	p.end()
	shown := terminal.String()
	if sending, applying := strings.Index(shown, "sending"), strings.LastIndex(shown, "applying"); sending < 0 || applying < sending {
		t.Errorf("it shows %q", shown)
	}
	if line := shown[strings.LastIndex(shown, "\r"):]; strings.TrimSpace(line) != "" {
		t.Errorf("it leaves %q", line)
	}
	quiet := noProgress(1)
	if body, err := quiet.watch(func() (io.ReadCloser, error) { return nil, io.EOF })(); body != nil || !errors.Is(err, io.EOF) {
		t.Errorf("what nobody watches is opened as %v, %v", body, err)
	}
	quiet.end()
}

func TestSourcesAndTheirRuns(t *testing.T) {
	t.Parallel()
	const run = `{"id":"run_1","source":"crm","outcome":"refused","started_at":"2026-11-22T10:00:00Z","finished_at":"2026-11-22T10:00:01Z",
		"actor":"service:sync","received":4,"archived":3,"code":"shrink_refused","detail":"","errors":[],"error_count":0}`
	address, got := syncGateway(t, 200, `{"items":[{"source":"crm","resources":7,"every_seconds":86400,"last_synced_at":"2026-11-20T10:00:00Z",
		"last_run":`+run+`,"stale":true,"due_at":null},{"source":"new","resources":0,"every_seconds":null,"last_synced_at":null,"last_run":null,"stale":false,"due_at":null}],
		"next_cursor":"c1"}`)
	code, out, errs := typed(t, address, "", "sources", "--limit", "2")
	want := "SOURCE  RESOURCES  EVERY    SYNCED                STATE  LAST_RUN\n" +
		"crm     7          24h0m0s  2026-11-20T10:00:00Z  stale  refused (shrink_refused)\n" +
		"new     0          -        -                     fresh  -\n"
	if code != exitOK || out != want || !strings.Contains(errs, "--cursor c1") || got.path != "GET /v1/sources" || got.query.Encode() != "limit=2" {
		t.Errorf("it exits with %d, asks %s?%s, and prints\n%s%s", code, got.path, got.query.Encode(), out, errs)
	}
	address, got = syncGateway(t, 200, `{"items":[`+run+`],"next_cursor":null}`)
	code, out, errs = typed(t, address, "", "sources", "runs", "crm", "--cursor", "c1")
	if code != exitOK || errs != "" || !strings.Contains(out, "run_1  2026-11-22T10:00:00Z  refused (shrink_refused)  service:sync  4 ") ||
		got.path != "GET /v1/sources/crm/runs" || got.query.Encode() != "cursor=c1&limit=20" && got.query.Get("cursor") != "c1" {
		t.Errorf("it exits with %d, asks %s?%s, and prints\n%s%s", code, got.path, got.query.Encode(), out, errs)
	}
}
