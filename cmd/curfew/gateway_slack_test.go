package main

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	fake "github.com/curfew-access/curfew/tests/fake/slack"
)

// workspace is a Slack with Alice, Bob and Carol.
func workspace(t *testing.T, cfg fake.Config) *fake.Fake {
	t.Helper()
	sl := fake.New(t, cfg)
	sl.AddUser(fake.User{ID: "UALICE", Email: "alice@other.example.com", TimeZone: "Europe/Berlin"}) // known by her account
	sl.AddUser(fake.User{Email: "bob@example.com"})
	sl.AddUser(fake.User{Email: "carol@example.com"})
	sl.AddChannel("access-ops")
	return sl
}

// withSlack adds a Slack to the configuration of a home. Its secrets are in files.
func withSlack(t *testing.T, dir string, sl *fake.Fake, keys string) string {
	t.Helper()
	path := filepath.Join(dir, "curfew.yaml")
	err := errors.Join(
		write(path, read(path)+"\nslack: {url: '"+sl.URL()+"', operators: '#access-ops', "+keys+"}\n"),
		write(filepath.Join(dir, "bot"), sl.BotToken()), write(filepath.Join(dir, "app"), sl.AppToken()),
		write(filepath.Join(dir, "signing"), sl.SigningSecret()))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

const (
	byHTTP   = "bot_token: file:bot, signing_secret: file:signing"
	bySocket = "bot_token: file:bot, app_token: file:app"
)

// slackCheck is what the probe says of Slack.
func slackCheck(t *testing.T, g *gateway) api.Check {
	t.Helper()
	for _, c := range g.ready(t.Context()).Checks {
		if c.Name == "slack" {
			return c
		}
	}
	t.Fatal("the probe says nothing of Slack")
	return api.Check{}
}

func TestCommandInSlackBecomesAGrant(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]string{"by HTTP": byHTTP, "by the socket": bySocket} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sl := workspace(t, fake.Config{})
			g, stop := serve(t, withSlack(t, slackHome(t), sl, keys), options{})
			if keys == byHTTP {
				sl.AppAt(g.URL() + slackHooks)
			} else {
				sl.Await(t, "a socket", func(s fake.State) bool { return s.Sockets > 0 })
			}
			asker := sl.Person(t, "alice")
			asker.Type("/access main 2h PD-1")
			told := asker.AwaitDirect("that it is granted", func(m fake.Message) bool { return strings.Contains(m.Visible(), "Main ledger") })
			if told.ID() == "" {
				t.Errorf("the notice has no id: %s", told)
			}
			var out bytes.Buffer
			if code, stderr := curfew(t.Context(), g, "alice", &out, "grants", "-o", "json"); code != exitOK || strings.Count(out.String(), `"grt_`) == 0 {
				t.Errorf("exit %d: %s%s", code, out.String(), stderr)
			}
			figures := anybody(t, g, "/metrics")
			if !strings.Contains(figures, `curfew_hook_messages_total{hook="slack",outcome="taken"} 1`) {
				t.Errorf("the message was not counted:\n%s", figures)
			}
			stop()
			if faults := sl.TakeFaults(); len(faults) > 0 {
				t.Errorf("Slack would not have taken: %v", faults)
			}
		})
	}
}

func TestRequestBySomeOtherWayIsReviewedInSlack(t *testing.T) {
	t.Parallel()
	sl := workspace(t, fake.Config{})
	g, _ := serve(t, withSlack(t, slackHome(t), sl, byHTTP), options{})
	sl.AppAt(g.URL() + slackHooks)
	d := &desk{engine: g.engine, cases: g.engine, book: g.book, now: g.ledger.Now, log: g.log}
	asked, err := d.Submit(t.Context(), caller(carol), "key", readMain(t, "2h"))
	if err != nil {
		t.Fatal(err)
	}
	reviewer, asker := sl.Person(t, "bob"), sl.Person(t, "carol")
	question := reviewer.AwaitDirect("that he is asked", func(m fake.Message) bool { return m.Has("review.approve") })
	reviewer.Click(question, "review.approve")
	asker.AwaitDirect("that it is granted", func(m fake.Message) bool { return strings.Contains(m.Visible(), "Main ledger") })
	reviewer.AwaitDirect("that there is nothing more to do", func(m fake.Message) bool { return m.TS == question.TS && !m.Has("review.approve") })
	c, err := d.Case(t.Context(), caller(bob), asked.ID)
	if err != nil || c.State != access.RequestApproved || len(c.Reviews) != 1 || c.Reviews[0].Reviewer != bob {
		t.Errorf("it became %+v, %v", c, err)
	}
}

func TestGatewayStartsWithoutSlackAndSaysSo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		keys, lose string // a file that is not there
		says       string
		hook       bool
	}{
		"the bot token is not there":      {byHTTP, "bot", "left out", false},
		"one of two ways in is not there": {byHTTP + ", app_token: file:app", "app", "a way to it has no secret", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sl := workspace(t, fake.Config{})
			dir := withSlack(t, slackHome(t), sl, tc.keys)
			if err := write(filepath.Join(dir, tc.lose), ""); err != nil {
				t.Fatal(err)
			}
			g, _ := serve(t, dir, options{})
			if c := slackCheck(t, g); c.Status != api.StatusDegraded || !strings.Contains(c.Detail, tc.says) {
				t.Errorf("the probe says %+v", c)
			}
			if hooks, err := g.hooks(); err != nil || (hooks[slackHooks] != nil) != tc.hook {
				t.Errorf("hooks are %v, %v", hooks, err)
			}
			if code, stderr := curfew(t.Context(), g, "alice", io.Discard, "request", "db/main", "read", "--for", "2h", "--reason", "x"); code != exitOK {
				t.Error(stderr)
			}
			var out bytes.Buffer
			code := run(t.Context(), []string{"config", "check", filepath.Join(dir, "curfew.yaml")}, stdio{In: strings.NewReader(""), Out: &out, Err: &out, LookupEnv: env})
			if code != exitFailed || !strings.Contains(out.String(), "left out: slack.") {
				t.Errorf("the check: exit %d\n%s", code, out.String())
			}
		})
	}
}

func TestProbeSaysThatSlackCanNotBeUsedUntilItCan(t *testing.T) {
	t.Parallel()
	sl := workspace(t, fake.Config{Scopes: []string{"commands"}})
	g, _ := serve(t, withSlack(t, slackHome(t), sl, byHTTP), options{})
	eventually(t, "the probe tells of the scopes", func() bool { return slackCheck(t, g).Status == api.StatusDegraded })
	if c := slackCheck(t, g); strings.Contains(c.Detail, "chat:write") || !strings.Contains(c.Detail, "the log says why") {
		t.Errorf("the probe says %+v", c)
	}
	other := workspace(t, fake.Config{})
	g, _ = serve(t, withSlack(t, slackHome(t), other, byHTTP), options{})
	other.Await(t, "Slack is asked", fake.Asked("auth.test", 1))
	if c := slackCheck(t, g); c.Status != api.StatusOK {
		t.Errorf("the probe says %+v", c)
	}
}

func TestConfigCheckAsksSlackWhenItIsTold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		scopes      []string
		spoil, flag string
		code        int
		says        string
	}{
		"good tokens":                           {nil, "", "--online", exitOK, "ok: slack: it takes the tokens"},
		"a bot token that is not good":          {nil, "bot", "--online", exitFailed, "slack: bot_token: "},
		"an app token that is not good":         {nil, "app", "--online", exitFailed, "slack: app_token"},
		"a scope that is missing":               {[]string{"commands", "chat:write", "users:read"}, "", "--online", exitFailed, "users:read.email"},
		"a bad token, and it is not asked":      {nil, "bot", "--online=false", exitOK, "ok: configuration"},
		"more scopes than needed, and no fault": {append([]string{"im:write"}, fake.AllScopes...), "", "--online", exitOK, "ok: slack: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sl := workspace(t, fake.Config{Scopes: tc.scopes})
			dir := withSlack(t, slackHome(t), sl, byHTTP+", app_token: file:app")
			bad := map[string]string{"bot": "xoxb-hunter2", "app": "xapp-hunter2"}[tc.spoil]
			if bad != "" {
				if err := write(filepath.Join(dir, tc.spoil), bad); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			code := run(t.Context(), []string{"config", "check", tc.flag, filepath.Join(dir, "curfew.yaml")},
				stdio{In: strings.NewReader(""), Out: &out, Err: &out, LookupEnv: env})
			if code != tc.code || !strings.Contains(out.String(), tc.says) {
				t.Errorf("exit %d\n%s", code, out.String())
			}
			for _, secret := range append(sl.Secrets(), "hunter2") {
				if strings.Contains(out.String(), secret) {
					t.Errorf("a secret is printed:\n%s", out.String())
				}
			}
		})
	}
}
