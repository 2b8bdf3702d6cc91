package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/audit"
)

// onCallHome is a home whose configuration says other things of who is on call.
func onCallHome(t *testing.T, onCall string) string {
	t.Helper()
	dir := home(t, okTarget(t))
	path := filepath.Join(dir, "curfew.yaml")
	if err := write(path, strings.Replace(read(path), "oncall: {rota: rota.yaml}", onCall, 1)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// aliceIsOnCall reports how many shifts Alice is known to hold; -1: not known.
func aliceIsOnCall(t *testing.T, g *gateway) int {
	t.Helper()
	known, err := g.book.Shifts(t.Context(), access.Subject{Type: access.TypeUser, ID: "alice@example.com"}, g.ledger.Now())
	switch {
	case err != nil:
		t.Fatal(err)
	case !known.Known:
		return -1
	}
	return len(known.Shifts)
}

func TestFilesOfSourcesAreKnownBeforeAnybodyIsServed(t *testing.T) {
	t.Parallel()
	dir := onCallHome(t, "oncall: {rota: rota.yaml, calendars: [{id: c, file: c.ics}]}")
	day := time.Now().UTC()
	err := write(filepath.Join(dir, "c.ics"), "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:"+day.Format("20060102")+
		"\nDURATION:P2D\nATTENDEE:mailto:Al@old.example.com\nEND:VEVENT\nEND:VCALENDAR")
	if err == nil { // whom a calendar calls by an older address
		err = write(filepath.Join(dir, "people.yaml"), "people: [{subject: 'user:alice@example.com', emails: [al@old.example.com]}]")
	}
	if err != nil {
		t.Fatal(err)
	}
	g := open(t, dir, options{})
	defer func() { _ = g.Close() }()
	if n := aliceIsOnCall(t, g); n != 2 {
		t.Errorf("Alice holds %d shifts, want one of the rota and one of the calendar", n)
	}
}

func TestRotaIsTakenWhenItsFileChangesAndKeptWhenItIsBroken(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	g, stop := serve(t, dir, options{})
	path := filepath.Join(dir, "rota.yaml")
	if n := aliceIsOnCall(t, g); n != 1 {
		t.Fatalf("Alice holds %d shifts at first", n)
	}
	if err := write(path, "schedules: [{nonsense: 1}]"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the broken rota is said", func() bool {
		states := g.states()
		return len(states) == 1 && len(states[0].Faults) == 1 && strings.Contains(states[0].Faults[0], "nonsense")
	})
	if n := aliceIsOnCall(t, g); n != 1 {
		t.Errorf("Alice holds %d shifts by a broken rota", n)
	}
	if err := write(path, "schedules: [{id: payments-primary, shifts: []}]"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new rota is taken", func() bool { return aliceIsOnCall(t, g) == 0 })
	stop()
	types := eventTypes(t, g.cfg.LedgerPath)
	want := []string{audit.RotaLoaded, audit.RotaRefused, audit.RotaLoaded}
	if got := slices.DeleteFunc(types, func(typ string) bool { return !strings.HasPrefix(typ, "rota.") }); !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
}

func TestSIGHUPHasSourcesAsked(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		_, _ = w.Write([]byte("BEGIN:VCALENDAR\nEND:VCALENDAR"))
	}))
	t.Cleanup(server.Close)
	g, _ := serve(t, onCallHome(t, "oncall: {calendars: [{id: c, url: '"+server.URL+"', poll: 10m}], stale_after: 13m}"), options{})
	<-asked
	g.hangups <- os.Interrupt // whichever it is: the channel is SIGHUP's
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Error("the calendar was not asked again")
	}
}

func TestPagerDutyThatIsDownDoesNotKeepTheGatewayFromStarting(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(nil)
	down.Close()
	g, _ := serve(t, onCallHome(t, "oncall: {pagerduty: {token: env:TOKEN, url: '"+down.URL+"'}}"), options{})
	if n := aliceIsOnCall(t, g); n != -1 {
		t.Errorf("Alice is known to hold %d shifts", n)
	}
	r := g.ready(t.Context())
	i := slices.IndexFunc(r.Checks, func(c api.Check) bool { return c.Name == "sources" })
	if r.Status != api.StatusDegraded || i < 0 || r.Checks[i].Status != api.StatusDegraded || !strings.Contains(r.Checks[i].Detail, "2 sources of facts are too old") {
		t.Errorf("got %+v", r)
	}
}

func TestGatewayWithoutTheSecretOfPagerDutyIsDegraded(t *testing.T) {
	t.Parallel()
	g, _ := serve(t, onCallHome(t, "oncall: {rota: rota.yaml, pagerduty: {token: env:NOWHERE}}"), options{})
	r := g.ready(t.Context())
	if i := slices.IndexFunc(r.Checks, func(c api.Check) bool { return c.Name == "sources" }); r.Status != api.StatusDegraded || !strings.Contains(r.Checks[i].Detail, "1 source has no secret") {
		t.Errorf("got %+v", r)
	}
	if n := aliceIsOnCall(t, g); n != 1 {
		t.Errorf("Alice holds %d shifts, want the one of the rota", n)
	}
	bob, err := g.book.Shifts(t.Context(), access.Subject{Type: access.TypeUser, ID: "bob@example.com"}, g.ledger.Now())
	if err != nil || bob.Known {
		t.Errorf("whether Bob is on call is known without PagerDuty: %+v, %v", bob, err)
	}
}

func TestHookIsThereWhenItHasASecret(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(nil)
	down.Close()
	for config, want := range map[string]int{
		"oncall: {pagerduty: {token: env:TOKEN, url: '" + down.URL + "', webhook_secrets: [env:TOKEN]}}": http.StatusForbidden,
		"oncall: {pagerduty: {token: env:TOKEN, url: '" + down.URL + "'}}":                               http.StatusNotFound,
	} {
		g, _ := serve(t, onCallHome(t, config), options{})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL()+"/hooks/pagerduty", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != want {
			t.Errorf("%s\nanswered %d, %v; want %d", config, response.StatusCode, err, want)
		}
		counted := strings.Contains(metricsOf(t, g), `curfew_hook_messages_total{hook="pagerduty",outcome="refused"} 1`)
		if counted != (want == http.StatusForbidden) {
			t.Errorf("%s\nthe refusal is counted: %v", config, counted)
		}
	}
}

// metricsOf is what the gateway counts.
func metricsOf(t *testing.T, g *gateway) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	g.metrics.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}

// Half a rota can be one too: then everybody who stands further down is off call.
func TestRotaIsNotReadWhileItIsBeingWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rota.yaml")
	const half = "schedules:\n- {id: a, shifts: []}\n"
	written := func(text string, ago time.Duration) {
		t.Helper()
		at := time.Now().Add(-ago)
		if err := errors.Join(write(path, text), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	r := &steadyRota{path: path}
	for i, step := range []struct {
		text string
		ago  time.Duration
		want int
	}{
		{half, 0, 1}, // there is nothing before it
		{half + "- {id: b, shifts: []}\n", time.Minute, 2},
		{half, 0, 2},
		{half, time.Minute, 1},
		{half + "- {id: b, shifts: []}\n", -time.Hour, 2}, // by a clock that is ahead of ours
	} {
		written(step.text, step.ago)
		if file, err := r.read(); err != nil || len(file.Schedules) != step.want {
			t.Errorf("step %d: %d schedules, %v; want %d", i, len(file.Schedules), err, step.want)
		}
	}
}

func TestConfigCheckRefusesASourceWithoutItsSecret(t *testing.T) {
	t.Parallel()
	dir := onCallHome(t, "oncall: {pagerduty: {token: env:NOWHERE}}")
	c := &cli{stdio: stdio{Out: &strings.Builder{}, Err: &strings.Builder{}, LookupEnv: env}}
	err := c.checkConfig(t.Context(), filepath.Join(dir, "curfew.yaml"), false, false)
	if !errors.Is(err, errSecretMissing) && (err == nil || !strings.Contains(err.Error(), "PagerDuty is left out")) {
		t.Errorf("got %v", err)
	}
}
