package pagerduty_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PagerDuty/go-pagerduty/webhookv3"

	"github.com/curfew-access/curfew/tests/fake/pagerduty"
	"github.com/curfew-access/curfew/tests/fake/pagerduty/official"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// start starts a fake at noon.
func start(t *testing.T, cfg pagerduty.Config) *pagerduty.Fake {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return noon }
	}
	return pagerduty.New(t, cfg)
}

// ask makes a request as its owner, compared with PagerDuty's description.
func ask(t *testing.T, f *pagerduty.Fake, method, path, body string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, f.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Token token="+f.Key())
	request.Header.Set("Accept", "application/vnd.pagerduty+json;version=2")
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: official.Watch(t, http.DefaultTransport)}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	_ = json.Unmarshal(raw, &got)
	return response.StatusCode, got
}

// rows renders on-calls: "email schedule level start end".
func rows(t *testing.T, f *pagerduty.Fake, query string) []string {
	t.Helper()
	_, got := ask(t, f, http.MethodGet, "/oncalls?include[]=users&"+query, "")
	var all []string
	for _, row := range got["oncalls"].([]any) {
		r := row.(map[string]any)
		schedule := "-"
		if s, ok := r["schedule"].(map[string]any); ok {
			schedule = s["summary"].(string)
		}
		all = append(all, fmt.Sprint(r["user"].(map[string]any)["email"], " ", schedule, " ", r["escalation_level"], " ", r["start"], " ", r["end"]))
	}
	return all
}

func between(since, until time.Time) string {
	return url.Values{"since": {since.Format(time.RFC3339)}, "until": {until.Format(time.RFC3339)}}.Encode()
}

func TestDescriptionIsCompared(t *testing.T) {
	if _, err := official.Find(); err != nil {
		t.Skip(err)
	}
	d, err := official.Load()
	if err != nil {
		t.Fatal(err)
	}
	get := func(target string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Accept", "application/vnd.pagerduty+json;version=2")
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	for what, target := range map[string]string{
		"an unknown path":              "/oncall",
		"an unknown parameter":         "/oncalls?user_id[]=P1",
		"a time that is none":          "/oncalls?since=now",
		"what can not be included":     "/oncalls?include[]=people",
		"a status that does not exist": "/incidents?statuses[]=open",
	} {
		if _, err := d.Request(get(target)); err == nil {
			t.Errorf("%s was taken: %s", what, target)
		}
	}
	input, err := d.Request(get("/oncalls?limit=100"))
	if err != nil {
		t.Fatal(err)
	}
	row := `{"user":{"id":"P1","type":"user_reference"},"schedule":null,"escalation_policy":{"id":"P2","type":"escalation_policy_reference"},"escalation_level":1,"start":null,"end":null}`
	for body, sound := range map[string]bool{
		`{"oncalls":[` + row + `],"more":false}`: true,
		`{"more":false}`:                         false,
		`{"oncalls":[` + strings.Replace(row, `1,"start"`, `"1","start"`, 1) + `],"more":false}`:                  false,
		`{"oncalls":[` + strings.Replace(row, `"start":null`, `"start":"yesterday"`, 1) + `],"more":false}`:       false,
		`{"oncalls":[` + strings.Replace(row, `"schedule":null`, `"schedule":{"id":"P3"}`, 1) + `],"more":false}`: false,
		`{"oncalls":[` + strings.Replace(row, `"id":"P1"`, `"id":7`, 1) + `],"more":false}`:                       false,
	} {
		response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}}
		if err := d.Response(t.Context(), input, response, []byte(body)); (err == nil) != sound {
			t.Errorf("%s: %v; want sound: %t", body, err, sound)
		}
	}
}

func TestOnCallsAreOfNowUnlessARangeIsSaid(t *testing.T) {
	f := start(t, pagerduty.Config{})
	alice, bob, schedule := f.AddUser("alice@example.com"), f.AddUser("bob@example.com"), f.AddSchedule("Primary")
	f.AddPolicy("Payments", []pagerduty.Target{pagerduty.OfSchedule(schedule)}, []pagerduty.Target{pagerduty.OfUser(bob)})
	f.Shift(schedule, alice, noon.Add(-time.Hour), noon.Add(time.Hour))
	f.Shift(schedule, bob, noon.Add(time.Hour), noon.Add(2*time.Hour))
	f.Shift(schedule, bob, noon.Add(2*time.Hour), noon.Add(3*time.Hour))

	const now, next, always = "alice@example.com Primary 1 2026-11-20T11:00:00Z 2026-11-20T13:00:00Z",
		"bob@example.com Primary 1 2026-11-20T13:00:00Z 2026-11-20T15:00:00Z", "bob@example.com - 2 <nil> <nil>"
	cases := map[string][]string{
		"":                                      {now, always},
		between(noon, noon.Add(90*time.Minute)): {now, next, always},
		"user_ids[]=" + bob:                     {always},
		"schedule_ids[]=" + schedule:            {now},
		"schedule_ids[]=null":                   {always},
		"escalation_policy_ids[]=PNONE":         nil,
		between(noon.Add(time.Hour), noon.Add(time.Hour)): {next, always},
	}
	for query, want := range cases {
		if got := rows(t, f, query); !slices.Equal(got, want) {
			t.Errorf("%s: %q; want %q", query, got, want)
		}
	}
	f.Override(schedule, bob, noon.Add(-time.Minute), noon.Add(time.Hour)) // borders on bob's own
	if got := rows(t, f, ""); !slices.Equal(got, []string{"bob@example.com Primary 1 2026-11-20T11:59:00Z 2026-11-20T15:00:00Z", always}) {
		t.Errorf("with an override: %q", got)
	}
}

func TestPagesAreClassic(t *testing.T) {
	f := start(t, pagerduty.Config{})
	for i := range 130 {
		f.AddUser(fmt.Sprintf("p%03d@example.com", i))
	}
	cases := map[string]struct {
		status, rows int
		more         bool
	}{
		"":                      {200, 25, true},
		"limit=100":             {200, 100, true},
		"limit=1000":            {200, 100, true},
		"limit=100&offset=100":  {200, 30, false},
		"limit=100&offset=9900": {200, 0, false},
		"limit=100&offset=9901": {400, 0, false},
	}
	for query, c := range cases {
		status, got := ask(t, f, http.MethodGet, "/users?"+query, "")
		users, _ := got["users"].([]any)
		if more, _ := got["more"].(bool); status != c.status || len(users) != c.rows || more != c.more || got["total"] != nil {
			t.Errorf("%s: %d, %d rows, more %t, total %v; want %+v", query, status, len(users), more, got["total"], c)
		}
	}
}

func TestLimitIsCountedByTheMinute(t *testing.T) {
	now := noon
	f := start(t, pagerduty.Config{Limit: 2, Now: func() time.Time { return now }})
	for _, want := range []int{200, 200, 429} {
		if status, _ := ask(t, f, http.MethodGet, "/users", ""); status != want {
			t.Errorf("status = %d; want %d", status, want)
		}
	}
	now = now.Add(time.Minute)
	if status, _ := ask(t, f, http.MethodGet, "/users", ""); status != 200 {
		t.Errorf("status = %d a minute later", status)
	}
}

func TestIncidentsAreFoundByIDAndNumber(t *testing.T) {
	f := start(t, pagerduty.Config{})
	alice := f.AddUser("alice@example.com")
	id := f.Trigger("fire", f.AddPolicy("Payments", []pagerduty.Target{pagerduty.OfUser(alice)}), alice)
	f.Acknowledge(id, alice)
	f.AskResponder(id, alice)
	for _, name := range []string{id, "1"} {
		if status, got := ask(t, f, http.MethodGet, "/incidents/"+name, ""); status != 200 || got["incident"].(map[string]any)["status"] != "acknowledged" {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
	f.Resolve(id)
	if _, got := ask(t, f, http.MethodGet, "/incidents?statuses[]=triggered&statuses[]=acknowledged&date_range=all", ""); len(got["incidents"].([]any)) != 0 {
		t.Errorf("open: %v", got)
	}
	if status, _ := ask(t, f, http.MethodGet, "/incidents/PNONE", ""); status != 404 {
		t.Errorf("status = %d; want 404", status)
	}
}

// receiver takes webhooks and answers as it is told.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	answers []int
	secrets []string
	faults  []string
}

func receive(t *testing.T, answers ...int) *receiver {
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(request.Body)
	for _, secret := range r.secrets {
		request.Body = io.NopCloser(bytes.NewReader(body))
		if err := webhookv3.VerifySignature(request, secret); err != nil {
			r.faults = append(r.faults, err.Error())
		}
	}
	status := http.StatusAccepted
	if len(r.answers) > 0 {
		status, r.answers = r.answers[0], r.answers[1:]
	}
	w.WriteHeader(status)
}

// The vendor's own library verifies what the fake signs.
func TestWebhooksAreSignedWithEverySecretAndTriedAgain(t *testing.T) {
	f := start(t, pagerduty.Config{RetryPause: time.Millisecond})
	r := receive(t, 500, 503, 429)
	sub, secret := f.Subscribe(r.URL, "incident.triggered", "incident.resolved")
	f.SignWith(sub, secret, "another")
	r.secrets = []string{secret, "another"}
	id := f.Trigger("fire", "PP")
	f.Acknowledge(id, "P1") // not subscribed to
	f.Resolve(id)
	f.Await(t, "it was told that it is resolved", pagerduty.Delivered("incident.resolved", 1))
	var tries []string
	for _, d := range f.State().Deliveries {
		tries = append(tries, fmt.Sprint(d.Event, d.Try, d.Status))
	}
	if want := []string{"incident.triggered1 500", "incident.triggered2 503", "incident.triggered3 429", "incident.triggered4 202", "incident.resolved1 202"}; !slices.Equal(tries, want) {
		t.Errorf("tries %q; want %q", tries, want)
	}
	if len(r.faults) > 0 {
		t.Errorf("signatures: %q", r.faults)
	}
	f.Again(f.State().Deliveries[0].ID)
	f.Await(t, "it came again", pagerduty.Delivered("incident.triggered", 2))
}

func TestThreeRefusalsDisableASubscription(t *testing.T) {
	f := start(t, pagerduty.Config{})
	r := receive(t, 403, 202, 403, 403, 403, 202)
	sub, _ := f.Subscribe(r.URL)
	for i := range 5 {
		if f.Disabled(sub) {
			t.Fatalf("disabled after %d", i)
		}
		f.Trigger("fire", "PP")
		f.Await(t, "it was sent", func(s pagerduty.State) bool { return len(s.Deliveries) == i+1 })
	}
	if !f.Disabled(sub) {
		t.Error("still enabled after three refusals in a row")
	}
	f.Enable(sub)
	f.Trigger("fire", "PP")
	f.Await(t, "it was sent again", pagerduty.Delivered("incident.triggered", 2))
}

func TestSubscriptionIsMadeAndGreeted(t *testing.T) {
	f := start(t, pagerduty.Config{})
	r := receive(t)
	_, got := ask(t, f, http.MethodPost, "/webhook_subscriptions", `{"webhook_subscription":{"type":"webhook_subscription",
		"delivery_method":{"type":"http_delivery_method","url":"`+r.URL+`"},"events":["incident.resolved"],"filter":{"type":"account_reference"}}}`)
	sub := got["webhook_subscription"].(map[string]any)
	r.mu.Lock()
	r.secrets = []string{sub["delivery_method"].(map[string]any)["secret"].(string)}
	r.mu.Unlock()
	if status, _ := ask(t, f, http.MethodPost, "/webhook_subscriptions/"+sub["id"].(string)+"/ping", ""); status != http.StatusAccepted {
		t.Errorf("status = %d; want 202", status)
	}
	f.Await(t, "it was greeted", pagerduty.Delivered("pagey.ping", 1))
	f.Close()
	if len(r.faults) > 0 {
		t.Errorf("signatures: %q", r.faults)
	}
}

func TestDownRefusesAndUpComesBack(t *testing.T) {
	f := start(t, pagerduty.Config{})
	before := f.URL()
	f.Down()
	if response, err := http.Get(before + "/users"); err == nil {
		response.Body.Close()
		t.Error("it still answers")
	}
	if err := f.Up(); err != nil {
		t.Fatal(err)
	}
	if status, _ := ask(t, f, http.MethodGet, "/users", ""); status != 200 || f.URL() != before {
		t.Errorf("status = %d at %s; want 200 at %s", status, f.URL(), before)
	}
}

func TestSlowAnswersWaitForRelease(t *testing.T) {
	f := start(t, pagerduty.Config{})
	f.Script(pagerduty.Slow())
	done := make(chan int, 1)
	go func() {
		status, _ := ask(t, f, http.MethodGet, "/users", "")
		done <- status
	}()
	f.Await(t, "it came", pagerduty.Asked("/users", 1))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	select {
	case <-done:
		t.Error("it was answered before it was released")
	case <-ctx.Done():
	}
	f.Release()
	if status := <-done; status != 200 {
		t.Errorf("status = %d", status)
	}
}
