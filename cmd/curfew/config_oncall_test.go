package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

// pagerDutyOf is a configuration of PagerDuty with more lines.
func pagerDutyOf(more string) string {
	return "oncall: {pagerduty: {token: env:TOKEN" + more + "}}"
}

// calendarOf is a configuration of one calendar with more lines.
func calendarOf(more string) string {
	return "oncall: {calendars: [{id: a" + more + "}]}"
}

func TestFaultsOfOnCallNameTheirPlace(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ config, want string }{
		"neither key nor app":                 {"oncall: {pagerduty: {}}", "oncall.pagerduty: neither an API key nor an OAuth app"},
		"a key and an app":                    {pagerDutyOf(", oauth: {client_id: a, client_secret: env:TOKEN, subdomain: acme}"), "oncall.pagerduty: an API key and an OAuth app"},
		"a literal key":                       {"oncall: {pagerduty: {token: hunter2}}", "oncall.pagerduty.token: a secret does not stand in the configuration itself"},
		"a key with a space":                  {"oncall: {pagerduty: {token: env:SPACE}}", "oncall.pagerduty: the API key holds a space"},
		"a literal client secret":             {"oncall: {pagerduty: {oauth: {client_id: a, client_secret: hunter2, subdomain: acme}}}", "oncall.pagerduty.oauth.client_secret: a secret does not stand"},
		"an app without a subdomain":          {"oncall: {pagerduty: {oauth: {client_id: a, client_secret: env:TOKEN}}}", "oncall.pagerduty: the OAuth app's subdomain"},
		"an app of another region":            {"oncall: {pagerduty: {oauth: {client_id: a, client_secret: env:TOKEN, subdomain: acme, region: mars}}}", `oncall.pagerduty: the OAuth app's region is "mars"`},
		"an address that is none":             {pagerDutyOf(", url: 'ftp://x/'"), "oncall.pagerduty: the address of the API: "},
		"PagerDuty polled too fast":           {pagerDutyOf(", poll: 14s"), "oncall.pagerduty.poll: 14s is out of range; want 15s to 10m0s"},
		"PagerDuty polled too slowly":         {pagerDutyOf(", poll: 11m"), "oncall.pagerduty.poll: 11m0s is out of range"},
		"a poll that is no length of time":    {pagerDutyOf(", poll: often"), `oncall.pagerduty.poll: "often" is not a length of time`},
		"a look-ahead too short":              {pagerDutyOf(", look_ahead: 59m"), "oncall.pagerduty.look_ahead: 59m0s is out of range; want 1h0m0s to 2160h0m0s"},
		"a look-ahead too long":               {pagerDutyOf(", look_ahead: 2161h"), "oncall.pagerduty.look_ahead: 2161h0m0s is out of range"},
		"an account that is nobody":           {pagerDutyOf(", users: {P1: alice}"), `oncall.pagerduty: the account "P1" is mapped: `},
		"a short webhook secret":              {pagerDutyOf(", webhook_secrets: [env:TOKEN, env:SHORT]"), "oncall.pagerduty.webhook_secrets[1]: it has 5 characters"},
		"a literal webhook secret":            {pagerDutyOf(", webhook_secrets: [hunter2]"), "oncall.pagerduty.webhook_secrets[0]: a secret does not stand"},
		"an unknown key of PagerDuty's":       {pagerDutyOf(", colour: red"), "oncall.pagerduty.colour: there is no such key"},
		"stale before it is polled again":     {"oncall: {pagerduty: {token: env:TOKEN, poll: 2m}, stale_after: 2m}", "oncall.stale_after: 2m0s is too short for the poll of oncall.pagerduty, 2m0s: want 2m30s at least"},
		"stale before a poll that comes late": {"oncall: {pagerduty: {token: env:TOKEN, poll: 9m}, stale_after: 10m}", "oncall.stale_after: 10m0s is too short for the poll of oncall.pagerduty, 9m0s: want 11m15s at least"},
		"a key that is sent in the clear":     {pagerDutyOf(", url: 'http://api.pagerduty.com'"), "oncall.pagerduty: the address of the API: PagerDuty takes https only"},
		"a calendar stale before its poll":    {"oncall: {calendars: [{id: a, file: a.ics}], stale_after: 5m}", "oncall.stale_after: 5m0s is too short for the poll of oncall.calendars[0], 5m0s"},
		"a rota stale before it is read":      {"oncall: {rota: rota.yaml, stale_after: 30s}", "oncall.stale_after: 30s is too short for the poll of oncall.rota, 1m0s"},
		"stale_after beyond reason":           {"oncall: {stale_after: 25h}", "oncall.stale_after: 25h0m0s is out of range"},
		"renewed for too short":               {"oncall: {renew: 59s}", "oncall.renew: 59s is out of range; want 1m0s to 24h0m0s"},
		"a calendar without id":               {"oncall: {calendars: [{file: a.ics}]}", `oncall.calendars[0]: the id "" is not`},
		"a calendar from nowhere":             {calendarOf(""), "oncall.calendars[0]: want one of a file and a URL"},
		"two calendars of one id":             {"oncall: {calendars: [{id: a, file: a.ics}, {id: a, file: b.ics}]}", `oncall.calendars[1].id: "a" is oncall.calendars[0] already`},
		"a calendar named as the rota":        {"oncall: {calendars: [{id: rota, file: a.ics}]}", `oncall.calendars[0].id: "rota" is the name of another source`},
		"a calendar named as PagerDuty":       {"oncall: {calendars: [{id: pagerduty.incidents, file: a.ics}]}", "is the name of another source"},
		"a calendar of no URL":                {calendarOf(", url: 'webcal://x/hunter2'"), "oncall.calendars[0]: the URL is not an absolute http or https URL"},
		"a calendar with a literal password":  {calendarOf(", url: 'https://x/', headers: {Authorization: hunter2}"), "oncall.calendars[0].headers.Authorization: a secret does not stand"},
		"a calendar of level 0":               {calendarOf(", file: a.ics, level: 0"), "oncall.calendars[0].level: 0 is not a level"},
		"a calendar of level -1":              {calendarOf(", file: a.ics, level: -1"), "oncall.calendars[0]: -1 is not a level"},
		"a calendar that names by stars":      {calendarOf(", file: a.ics, person: stars"), `oncall.calendars[0]: "stars" is not where an event names a person`},
		"a calendar in no zone":               {calendarOf(", file: a.ics, time_zone: Middle"), `oncall.calendars[0]: "Middle" is not an IANA time zone`},
		"a calendar polled too fast":          {calendarOf(", file: a.ics, poll: 1s"), "oncall.calendars[0].poll: 1s is out of range"},
		"a name that stands for nobody":       {calendarOf(", file: a.ics, users: {Alice: alice}"), `oncall.calendars[0].users["Alice"]: `},
		"a share of nothing":                  {"reevaluate: {max_end_share: 0}", "reevaluate.max_end_share: 0 is not a share"},
		"a share of more than all":            {"reevaluate: {max_end_share: 1.5}", "reevaluate.max_end_share: 1.5 is not a share"},
		"a share that is no number":           {"reevaluate: {max_end_share: .nan}", "reevaluate.max_end_share: NaN is not a share"},
		"a share that is a text":              {"reevaluate: {max_end_share: half}", "reevaluate.max_end_share: want a number, not a text"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tc.config, "rota.yaml", always)
			wantFault(t, err, tc.want)
		})
	}
}

func TestAllFaultsOfOnCallAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, `oncall:
  pagerduty: {token: hunter2, poll: 1s, look_ahead: 1m, webhook_secrets: [hunter2]}
  calendars: [{id: a b, poll: 1s, level: 0}]
  stale_after: 1s
  renew: 1s
reevaluate: {max_end_share: 2}`)
	for _, want := range []string{
		"oncall.pagerduty.token: ", "oncall.pagerduty.poll: ", "oncall.pagerduty.look_ahead: ", "oncall.pagerduty.webhook_secrets[0]: ",
		"oncall.calendars[0]: the id", "oncall.calendars[0].poll: ", "oncall.calendars[0].level: ", "oncall.stale_after: ", "oncall.renew: ",
		"reevaluate.max_end_share: ",
	} {
		if !slices.ContainsFunc(strings.Split(fmt.Sprint(err), "\n"), func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line begins with %q in:\n%v", want, err)
		}
	}
}

func TestOnCallIsReadWhole(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, `oncall:
  pagerduty:
    oauth: {client_id: abc, client_secret: env:TOKEN, region: eu, subdomain: acme, scopes: [oncalls.read]}
    poll: 30s
    look_ahead: 48h
    users: {PT23IWX: "user:Alice@example.com"}
    incidents: false
    webhook_secrets: [env:TOKEN, env:PLAIN]
  rota: rota.yaml
  calendars:
    - {id: payments, name: Payments, url: env:TOKEN_URL, headers: {Authorization: env:TOKEN, X-Env: prod}, level: 2, person: summary,
       users: {Alice: "user:Alice@example.com"}, time_zone: Europe/Berlin, poll: 1m}
    - {id: other, file: other.ics}
  stale_after: 6m15s
  renew: 30m
reevaluate: {max_end_share: 0.25}`, "rota.yaml", always)
	if err != nil {
		t.Fatal(err)
	}
	p := cfg.OnCall.PagerDuty
	if p.OAuth.ClientID != "abc" || p.OAuth.ClientSecret != testToken || p.OAuth.Region != "eu" || p.OAuth.Subdomain != "acme" || len(p.OAuth.Scopes) != 1 ||
		p.Poll != 30*time.Second || p.LookAhead != 48*time.Hour || p.Users["PT23IWX"] == "" || p.Incidents || len(p.WebhookSecrets) != 2 || p.Missing {
		t.Errorf("PagerDuty is read as %+v", *p)
	}
	alice := access.Subject{Type: "user", ID: "alice@example.com"}
	a, b := cfg.OnCall.Calendars[0], cfg.OnCall.Calendars[1]
	if a.Name != "Payments" || a.Level != 2 || a.Person != rota.BySummary || a.Users["Alice"] != alice || a.TimeZone != "Europe/Berlin" || a.Poll != time.Minute ||
		a.Headers["Authorization"] != testToken || a.Headers["X-Env"] != "prod" || !a.Missing {
		t.Errorf("the calendar is read as %#v", a)
	}
	if b.File != filepath.Join(filepath.Dir(cfg.Path), "other.ics") || b.Level != 1 || b.Poll != 5*time.Minute || b.Missing {
		t.Errorf("the calendar is read as %v, %s", b.File, b.Poll)
	}
	if cfg.OnCall.StaleAfter != 6*time.Minute+15*time.Second || cfg.OnCall.Renew != 30*time.Minute || cfg.MaxEndShare != 0.25 {
		t.Errorf("got %s, %s, %v", cfg.OnCall.StaleAfter, cfg.OnCall.Renew, cfg.MaxEndShare)
	}
	if got := cfg.OnCall.said(true); got != "PagerDuty, a rota, 2 calendars" {
		t.Errorf("it is said as %q", got)
	}
}

func TestDefaultsOfOnCall(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, pagerDutyOf(""))
	if err != nil {
		t.Fatal(err)
	}
	p := cfg.OnCall.PagerDuty
	if p.Poll != time.Minute || p.LookAhead != 7*24*time.Hour || !p.Incidents || len(p.WebhookSecrets) > 0 || p.Token != testToken {
		t.Errorf("got %+v", *p)
	}
	if cfg.OnCall.StaleAfter != 10*time.Minute || cfg.OnCall.Renew != time.Hour || cfg.MaxEndShare != 0.1 {
		t.Errorf("got %s, %s, %v", cfg.OnCall.StaleAfter, cfg.OnCall.Renew, cfg.MaxEndShare)
	}
	if cfg, err = load(t, "lease: memory"); err != nil || cfg.OnCall.said(false) != "nobody is known to be" || cfg.MaxEndShare != 0.1 {
		t.Errorf("got %+v, %v", cfg.OnCall, err)
	}
}

func TestSourcesWithoutTheirSecretAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"an API key":               "oncall: {pagerduty: {token: env:NOWHERE}}",
		"an app's secret":          "oncall: {pagerduty: {oauth: {client_id: a, client_secret: file:nowhere, subdomain: acme}}}",
		"a webhook's secret":       pagerDutyOf(", webhook_secrets: [env:NOWHERE]"),
		"a calendar's address":     calendarOf(", url: env:NOWHERE"),
		"a header of a calendar's": calendarOf(", url: 'https://x/', headers: {Authorization: env:NOWHERE}"),
	} {
		cfg, err := load(t, config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(cfg.Unasked) != 1 || !errors.Is(cfg.Unasked[0], errSecretMissing) || !strings.Contains(cfg.Unasked[0].Error(), " is left out: oncall.") {
			t.Errorf("%s: got %v", name, cfg.Unasked)
		}
	}
}

func TestSecretsOfSourcesAreNeverPrinted(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, `oncall:
  pagerduty: {token: env:TOKEN, webhook_secrets: [env:TOKEN]}
  calendars: [{id: a, url: 'https://x/`+testToken+`', headers: {Authorization: env:TOKEN}}]`)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg), fmt.Sprintf("%v %#v", *cfg.OnCall.PagerDuty, cfg.OnCall.Calendars), string(asJSON)} {
		if strings.Contains(text, testToken) {
			t.Errorf("a secret is printed: %s", text)
		}
	}
}
