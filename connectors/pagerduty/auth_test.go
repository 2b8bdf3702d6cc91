package pagerduty_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

// app makes the scene's client an OAuth app.
func (s *scene) app(app fake.App) {
	app.Secret, app.Account = key, "eu.acme"
	s.AddApp("curfew", app)
	s.config.Token = ""
	s.config.OAuth = &pagerduty.OAuth{
		ClientID: "curfew", ClientSecret: key, Region: pagerduty.RegionEU, Subdomain: "acme", TokenURL: "https://identity.pagerduty.test/oauth/token",
	}
}

// tokens are how many were asked for.
func (s *scene) tokens() int { return s.State().To("/oauth/token") }

func TestAppAsksForATokenWhenItNeedsOne(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.app(fake.App{Scopes: pagerduty.DefaultScopes})
		s.crowd(1)
		source := s.open().OnCall()
		poll := func(why string, want int) {
			s.t.Helper()
			if got := s.onCall(source); len(got.Shifts) != 1 || s.tokens() != want {
				s.t.Errorf("%s: %d shifts, %d tokens; want 1 and %d", why, len(got.Shifts), s.tokens(), want)
			}
		}
		poll("at first", 1)
		poll("at once again", 1)
		time.Sleep(23 * hour)
		poll("nearly a day later", 1)
		time.Sleep(hour)
		poll("when it has expired", 2)
		for _, c := range s.Calls() {
			if c.Status == 401 {
				s.t.Errorf("%s: it was asked with a token that had expired", c)
			}
		}
		s.WithdrawTokens()
		poll("when it was withdrawn", 3)
	})
}

func TestTokenThatIsRefusedIsReplacedOnce(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.app(fake.App{Scopes: pagerduty.DefaultScopes})
		s.Script(fake.Status(401).Times(2))
		_, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
		if !errors.Is(err, pagerduty.ErrUnauthorised) || s.tokens() != 2 || s.State().To("/oncalls") != 2 {
			s.t.Errorf("error = %v after %d tokens; want ErrUnauthorised after 2", err, s.tokens())
		}
		s.onCall(s.open().OnCall()) // the next poll begins anew
	})
}

func TestAppThatMayNotNamesItsScope(t *testing.T) {
	cases := map[string]struct {
		scopes []string
		fetch  func(s *scene) error
		want   string
	}{
		"on-calls": {[]string{"users.read"}, func(s *scene) error {
			_, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
			return err
		}, "lacks the scope oncalls.read"},
		"incidents": {[]string{"users.read"}, func(s *scene) error {
			_, err := s.open().Incidents().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
			return err
		}, "lacks the scope incidents.read"},
		"users": {[]string{"oncalls.read"}, func(s *scene) error {
			_, err := s.open().UserByEmail(s.t.Context(), "alice@example.com")
			return err
		}, "lacks the scope users.read"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.app(fake.App{Scopes: c.scopes})
				if err := c.fetch(s); !errors.Is(err, pagerduty.ErrForbidden) || !strings.Contains(err.Error(), c.want) {
					s.t.Errorf("error = %v; want one that says %q", err, c.want)
				}
			})
		})
	}
}

func TestTokenIsInNoError(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.app(fake.App{Scopes: pagerduty.DefaultScopes})
		s.Script(fake.Status(403).Echoing())
		_, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
		if !errors.Is(err, pagerduty.ErrForbidden) || strings.Contains(err.Error(), "pdus+") || !strings.Contains(err.Error(), "withheld") {
			s.t.Errorf("error = %v; want one that withholds the token", err)
		}
	})
}

func TestAppWithoutATokenSaysWhy(t *testing.T) {
	cases := map[string]struct {
		change func(s *scene)
		want   error
		says   string
	}{
		"a wrong secret":       {func(s *scene) { s.AddApp("curfew", fake.App{Secret: "other"}) }, pagerduty.ErrUnauthorised, "401, invalid_client"},
		"another account":      {func(s *scene) { s.config.OAuth.Subdomain = "other" }, pagerduty.ErrUnauthorised, "400, invalid_scope"},
		"nobody there":         {func(s *scene) { s.Script(fake.CloseConnection().On("/oauth/token").Times(6)) }, pagerduty.ErrUnreachable, "no answer from https://identity.pagerduty.test"},
		"an outage":            {func(s *scene) { s.Script(fake.Status(503).On("/oauth/token").Times(6)) }, pagerduty.ErrUnreachable, "503"},
		"a limit":              {func(s *scene) { s.Script(fake.RateLimited(10).On("/oauth/token").Times(6)) }, pagerduty.ErrRateLimited, "OAuth"},
		"what is no token":     {func(s *scene) { s.Script(fake.Saying(`{}`).On("/oauth/token")) }, pagerduty.ErrMalformed, "OAuth"},
		"what is no JSON":      {func(s *scene) { s.Script(fake.Saying(`<` + key).On("/oauth/token")) }, pagerduty.ErrMalformed, "OAuth"},
		"an answer with a key": {func(s *scene) { s.Script(fake.Status(400).On("/oauth/token").Body(`{"error":"` + key + `"}`)) }, pagerduty.ErrUnauthorised, "withheld"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.app(fake.App{Scopes: pagerduty.DefaultScopes})
				c.change(s)
				_, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
					s.t.Fatalf("error = %v; want %v that says %q", err, c.want, c.says)
				}
				s.quiet(err.Error())
			})
		})
	}
}

func TestNewKeyIsTakenAndTheOldOneNamed(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.crowd(1)
		s.onCall(s.open().OnCall())
		s.AddKey("the-next-key")
		s.RevokeKey(key)
		_, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
		if !errors.Is(err, pagerduty.ErrUnauthorised) || s.State().To("/oncalls") != 2 {
			s.t.Errorf("error = %v; want ErrUnauthorised at the first try", err)
		}
		s.client, s.config.Token = nil, "the-next-key"
		if got := s.onCall(s.open().OnCall()); len(got.Shifts) != 1 {
			s.t.Errorf("shifts = %v", got.Shifts)
		}
	})
}

func TestCheckNamesEverythingThatIsMissing(t *testing.T) {
	cases := map[string]struct {
		build func(s *scene)
		want  []string
	}{
		"nothing": {func(s *scene) {
			s.AddUser("alice@example.com")
			s.config.Users = map[string]string{"alice@example.com": "user:al@example.com", "PID": "user:bob@example.com"}
		}, nil},
		"a wrong key":        {func(s *scene) { s.RevokeKey(key) }, []string{"the API key is wrong"}},
		"scopes":             {func(s *scene) { s.app(fake.App{Scopes: []string{"oncalls.read"}}) }, []string{"incidents.read", "users.read"}},
		"a mapped account":   {func(s *scene) { s.config.Users = map[string]string{"gone@example.com": "user:al@example.com"} }, []string{"the mapping of gone@example.com"}},
		"the right time":     {func(s *scene) { s.Skew(hour) }, []string{"1h0m0s ahead of ours"}},
		"PagerDuty at first": {func(s *scene) { s.Script(fake.CloseConnection().Times(20)) }, []string{"does not answer"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				c.build(s)
				err := s.open().Check(s.t.Context())
				if (err == nil) != (c.want == nil) {
					s.t.Fatalf("Check = %v", err)
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						s.t.Errorf("Check = %v; want %q in it", err, want)
					}
				}
			})
		})
	}
}
