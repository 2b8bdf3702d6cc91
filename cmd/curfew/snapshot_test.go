package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// What YAML reads as something that JSON has not is no text that anybody wrote.
func TestYAMLThatJSONCanNotHoldIsSaidWithItsLine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ value, want string }{
		"a date":              {"2024-01-01", ":3: it holds a date or a time; write it as a string, in quotes"},
		"a time within lists": {"[{a: [2024-01-01T00:00:00Z]}]", ":3: it holds a date or a time"},
		"no number":           {".nan", ":3: it can not be written as JSON"},
		"a key that is none":  {"{1: a}", ":3: it can not be written as JSON"},
	} {
		path := filepath.Join(t.TempDir(), "a.yaml")
		if err := write(path, "resources:\n  - {type: customer, id: acme}\n  - {type: customer, id: globex, properties: {since: "+tc.value+"}}\n"); err != nil {
			t.Fatal(err)
		}
		address, got := syncGateway(t, 200, noChange)
		code, _, errs := typed(t, address, "", "resources", "sync", "--source", "crm", path)
		if code != exitUsage || !strings.Contains(errs, "a.yaml"+tc.want) || got.path != "" {
			t.Errorf("%s: it exits with %d, and prints %s", name, code, errs)
		}
	}
	address, got := syncGateway(t, 200, noChange)
	if code, _, errs := typed(t, address, "resources:\n- {since: \"2024-01-01\"}\n", "resources", "sync", "--source", "crm", "-"); code != exitOK || !strings.Contains(got.body, `"2024-01-01"`) {
		t.Errorf("in quotes: %d, %s, %s", code, errs, got.body)
	}
}
