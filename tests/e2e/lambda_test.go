package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// cloud is Lambda's runtime API, which the example's function runs on: it hands out
// events, and takes what came of them.
type cloud struct {
	events  chan string
	answers chan lambdaAnswer
}

// lambdaAnswer is what a run came to.
type lambdaAnswer struct {
	report  engine.SyncReport
	message string // of an error
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var said struct{ ErrorMessage string }
	var a lambdaAnswer
	switch {
	case strings.HasSuffix(r.URL.Path, "/invocation/next"):
		select {
		case event := <-c.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "r1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			_, _ = io.WriteString(w, event)
		case <-r.Context().Done():
		}
		return
	case strings.HasSuffix(r.URL.Path, "/response"):
		_ = json.NewDecoder(r.Body).Decode(&a.report)
	default:
		_ = json.NewDecoder(r.Body).Decode(&said)
		a.message = said.ErrorMessage
	}
	w.WriteHeader(http.StatusAccepted)
	c.answers <- a
}

// customers is a customer directory, in pages of two.
type customers struct{ active atomic.Pointer[[]string] }

func (c *customers) are(names ...string) { c.active.Store(&names) }

func (c *customers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, page := 0, map[string]any{"customers": []any{}, "next_cursor": nil}
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from)
	all := *c.active.Load()
	list := []map[string]string{}
	for _, name := range all[from:min(from+2, len(all))] {
		if name == "" { // a directory that breaks down there
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		list = append(list, map[string]string{"id": name, "name": name, "status": "ACTIVE", "owner": "payments"})
	}
	if page["customers"] = list; from+2 < len(all) {
		page["next_cursor"] = fmt.Sprint(from + 2)
	}
	_ = json.NewEncoder(w).Encode(page)
}

// lambdaSet is a gateway whose customers a function of the example brings.
type lambdaSet struct {
	*exampleSet
	cloud     *cloud
	directory *customers
	target    *target.Target
}

func startLambda(t *testing.T) *lambdaSet {
	t.Helper()
	t.Parallel()
	s := &lambdaSet{
		exampleSet: newExample(t, "operator", "alice", "sync"), target: target.New(t, target.Config{}), directory: &customers{},
		cloud: &cloud{events: make(chan string), answers: make(chan lambdaAnswer, 1)},
	}
	s.serve(fmt.Sprintf(`listen: %s
ledger: sqlite:curfew.db
policies: policies
auth:
  tokens:
    - {name: operator, subject: "user:operator@example.com", groups: [admins], secret: "env:TOKEN_OPERATOR"}
    - {name: alice, subject: "user:alice@example.com", secret: "env:TOKEN_ALICE"}
    - {name: sync, subject: "service:lambda-sync", groups: [syncers], secret: "env:TOKEN_SYNC"}
targets:
  - {name: okta, webhook: {url: %q, secret: "env:WEBHOOK_SECRET", retry_first: 100ms}}
`, strings.TrimPrefix(s.url, "http://"), s.target.URL()),
		"TOKEN_OPERATOR="+s.tokens["operator"], "TOKEN_ALICE="+s.tokens["alice"], "TOKEN_SYNC="+s.tokens["sync"], "WEBHOOK_SECRET="+s.target.Secret())
	runtime, directory := httptest.NewServer(s.cloud), httptest.NewServer(s.directory)
	t.Cleanup(runtime.Close)
	t.Cleanup(directory.Close)
	function, err := stage.Start(t.Context(), stage.Program{
		Name: "function", Path: s.build("lambda-sync", "bootstrap", "-tags", "lambda.norpc"), Show: stage.Hide, Log: s.dir + "/function.log",
		Env: []string{
			"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(runtime.URL, "http://"), "CURFEW_URL=" + s.url, "CURFEW_SOURCE=crm",
			"CURFEW_TOKEN=" + s.tokens["sync"], "DIRECTORY_URL=" + directory.URL, "DIRECTORY_TOKEN=token-of-the-directory",
			`CURFEW_ENTITLEMENTS=[{"action":"debug","durations":["2h"],"target":"okta"}]`,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = function.Kill() })
	return s
}

// daily runs the function once.
func (s *lambdaSet) daily() lambdaAnswer {
	s.Helper()
	late := time.After(patience)
	select {
	case s.cloud.events <- `{"version":"0","id":"e1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`:
	case <-late:
		s.Fatal("the function takes no event")
	}
	select {
	case a := <-s.cloud.answers:
		return a
	case <-late:
		s.Fatal("the function gives no answer")
		return lambdaAnswer{}
	}
}

// A customer that leaves the directory can not be asked for any more, and whoever was
// let in is let out. A listing that can not be right changes nothing.
func TestCustomerThatLeavesTheDirectoryLosesItsGrants(t *testing.T) {
	s := startLambda(t)
	s.directory.are("acme", "globex", "initech", "hooli")
	if a := s.daily(); a.message != "" || a.report.Received != 4 || a.report.Created != 4 {
		t.Fatalf("the first run comes to %+v", a)
	}
	grant := s.ask("alice", "customer", "acme", "debug")
	g := s.awaitObserved("alice", grant, access.Present)
	entitled := access.Entitled{Subject: g.Subject, Action: g.Action, Resource: g.Resource}
	s.target.Await(t, "access is open", target.Open(entitled))

	for what, tc := range map[string]struct {
		names []string
		want  string
	}{
		"half a listing":         {[]string{"globex", "initech", "", "hooli"}, "the directory answers 500"},
		"a listing of nobody":    {nil, "no active customer"},
		"a much shorter listing": {[]string{"hooli"}, "409 shrink_refused"},
	} {
		s.directory.are(tc.names...)
		if a := s.daily(); !strings.Contains(a.message, tc.want) {
			t.Errorf("%s comes to %+v, want %s", what, a, tc.want)
		}
		if g := s.grant("alice", grant); !g.Live {
			t.Fatalf("%s ended the grant: %+v", what, g)
		}
	}

	s.directory.are("globex", "initech", "hooli")
	if a := s.daily(); a.message != "" || a.report.Archived != 1 || a.report.GrantsEnded != 1 || a.report.Unchanged != 3 {
		t.Fatalf("the run without acme comes to %+v", a)
	}
	g = s.awaitObserved("alice", grant, access.Absent)
	if g.State != access.GrantEnded || g.EndReason == nil || *g.EndReason != access.EndResourceGone {
		t.Errorf("the grant is %s, %v", g.State, g.EndReason)
	}
	s.target.Await(t, "access is closed", target.Gone(entitled))
	if a := s.daily(); a.message != "" || a.report.Unchanged != 3 || a.report.Archived != 0 {
		t.Errorf("the same again comes to %+v", a)
	}
	var runs engine.Page[engine.SyncRun]
	s.call("operator", http.MethodGet, "/v1/sources/crm/runs", nil, &runs)
	if len(runs.Items) != 4 || runs.Items[0].Actor != "service:lambda-sync" {
		t.Errorf("the history is %+v", runs.Items)
	}
}
