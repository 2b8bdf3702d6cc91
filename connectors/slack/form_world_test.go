package slack

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/slack"
)

// office is an App between a whole Slack and a Desk that answers from a catalogue.
type office struct {
	*deskFake
	slack *fake.Fake
	alice *fake.Person
	log   *logFake
}

// newOffice holds every form and every message that is sent against Slack's limits
// and its published schema.
func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{deskFake: &deskFake{}, slack: fake.New(t, fake.Config{}), log: &logFake{}}
	o.slack.AddUser(fake.User{Email: alice, TimeZone: homeZone})
	o.slack.AddUser(fake.User{Email: "guest@example.com", Restricted: true})
	o.stock(t, shelf...)
	o.facts = func(access.Subject) (access.OnCall, access.Incidents) { return idle, calm }
	o.decide = func(context.Context, Ask) (access.Decision, error) { return access.Decision{Effect: access.Allow}, nil }
	o.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) { return granted(ask), nil }
	app, err := New(Config{
		BotToken: o.slack.BotToken(), SigningSecret: o.slack.SigningSecret(), URL: o.slack.URL(),
		Desk: o.deskFake, People: newPeopleFake(), Now: time.Now,
		Log: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		app.Close()
		for _, secret := range o.slack.Secrets() {
			if strings.Contains(o.log.String(), secret) {
				t.Errorf("a secret is in the log:\n%s", o.log)
			}
		}
	})
	o.slack.AppIs(app.Handler())
	o.alice = o.slack.Person(t, "alice")
	return o
}

// stock puts resources into the catalogue.
func (d *deskFake) stock(t *testing.T, list ...access.Resource) {
	t.Helper()
	d.resources = func(typed string, limit int) ([]access.Resource, error) {
		var found []access.Resource
		for _, r := range list {
			if name := strings.ToLower(r.Type + "\n" + r.ID + "\n" + r.Name); strings.Contains(name, strings.ToLower(typed)) {
				found = append(found, r)
			}
		}
		return found[:min(len(found), limit)], nil
	}
	d.resource = func(ref access.ResourceRef) (access.Resource, error) {
		for _, r := range list {
			if r.Ref() == ref {
				return r, nil
			}
		}
		return access.Resource{}, access.NotFound("resource", ref.String())
	}
}

// asked is what was submitted, in order.
func (d *deskFake) asked() (asks []Ask) {
	for _, c := range d.called("submit") {
		asks = append(asks, c.Ask)
	}
	return asks
}

var (
	halfHour = access.Duration(30 * time.Minute)
	shelf    = []access.Resource{
		{Type: "customer", ID: "acme", Name: "Acme Corp", Entitlements: []access.Entitlement{
			{Action: "debug", Durations: []access.Duration{twoHours, halfHour}, While: []string{"oncall", "incident"}}}},
		{Type: "database", ID: "prod", Entitlements: []access.Entitlement{
			{Action: "read", Durations: []access.Duration{halfHour}}, {Action: "Write", Durations: []access.Duration{twoHours}}}},
		{Type: "customer", ID: "globex", Name: "Globex", Entitlements: []access.Entitlement{{Action: "debug", Durations: []access.Duration{halfHour}}}},
		{Type: "database", ID: "globex", Name: "Globex's", Entitlements: []access.Entitlement{{Action: "debug", Durations: []access.Duration{halfHour}}}},
	}
	idle = access.OnCall{Known: true}
	calm = access.Incidents{Known: true}
)

func caseOf(ask Ask, state access.RequestState) access.Case {
	name := ""
	if i := slices.IndexFunc(shelf, func(r access.Resource) bool { return r.Ref() == ask.Resource }); i >= 0 {
		name = shelf[i].Name
	}
	return access.Case{ResourceName: name, Request: access.Request{
		ID: "req_1", State: state, Entitled: access.Entitled{Subject: aliceS, Action: ask.Action, Resource: ask.Resource},
		Requester: aliceS, For: ask.For, While: ask.While, Reason: ask.Reason, Emergency: ask.Emergency,
	}}
}

func granted(ask Ask) access.Case {
	c := caseOf(ask, access.RequestApproved)
	c.Grant = &access.Grant{ID: "grt_1", RequestID: c.ID, Entitled: c.Entitled, While: ask.While, State: access.GrantActive,
		StartsAt: noon, ExpiresAt: noon.Add(2 * time.Hour)}
	return c
}

func waiting(ask Ask) access.Case {
	c := caseOf(ask, access.RequestPending)
	c.LapsesAt = ptr(noon.Add(time.Hour))
	c.Reviewers = &access.Reviewers{Groups: []string{"security"}, Subjects: []access.Subject{bobS}, Quorum: 2}
	return c
}

func refusing(ask Ask, reasons ...access.Reason) access.Case {
	c := caseOf(ask, access.RequestDenied)
	c.Decision = access.Decision{Effect: access.Deny, Reasons: reasons}
	return c
}

// read fails unless a text says all of the words, in their order.
func read(t *testing.T, text string, words ...string) {
	t.Helper()
	rest := dates.ReplaceAllString(text, "$1")
	for _, w := range words {
		_, behind, found := strings.Cut(rest, w)
		if !found {
			t.Fatalf("it does not say %q (in this place):\n%s", w, text)
		}
		rest = behind
	}
}

// unread fails if a text says one of the words.
func unread(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("it says %q:\n%s", w, text)
		}
	}
}
