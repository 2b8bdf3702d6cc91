package main

import (
	"strings"
	"testing"
)

func TestCallbacksAreConfiguredWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, fault string }{
		"nothing":                      {"listen: 127.0.0.1:0", ""},
		"an empty entry":               {"access_request: {}", ""},
		"a secret and its hosts":       {"access_request: {callback_secret: env:WEBHOOK, callback_hosts: [agents.example.com, '10.0.0.5:8443']}", ""},
		"all public hosts":             {"access_request: {callback_secret: env:WEBHOOK, callback_hosts: ['*']}", ""},
		"a secret without hosts":       {"access_request: {callback_secret: env:WEBHOOK}", "access_request: no host is listed"},
		"hosts without a secret":       {"access_request: {callback_hosts: ['*']}", "access_request.callback_secret: it is missing"},
		"a secret that stands there":   {"access_request: {callback_secret: whsec_hunter2, callback_hosts: ['*']}", "access_request.callback_secret: a secret does not stand"},
		"a secret of no form":          {"access_request: {callback_secret: env:PLAIN, callback_hosts: ['*']}", "access_request: signing secret 1 of 1 does not begin with whsec_"},
		"a previous secret of no form": {"access_request: {callback_secret: env:WEBHOOK, callback_previous_secrets: [env:NOWHERE], callback_hosts: ['*']}", "access_request.callback_previous_secrets[0]: "},
		"a host that is none":          {"access_request: {callback_secret: env:WEBHOOK, callback_hosts: ['https://x.example.com']}", "access_request: "},
		"a key that there is not":      {"access_request: {callbacks: true}", "access_request.callbacks: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, tc.text)
			switch {
			case tc.fault == "" && err != nil:
				t.Fatal(err)
			case tc.fault != "" && (err == nil || !strings.Contains(err.Error(), tc.fault) || strings.Contains(err.Error(), "hunter2")):
				t.Fatalf("got %v, want %q", err, tc.fault)
			case tc.fault == "" && (cfg.Callbacks != nil) != strings.Contains(tc.text, "secret"):
				t.Fatalf("callbacks are %v", cfg.Callbacks)
			}
		})
	}
}
