package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	testToken   = "a-token-of-enough-length"
	testWebhook = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"
)

// env is the environment of the tests' configurations.
func env(name string) (string, bool) {
	value, ok := map[string]string{
		"TOKEN": testToken, "WEBHOOK": testWebhook, "SHORT": "short", "SPACE": "a token with spaces in it", "EMPTY": "",
		"PLAIN": "hunter2-is-no-webhook-secret", "LEDGER": "postgres://curfew:hunter2@db:5432/curfew?sslmode=verify-full&password=hunter2",
		"BAD_LEDGER": "postgres://curfew:hunter2/@db:x/curfew",
	}[name]
	return value, ok
}

// load loads a configuration that stands alone in a directory with the files.
func load(t *testing.T, config string, files ...string) (Config, error) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i+1 < len(files); i += 2 {
		if err := write(filepath.Join(dir, files[i]), files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(filepath.Join(dir, "curfew.yaml"), config); err != nil {
		t.Fatal(err)
	}
	return loadConfig(filepath.Join(dir, "curfew.yaml"), env)
}

// wantFault wants the error of a configuration to say something, and none of the
// values in it that may be secrets.
func wantFault(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a value that may be a secret is printed: %v", err)
	}
}

// target is a configuration of one target with more lines in its webhook.
func target(more string) string {
	return "targets: [{name: t, webhook: {url: 'http://127.0.0.1/', secret: env:WEBHOOK" + more + "}}]"
}

// bundleOf is a configuration of a bundle with more lines.
func bundleOf(more string) string {
	return "policies: {bundle: {url: 'https://x.example.com/'" + more + "}}"
}

func token(more string) string {
	return "auth: {tokens: [{name: ci, subject: 'service:ci', secret: env:TOKEN" + more + "}]}"
}

func TestConfigFaultsNameTheirPlace(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ config, want string }{
		"nothing in the file":              {"", "the file is empty"},
		"a second document":                {"listen: 127.0.0.1:80\n---\nlisten: 127.0.0.1:81", "after its first document"},
		"an unknown key":                   {"colour: red", "colour: there is no such key"},
		"an unknown key deep inside":       {target(", colour: red"), "targets[0].webhook.colour: there is no such key"},
		"a key that stands twice":          {"listen: a\nlisten: b", "listen: the key stands twice (lines 1 and 2)"},
		"a list where a text belongs":      {"people: [a]", "people: want a text, not a list (line 1)"},
		"a text where a list belongs":      {"targets: hunter2", "targets: want a list, not a text (line 1)"},
		"a text where keys belong":         {"auth: hunter2", "auth: want keys and values, not a text (line 1)"},
		"no YAML at all":                   {"a: [", "yaml: "},
		"listen without a port":            {"listen: localhost", `listen: "localhost" is not <host>:<port>`},
		"listen on no port":                {"listen: localhost:http", `listen: "http" is not a port`},
		"external_url is no URL":           {"external_url: curfew.example.com", "external_url: it is not an http or https URL"},
		"ledger of an unknown kind":        {"ledger: curfew.db", "ledger: want sqlite:<path>"},
		"ledger whose URL has a password":  {"ledger: postgres://u:hunter2@db/curfew", "ledger: it holds a password"},
		"ledger whose setting is one":      {"ledger: postgres://db/curfew?password=hunter2", "ledger: it holds a password"},
		"ledger whose URL can not be read": {"ledger: env:BAD_LEDGER", "ledger: the URL of the PostgreSQL database: "},
		"ledger with a wrong setting":      {"ledger: postgres://u@db/curfew?sslmode=maybe", "sslmode"},
		"ledger that is not there":         {"ledger: env:NOWHERE", "ledger: the secret is not there: the variable NOWHERE is not set"},
		"ledger of another database":       {"ledger: env:PLAIN", "ledger: the URL of the PostgreSQL database begins with postgres://"},
		"ledger in no directory":           {"ledger: sqlite:nowhere/curfew.db", "ledger: the directory "},
		"lease of an unknown kind":         {"lease: etcd", "lease: want memory"},
		"policies that are no directory":   {"policies: curfew.yaml", "is not a directory"},
		"policies that are not there":      {"policies: nowhere", "nowhere is not there; make it"},
		"policies that are a list":         {"policies: [a]", "policies: want a directory"},
		"policies of an unknown kind":      {"policies: {git: {url: hunter2}}", "policies: want a directory, or one key: {bundle: "},
		"a bundle that is a text":          {"policies: {bundle: hunter2}", "policies: want a directory, or one key: {bundle: "},
		"a bundle from nowhere":            {"policies: {bundle: {poll: 5s}}", "policies.bundle: want one of url and file"},
		"a bundle from two places":         {"policies: {bundle: {url: 'https://x/', file: a}}", "policies.bundle: want one of url and file"},
		"a bundle with an unknown key":     {bundleOf(", colour: red"), "policies.bundle.colour: there is no such key"},
		"a bundle with a key twice":        {bundleOf(", poll: 5s, poll: 6s"), "poll: the key stands twice"},
		"a bundle with a number":           {bundleOf(", poll: 5"), "policies.bundle.poll: want a text, not a number"},
		"a bundle with a bad poll":         {bundleOf(", poll: soon"), `policies.bundle.poll: "soon" is not a length of time`},
		"a bundle that is polled too fast": {bundleOf(", poll: 1ms"), "policies.bundle: the poll 1ms is not between"},
		"a bundle of no URL":               {"policies: {bundle: {url: 'ftp://x/hunter2'}}", "policies.bundle: the URL is not an absolute http or https URL"},
		"a bundle with a literal token":    {bundleOf(", token: hunter2"), "policies.bundle.token: a secret does not stand in the configuration itself"},
		"a bundle whose token is missing":  {bundleOf(", token: env:NOWHERE"), "policies.bundle.token: the secret is not there"},
		"a bundle whose token has a space": {bundleOf(", token: env:SPACE"), "policies.bundle: the token holds a character"},
		"a file with a token":              {"policies: {bundle: {file: a, token: env:TOKEN}}", "policies.bundle: token and timeout are for a url"},
		"a bundle with a literal key":      {bundleOf(", key: hunter2"), "policies.bundle.key: a secret does not stand in the configuration itself"},
		"a bundle whose key is none":       {bundleOf(", key: env:PLAIN"), "policies.bundle.key: the key for RS256 is no public key in PEM"},
		"a bundle with a bad algorithm":    {bundleOf(", key: env:PLAIN, algorithm: none"), `policies.bundle.key: there is no algorithm "none"`},
		"a scope without a key":            {bundleOf(", scope: write"), "policies.bundle.key: it is missing"},
		"a cache in no directory":          {bundleOf(", cache: nowhere/x"), "policies.bundle.cache: the directory "},
		"a cache that is a directory":      {bundleOf(", cache: ."), "is not a file"},
		"a token without name":             {"auth: {tokens: [{subject: 'service:ci', secret: env:TOKEN}]}", "auth.tokens[0].name: it is missing"},
		"a token without secret":           {"auth: {tokens: [{name: ci, subject: 'service:ci'}]}", "auth.tokens[0].secret: it is missing"},
		"a token of nobody":                {"auth: {tokens: [{name: ci, subject: ci, secret: env:TOKEN}]}", "auth.tokens[0].subject: "},
		"a token in a bad group":           {token(", groups: [' a']"), "auth.tokens[0].groups[0]: "},
		"a token that is not there":        {"auth: {tokens: [{name: ci, subject: 'service:ci', secret: env:NOWHERE}]}", "auth.tokens[0].secret: the secret is not there: the variable NOWHERE is not set"},
		"a token that is empty":            {"auth: {tokens: [{name: ci, subject: 'service:ci', secret: env:EMPTY}]}", "auth.tokens[0].secret: "},
		"a token that is short":            {"auth: {tokens: [{name: ci, subject: 'service:ci', secret: env:SHORT}]}", "auth.tokens[0].secret: it has 5 characters"},
		"a token that no header can hold":  {"auth: {tokens: [{name: ci, subject: 'service:ci', secret: env:SPACE}]}", "auth.tokens[0].secret: it holds a space"},
		"two tokens of one name": {
			"auth: {tokens: [{name: ci, subject: 'a:a', secret: env:TOKEN}, {name: ci, subject: 'b:b', secret: env:PLAIN}]}",
			`auth.tokens[1].name: "ci" is auth.tokens[0] already`,
		},
		"two tokens of one secret": {
			"auth: {tokens: [{name: a, subject: 'a:a', secret: env:TOKEN}, {name: b, subject: 'b:b', secret: env:TOKEN}]}",
			"auth.tokens[1].secret: it is the secret of auth.tokens[0]",
		},
		"a literal token":              {"auth: {tokens: [{name: ci, subject: 'service:ci', secret: hunter2-hunter2-hunter2}]}", "auth.tokens[0].secret: a secret does not stand in the configuration itself; put it into a file"},
		"a literal webhook secret":     {"targets: [{name: t, webhook: {url: 'http://127.0.0.1/', secret: whsec_hunter2}}]", "targets[0].webhook.secret: a secret does not stand"},
		"a literal Authorization":      {target(", headers: {Authorization: Bearer hunter2}"), "targets[0].webhook.headers.Authorization: a secret does not stand"},
		"a header of the message's":    {target(", headers: {Webhook-Id: a}"), `targets[0].webhook.headers: header "Webhook-Id" can not be set`},
		"a webhook secret of no form":  {"targets: [{name: t, webhook: {url: 'http://127.0.0.1/', secret: env:PLAIN}}]", "targets[0].webhook.secret: signing secret 1 of 1 does not begin with whsec_"},
		"a previous secret of no form": {target(", previous_secrets: [env:PLAIN]"), "targets[0].webhook.secret: signing secret 2 of 2 "},
		"a target without webhook":     {"targets: [{name: t}]", "targets[0].webhook: it is missing"},
		"a target without name":        {"targets: [{webhook: {url: 'http://127.0.0.1/', secret: env:WEBHOOK}}]", "targets[0].name: "},
		"a target without URL":         {"targets: [{name: t, webhook: {secret: env:WEBHOOK}}]", "targets[0].webhook.url: the URL is missing"},
		"two targets of one name":      {"targets: [{name: t, webhook: {url: 'http://a/', secret: env:WEBHOOK}}, {name: t, webhook: {url: 'http://b/', secret: env:WEBHOOK}}]", `targets[1].name: "t" is targets[0] already`},
		"a timeout that is a number":   {target(", timeout: 15"), `targets[0].webhook.timeout: "15" is not a length of time`},
		"a timeout that is too long":   {target(", timeout: 1h"), "targets[0].webhook.timeout: the timeout 1h0m0s"},
		"a max_lag below zero":         {target(", max_lag: -1s"), "targets[0].webhook.max_lag: "},
		"retries the wrong way round":  {target(", retry_first: 1m, retry_cap: 1s"), "targets[0].webhook.retry_first: "},
		"confirm of an unknown kind":   {target(", confirm: hope"), `targets[0].webhook.confirm: "hope" is not response`},
		"people that are not there":    {"people: nowhere.yaml", "nowhere.yaml: "},
		"resources that are not there": {"resources: nowhere.yaml", "nowhere.yaml: "},
		"a rota that is not there":     {"oncall: {rota: nowhere.yaml}", "nowhere.yaml: "},
		"a token of another address":   {"people: people.yaml\nauth: {tokens: [{name: a, subject: 'user:A.L@example.com', secret: env:T}]}", "auth.tokens[0].subject: it is an address of user:alice@example.com "},
		"people with an unknown key":   {"people: bad.yaml", "bad.yaml: nonsense: there is no such key"},
		"a rota with an unknown key":   {"oncall: {rota: bad.yaml}", "bad.yaml: nonsense: there is no such key"},
		"resources with faults":        {"resources: resources.yaml", "resources.yaml: unknown_target: /resources/0/entitlements/0/target: "},
		"resources with bad durations": {"resources: durations.yaml", "durations.yaml: /resources/0/entitlements/0/durations/1: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tc.config, "bad.yaml", "nonsense: 1",
				"people.yaml", "people: [{subject: 'user:alice@example.com', emails: [a.l@example.com]}]",
				"resources.yaml", "resources: [{type: a, id: b, entitlements: [{action: c, durations: [2h], target: hunter2}]}]",
				"durations.yaml", "resources: [{type: a, id: b, entitlements: [{action: c, durations: [2h, later, 2d], target: t}]}]")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
			if err != nil && strings.Contains(strings.ReplaceAll(err.Error(), `no target "hunter2"`, ""), "hunter2") {
				t.Errorf("a value that may be a secret is printed: %v", err)
			}
		})
	}
}

func TestWhatIsNotOfferedYetIsSaidPlainly(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"auth: {oidc: {issuer: 'https://x/hunter2'}}": "auth.oidc",
	}
	for config, place := range cases {
		_, err := load(t, config)
		wantFault(t, err, place+": not offered by this release yet; ")
	}
}

func TestAllFaultsAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, strings.Join([]string{
		"colour: red", "listen: nowhere", "ledger: mysql://x", "lease: redis://x:y", "slack: {url: x}",
		"auth: {tokens: [{}], oidc: {}}", "targets: [{name: a}, {name: b, webhook: {url: ftp://x, timeout: soon, rate: fast}}]",
		"people: nowhere.yaml", "resources: elsewhere.yaml",
	}, "\n"))
	for _, want := range []string{
		"colour: ", "listen: ", "ledger: ", "lease: ", "slack: ", "slack.bot_token: ", "slack.url: ", "auth.oidc: ", "auth.tokens[0].name: ", "auth.tokens[0].subject: ",
		"auth.tokens[0].secret: ", "targets[0].webhook: ", "targets[1].webhook.url: ", "targets[1].webhook.timeout: ",
		"targets[1].webhook.secret: ", "targets[1].webhook.rate: ", "nowhere.yaml: ", "elsewhere.yaml: ",
	} {
		if !slices.ContainsFunc(strings.Split(fmt.Sprint(err), "\n"), func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line begins with %q in:\n%v", want, err)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, target("")+"\n"+token(""))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:8080" || cfg.ExternalURL != "http://127.0.0.1:8080" || cfg.PoliciesDir != "" ||
		cfg.LedgerPath != filepath.Join(filepath.Dir(cfg.Path), "curfew.db") || len(cfg.Warnings) != 0 || cfg.HasSeed {
		t.Errorf("got %+v", cfg)
	}
	got := cfg.Targets[0].engine()
	if got.Deadline != 15*time.Second || got.Retry.First != time.Second || got.Retry.Cap != 5*time.Minute || got.MaxLag != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestLedgerIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"env:LEDGER": "postgres://db:5432/curfew", "postgres://u@db/curfew?sslmode=disable": "postgres://db/curfew", "sqlite:/x.db": "/x.db",
	} {
		cfg, err := load(t, "ledger: "+text)
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.ledgerName(); got != want {
			t.Errorf("%s is named %s, want %s", text, got, want)
		}
		if got := fmt.Sprintf("%v %+v", cfg, cfg); strings.Contains(got, "hunter2") {
			t.Errorf("%s: the configuration prints as %s", text, got)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, target(", headers: {Authorization: env:TOKEN}")+"\n"+token(""))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(cfg.Tokens)
	if err != nil {
		t.Fatal(err)
	}
	ref := secretRef(testToken)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg), string(asJSON), string(asYAML), cfg.Tokens[0].Secret.LogValue().String(),
		fmt.Sprintf("%v %s %q %#v %x", ref, ref, ref, ref, ref), fmt.Sprintf("%+v", configFile{Targets: []targetEntry{{Webhook: &webhookEntry{Secret: ref}}}}),
	} {
		if strings.Contains(text, testToken) || strings.Contains(text, testWebhook) || strings.Contains(text, fmt.Sprintf("%x", testToken)) {
			t.Errorf("a secret is printed: %s", text)
		}
	}
	if cfg.Tokens[0].Secret.Reveal() != testToken {
		t.Error("the secret is not the one that was configured")
	}
}

func TestTargetWithoutItsSecretIsLeftOut(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "targets: [{name: t, webhook: {url: 'http://127.0.0.1/', secret: file:nowhere, previous_secrets: [env:NOWHERE]}}]")
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Targets) != 0 || len(cfg.Missing) != 1 || !errors.Is(cfg.Missing[0], errSecretMissing) {
		t.Errorf("got targets %v, missing %v", cfg.Targets, cfg.Missing)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ config, want string }{
		"tokens in clear":  {token("") + "\nlisten: 0.0.0.0:8080", "listen: 0.0.0.0:8080 is open to the network without TLS"},
		"on every address": {token("") + "\nlisten: ':8080'", "without TLS"},
		"TLS in front":     {token("") + "\nlisten: 0.0.0.0:8080\nexternal_url: https://curfew.example.com", ""},
		"IPv6 loopback":    {token("") + "\nlisten: '[::1]:8080'", ""},
		"no tokens":        {"lease: memory", "auth.tokens: there are none"},
		"others may read":  {"auth: {tokens: [{name: ci, subject: 'a:a', secret: file:open}]}", "auth.tokens[0].secret: others may read "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			err := errors.Join(write(filepath.Join(dir, "c.yaml"), tc.config), write(filepath.Join(dir, "open"), testToken),
				os.Chmod(filepath.Join(dir, "open"), 0o640))
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := loadConfig(filepath.Join(dir, "c.yaml"), env)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(cfg.Warnings, "\n"); !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestGroupsOfTokens(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, `auth:
  tokens:
    - {name: a, subject: "user:Alice@Example.com", groups: [x], secret: env:TOKEN}
    - {name: b, subject: "user:alice@example.com", groups: [y], secret: env:PLAIN}
    - {name: c, subject: "service:ci", groups: [], secret: file:c}
    - {name: d, subject: "service:silent", secret: file:d}`, "c", testToken+"c", "d", testToken+"d")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(cfg.tokenPersons()); got != "[{user:alice@example.com [] [x y]  } {service:ci [] []  }]" {
		t.Errorf("got %s", got)
	}
}

func TestExamplesLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := copyExamples(dir); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "examples", "*", "curfew.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range found {
		vars, err := provideSecrets(path)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := loadConfig(path, func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if len(cfg.Missing)+len(cfg.Warnings) > 0 {
			t.Errorf("%s: %v %v", path, cfg.Missing, cfg.Warnings)
		}
		if _, err := checkPolicies(t.Context(), cfg); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
