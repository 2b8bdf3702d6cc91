package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// pages is a directory of a few pages, each a body.
func pages(bodies ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, n := r.URL.Query(), 0
		_, _ = fmt.Sscanf(q.Get("cursor"), "page-%d", &n)
		switch {
		case r.Header.Get("Authorization") != "Bearer "+directorySecret:
			http.Error(w, "who?", http.StatusUnauthorized)
		case r.URL.Path != "/v2/customers" || q.Get("view") != "short" || q.Get("status") != active || q.Get("limit") != "500" || n >= len(bodies):
			http.Error(w, "what?", http.StatusBadRequest)
		default:
			_, _ = io.WriteString(w, bodies[n])
		}
	}
}

const (
	acme   = `{"id":"acme","name":"Acme Corp","status":"ACTIVE","owner":"payments","tier":"gold","region":"eu"}`
	globex = `{"id":"globex","name":"Globex","status":"ACTIVE","owner":"search"}`
	left   = `{"id":"initech","name":"Initech","status":"CHURNED","owner":"search"}`
)

func pageOf(next string, customers ...string) string {
	if next != "null" {
		next = `"` + next + `"`
	}
	return fmt.Sprintf(`{"customers":[%s],"next_cursor":%s}`, strings.Join(customers, ","), next)
}

// takes is a gateway that takes every snapshot.
func (w *world) takes(rw http.ResponseWriter, r *http.Request) {
	unzipped, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(unzipped)
	if err != nil || r.Method != http.MethodPut || r.URL.Path != "/v1/sources/crm/resources" || r.ContentLength <= 0 ||
		r.Header.Get("Content-Type") != "application/x-ndjson" || r.Header.Get("Authorization") != "Bearer "+gatewaySecret {
		http.Error(rw, "not so", http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	w.sent = append(w.sent, string(body))
	n := len(w.sent)
	w.mu.Unlock()
	report := Report{Source: "crm", RunID: fmt.Sprintf("run_%d", n), Received: strings.Count(string(body), "\n")}
	if n == 1 {
		report.Created = report.Received
	} else {
		report.Unchanged = report.Received
	}
	_ = json.NewEncoder(rw).Encode(report)
}

func (w *world) bodies() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// The same event twice, as Lambda may deliver it, sends the same snapshot twice.
func TestActiveCustomersBecomeTheCatalogue(t *testing.T) {
	t.Parallel()
	w := &world{directory: pages(pageOf("page-1", acme, left), pageOf("page-2"), pageOf("null", globex, acme))}
	w.gateway = w.takes
	w.start(t)
	want := Report{Source: "crm", RunID: "run_1", Received: 2, Created: 2, Skipped: 1}
	if a := w.run(t, time.Minute); a.message != "" || a.report != want {
		t.Fatalf("the run comes to %+v, want %+v", a, want)
	}
	want.RunID, want.Created, want.Unchanged = "run_2", 0, 2
	if a := w.run(t, time.Minute); a.message != "" || a.report != want {
		t.Fatalf("the second run comes to %+v, want %+v", a, want)
	}
	lines := `{"type":"customer","id":"acme","name":"Acme Corp","properties":{"owner":"payments","region":"eu","tier":"gold"},` +
		`"entitlements":[{"action":"debug","durations":["2h"],"target":"okta"}]}
{"type":"customer","id":"globex","name":"Globex","properties":{"owner":"search"},` +
		`"entitlements":[{"action":"debug","durations":["2h"],"target":"okta"}]}
`
	if got := w.bodies(); len(got) != 2 || got[0] != lines || got[1] != lines {
		t.Errorf("the gateway got %q\nwant %q twice", got, lines)
	}
	var logged struct {
		Msg                          string
		RequestID                    string `json:"request_id"`
		Event, Source                string
		Received, Created, Unchanged int
	}
	w.logs(t, `"unchanged":2`)
	first, _, _ := strings.Cut(w.said(), "\n")
	if err := json.Unmarshal([]byte(first), &logged); err != nil || logged.RequestID != "request-1" || logged.Source != "crm" ||
		logged.Event == "" || logged.Received != 2 || logged.Created != 2 {
		t.Errorf("it logs %q: %v", first, err)
	}
}

// What is not the whole truth is not sent.
func TestListingThatIsNotWholeIsNeverSent(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		directory http.HandlerFunc
		want      string
	}{
		"a page that fails": {pages(pageOf("page-9", acme)), "the directory answers 400"},
		"a page that fails each time it is asked for": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("cursor") != "" {
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			pages(pageOf("page-1", acme))(w, r)
		}, "the directory answers 503"},
		"a page that is cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, pageOf("null", acme))
		}, "the directory's answer ends early"},
		"a page without a next_cursor":            {pages(`{"customers":[` + acme + `]}`), "a page of the directory is not"},
		"a page without customers":                {pages(`{"next_cursor":null}`), "a page of the directory is not"},
		"a page that is no JSON":                  {pages("<h1>Sign in"), "a page of the directory is not"},
		"a cursor that is empty":                  {pages(`{"customers":[],"next_cursor":""}`), "neither null nor a text"},
		"pages in a circle":                       {pages(pageOf("page-1", acme), pageOf("page-1", globex)), "in a circle"},
		"a customer without an id":                {pages(pageOf("null", `{"status":"ACTIVE"}`)), "without an id"},
		"a customer without a status":             {pages(pageOf("null", `{"id":"acme"}`)), "without an id or a status"},
		"a customer twice, and not the same":      {pages(pageOf("null", acme, `{"id":"acme","status":"CHURNED"}`)), `"acme" twice`},
		"a page that is too long":                 {pages(pageOf("null", acme) + strings.Repeat(" ", maxPage)), "has more than"},
		"nobody":                                  {pages(pageOf("null")), "no active customer"},
		"nobody who is active":                    {pages(pageOf("null", left)), "no active customer"},
		"a directory that leads the token astray": {http.RedirectHandler("https://example.com/", http.StatusFound).ServeHTTP, "the directory answers 302"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{directory: tc.directory}
			w.gateway = w.takes
			w.start(t)
			if a := w.run(t, time.Minute); !strings.Contains(a.message, tc.want) {
				t.Errorf("the run comes to %+v, want %q", a, tc.want)
			}
			if sent := w.bodies(); len(sent) > 0 {
				t.Errorf("the gateway got %q", sent)
			}
		})
	}
}

func TestPageThatFailsOnceIsAskedForAgain(t *testing.T) {
	t.Parallel()
	failed := false
	w := &world{directory: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") != "" && !failed {
			failed = true
			http.Error(w, "busy", http.StatusTooManyRequests)
			return
		}
		pages(pageOf("page-1", acme), pageOf("null", globex))(w, r)
	}}
	w.gateway = w.takes
	w.start(t)
	if a := w.run(t, time.Minute); a.message != "" || a.report.Received != 2 || !failed {
		t.Errorf("the run comes to %+v", a)
	}
}

func TestPageThatHangsIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]string{"before its first byte": "", "in the middle": `{"customers":[`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; asked > 1 {
					_, _ = io.WriteString(w, pageOf("null", acme))
					return
				}
				if begun != "" {
					_, _ = io.WriteString(w, begun)
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			}))
			t.Cleanup(server.Close)
			address, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			d := httpDirectory{address: address, client: server.Client(), within: 100 * time.Millisecond}
			n := 0
			for c, err := range d.Customers(ctx) {
				if err != nil || c.ID != "acme" {
					t.Fatalf("%+v, %v", c, err)
				}
				n++
			}
			if n != 1 || asked != 2 {
				t.Errorf("%d customers, asked %d times", n, asked)
			}
		})
	}
}

// A refusal is an error, so that Lambda tries again and the queue gets the event.
func TestRefusalsAreErrors(t *testing.T) {
	t.Parallel()
	problem := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	cases := map[string]struct {
		gateway    http.HandlerFunc
		want, kind string
	}{
		"a snapshot that is much smaller": {
			problem(409, `{"code":"shrink_refused","detail":"3 of 4 resources would be archived; if that is right, allow_shrink=true"}`),
			"409 shrink_refused: 3 of 4 resources would be archived", "RefusedError",
		},
		"resources that can not be": {
			problem(422, `{"code":"invalid_resources","detail":"2 faults","error_count":2,"errors":[{"line":1,"index":0,"resource":{"type":"customer","id":"acme"},
			  "pointer":"/entitlements/0/target","code":"unknown_target","detail":"there is no target \"okta\""}]}`),
			`of 2 faults the first: customer/acme /entitlements/0/target: there is no target "okta" (unknown_target)`, "RefusedError",
		},
		"a token that is not taken":     {problem(401, `{"code":"unauthenticated","detail":"who?"}`), "401 unauthenticated", "RefusedError"},
		"an answer of something else":   {http.NotFound, "404 no_problem_document: the answer is not from Curfew", "RefusedError"},
		"a redirect":                    {http.RedirectHandler("https://example.com/", http.StatusFound).ServeHTTP, "302 no_problem_document", "RefusedError"},
		"an answer that is no report":   {func(http.ResponseWriter, *http.Request) {}, "is no report", ""},
		"a report of another snapshot":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"received":7}`) }, "took 7 customers of 1", ""},
		"a connection that is cut off":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the gateway does not answer", ""},
		"a gateway that takes too long": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "context deadline exceeded", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{directory: pages(pageOf("null", acme)), gateway: func(rw http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				tc.gateway(rw, r)
			}}
			w.start(t)
			const given = spare + 2*time.Second
			began := time.Now()
			a := w.run(t, given)
			if took := time.Since(began); took >= given {
				t.Errorf("it answers after %s, when Lambda has ended it", took)
			}
			if !strings.Contains(a.message, tc.want) || tc.kind != "" && a.kind != tc.kind {
				t.Errorf("the run comes to %+v, want %s %q", a, tc.kind, tc.want)
			}
			w.logs(t, `"level":"ERROR","msg":"the catalogue is not synced"`)
		})
	}
}

func TestSecretsThatCanNotBeHad(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		secrets map[string]string
		env     []string
		want    string
	}{
		"one that the function may not read": {map[string]string{directoryARN: directorySecret}, nil, "answers 400 to " + gatewayARN},
		"one that is no token": {
			map[string]string{directoryARN: directorySecret, gatewayARN: `{"token":"` + gatewaySecret + `"}`}, nil, gatewayARN + ": it is no token",
		},
		"one that is empty":         {map[string]string{directoryARN: " ", gatewayARN: gatewaySecret}, nil, directoryARN + ": it is no token"},
		"no extension in the layer": {nil, []string{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=1"}, "is its layer in the function?"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{directory: pages(pageOf("null", acme)), secrets: tc.secrets, env: tc.env}
			w.gateway = w.takes
			w.start(t)
			a := w.run(t, time.Minute)
			if !strings.Contains(a.message, tc.want) || strings.Contains(a.message, gatewaySecret) || len(w.bodies()) > 0 {
				t.Errorf("the run comes to %+v, want %q", a, tc.want)
			}
		})
	}
}

func TestEnvironmentFaultsAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		gatewayURL: "https://curfew.example.com", gatewayTokenARN: gatewayARN, source: "crm", entitlementsJSON: `[{"action":"a","target":"t"}]`,
		directoryURL: "https://crm.example.com/customers", directoryTokenARN: directoryARN,
	}
	lookup := func(changed map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			if text, ok := changed[name]; ok {
				return text, text != ""
			}
			text, ok := good[name]
			return text, ok
		}
	}
	if _, err := readConfig(lookup(nil)); err != nil {
		t.Errorf("a good environment: %v", err)
	}
	if _, err := readConfig(lookup(map[string]string{gatewayURL: "http://127.0.0.1:8080", gatewayTokenARN: "", gatewayTokenPlain: "x"})); err != nil {
		t.Errorf("one of a desk: %v", err)
	}
	for name, tc := range map[string]struct{ variable, value string }{
		"no address":                       {gatewayURL, ""},
		"an address that is none":          {gatewayURL, "curfew.example.com"},
		"an address that all can read":     {directoryURL, "http://crm.example.com/"},
		"an address with a password":       {directoryURL, "https://a:b@crm.example.com/"},
		"no secret":                        {directoryTokenARN, ""},
		"no source":                        {source, ""},
		"no entitlements":                  {entitlementsJSON, "[]"},
		"entitlements that are no list":    {entitlementsJSON, "{}"},
		"an entitlement without a target":  {entitlementsJSON, `[{"action":"a"}]`},
		"an entitlement without an action": {entitlementsJSON, `[{"target":"a"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readConfig(lookup(map[string]string{tc.variable: tc.value})); err == nil || !strings.HasPrefix(err.Error(), tc.variable+": ") {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err := readConfig(func(string) (string, bool) { return "", false })
	for _, variable := range deployed {
		if err == nil || !strings.Contains(err.Error(), variable+": ") {
			t.Errorf("%s is not among the faults: %v", variable, err)
		}
	}
}
