package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

func person(id, slackID string) access.Person {
	return access.Person{Subject: access.Subject{Type: access.TypeUser, ID: id}, Slack: slackID}
}

func TestPeopleAreRecognisedByTheirAccount(t *testing.T) {
	edit := func(change func(*slackapi.User)) func(*world) {
		return func(w *world) { w.slack.edit(aliceID, change) }
	}
	grid := func(w *world) {
		w.slack.self = self{TeamID: team, EnterpriseID: "E1", BotUser: "UCURFEW"}
		w.slack.edit(aliceID, func(u *slackapi.User) {
			u.TeamID, u.Enterprise = "T2", slackapi.EnterpriseUser{EnterpriseID: "E1", Teams: []string{"T2", team}}
		})
	}
	cases := map[string]struct {
		given func(*world)
		team  string // of the message; "": of the app
		id    string // "": alice's
		who   string // who it is, or
		code  string // why it is nobody
	}{
		"by the address that Slack knows": {who: alice},
		"in the words of the list": {given: func(w *world) {
			w.people.add(access.Person{Subject: person("a.l@example.com", "").Subject, Emails: []string{alice}})
		}, who: "a.l@example.com"},
		"an address in capitals":               {given: edit(func(u *slackapi.User) { u.Profile.Email = " Alice@Example.COM " }), who: alice},
		"by the id in the list, first":         {given: func(w *world) { w.people.add(person("chief@example.com", aliceID)) }, who: "chief@example.com"},
		"by the id in the list, without email": {given: func(w *world) { noEmail(w); w.people.add(person("chief@example.com", aliceID)) }, who: "chief@example.com"},
		"an unconfirmed address, by the id":    {given: func(w *world) { unconfirmed(w); w.people.add(person("chief@example.com", aliceID)) }, who: "chief@example.com"},
		"in an organisation":                   {given: grid, who: alice},
		"in an organisation, from a workspace": {given: grid, team: "T2", who: alice},
		"an app of the whole organisation":     {given: func(w *world) { grid(w); w.slack.self.TeamID = "" }, team: "T2", who: alice},

		"an account that Slack does not know": {id: "UNOBODY", code: "unknown_account"},
		"no address":                          {given: noEmail, code: "no_email"},
		"an address that is not confirmed":    {given: unconfirmed, code: "email_unconfirmed"},
		"a letter that only looks like another": {given: func(w *world) {
			w.people.add(person("kate@example.com", ""))
			w.slack.edit(aliceID, func(u *slackapi.User) { u.Profile.Email = "\u212aate@example.com" }) // a Kelvin sign, whose lower case is a k
		}, code: "email_unusable"},
		"an address that is none":                  {given: edit(func(u *slackapi.User) { u.Profile.Email = "alice" }), code: "email_unusable"},
		"a bot":                                    {id: robotID, code: "bot"},
		"the gateway's own bot":                    {given: edit(func(*slackapi.User) {}), id: "UCURFEW", code: "bot"},
		"a bot that is in the list":                {given: func(w *world) { w.people.add(person("chief@example.com", robotID)) }, id: robotID, code: "bot"},
		"a guest":                                  {id: guestID, code: "guest"},
		"a guest of one channel":                   {given: edit(func(u *slackapi.User) { u.IsUltraRestricted = true }), code: "guest"},
		"a guest that is in the list":              {given: func(w *world) { w.people.add(person("chief@example.com", guestID)) }, id: guestID, code: "guest"},
		"somebody who left":                        {given: edit(func(u *slackapi.User) { u.Deleted = true }), code: "deactivated"},
		"a stranger of a shared channel":           {given: edit(func(u *slackapi.User) { u.IsStranger = true }), code: "another_workspace"},
		"an account of another workspace":          {given: edit(func(u *slackapi.User) { u.TeamID = "T9" }), code: "another_workspace"},
		"an account of no workspace":               {given: edit(func(u *slackapi.User) { u.TeamID = "" }), code: "another_workspace"},
		"a message of another workspace":           {team: "T9", code: "another_workspace"},
		"an organisation of somebody else":         {given: func(w *world) { grid(w); w.slack.self = self{EnterpriseID: "E2"} }, code: "another_workspace"},
		"a workspace that the app is not in":       {given: func(w *world) { grid(w); w.slack.self.TeamID = "T3" }, code: "another_workspace"},
		"another account than the list gives them": {given: func(w *world) { w.people.add(person(alice, "UOTHER")) }, code: "account_mismatch"},
		"another account, by another address": {given: func(w *world) {
			w.people.add(access.Person{Subject: person("a@example.com", "").Subject, Emails: []string{alice}, Slack: "UOTHER"})
		}, code: "account_mismatch"},
		"Slack does not answer":                    {given: func(w *world) { w.slack.fails("user", errors.New("planted")) }, code: "slack_unreachable"},
		"Slack does not say whose the bot is":      {given: func(w *world) { w.slack.fails("self", errors.New("no")) }, code: "slack_unreachable"},
		"Slack does not take the token":            {given: func(w *world) { w.slack.fails("user", access.Permanent(&refused{code: "invalid_auth"})) }, code: "slack_unreachable"},
		"Slack says that there is no such account": {given: func(w *world) { w.slack.fails("user", access.Permanent(&refused{code: "user_not_found"})) }, code: "unknown_account"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.slack.edit("UCURFEW", func(u *slackapi.User) { u.ID, u.TeamID = "UCURFEW", team })
			if c.given != nil {
				c.given(w)
			}
			from, id := c.team, c.id
			if from == "" {
				from = team
			}
			if id == "" {
				id = aliceID
			}
			got, err := w.app.who(w.ctx(), from, id)
			var said *access.Error
			switch {
			case c.code == "" && (err != nil || got.Subject.ID != c.who || got.Subject.Type != access.TypeUser):
				t.Errorf("it is %+v, %v; want %s", got, err, c.who)
			case c.code != "" && (!errors.As(err, &said) || said.Code != c.code || !strings.HasSuffix(said.Detail, ".") || got.Subject.ID != ""):
				t.Errorf("it is %+v, %v; want %s", got, err, c.code)
			}
			if c.code == "slack_unreachable" {
				w.log = &logFake{} // what the test itself planted in an error
			}
		})
	}
}

func noEmail(w *world) { w.slack.edit(aliceID, func(u *slackapi.User) { u.Profile.Email = "" }) }

func unconfirmed(w *world) {
	w.slack.edit(aliceID, func(u *slackapi.User) { u.IsEmailConfirmed = false })
}

func TestPeopleThatCanNotBeReadAreNobody(t *testing.T) {
	w := newWorld(t)
	w.people.fails(errors.New("the ledger is away"))
	if got, err := w.app.who(w.ctx(), team, aliceID); err == nil || got.Subject.ID != "" {
		t.Errorf("it is %+v, %v", got, err)
	}
}

func TestTimesAreInTheZoneOfTheListThenOfTheAccount(t *testing.T) {
	w := newWorld(t)
	if got, _ := w.app.who(w.ctx(), team, aliceID); got.TimeZone.String() != homeZone {
		t.Errorf("without a list it is %s", got.TimeZone)
	}
	w.people.add(access.Person{Subject: person(alice, "").Subject, TimeZone: "Asia/Tokyo"})
	if got, _ := w.app.who(w.ctx(), team, aliceID); got.TimeZone.String() != "Asia/Tokyo" {
		t.Errorf("by the list it is %s", got.TimeZone)
	}
	if got, _ := w.app.who(w.ctx(), team, bobID); got.TimeZone != time.UTC {
		t.Errorf("without any it is %s", got.TimeZone)
	}
	w.slack.edit(guestID, func(u *slackapi.User) { u.IsRestricted, u.TZ = false, "Local" })
	if got, _ := w.app.who(w.ctx(), team, guestID); got.TimeZone != time.UTC {
		t.Errorf("the machine's is %s", got.TimeZone)
	}
}

func TestAccountsAreAskedForOnceInAWhile(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		asked := func() int { return len(w.slack.called("user")) }
		look := func() error {
			_, err := w.app.who(w.ctx(), team, aliceID)
			return err
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if err := look(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if asked() != 1 || len(w.slack.called("self")) != 1 {
			t.Errorf("fifty at once asked %d times", asked())
		}
		w.slack.edit(aliceID, func(u *slackapi.User) { u.Deleted = true })
		time.Sleep(accountFor - time.Second)
		if err := look(); err != nil || asked() != 1 {
			t.Errorf("before it is too old: %v, asked %d times", err, asked())
		}
		time.Sleep(time.Second)
		if err := look(); err == nil || asked() != 2 {
			t.Errorf("once it is too old: %v, asked %d times", err, asked())
		}
	})
}

func TestAFaultOfSlacksIsNotAskedForAgainAtOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.fails("user", errors.New("away"))
		for range 10 {
			if _, err := w.app.who(w.ctx(), team, aliceID); err == nil {
				t.Fatal("it was recognised")
			}
		}
		if n := len(w.slack.called("user")); n != 1 {
			t.Errorf("it was asked for %d times", n)
		}
		w.slack.fails("user", nil)
		time.Sleep(faultFor)
		if _, err := w.app.who(w.ctx(), team, aliceID); err != nil {
			t.Errorf("once it is over: %v", err)
		}
	})
}

func TestWhoeverAskedFirstCanLeave(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		asked := 0
		m := newMemo(func(ctx context.Context, key string) (string, error) {
			asked++
			select {
			case <-time.After(time.Second):
				return key, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}, time.Hour)
		hasty, leave := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := m.get(hasty, "one")
			first <- err
		}()
		time.Sleep(100 * time.Millisecond)
		leave()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the first was answered: %v", err)
		}
		if got, err := m.get(t.Context(), "one"); got != "one" || err != nil || asked != 1 {
			t.Errorf("the second: %q, %v, asked %d times", got, err, asked)
		}
	})
}

func TestAPanicOfWhatSlackSaysOfAPersonIsAFaultOfSlacks(t *testing.T) {
	w := newWorld(t)
	w.slack.during("user", func() error { panic("planted in an account") })
	for range 2 {
		_, err := w.app.who(w.ctx(), team, aliceID)
		if access.CodeOf(err) != "slack_unreachable" {
			t.Errorf("it is %v", err)
		}
	}
	if !strings.Contains(w.log.String(), "accounts_test.go") {
		t.Error("the log does not say where")
	}
}

func TestOnlySoMuchIsRemembered(t *testing.T) {
	m := newMemo(func(_ context.Context, key string) (string, error) { return key, nil }, time.Hour)
	for i := range 2 * maxAccounts {
		key := fmt.Sprint(i)
		if got, err := m.get(t.Context(), key); got != key || err != nil {
			t.Fatal(got, err)
		}
	}
	if len(m.known) > maxAccounts {
		t.Errorf("%d are remembered", len(m.known))
	}
}

func TestAPersonIsWrittenToByTheirAccount(t *testing.T) {
	away := errors.New("away")
	cases := map[string]struct {
		given     func(*world)
		person    access.Person
		want      string
		permanent bool
	}{
		"the one in the list":              {person: person("nobody@example.com", "ULISTED"), want: "ULISTED"},
		"by their address":                 {person: person(alice, ""), want: aliceID},
		"by another of their addresses":    {person: access.Person{Subject: person("a.l@example.com", "").Subject, Emails: []string{"a.l@example.com", alice}}, want: aliceID},
		"nobody has the address":           {person: person("nobody@example.com", ""), permanent: true},
		"somebody who left":                {given: func(w *world) { w.slack.edit(aliceID, func(u *slackapi.User) { u.Deleted = true }) }, person: person(alice, ""), permanent: true},
		"an account of a bot":              {person: person("robot@example.com", ""), permanent: true},
		"a guest":                          {person: person("guest@example.com", ""), permanent: true},
		"an address that is not confirmed": {given: unconfirmed, person: person(alice, ""), permanent: true},
		"an account that the list gives to somebody else": {given: func(w *world) { w.people.add(person("chief@example.com", aliceID)) },
			person: person(alice, ""), permanent: true},
		"an account that the list gives to them by now": {given: func(w *world) { w.people.add(person(alice, aliceID)) }, person: person(alice, ""), want: aliceID},
		"the list can not be read":                      {given: func(w *world) { w.people.fails(away) }, person: person(alice, "")},
		"a program":                                     {person: access.Person{Subject: access.Subject{Type: "service", ID: alice}}, permanent: true},
		"Slack does not answer":                         {given: func(w *world) { w.slack.fails("by_email", away) }, person: person(alice, "")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.given != nil {
				c.given(w)
			}
			got, err := w.app.account(w.ctx(), c.person)
			if got != c.want || (err == nil) != (c.want != "") || access.IsPermanent(err) != c.permanent {
				t.Errorf("it is %q, %v", got, err)
			}
		})
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	cases := map[string]struct {
		given func(*world)
		want  []string
	}{
		"nothing": {func(*world) {}, nil},
		"scopes": {func(w *world) { w.slack.self.Scopes = []string{"commands", "chat:write"} },
			[]string{"users:read, users:read.email"}},
		"the bot's token": {func(w *world) { w.slack.fails("self", errors.New("invalid_auth")) }, []string{"bot_token", "invalid_auth"}},
		"the app's token": {func(w *world) { w.slack.fails("socket", errors.New("missing_scope")) }, []string{"app_token", "connections:write", "missing_scope"}},
		"both": {func(w *world) {
			w.slack.fails("self", errors.New("one"))
			w.slack.fails("socket", errors.New("two"))
		}, []string{"one", "two"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.given(w)
			err := w.app.Check(t.Context())
			if (err == nil) != (c.want == nil) {
				t.Fatal(err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not say %s", err, part)
				}
			}
		})
	}
}
