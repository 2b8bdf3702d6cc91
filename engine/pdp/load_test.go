package pdp_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

const yes = `{"code": "team", "title": "The team says so"}`

func TestTeamsDirectoryOverlaysTheLibrary(t *testing.T) {
	for name, tc := range map[string]struct {
		files  map[string]string
		effect access.Effect
		codes  string
	}{
		"none of its own":                 {nil, access.Deny, "team_unknown"},
		"data alone":                      {map[string]string{"data.yaml": teams}, access.Allow, "on_call"},
		"data as JSON":                    {map[string]string{"data.json": `{"teams": {"payments": {"schedules": ["payments-primary"]}}}`}, access.Allow, "on_call"},
		"data in a directory of its name": {map[string]string{"teams/payments/data.yml": `schedules: [payments-primary]`}, access.Allow, "on_call"},
		"data in two files": {map[string]string{
			"data.yaml": teams, "more.yaml": `teams: {legal: {group: legal}}`, "empty.yaml": "# nothing yet\n",
		}, access.Allow, "on_call"},
		"another setting": {map[string]string{
			"data.yaml": teams + "\ncurfew: {config: {restricted_tiers: [gold]}}",
		}, access.Review, "restricted_review"},
		"allow of its own, and the shipped one is gone": {map[string]string{
			"data.yaml": teams, "access/access.rego": "package access\nallow contains " + yes + ` if input.action.name == "other"`,
		}, access.Deny, "no_rule_applies"},
		"allow of its own": {map[string]string{"any.rego": "package access\nallow contains " + yes}, access.Allow, "team"},
		"allow of its own, in two files": {map[string]string{
			"a.rego": "package access\nallow contains " + yes,
			"b.rego": "package access\ndeny contains " + yes + " if not data.helper.ok",
			"c.rego": "package helper\nok if input.action.name == \"debug\"",
		}, access.Allow, "team"},
		"a decision of its own": {map[string]string{
			"any.rego": "package access\ndecision := {\"effect\": \"deny\", \"reasons\": [" + yes + "]}",
		}, access.Deny, "team"},
		"with the help of the library": {map[string]string{
			"data.yaml": teams,
			"any.rego": `# METADATA
# schemas:
#   - input: schema.access
package access

import data.curfew.lib.oncall
import data.curfew.lib.reason

# METADATA
# title: Covered
# custom: {code: covered}
allow contains reason.of(rego.metadata.rule()) if {
	print("looking at", input.subject.id)
	count(oncall.shifts_for(data.teams.payments)) > 0
}`,
		}, access.Allow, "covered"},
		"no rule in the package": {map[string]string{"data.yaml": teams, "any.rego": "package access"}, access.Allow, "on_call"},
		"tests, hidden files, schemas and others are not loaded": {map[string]string{
			"data.yaml": teams, "access/access_test.rego": "package access_test\nbroken", ".hidden.yaml": "[", ".git/x.rego": "broken",
			"README.md": "broken", "schemas/access.json": `{"type": "object", "properties": {"mine": {"type": "string"}}}`,
		}, access.Allow, "on_call"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := open(t, tc.files).Decide(t.Context(), ask(nil))
			if d.Effect != tc.effect || codes(d) != tc.codes || err != nil {
				t.Errorf("got %s for %q and %v, want %s for %q", d.Effect, codes(d), err, tc.effect, tc.codes)
			}
		})
	}
}

// Sources are called what a team calls them, so what is said of them is not among
// the shipped settings.
func TestSyncersOfASourceAreTheTeamsToName(t *testing.T) {
	p := open(t, map[string]string{"data.yaml": "curfew: {config: {sources: {crm: {syncers: [crm-jobs]}}}}"})
	for source, want := range map[string]bool{"crm": true, "aws": false} {
		allowed, err := p.Allow(t.Context(), access.APIInput{
			Actor:     access.InputSubject{Type: "service", ID: "job", Properties: access.SubjectProperties{Groups: []string{"crm-jobs"}, GroupsKnown: true}},
			Operation: "resource.sync", Object: access.APIObject{Source: &source},
		})
		if err != nil || allowed.Allowed != want {
			t.Errorf("%s: got %+v, %v; want %v", source, allowed, err, want)
		}
	}
}

func TestFaultsOfPoliciesAreReported(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"does not parse":        {map[string]string{"a.rego": "package access\nallow contains"}, []string{"a.rego:2"}},
		"old Rego":              {map[string]string{"a.rego": "package access\nallow[x] { x := 1 }"}, []string{"a.rego:2"}},
		"does not compile":      {map[string]string{"a.rego": "package access\nallow contains x"}, []string{"a.rego:2", "unsafe"}},
		"unused import":         {map[string]string{"a.rego": "package a\nimport data.teams\nx := 1"}, []string{"a.rego:2", "unused"}},
		"unused variable":       {map[string]string{"a.rego": "package a\nx if y := 1"}, []string{"a.rego:2", "unused"}},
		"a fault in every file": {map[string]string{"a.rego": "broken", "b.rego": "broken", "c.yaml": "["}, []string{"a.rego:1", "b.rego:1", "c.yaml"}},
		"two faults in one":     {map[string]string{"a.rego": "package a\nx := y\nz := w"}, []string{"a.rego:2", "a.rego:3"}},
		"the library's package": {map[string]string{"a.rego": "package curfew.lib.oncall\nx := 1"}, []string{"a.rego:1", "curfew"}},
		"above it":              {map[string]string{"a.rego": "package curfew\nlib.oncall.x := 1"}, []string{"a.rego:1", "curfew"}},
		"data of the library":   {map[string]string{"a.yaml": "curfew: {lib: {oncall: {known: true}}}"}, []string{"data.curfew.lib is no setting"}},
		"a misspelled setting":  {map[string]string{"a.yaml": "curfew: {config: {restricted: [gold]}}"}, []string{"data.curfew.config.restricted is no setting"}},
		"a setting of another kind": {map[string]string{"a.yaml": "curfew: {config: {oncall: {max_level: \"2\"}, restricted_tiers: gold}}"},
			[]string{"data.curfew.config.oncall.max_level is a string, and must be a number", "data.curfew.config.restricted_tiers is a string"}},
		"settings gone":          {map[string]string{"a.yaml": "curfew: null"}, []string{"data.curfew is null, and must be an object"}},
		"data that is no object": {map[string]string{"a.yaml": "[1]"}, []string{"a.yaml", "an array"}},
		"data stated twice":      {map[string]string{"a.yaml": "x: {y: 1}", "b.yaml": "x: {y: 2}"}, []string{"b.yaml", "data.x.y"}},
		"data in place of rules": {map[string]string{"a.yaml": "access: {allow: [1]}"}, []string{"access/allow", "conflict"}},
		"a misspelled input": {map[string]string{"a.rego": "# METADATA\n# schemas:\n#   - input: schema.access\npackage access\nallow contains \"x\" if input.subject.name"},
			[]string{"a.rego:5", "input.subject.name"}},
		"an unknown schema": {map[string]string{"a.rego": "# METADATA\n# schemas:\n#   - input: schema.other\npackage access\nallow contains \"x\" if input.subject"},
			[]string{"schema.other"}},
		"a schema that opens a file": {map[string]string{"schemas/a.json": `{"properties": {"x": {"$ref": "file:///etc/hosts"}}}`},
			[]string{"a.json", "refer only to itself"}},
		"an annotation that opens a file": {map[string]string{"a.rego": "# METADATA\n# schemas:\n#   - input: {\"$ref\": \"file:///etc/hosts\"}\npackage access\nallow contains \"x\" if input.subject"},
			[]string{"a.rego", "refer only to itself"}},
		"a schema that does not parse":      {map[string]string{"schemas/a.json": "{"}, []string{"a.json"}},
		"no entry point":                    {map[string]string{"a.rego": "package api\npermit := true"}, []string{"there is no rule data.api.allow"}},
		"an entry point that is a function": {map[string]string{"a.rego": "package api\nallow(_) := true"}, []string{"data.api.allow"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: team(t, tc.files)})
			if err == nil {
				t.Fatal("there is no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
	t.Run("no such directory", func(t *testing.T) {
		missing := filepath.Join(t.TempDir(), "missing")
		if _, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: missing}); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no library", func(t *testing.T) {
		if _, err := pdp.Open(t.Context(), pdp.Config{}); err == nil ||
			!strings.Contains(err.Error(), "data.access.decision") || !strings.Contains(err.Error(), "data.api.allow") {
			t.Errorf("got %v", err)
		}
	})
}

func TestBuiltInThatIsNoFunctionOfItsArgumentsIsACompileError(t *testing.T) {
	for name, call := range map[string]string{
		"http.send":             `http.send({"method": "get", "url": "http://127.0.0.1/"})`,
		"net.lookup_ip_addr":    `net.lookup_ip_addr("example.com")`,
		"rand.intn":             `rand.intn("x", 10)`,
		"uuid.rfc4122":          `uuid.rfc4122("x")`,
		"time.now_ns":           `time.now_ns()`,
		"opa.runtime":           `opa.runtime()`,
		"io.jwt.encode_sign":    `io.jwt.encode_sign({}, {}, {})`,
		"io.jwt.decode_verify":  `io.jwt.decode_verify("", {})`,
		"x509.parse_and_verify": `crypto.x509.parse_and_verify_certificates("")`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := team(t, map[string]string{"a.rego": "package a\nx := " + call})
			_, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: dir})
			if err == nil || !strings.Contains(err.Error(), "undefined function") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRevisionIsOfTheLoadedFiles(t *testing.T) {
	files := func() map[string]string { return map[string]string{"data.yaml": teams, "a.rego": "package a\nx := 1"} }
	base := open(t, files()).Revision()
	for name, tc := range map[string]struct {
		path, content string
		same          bool
	}{
		"the same files elsewhere": {"data.yaml", teams, true},
		"a test":                   {"a_test.rego", "package a_test\ntest_a if true", true},
		"a note":                   {"README.md", "Hello", true},
		"other data":               {"data.yaml", teams + "\n", false},
		"one more file":            {"b.rego", "package b\nx := 1", false},
		"a replaced package":       {"api.rego", "package api\nallow := false", false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := files()
			changed[tc.path] = tc.content
			if got := open(t, changed).Revision(); (got == base) != tc.same {
				t.Errorf("%s and %s", got, base)
			}
		})
	}
	t.Run("the same content under another name", func(t *testing.T) {
		renamed := files()
		delete(renamed, "a.rego")
		renamed["b.rego"] = "package a\nx := 1"
		if open(t, renamed).Revision() == base {
			t.Error("the revision is the same")
		}
	})
}

func TestWhatWasLoadedIsLogged(t *testing.T) {
	var out bytes.Buffer
	dir := team(t, map[string]string{"a.rego": "package api\nallow := false"})
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: dir, Log: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{p.Revision(), "replaced=[data.api]"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, out.String())
		}
	}
}

func TestFilesOfAMountedVolumeAreLoadedOnce(t *testing.T) {
	library := fstest.MapFS{
		"..2026/a.rego": {Data: []byte("broken")},
		"a.rego":        {Data: []byte("package access\ndecision := {\"effect\": \"deny\", \"reasons\": [" + yes + "]}")},
		"b.rego":        {Data: []byte("package api\nallow := false")},
		"c.rego":        {Data: []byte("package check\ndecision := {\"decision\": false, \"reason\": \"closed\"}")},
	}
	if _, err := pdp.Open(t.Context(), pdp.Config{Library: library}); err != nil {
		t.Error(err)
	}
}

func TestQuickstartPolicies(t *testing.T) {
	p, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: "../../examples/quickstart/policies"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		group, owner, tier string
		onCall             bool
		want               string
	}{
		"alice at acme":    {"payments", "payments", "gold", true, "on_call"},
		"alice at initech": {"payments", "payments", "restricted", true, "restricted_review"},
		"alice at globex":  {"payments", "platform", "silver", true, "not_on_call_nor_in_team"},
		"bob at acme":      {"security", "payments", "gold", false, "not_on_call_nor_in_team"},
		"carol at globex":  {"platform", "platform", "silver", false, "team_review"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := p.Decide(t.Context(), ask(func(in *access.Input) {
				in.Subject.Properties.Groups = []string{tc.group}
				in.Resource.Properties = map[string]any{"owner": tc.owner, "tier": tc.tier}
				if !tc.onCall {
					in.Context.OnCall.Shifts = nil
				}
			}))
			if codes(d) != tc.want || err != nil {
				t.Errorf("got %s for %q and %v, want %s", d.Effect, codes(d), err, tc.want)
			}
		})
	}
}
