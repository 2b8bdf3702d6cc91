package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The secrets of the tests' Slack.
const (
	testBot     = "xoxb-1-bot-hunter2"
	testApp     = "xapp-1-app-hunter2"
	testSigning = "hunter2hunter2hunter2hunter2"
)

// slackEnv is the environment of the tests' configurations of Slack.
func slackEnv(name string) (string, bool) {
	if value, ok := map[string]string{
		"BOT": testBot, "APP": testApp, "SIGNING": testSigning, "BARE": "xoxb-", "SPACED": "xoxb-1 hunter2", "USER": "xoxp-hunter2-hunter2",
	}[name]; ok {
		return value, true
	}
	return env(name)
}

func loadSlack(t *testing.T, config string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "curfew.yaml")
	if err := write(path, config); err != nil {
		t.Fatal(err)
	}
	return loadConfig(path, slackEnv)
}

func TestFaultsOfSlackNameTheirPlace(t *testing.T) {
	t.Parallel()
	whole := func(more string) string {
		return "slack: {bot_token: env:BOT, signing_secret: env:SIGNING" + more + "}"
	}
	for name, tc := range map[string]struct{ config, want string }{
		"nothing in it":                   {"slack: {}", "slack.bot_token: it is missing"},
		"no way in":                       {"slack: {bot_token: env:BOT}", "slack: neither signing_secret"},
		"a literal bot token":             {"slack: {bot_token: xoxb-hunter2, app_token: env:APP}", "slack.bot_token: a secret does not stand in the configuration itself"},
		"a literal signing secret":        {"slack: {bot_token: env:BOT, signing_secret: hunter2}", "slack.signing_secret: a secret does not stand"},
		"a literal app token":             {"slack: {bot_token: env:BOT, app_token: xapp-hunter2}", "slack.app_token: a secret does not stand"},
		"a token of a person":             {"slack: {bot_token: env:USER, app_token: env:APP}", "slack.bot_token: it is not a bot token: such a token begins with xoxb-"},
		"the tokens the wrong way round":  {"slack: {bot_token: env:APP, app_token: env:BOT}", "slack.app_token: it is not an app-level token: such a token begins with xapp-"},
		"a bot token that is only a word": {"slack: {bot_token: env:BARE, app_token: env:APP}", "slack.bot_token: it holds nothing but its beginning"},
		"a bot token with a space":        {"slack: {bot_token: env:SPACED, app_token: env:APP}", "slack.bot_token: it holds nothing but its beginning, or a space"},
		"a token as the signing secret":   {"slack: {bot_token: env:BOT, signing_secret: env:APP}", "slack.signing_secret: it is a token; "},
		"a short signing secret":          {"slack: {bot_token: env:BOT, signing_secret: env:SHORT}", "slack.signing_secret: it has 5 characters"},
		"a signing secret with a space":   {"slack: {bot_token: env:BOT, signing_secret: env:SPACE}", "slack.signing_secret: it holds a space"},
		"an unknown key":                  {whole(", colour: red"), "slack.colour: there is no such key"},
		"an address in the clear":         {whole(", url: 'http://slack.example.com/api/'"), "slack.url: want https"},
		"an address that is none":         {whole(", url: 'slack.com'"), "slack.url: the URL is not an absolute http or https URL"},
		"an address with a query":         {whole(", url: 'https://slack.com/api/?a=hunter2'"), "slack.url: the URL holds a query"},
		"operators without a channel":     {whole(", operators: access-ops"), `slack.operators: "access-ops" is not a channel; want its name, such as "#access-ops"`},
		"operators that are a comment":    {"slack:\n  bot_token: env:BOT\n  app_token: env:APP\n  operators: #access-ops", "slack.operators: want a channel, or a list of channels, in quotes"},
		"operators that mention everyone": {whole(`, operators: ["#a", "<!channel>"]`), `slack.operators: "<!channel>" is not a channel`},
		"operators that are a program":    {whole(", operators: 'service:ci'"), `slack.operators: "service:ci" is not a channel`},
		"operators that are a map":        {whole(", operators: {a: b}"), "slack.operators: want a channel"},
		"operators in a list of lists":    {whole(", operators: [[a]]"), "slack.operators: want texts in the list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := loadSlack(t, tc.config)
			wantFault(t, err, tc.want)
		})
	}
}

func TestSlackIsReadWhole(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config string
		want   Slack
	}{
		"by HTTP": {"slack: {bot_token: env:BOT, signing_secret: env:SIGNING}", Slack{BotToken: Secret{testBot}, SigningSecret: Secret{testSigning}}},
		"by the socket, with operators": {`slack: {bot_token: env:BOT, app_token: env:APP, operators: "#access-ops"}`,
			Slack{BotToken: Secret{testBot}, AppToken: Secret{testApp}, Operators: []string{"#access-ops"}}},
		"by both, elsewhere, with several channels": {`slack: {bot_token: env:BOT, signing_secret: env:SIGNING, app_token: env:APP, ` +
			`url: 'http://127.0.0.1:9/api', operators: ["#access-ops", C0123456789, "user:Olga@Example.com"]}`,
			Slack{Secret{testBot}, Secret{testSigning}, Secret{testApp}, "http://127.0.0.1:9/api/", []string{"#access-ops", "C0123456789", "user:olga@example.com"}, false}},
	} {
		cfg, err := loadSlack(t, tc.config)
		if err != nil || cfg.Slack == nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := *cfg.Slack
		if got.BotToken != tc.want.BotToken || got.SigningSecret != tc.want.SigningSecret || got.AppToken != tc.want.AppToken ||
			got.URL != tc.want.URL || !slices.Equal(got.Operators, tc.want.Operators) || got.Missing || len(cfg.Unheard) > 0 {
			t.Errorf("%s: read as %+v", name, got)
		}
		asJSON, err := json.Marshal(cfg)
		if text := fmt.Sprintf("%v %+v %#v %v %#v %s", cfg, cfg, cfg, got, got, asJSON); err != nil || strings.Contains(text, "hunter2") {
			t.Errorf("%s: a secret is printed: %s", name, text)
		}
	}
	warned := func(cfg Config) bool {
		return slices.ContainsFunc(cfg.Warnings, func(w string) bool { return strings.HasPrefix(w, "slack.operators: there are none") })
	}
	for config, warns := range map[string]bool{"": true, ", operators: []": false, ", operators: C0123456789": false} {
		if cfg, err := loadSlack(t, "slack: {bot_token: env:BOT, app_token: env:APP"+config+"}"); err != nil || warned(cfg) != warns {
			t.Errorf("%q warns of %v, %v", config, cfg.Warnings, err)
		}
	}
	if cfg, err := loadSlack(t, "lease: memory"); err != nil || cfg.Slack != nil || warned(cfg) {
		t.Errorf("without Slack there is %+v, %v", cfg.Slack, err)
	}
}

func TestSlackWithoutASecretIsLeftOutAsFarAsThatGoes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config string
		all    bool
		says   string
	}{
		"the bot token is not there":       {"slack: {bot_token: env:NOWHERE, app_token: env:APP}", true, "Slack is left out: slack.bot_token: "},
		"the only way in is not there":     {"slack: {bot_token: env:BOT, signing_secret: file:nowhere}", true, "Slack is left out: slack.signing_secret: "},
		"one of two ways in is not there":  {"slack: {bot_token: env:BOT, signing_secret: env:NOWHERE, app_token: env:APP}", false, "a part of Slack is left out: slack.signing_secret: "},
		"the other of two is not there":    {"slack: {bot_token: env:BOT, signing_secret: env:SIGNING, app_token: env:EMPTY}", false, "a part of Slack is left out: slack.app_token: "},
		"neither of the two ways is there": {"slack: {bot_token: env:BOT, signing_secret: env:NOWHERE, app_token: env:NOWHERE}", true, "Slack is left out: slack.signing_secret: "},
	} {
		cfg, err := loadSlack(t, tc.config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if cfg.Slack.Missing != tc.all || len(cfg.Unheard) != 1 || !errors.Is(cfg.Unheard[0], errSecretMissing) || !strings.HasPrefix(cfg.Unheard[0].Error(), tc.says) {
			t.Errorf("%s: missing is %v, and said is %v", name, cfg.Slack.Missing, cfg.Unheard)
		}
	}
}
