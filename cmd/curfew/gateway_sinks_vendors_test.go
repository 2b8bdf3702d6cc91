package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/tests/fake/splunk"
	"github.com/curfew-access/curfew/tests/fake/sumologic"
)

// withVendors has a home send its audit log to a Splunk and to a Sumo Logic.
func withVendors(t *testing.T, dir string, sp *splunk.Fake, token, sumoURL string) string {
	t.Helper()
	path := filepath.Join(dir, "curfew.yaml")
	err := errors.Join(write(filepath.Join(dir, "hec"), token), write(filepath.Join(dir, "sumo"), sumoURL), write(path, read(path)+fmt.Sprintf(`
sinks:
  - splunk: {url: '%s', token: file:hec, index: security, ack: true}
  - format: ocsf
    sumologic: {url: file:sumo, category: access/curfew}
`, sp.URL())))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestGatewayTellsSplunkAndSumoLogicOfItsStart(t *testing.T) {
	t.Parallel()
	sp := splunk.New(t, splunk.Config{Token: splunk.Token{Ack: true, Indexes: []string{"security"}}})
	sumo := sumologic.New(t, sumologic.Config{})
	serve(t, withVendors(t, home(t, okTarget(t)), sp, sp.Token(), sumo.URL()), options{})
	sp.Await(t, "the start is indexed", func(s splunk.State) bool {
		for _, e := range s.Index {
			if e.Fields["event_type"] == "gateway.started" && e.Index == "security" && bytes.Contains(e.Raw, []byte(e.Fields["event_id"])) {
				return true
			}
		}
		return false
	})
	sumo.Await(t, "the start is there", func(s sumologic.State) bool {
		for _, m := range s.Messages {
			if bytes.Contains(m.Text, []byte(`"event_code":"gateway.started"`)) && m.Category == "access/curfew" {
				return true
			}
		}
		return false
	})
}

func TestConfigCheckAsksSplunkAndSumoLogicWhenItIsTold(t *testing.T) {
	t.Parallel()
	sp := splunk.New(t, splunk.Config{Token: splunk.Token{Ack: true}})
	sumo := sumologic.New(t, sumologic.Config{})
	for name, tc := range map[string]struct {
		token, url, flag string
		code             int
		says             []string
	}{
		"good secrets":                   {sp.Token(), sumo.URL(), "--online", exitOK, []string{"ok: sinks: splunk, sumologic"}},
		"secrets that are not good":      {"nobody-gave-this", sumo.URL() + "x", "--online", exitFailed, []string{"set `token`", "set `url`"}},
		"those, and nobody is asked":     {"nobody-gave-this", sumo.URL() + "x", "--online=false", exitOK, []string{"ok: sinks: splunk, sumologic"}},
		"one that can not be a URL, too": {sp.Token(), "sumo", "--online=false", exitFailed, []string{"sinks[1].sumologic"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := withVendors(t, home(t, okTarget(t)), sp, tc.token, tc.url)
			var out bytes.Buffer
			code := run(t.Context(), []string{"config", "check", tc.flag, filepath.Join(dir, "curfew.yaml")}, stdio{
				In: strings.NewReader(""), Out: &out, Err: &out, LookupEnv: env,
			})
			if code != tc.code || strings.Contains(out.String(), tc.token) || strings.Contains(out.String(), sumo.Code()) {
				t.Errorf("exit %d\n%s", code, out.String())
			}
			for _, want := range tc.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("there is no %q in\n%s", want, out.String())
				}
			}
		})
	}
	if n := len(sp.State().Index) + len(sumo.State().Messages); n != 0 {
		t.Errorf("the check left %d events behind", n)
	}
}
