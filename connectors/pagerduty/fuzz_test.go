package pagerduty

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"

	"github.com/curfew-access/curfew/engine/access"
)

// Whatever PagerDuty answers, a fetch ends without a crash, and no shift comes of it
// that is not sound.
func FuzzOnCallRows(f *testing.F) {
	for _, seed := range []string{
		`{"oncalls":[],"more":false}`,
		`{"oncalls":[null,{}],"more":true}`,
		`{"oncalls":[{"user":{"id":"P1","email":"a@example.com"},"schedule":null,"escalation_policy":{"id":"PP"},"escalation_level":1,"start":null,"end":null}],"more":false}`,
		`{"oncalls":[{"user":{"id":"P1","email":"a@example.com"},"schedule":{"id":"S","type":"schedule_v3_reference"},"escalation_policy":{"id":"PP"},"escalation_level":2,"start":"2026-11-20T10:00:00+01:00","end":"2026-11-20T18:00:00+01:00"}],"more":false}`,
		`{"oncalls":[{"user":{"id":"P1"},"escalation_policy":{"id":"PP"},"escalation_level":-1,"start":"x","end":7}],"more":false}`,
		`{"oncalls":[{"user":{"id":"P1","email":"é@example.com"},"escalation_policy":{"id":"PP"},"escalation_level":1e3,"start":"0000-01-01T00:00:00Z","end":"9999-12-31T23:59:59Z"}],"more":false}`,
	} {
		f.Add(seed)
	}
	client, err := New(Config{Token: "a-key", Transport: http.NewFileTransport(http.Dir("."))})
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body string) {
		if listOnCalls.check([]byte(body)) != nil {
			return
		}
		var page pd.ListOnCallsResponse
		if json.Unmarshal([]byte(body), &page) != nil {
			return
		}
		q := &query{fetch: client.begin(now), until: now.Add(DefaultLookAhead), roll: newRoll()}
		for _, row := range page.OnCalls {
			q.roll.add(row, &q.faults)
		}
		snapshot := q.snapshot()
		unclear := map[access.Subject]bool{}
		for _, u := range snapshot.Unclear {
			unclear[u] = true
		}
		for _, s := range snapshot.Shifts {
			checkShift(t, s, now, q.until)
			if unclear[s.Subject] {
				t.Errorf("%s is unclear and holds a shift", s.Subject)
			}
		}
	})
}

func checkShift(t *testing.T, s access.HeldShift, now, until time.Time) {
	t.Helper()
	if canonical, err := s.Subject.Canonical(); err != nil || canonical != s.Subject {
		t.Errorf("the subject %s is not canonical: %v", s.Subject, err)
	}
	if s.Policy == nil || s.Policy.ID == "" || s.Level < 1 || s.Source != SourceOnCall {
		t.Errorf("shift = %+v", s.Shift)
	}
	if s.End != nil && (!s.End.After(now) || !s.End.Before(until) || s.Start != nil && s.End.Before(*s.Start)) {
		t.Errorf("the shift ends at %s", s.End)
	}
}
