package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
)

const resourcesOfAWS = "/v1/sources/aws/resources"

// refusal is a problem document with what is wrong with items.
type refusal struct {
	Code, Detail string
	Errors       []engine.SyncError
	ErrorCount   int `json:"error_count"`
}

// vault is a resource as a snapshot has it.
func vault(id string) string {
	return `{"type":"vault","id":"` + id + `","name":"V","properties":{"tier":"gold","n":[1,2.5,null]},` +
		`"entitlements":[{"action":"read","durations":["2h","PT30S"],"while":["oncall"],"target":"box"}]}`
}

func listed(items ...string) string { return `{"resources":[` + strings.Join(items, ",\n") + `]}` }

func (w *world) put(path, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	s := sent{method: "PUT", path: path, body: body, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		s.header[header[i]] = header[i+1]
	}
	return w.do(s)
}

// vaults lists those that are in the catalogue.
func (w *world) vaults() (ids []string) {
	w.t.Helper()
	for _, r := range want[engine.Page[engine.ResourceView]](w.t, w.get("/v1/resources?limit=500"), 200).Items {
		if r.Type == "vault" {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func packed(body string) string {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write([]byte(body))
	_ = z.Close()
	return buf.String()
}

func TestSnapshotIsTakenInEachOfItsForms(t *testing.T) {
	const lines = "application/x-ndjson"
	for name, c := range map[string]struct {
		body   string
		header []string
		want   []string
	}{
		"JSON":                {listed(vault("a"), vault("b")), nil, []string{"a", "b"}},
		"JSON with a charset": {listed(vault("a")), []string{"Content-Type", "application/json; charset=UTF-8"}, []string{"a"}},
		"an empty list":       {listed(), nil, nil},
		"lines":               {vault("a") + "\n" + vault("b") + "\n", []string{"Content-Type", lines}, []string{"a", "b"}},
		"lines with others' ends, the last is none": {vault("a") + "\r\n\n  \r\n" + vault("b"), []string{"Content-Type", lines}, []string{"a", "b"}},
		"JSON, packed":  {packed(listed(vault("a"))), []string{"Content-Encoding", "gzip"}, []string{"a"}},
		"lines, packed": {packed(vault("a") + "\n" + vault("b")), []string{"Content-Encoding", "gzip", "Content-Type", lines}, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			rec := w.put(resourcesOfAWS, c.body, c.header...)
			conforms(t, "PUT", "/v1/sources/{source}/resources", rec)
			r := want[engine.SyncReport](t, rec, 200)
			if r.Created != len(c.want) || r.Received != len(c.want) || r.Source != "aws" {
				t.Errorf("the report is %+v", r)
			}
			if got := w.vaults(); !slices.Equal(got, c.want) {
				t.Errorf("the catalogue has %v, want %v", got, c.want)
			}
		})
	}
}

func TestSnapshotThatIsNoneIsRefusedWithItsLine(t *testing.T) {
	const lines = "application/x-ndjson"
	good := vault("a")
	type place struct {
		line, index   int
		code, pointer string
	}
	for name, c := range map[string]struct {
		body string
		form string
		want []place
	}{
		"not JSON":                     {"resources", "", []place{{1, 0, "malformed_json", ""}}},
		"an object that ends":          {"{\"resources\":[\n" + good + "\n", "", []place{{3, 1, "malformed_json", ""}}},
		"an item that ends":            {"{\"resources\":[\n" + good + ",\n{\"type\":", "", []place{{3, 1, "malformed_json", ""}}},
		"rubbish between items":        {"{\"resources\":[\n" + good + ",\n\nrubbish]}", "", []place{{4, 1, "malformed_json", ""}}},
		"an array":                     {"[" + good + "]", "", []place{{1, 0, "wrong_type", ""}}},
		"resources is an object":       {`{"resources":{}}`, "", []place{{1, 0, "wrong_type", "/resources"}}},
		"resources is null":            {`{"resources":null}`, "", []place{{1, 0, "wrong_type", "/resources"}}},
		"no resources":                 {`{}`, "", []place{{1, 0, "no_resources", ""}}},
		"another member":               {`{"resources":[],` + "\n" + `"more":1}`, "", []place{{2, 0, "unknown_field", "/more"}}},
		"another case":                 {`{"Resources":[]}`, "", []place{{1, 0, "case_variant_field", "/Resources"}}},
		"resources twice":              {`{"resources":[],"resources":[]}`, "", []place{{1, 0, "duplicate_field", "/resources"}}},
		"something behind it":          {listed(good) + "\n{}", "", []place{{2, 1, "trailing_data", ""}}},
		"an item that is a number":     {listed(good, "7"), "", []place{{2, 1, "wrong_type", ""}}},
		"an item that is null":         {listed("null"), "", []place{{1, 0, "wrong_type", ""}}},
		"an unknown member":            {listed(`{"type":"vault","id":"a","owner":"x"}`), "", []place{{1, 0, "unknown_field", "/owner"}}},
		"an unknown nested member":     {listed(`{"type":"vault","id":"a","entitlements":[{"action":"a","duration":["1h"]}]}`), "", []place{{1, 0, "unknown_field", "/entitlements/0/duration"}}},
		"a member in another case":     {listed(`{"Type":"vault","id":"a"}`), "", []place{{1, 0, "case_variant_field", "/Type"}}},
		"a member twice":               {listed(good, `{"type":"vault","id":"b","id":"c"}`), "", []place{{2, 1, "duplicate_field", "/id"}}},
		"a property twice":             {listed(`{"type":"vault","id":"b","properties":{"a":1,"a":2}}`), "", []place{{1, 0, "duplicate_field", "/properties/a"}}},
		"text that is not UTF-8":       {listed("{\"type\":\"vault\",\"id\":\"a\",\"name\":\"\xff\"}"), "", []place{{1, 0, "invalid_utf8", ""}}},
		"half a surrogate pair":        {listed(`{"type":"vault","id":"a","name":"\ud800"}`), "", []place{{1, 0, "invalid_utf8", ""}}},
		"nested too deep":              {listed(`{"type":"vault","id":"a","properties":{"p":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}}`), "", []place{{1, 0, "nesting_too_deep", ""}}},
		"a duration that is a number":  {listed(`{"type":"vault","id":"a","entitlements":[{"action":"a","durations":[7200],"target":"box"}]}`), "", []place{{1, 0, "wrong_type", "/entitlements/0/durations/0"}}},
		"a duration that is none":      {listed(`{"type":"vault","id":"a","entitlements":[{"action":"a","durations":["2 h"],"target":"box"}]}`), "", []place{{1, 0, "invalid_duration", "/entitlements/0/durations/0"}}},
		"an integer JSON would change": {listed(`{"type":"vault","id":"a","properties":{"n":9007199254740993}}`), "", []place{{1, 0, "invalid_property", "/properties/n"}}},
		"no id, and a target that is none": {listed(`{"type":"vault","entitlements":[{"action":"a","durations":["2h"],"target":"x"}]}`), "",
			[]place{{1, 0, "invalid_resource", "/id"}, {1, 0, "unknown_target", "/entitlements/0/target"}}},
		"the same twice":              {listed(good, vault("b"), good), "", []place{{3, 2, "duplicate_resource", ""}}},
		"an item of two megabytes":    {listed(good, `{"type":"vault","id":"b","name":"`+strings.Repeat("a", 2<<20)+`"}`), "", []place{{1, 1, "item_too_large", ""}}},
		"a megabyte of blanks":        {`{"resources":[` + strings.Repeat(" ", 2<<20) + `]}`, "", []place{{1, 0, "item_too_large", ""}}},
		"lines, one is no JSON":       {good + "\n\n{\n" + vault("b"), lines, []place{{3, 1, "malformed_json", ""}}},
		"lines, two on one":           {good + "\n" + vault("b") + vault("c"), lines, []place{{2, 1, "trailing_data", ""}}},
		"lines, but it is the list":   {listed(good), lines, []place{{1, 0, "unknown_field", "/resources"}}},
		"lines, one of two megabytes": {good + "\n\"" + strings.Repeat("a", 2<<20) + "\"\n", lines, []place{{2, 1, "item_too_large", ""}}},
		"a list, but it is lines":     {good + "\n" + vault("b"), "", []place{{1, 0, "unknown_field", "/type"}}},
		"each item has its faults": {listed(good, `{"type":"vault"}`, "3", `{"type":"V","id":"a"}`), "",
			[]place{{2, 1, "invalid_resource", "/id"}, {3, 2, "wrong_type", ""}, {4, 3, "invalid_resource", "/type"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			form := c.form
			if form == "" {
				form = "application/json"
			}
			rec := w.put(resourcesOfAWS, c.body, "Content-Type", form)
			conforms(t, "PUT", "/v1/sources/{source}/resources", rec)
			p := want[refusal](t, rec, 422)
			var got []place
			for _, e := range p.Errors {
				got = append(got, place{e.Line, e.Index, e.Code, e.Pointer})
				if e.Detail == "" {
					t.Error("nothing says what is wrong")
				}
			}
			if p.Code != "invalid_resources" || p.ErrorCount != len(c.want) || !slices.Equal(got, c.want) {
				t.Errorf("%s, %d faults: %+v, want %+v", p.Code, p.ErrorCount, got, c.want)
			}
			if got := w.vaults(); got != nil {
				t.Errorf("the catalogue has %v", got)
			}
		})
	}
}

func TestSnapshotsThatAreNotReadToTheirEnd(t *testing.T) {
	bomb := packed(`{"resources":[` + strings.Repeat(" ", 64<<20))
	for name, c := range map[string]struct {
		path, body string
		header     []string
		status     int
		code       string
	}{
		"no body":                   {resourcesOfAWS, "", []string{"Content-Type", "application/json"}, 400, "empty_body"},
		"blanks":                    {resourcesOfAWS, " \n", nil, 400, "empty_body"},
		"no media type":             {resourcesOfAWS, listed(), []string{"Content-Type", ""}, 415, "unsupported_media_type"},
		"another media type":        {resourcesOfAWS, listed(), []string{"Content-Type", "application/yaml"}, 415, "unsupported_media_type"},
		"another charset":           {resourcesOfAWS, listed(), []string{"Content-Type", "application/json; charset=latin1"}, 415, "unsupported_media_type"},
		"another encoding":          {resourcesOfAWS, listed(), []string{"Content-Encoding", "br"}, 415, "unsupported_media_type"},
		"not packed":                {resourcesOfAWS, listed(), []string{"Content-Encoding", "gzip"}, 400, "unreadable_body"},
		"packed, and cut":           {resourcesOfAWS, packed(listed(vault("a")))[:60], []string{"Content-Encoding", "gzip"}, 400, "unreadable_body"},
		"packed, and far too large": {resourcesOfAWS, bomb, []string{"Content-Encoding", "gzip"}, 422, "invalid_resources"},
		"the file's source":         {"/v1/sources/seed/resources", listed(), nil, 422, "source_reserved"},
		"a source that can not be":  {"/v1/sources/AWS/resources", listed(), nil, 422, "invalid_source"},
		"an unknown parameter":      {resourcesOfAWS + "?force=true", listed(), nil, 422, "unknown_parameter"},
		"a flag that is neither":    {resourcesOfAWS + "?dry_run=1", listed(), nil, 422, "invalid_flag"},
		"a resource of another":     {resourcesOfAWS, listed(`{"type":"customer","id":"acme"}`), nil, 409, "resource_owned"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			rec := w.put(c.path, c.body, c.header...)
			conforms(t, "PUT", "/v1/sources/{source}/resources", rec)
			if p := want[refusal](t, rec, c.status); p.Code != c.code {
				t.Errorf("the code is %s, want %s: %s", p.Code, c.code, p.Detail)
			}
		})
	}
}

func TestFlagsOfASnapshot(t *testing.T) {
	w := newWorld(t)
	want[engine.SyncReport](t, w.put(resourcesOfAWS, listed(vault("a"), vault("b"), vault("c"))), 200)
	if p := want[refusal](t, w.put(resourcesOfAWS, listed(vault("a"))), 409); p.Code != "shrink_refused" || !strings.Contains(p.Detail, "allow_shrink=true") {
		t.Errorf("the refusal is %+v", p)
	}
	dry := w.put(resourcesOfAWS+"?dry_run=true&allow_shrink=true", listed(vault("a")))
	conforms(t, "PUT", "/v1/sources/{source}/resources", dry)
	if r := want[engine.SyncReport](t, dry, 200); !r.DryRun || len(r.Changes) != 2 || len(w.vaults()) != 3 {
		t.Errorf("the dry run says %+v", r)
	}
	skipped := w.put(resourcesOfAWS+"?skip_invalid=true", listed(vault("a"), `{"type":"vault","id":"b","name":7}`, vault("c")))
	conforms(t, "PUT", "/v1/sources/{source}/resources", skipped)
	if r := want[engine.SyncReport](t, skipped, 200); r.Skipped != 1 || r.Unchanged != 2 || r.Archived != 0 || r.Errors[0].Resource.ID != "b" {
		t.Errorf("with faults skipped: %+v", r)
	}
	want[engine.SyncReport](t, w.put(resourcesOfAWS+"?allow_shrink=true", listed()), 200)
	runs := w.get("/v1/sources/aws/runs")
	conforms(t, "GET", "/v1/sources/{source}/runs", runs)
	if p := want[engine.Page[engine.SyncRun]](t, runs, 200); len(p.Items) != 5 {
		t.Errorf("the history has %+v", p.Items)
	}
	sources := w.get("/v1/sources")
	conforms(t, "GET", "/v1/sources", sources)
	if p := want[engine.Page[engine.SourceView]](t, sources, 200); len(p.Items) != 2 || p.Items[0].Source != "aws" || p.Items[0].LastSyncedAt == nil {
		t.Errorf("the sources are %+v", p.Items)
	}
	want[refusal](t, w.get("/v1/sources/nowhere/runs"), 404)
}

// wire serves the API on a connection whose server gives up as it does in life.
func (w *world) wire() *httptest.Server {
	w.t.Helper()
	s := httptest.NewUnstartedServer(w.handler)
	s.Config.ReadTimeout, s.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	s.Start()
	w.t.Cleanup(s.Close)
	return s
}

func TestSnapshotMayTakeLongerThanOtherCalls(t *testing.T) {
	w := newWorld(t)
	s := w.wire()
	body, write := io.Pipe()
	go func() {
		for _, part := range []string{`{"resources":[`, vault("a"), ",", vault("b"), "]}"} {
			_, _ = io.WriteString(write, part)
			<-time.After(150 * time.Millisecond) // the connection's own deadline is a real one
		}
		_ = write.Close()
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+resourcesOfAWS, body)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+aliceSecret)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK || len(w.vaults()) != 2 {
		t.Errorf("it was answered %d, and the catalogue has %v", answer.StatusCode, w.vaults())
	}
}

func TestClientThatBreaksOffChangesNothing(t *testing.T) {
	w := newWorld(t)
	s := w.wire()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	must(t, err)
	_, err = fmt.Fprintf(conn, "PUT %s?allow_shrink=true HTTP/1.1\r\nHost: curfew\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100000\r\n\r\n%s\n",
		resourcesOfAWS, aliceSecret, vault("a"))
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	must(t, answer.Body.Close())
	must(t, conn.Close())
	runs := want[engine.Page[engine.SyncRun]](t, w.get("/v1/sources/aws/runs"), 200).Items
	if len(runs) != 1 || runs[0].Code != "body_broke_off" || runs[0].Outcome != engine.SyncRefused || answer.StatusCode != http.StatusBadRequest || w.vaults() != nil {
		t.Errorf("%d; the history has %+v", answer.StatusCode, runs)
	}
}

func TestSnapshotOfAStrangerIsNotRead(t *testing.T) {
	w := newWorld(t)
	w.policy.refuse = "resource.sync"
	body := &counting{Reader: strings.NewReader(listed(vault("a")))}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, resourcesOfAWS, body)
	r.Header.Set("Authorization", "Bearer "+aliceSecret)
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != 403 || body.read > 0 {
		t.Errorf("it was answered %d, with %d bytes read", rec.Code, body.read)
	}
}

type counting struct {
	io.Reader
	read int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}
