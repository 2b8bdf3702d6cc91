// Package policyrepo_test runs the steps of examples/policy-repo, as its README
// says that a team does, and shows that each of them can fail.
package policyrepo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/curfew-access/curfew/tests/tool"
)

// curfew is the program, built once.
var curfew string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "curfew-policyrepo-")
	curfew = filepath.Join(dir, "curfew")
	if err == nil {
		build := exec.Command("go", "build", "-o", curfew, "./cmd/curfew")
		build.Dir, build.Stderr = "../..", os.Stderr
		err = build.Run()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func TestEveryStepPasses(t *testing.T) {
	t.Parallel()
	out, err := newRepo(t).make("all")
	if err != nil {
		t.Fatalf("make all: %v\n%s", err, out)
	}
	order := regexp.MustCompile(`(?s)fmt --fail.* check --strict.* test --coverage --threshold 100.* lint `)
	if !order.MatchString(out) {
		t.Errorf("make all runs\n%s", out)
	}
}

// steps are what a change passes through, in their order.
var steps = []string{"fmt", "check", "test", "lint"}

func TestEachStepFindsAPlantedFault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step       string
		file       string
		old, fault string // old is replaced; "" appends
		want       string // in what the step prints
	}{
		"a file that is not formatted": {"fmt", "access/access.rego", "\t_on_call\n", "  _on_call\n", "access/access.rego"},
		"a member that the input does not have": {"check", "access/access.rego", "", "\nunused if input.subject.propertys.groups_known\n",
			"input.subject.propertys"},
		"a member that a check does not have": {"check", "check/check.rego", "input.grants[0]", "input.grant[0]", "input.grant"},
		"a function that the library does not have": {"check", "access/access.rego", "oncall.refs(", "oncall.names(",
			"undefined function data.curfew.lib.oncall.names"},
		"a setting that does not exist": {"check", "data.yaml", "quorum: 2", "quorom: 2", "data.curfew.config.review.quorom is no setting"},
		"another machine's answer": {"check", "access/access.rego", "",
			"\n_weather := http.send({\"method\": \"get\", \"url\": \"https://example.com\"})\n", "http.send"},
		"a rule that no test comes to": {"test", "access/access.rego", "", "\nunused if input.action.name == \"never\"\n",
			"access/access.rego:164: no test comes here"},
		"a test that fails":           {"test", "freeze/freeze.rego", "_last <=", "_last <", "over when it begins: FAIL"},
		"data that breaks a rule":     {"test", "data.yaml", "leads: payments-leads ", "lead: payments-leads ", "test_data_is_complete"},
		"what Regal has a rule about": {"lint", "access/access.rego", "", "\nUnused if true\n", "prefer-snake-case"},
		"a rule without METADATA":     {"lint", "access/access.rego", "", "\nunused if true\n", "missing-metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			r.plant(tc.file, tc.old, tc.fault)
			out, err := r.make(tc.step)
			if err == nil || !strings.Contains(out, tc.want) {
				t.Errorf("make %s: %v; %q is not in\n%s", tc.step, err, tc.want, out)
			}
		})
	}
}

// What runs for a change must be what runs here, by the same tools.
func TestWorkflowRunsTheSameSteps(t *testing.T) {
	t.Parallel()
	var workflow struct {
		Env  map[string]string
		Jobs map[string]struct {
			Steps []struct{ Uses, Run string }
		}
	}
	text := read(t, filepath.Join(example(t), ".github", "workflows", "policy.yml"))
	if err := yaml.Unmarshal([]byte(text), &workflow); err != nil {
		t.Fatal(err)
	}
	var ran []string
	for _, step := range workflow.Jobs["policy"].Steps {
		if target, ok := strings.CutPrefix(step.Run, "make "); ok {
			ran = append(ran, target)
		}
		if step.Uses != "" && !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(step.Uses) {
			t.Errorf("%s is not pinned by its commit", step.Uses)
		}
	}
	if got, want := strings.Join(ran, " "), strings.Join(steps, " ")+" bundle"; got != want {
		t.Errorf("the workflow makes %s, want %s", got, want)
	}
	for variable, pin := range map[string]struct{ file, module string }{
		"OPA_VERSION":   {"tools/go.mod", "github.com/open-policy-agent/opa"},
		"REGAL_VERSION": {"tools/regal/go.mod", "github.com/open-policy-agent/regal"},
	} {
		want := pin.module + " " + workflow.Env[variable]
		if workflow.Env[variable] == "" || !strings.Contains(read(t, filepath.Join(tool.Root(t), pin.file)), want) {
			t.Errorf("%s is %q, which %s does not pin", variable, workflow.Env[variable], pin.file)
		}
	}
}

// repo is a copy of the example, with the programs that its Makefile needs.
type repo struct {
	t     *testing.T
	dir   string
	tools []string
}

func newRepo(t *testing.T) repo {
	t.Helper()
	r := repo{t: t, dir: filepath.Join(t.TempDir(), "repo"), tools: []string{
		"OPA=" + tool.Path(t, "opa"), "REGAL=" + tool.Path(t, "regal"), "CURFEW=" + curfew,
	}}
	if err := os.CopyFS(r.dir, os.DirFS(example(t))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(r.dir, ".curfew")); err != nil { // of somebody who tried it
		t.Fatal(err)
	}
	return r
}

func (r repo) make(args ...string) (string, error) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "make", append(append([]string{"--no-print-directory"}, r.tools...), args...)...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// plant replaces the first old in a file; without old it appends.
func (r repo) plant(file, old, fault string) {
	r.t.Helper()
	path := filepath.Join(r.dir, file)
	text := read(r.t, path)
	switch {
	case old == "":
		text += fault
	case !strings.Contains(text, old):
		r.t.Fatalf("%q is not in %s", old, file)
	default:
		text = strings.Replace(text, old, fault, 1)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func example(t *testing.T) string {
	t.Helper()
	return filepath.Join(tool.Root(t), "examples", "policy-repo")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
