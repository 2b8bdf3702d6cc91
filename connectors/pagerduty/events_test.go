package pagerduty_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

// events is a fake PagerDuty with what tells it of alarms, in synthetic time.
type events struct {
	*fake.Fake
	t   *testing.T
	key string
	*pagerduty.Events
}

func tell(t *testing.T, test func(s *events)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		s := &events{Fake: fake.Unstarted(fake.Config{}), t: t}
		s.key = s.AddRoutingKey()
		s.Events = s.gateway("https://curfew.example.com/")
		test(s)
		s.Close()
	})
}

// gateway is what tells PagerDuty of the alarms of a gateway.
func (s *events) gateway(external string, changes ...func(*pagerduty.EventsConfig)) *pagerduty.Events {
	s.t.Helper()
	cfg := pagerduty.EventsConfig{RoutingKey: s.key, URL: "https://events.pagerduty.test", ExternalURL: external, Transport: s.Transport()}
	for _, change := range changes {
		change(&cfg)
	}
	e, err := pagerduty.NewEvents(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *events) page(e *pagerduty.Events, a access.Alarm) {
	s.t.Helper()
	if err := e.Page(s.t.Context(), a); err != nil {
		s.t.Fatal(err)
	}
}

// late is an alarm about a target that is down.
func late(changes ...func(*access.Alarm)) access.Alarm {
	since := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	a := access.Alarm{ID: "alm_1", RaisedAt: since.Add(16 * time.Minute), Condition: access.Condition{
		Kind: access.AlarmOverdue, About: "okta", Severity: access.SeverityCritical, Count: 12, Removals: 12, Oldest: &since,
		Class: access.ClassRefused, Error: "answered 500: no such user alice@example.com", Bindings: []string{"bnd_1", "bnd_2"},
	}}
	for _, change := range changes {
		change(&a)
	}
	return a
}

func over(a *access.Alarm) {
	at := a.RaisedAt.Add(time.Hour)
	a.ResolvedAt = &at
}

func TestAnAlarmIsOneIncidentThatIsResolvedByItself(t *testing.T) {
	tell(t, func(s *events) {
		s.page(s.Events, late())
		s.page(s.Events, late()) // it is not known that it was told
		again := s.gateway("https://curfew.example.com")
		s.page(again, late(func(a *access.Alarm) { a.ID = "alm_2" })) // and after a restart
		s.page(s.gateway("https://other.example.com"), late())
		s.page(s.Events, late(func(a *access.Alarm) { a.About = "vpn" }))
		if all := s.Alerts(); len(all) != 3 || all[0].Triggers != 3 || all[0].Opened != 1 {
			s.t.Fatalf("alerts are %+v; want one for each target of each gateway", all)
		}
		s.page(again, late(over))
		s.page(again, late(over))
		if all := s.Alerts(); all[0].Open || all[0].Resolves != 1 || !all[1].Open || !all[2].Open {
			s.t.Errorf("alerts are %+v; want the first resolved", all)
		}
	})
}

func TestAnIncidentSaysWhatAndHowMuchAndNamesNobody(t *testing.T) {
	since := time.Date(2026, 11, 20, 6, 30, 0, 0, time.UTC)
	of := func(kind access.AlarmKind, count, removals int64, class access.Class) func(*access.Alarm) {
		return func(a *access.Alarm) { a.Kind, a.Count, a.Removals, a.Class = kind, count, removals, class }
	}
	for name, tc := range map[string]struct {
		change  func(*access.Alarm)
		summary string
		link    string
	}{
		"removals": {of(access.AlarmOverdue, 12, 12, access.ClassRefused),
			"12 accesses not confirmed gone at target okta, oldest since 2026-11-23 12:00 UTC: it answers with an error", "/v1/bindings?state=overdue&target=okta"},
		"one opening": {of(access.AlarmOverdue, 1, 0, access.ClassUnreachable),
			"1 access not confirmed open at target okta, oldest since 2026-11-23 12:00 UTC: it does not answer", "/v1/bindings?state=overdue&target=okta"},
		"both": {of(access.AlarmOverdue, 3, 1, access.ClassTargetMissing),
			"1 access not confirmed gone, and 2 not confirmed open, at target okta, oldest since 2026-11-23 12:00 UTC: it, or its secret, is not in the configuration", "target=okta"},
		"never tried": {of(access.AlarmOverdue, 2, 2, ""), "2 accesses not confirmed gone at target okta, oldest since 2026-11-23 12:00 UTC", "target=okta"},
		"drift": {of(access.AlarmDrifted, 3, 2, ""),
			"2 accesses still there, and 1 missing, by the word of target okta, oldest since 2026-11-23 12:00 UTC", "state=drifted&target=okta"},
		"a silent source": {func(a *access.Alarm) {
			*a = access.Alarm{ID: "alm_1", Condition: access.Condition{Kind: access.AlarmSyncStale, About: "aws", Severity: access.SeverityWarning, Oldest: &since}}
		}, "Source aws has not brought its catalogue since 2026-11-20 06:30 UTC: what it offers may be old, and what it lost is not taken away", "/v1/sources/aws/runs"},
		"a source that never spoke": {func(a *access.Alarm) {
			*a = access.Alarm{ID: "alm_1", Condition: access.Condition{Kind: access.AlarmSyncStale, About: "aws", Severity: access.SeverityWarning}}
		}, "Source aws has never brought its catalogue", "/v1/sources/aws/runs"},
		"a sink that is behind": {func(a *access.Alarm) {
			*a = access.Alarm{ID: "alm_1", Condition: access.Condition{Kind: access.AlarmSinkBehind, About: "splunk", Severity: access.SeverityWarning, Oldest: &since, Error: "alice"}}
		}, "Sink splunk has not had audit events for too long, oldest since 2026-11-20 06:30 UTC: what happens is not seen there", "/v1/audit/sinks/splunk"},
		"a sink that is to be mended": {func(a *access.Alarm) {
			*a = access.Alarm{ID: "alm_1", Condition: access.Condition{Kind: access.AlarmSinkBehind, About: "splunk", Severity: access.SeverityError}}
		}, "Sink splunk takes no audit events before somebody mends something: what happens is not seen there", "/v1/audit/sinks/splunk"},
		"a log that was changed": {func(a *access.Alarm) {
			*a = access.Alarm{ID: "alm_1", Condition: access.Condition{Kind: access.AlarmAuditBroken, About: "audit", Severity: access.SeverityCritical, Oldest: &since, Error: "alice"}}
		}, "The audit log is not what was sealed, oldest since 2026-11-20 06:30 UTC: somebody may have changed it, and nothing is sealed onto it", "/v1/audit/checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(s *events) {
				a := late(tc.change)
				s.page(s.Events, a)
				got := s.Alerts()[0]
				if got.Summary != tc.summary || got.Source != "curfew.example.com" || got.Severity != string(a.Severity) {
					t.Errorf("it is %+v\nwant %s", got, tc.summary)
				}
				var sent struct {
					Links []struct{ Href, Text string }
				}
				if err := json.Unmarshal([]byte(got.Body), &sent); err != nil || len(sent.Links) != 1 || sent.Links[0].Text == "" ||
					!strings.HasPrefix(sent.Links[0].Href, "https://curfew.example.com/v1/") || !strings.HasSuffix(sent.Links[0].Href, tc.link) {
					t.Errorf("links are %+v, %v", sent.Links, err)
				}
				if strings.Contains(got.Body, "alice") {
					t.Errorf("it names somebody: %s", got.Body)
				}
			})
		})
	}
}

func TestASeverityOfTheConfigurationIsThatOfEveryIncident(t *testing.T) {
	tell(t, func(s *events) {
		s.page(s.gateway("https://curfew.example.com", func(c *pagerduty.EventsConfig) { c.Severity = "info" }), late())
		if got := s.Alerts()[0].Severity; got != "info" {
			t.Errorf("the severity is %s", got)
		}
	})
}

func TestALongNameFitsPagerDuty(t *testing.T) {
	tell(t, func(s *events) {
		s.page(s.Events, late(func(a *access.Alarm) { a.About = strings.Repeat("ü", 2000) }))
		if n := utf8.RuneCountInString(s.Alerts()[0].Summary); n != 1024 {
			t.Errorf("the summary has %d characters", n)
		}
	})
}

func TestWhatPagerDutyAnswersIsToldApart(t *testing.T) {
	for name, tc := range map[string]struct {
		step      fake.Step
		want      error
		permanent bool
		tries     int
		says      string
	}{
		"an event that it does not want": {fake.Status(400).Body(`{"status":"invalid event","message":"Event object is invalid","errors":["no such key"]}`),
			pagerduty.ErrRefused, true, 1, "status 400: Event object is invalid; no such key"},
		"a key that may not":       {fake.Status(403), pagerduty.ErrRefused, true, 1, "status 403"},
		"another address":          {fake.Status(404), pagerduty.ErrRefused, true, 1, "status 404"},
		"a redirect":               {fake.Status(302).With("Location", "https://elsewhere.test/"), pagerduty.ErrRefused, false, 1, "status 302"},
		"too many":                 {fake.Status(429).Times(3), pagerduty.ErrRateLimited, false, 3, "status 429"},
		"too many for a while":     {fake.Status(429).With("Retry-After", "60"), pagerduty.ErrRateLimited, false, 1, "status 429"},
		"a fault of its own":       {fake.Status(500).Times(3), pagerduty.ErrUnreachable, false, 3, "status 500"},
		"a proxy's word":           {fake.Status(503).Times(3), pagerduty.ErrUnreachable, false, 3, "status 503"},
		"no answer":                {fake.CloseConnection().Times(3), pagerduty.ErrUnreachable, false, 3, "no answer from https://events.pagerduty.test"},
		"an answer that never was": {fake.Status(400).Body("<html>"), pagerduty.ErrRefused, true, 1, "(status 400)"},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(s *events) {
				s.Script(tc.step)
				began := time.Now()
				err := s.Page(s.t.Context(), late())
				if !errors.Is(err, tc.want) || access.IsPermanent(err) != tc.permanent || !strings.Contains(fmt.Sprint(err), tc.says) {
					t.Errorf("error = %v, permanent %t; want %v that says %q", err, access.IsPermanent(err), tc.want, tc.says)
				}
				if n := s.State().To("/v2/enqueue"); n != tc.tries || time.Since(began) > 15*time.Second {
					t.Errorf("%d tries in %s; want %d", n, time.Since(began), tc.tries)
				}
			})
		})
	}
}

func TestEveryStatusIsTakenUpOrTriedAgainOrNot(t *testing.T) {
	tell(t, func(s *events) {
		for status := 200; status < 600; status++ {
			s.Script(fake.Status(status).Times(3))
			before := s.State().To("/v2/enqueue")
			err := s.Page(s.t.Context(), late())
			again := status == 408 || status == 425 || status == 429 || status >= 500
			if (err == nil) != (status < 300) || access.IsPermanent(err) != (status/100 == 4 && !again) {
				s.t.Errorf("%d: %v, permanent %t", status, err, access.IsPermanent(err))
			}
			tries := s.State().To("/v2/enqueue") - before
			if (tries > 1) != again {
				s.t.Errorf("%d: %d tries", status, tries)
			}
			for range 3 - tries { // what is left of the script
				_ = s.Page(s.t.Context(), late())
			}
		}
	})
}

func TestAShortFaultIsSatOut(t *testing.T) {
	tell(t, func(s *events) {
		s.Script(fake.Status(503), fake.CloseConnection())
		s.page(s.Events, late())
		if all := s.Alerts(); len(all) != 1 || all[0].Triggers != 1 {
			t.Errorf("alerts are %+v", all)
		}
	})
}

// hushed is a transport that answers with what it was sent.
type hushed struct{ status int }

func (h hushed) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	if h.status == 0 {
		return nil, fmt.Errorf("could not send %s to %s", body, r.URL)
	}
	var sent map[string]any
	_ = json.Unmarshal(body, &sent)
	answer, _ := json.Marshal(map[string]any{"message": fmt.Sprint("bad key ", sent["routing_key"]), "errors": []any{strings.ToUpper(string(body))}})
	return &http.Response{StatusCode: h.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(answer)), Request: r}, nil
}

func TestTheRoutingKeyIsInNoError(t *testing.T) {
	tell(t, func(s *events) {
		hidden := strings.ToLower(s.key[4:14])
		for _, status := range []int{0, 200, 302, 400, 401, 404, 429, 500} {
			e := s.gateway("https://curfew.example.com", func(c *pagerduty.EventsConfig) { c.Transport = hushed{status} })
			err := e.Page(s.t.Context(), late())
			for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%v %+v %#v %s %d", e, e, e, e, e)} {
				if strings.Contains(strings.ToLower(text), hidden) {
					t.Errorf("%d: the key is in %s", status, text)
				}
			}
		}
		cfg := pagerduty.EventsConfig{RoutingKey: s.key}
		encoded, _ := json.Marshal(cfg)
		if text := fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg) + string(encoded); strings.Contains(text, s.key) {
			t.Errorf("the key is in %s", text)
		}
	})
}

func TestEventsAreNotToldWithFaults(t *testing.T) {
	const good = "0123456789abcdef0123456789ABCDEF"
	for name, tc := range map[string]struct {
		cfg  pagerduty.EventsConfig
		want string
	}{
		"no key":                    {pagerduty.EventsConfig{ExternalURL: "https://c.test"}, "the routing key is not 32 letters and digits"},
		"an API key":                {pagerduty.EventsConfig{ExternalURL: "https://c.test", RoutingKey: "u+planted-key-1234567"}, "and not an API key"},
		"a key with a line end":     {pagerduty.EventsConfig{ExternalURL: "https://c.test", RoutingKey: good + "\n"}, "the routing key is not"},
		"another severity":          {pagerduty.EventsConfig{ExternalURL: "https://c.test", RoutingKey: good, Severity: "loud"}, `the severity is "loud"; want one of critical, error`},
		"PagerDuty in the clear":    {pagerduty.EventsConfig{ExternalURL: "https://c.test", RoutingKey: good, URL: "http://events.pagerduty.com"}, "takes https only"},
		"an address with a query":   {pagerduty.EventsConfig{ExternalURL: "https://c.test", RoutingKey: good, URL: "https://x.test/?a=planted-key"}, "the URL holds a query"},
		"a gateway without address": {pagerduty.EventsConfig{RoutingKey: good}, "the gateway's own address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pagerduty.NewEvents(tc.cfg)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "planted-key") {
				t.Errorf("error = %v; want one that says %q", err, tc.want)
			}
		})
	}
	if _, err := pagerduty.NewEvents(pagerduty.EventsConfig{RoutingKey: good, ExternalURL: "http://127.0.0.1:8080"}); err != nil {
		t.Error(err)
	}
}
