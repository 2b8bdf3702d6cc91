package pdp_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

func TestRestIsWhatTheTeamDoesNotReplace(t *testing.T) {
	library := []string{"curfew/lib/oncall/oncall.rego", "curfew/lib/oncall/oncall_test.rego", "schemas/access.jsonschema", "data.json"}
	for name, tc := range map[string]struct {
		files          map[string]string
		present, never []string
	}{
		"data alone": {
			map[string]string{"data.yaml": teams},
			[]string{"access/access.rego", "access/access_test.rego", "access/decision.rego", "api/api.rego", "check/check.rego"},
			[]string{"data.yaml"},
		},
		"rules for access: what builds the decision stays": {
			map[string]string{"access.rego": "package access\nallow contains {\"code\": \"x\"} if false"},
			[]string{"access/decision.rego", "api/api.rego", "api/api_test.rego"},
			[]string{"access/access.rego", "access/access_test.rego", "access.rego"},
		},
		"a decision of its own": {
			map[string]string{"access.rego": "package access\ndecision := {}"},
			[]string{"check/check.rego", "check/check_test.rego"},
			[]string{"access/decision.rego", "access/access.rego", "access/access_test.rego"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rest, err := pdp.Rest(policies.FS, team(t, tc.files))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range append(tc.present, library...) {
				if len(rest[path]) == 0 {
					t.Errorf("%s is not there", path)
				}
			}
			for _, path := range tc.never {
				if _, there := rest[path]; there {
					t.Errorf("%s is there", path)
				}
			}
		})
	}
}

func TestRestStatesNoValueThatTheTeamStates(t *testing.T) {
	dir := team(t, map[string]string{"data.yaml": "teams: {payments: {}}\ncurfew: {config: {restricted_tiers: [gold], review: {quorum: 2}}}"})
	rest, err := pdp.Rest(policies.FS, dir)
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Curfew struct{ Config map[string]any }
		Teams  map[string]any
	}
	if err := json.Unmarshal(rest["data.json"], &data); err != nil {
		t.Fatal(err)
	}
	config := data.Curfew.Config
	review, _ := config["review"].(map[string]any)
	if len(data.Teams) > 0 || config["restricted_tiers"] != nil || review["quorum"] != nil || review["groups"] == nil || config["oncall"] == nil {
		t.Errorf("the rest is %s", rest["data.json"])
	}
}

// What the tools see beside the directory is what the gateway would load.
func TestRestAndTheDirectoryTogetherAreThePoliciesInForce(t *testing.T) {
	dir := team(t, map[string]string{"data.yaml": teams, "access/access.rego": "package access\nallow contains {\"code\": \"x\"} if false"})
	rest, err := pdp.Rest(policies.FS, dir)
	if err != nil {
		t.Fatal(err)
	}
	whole := t.TempDir()
	for path, content := range rest {
		if err := os.MkdirAll(filepath.Join(whole, "rest", filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(whole, "rest", path), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pdp.Open(t.Context(), pdp.Config{Library: os.DirFS(filepath.Join(whole, "rest")), Dir: dir}); err != nil {
		t.Errorf("the rest is no library: %v\n%s", err, slices.Sorted(maps.Keys(rest)))
	}
}

func TestRestOfADirectoryWithFaultsIsAnError(t *testing.T) {
	for name, tc := range map[string]struct{ path, content, want string }{
		"does not parse":       {"a.rego", "package", "a.rego:1"},
		"a misspelled setting": {"data.yaml", "curfew: {config: {restricted: [gold]}}", "data.curfew.config.restricted is no setting"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := pdp.Rest(policies.FS, team(t, map[string]string{tc.path: tc.content})); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
