package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

func TestConfigCheckAsksPagerDutyWhenItIsTold(t *testing.T) {
	t.Parallel()
	vendor := fake.New(t, fake.Config{})
	for name, tc := range map[string]struct {
		key, flag string
		code      int
		says      string
	}{
		"a good key":                {vendor.Key(), "--online", exitOK, "ok: pagerduty: it takes the credential"},
		"a key that is not good":    {"u+nobody-gave-this", "--online", exitFailed, "PagerDuty does not take the credentials"},
		"that, and it is not asked": {"u+nobody-gave-this", "--online=false", exitOK, "ok: on call: PagerDuty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := onCallHome(t, "oncall: {pagerduty: {token: env:PAGERDUTY_KEY, url: '"+vendor.URL()+"'}}")
			var out bytes.Buffer
			code := run(t.Context(), []string{"config", "check", tc.flag, filepath.Join(dir, "curfew.yaml")}, stdio{
				In: strings.NewReader(""), Out: &out, Err: &out,
				LookupEnv: func(name string) (string, bool) {
					if name == "PAGERDUTY_KEY" {
						return tc.key, true
					}
					return env(name)
				},
			})
			if code != tc.code || !strings.Contains(out.String(), tc.says) || strings.Contains(out.String(), tc.key) {
				t.Errorf("exit %d\n%s", code, out.String())
			}
		})
	}
}
