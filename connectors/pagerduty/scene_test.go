package pagerduty_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
	"github.com/curfew-access/curfew/tests/fake/pagerduty/official"
)

// key is planted in every test: nothing that is said may hold it.
const key = "y-planted-key-4711-XYZZY"

// scene is a fake PagerDuty with a client of it, in synthetic time, all of whose
// traffic is compared with PagerDuty's description.
type scene struct {
	*fake.Fake
	t      *testing.T
	client *pagerduty.Client
	log    *bytes.Buffer
	config pagerduty.Config
}

// play runs the test in a bubble. The client is made by the first use of it.
func play(t *testing.T, cfg fake.Config, test func(s *scene)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		cfg.Key = key
		s := &scene{Fake: fake.Unstarted(cfg), t: t, log: &bytes.Buffer{}}
		s.config = pagerduty.Config{
			Token: key, URL: "https://api.pagerduty.test", Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Transport: official.Watch(t, s.Transport()),
		}
		test(s)
		s.quiet(s.log.String())
		s.Close()
	})
}

// open makes the client, as the config says now.
func (s *scene) open() *pagerduty.Client {
	s.t.Helper()
	if s.client == nil {
		client, err := pagerduty.New(s.config)
		if err != nil {
			s.t.Fatal(err)
		}
		s.client = client
	}
	return s.client
}

// quiet fails if a text holds the key.
func (s *scene) quiet(text string) {
	s.t.Helper()
	if strings.Contains(text, "planted-key") {
		s.t.Errorf("the key is in %q", text)
	}
}

// onCall makes one fetch that must succeed.
func (s *scene) onCall(source *pagerduty.OnCall) access.Snapshot {
	s.t.Helper()
	got, err := source.Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
	if err != nil {
		s.t.Fatal(err)
	}
	s.quiet(strings.Join(got.Faults, " "))
	return got
}

// incidents makes one fetch that must succeed.
func (s *scene) incidents(ids ...string) access.Snapshot {
	s.t.Helper()
	got, err := s.open().Incidents().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now(), Incidents: ids})
	if err != nil {
		s.t.Fatal(err)
	}
	s.quiet(strings.Join(got.Faults, " "))
	return got
}

// told renders shifts one a line, times as hours from now: "alice@… Primary/Payments 1 [0h,8h)".
func told(got access.Snapshot) string {
	hours := func(at *time.Time) string {
		if at == nil {
			return "-"
		}
		return at.Sub(got.FetchedAt).Round(time.Minute).String()
	}
	var lines []string
	for _, s := range got.Shifts {
		schedule := "-"
		if s.Schedule != nil {
			schedule = s.Schedule.Name
		}
		lines = append(lines, strings.TrimSuffix(s.Subject.ID, "@example.com")+" "+schedule+"/"+s.Policy.Name+" "+string(rune('0'+s.Level))+" "+hours(s.Start)+" "+hours(s.End))
	}
	return strings.Join(lines, "\n")
}

func (s *scene) want(got access.Snapshot, lines ...string) {
	s.t.Helper()
	if told(got) != strings.Join(lines, "\n") {
		s.t.Errorf("shifts:\n%s\nwant:\n%s\nfaults: %q", told(got), strings.Join(lines, "\n"), got.Faults)
	}
}

// fault checks that the snapshot has one fault, which says so.
func (s *scene) fault(got access.Snapshot, says string) {
	s.t.Helper()
	if len(got.Faults) != 1 || !strings.Contains(got.Faults[0], says) {
		s.t.Errorf("faults = %q; want one that says %q", got.Faults, says)
	}
}
