package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// TestDocumentsShowWhatHappens runs what the README and docs/ show. In a console
// block, `alice$ …` is a command line that Alice types against a fresh
// quickstart, and what follows is what it prints, ids and times aside. A YAML
// block that begins with its file's name is loaded, and a Rego block compiles as
// a team's policy.
func TestDocumentsShowWhatHappens(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, path := range append(documents, "../../README.md") {
		blocks := fences(read(path))
		shown += len(blocks)
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			var console []string
			for _, b := range blocks {
				switch {
				case b.language == "console":
					console = append(console, b.text)
				case b.language == "rego":
					checkPolicy(t, map[string]string{"access/access.rego": b.text})
				case strings.HasPrefix(b.text, "# data.yaml\n"):
					checkPolicy(t, map[string]string{"data.yaml": b.text})
				case strings.HasPrefix(b.text, "# curfew.yaml\n"):
					checkConfig(t, b.text)
				}
			}
			if len(console) > 0 {
				checkConsole(t, console)
			}
		})
	}
	if shown < 8 {
		t.Fatalf("only %d blocks were found", shown)
	}
}

type fence struct{ language, text string }

var fencePattern = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

func fences(document string) (blocks []fence) {
	for _, m := range fencePattern.FindAllStringSubmatch(document, -1) {
		blocks = append(blocks, fence{m[1], m[2]})
	}
	return blocks
}

func checkPolicy(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := write(filepath.Join(dir, name), text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pdp.Open(t.Context(), pdp.Config{Dir: dir, Library: policies.FS}); err != nil {
		t.Error(err)
	}
}

// checkConfig loads a configuration beside the quickstart's data. What it names
// as a target is not asked for by the catalogue then.
func checkConfig(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	if err := copyExamples(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "examples", "quickstart", "curfew.yaml")
	if err := write(path, text); err != nil {
		t.Fatal(err)
	}
	env, err := provideSecrets(path)
	if err != nil {
		t.Fatal(err)
	}
	if env["CURFEW_WEBHOOK_SECRET"] != "" {
		env["CURFEW_WEBHOOK_SECRET"] = "whsec_" + strings.Repeat("c2VjcmV0", 5)
	}
	if env["PAYMENTS_CALENDAR"] != "" {
		env["PAYMENTS_CALENDAR"] = "https://calendar.example.com/private-" + rand.Text() + "/basic.ics"
	}
	if env["PAGERDUTY_ROUTING_KEY"] != "" {
		env["PAGERDUTY_ROUTING_KEY"] = strings.Repeat("0f", 16)
	}
	if env["SUMOLOGIC_URL"] != "" {
		env["SUMOLOGIC_URL"] = "https://collectors.sumologic.com/receiver/v1/http/" + rand.Text()
	}
	if env["CURFEW_BUNDLE_KEY"] != "" {
		env["CURFEW_BUNDLE_KEY"] = publicKey(t)
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if _, err := loadConfig(path, lookup); err != nil {
		t.Error(err)
	}
}

// checkConsole types the commands of all blocks, in order, against one gateway.
func checkConsole(t *testing.T, blocks []string) {
	t.Helper()
	dir := t.TempDir()
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer target.Close()
	path, err := layQuickstart(dir, target.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := loadConfig(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGateway(t.Context(), cfg, options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(g.Run(ctx), g.Close()) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	work := t.TempDir()
	for _, block := range blocks {
		for _, typed := range commands(block) {
			token := strings.TrimSpace(read(filepath.Join(dir, ".quickstart", "token-"+typed.who)))
			cmd := exec.CommandContext(t.Context(), "bash", "-c", typed.line)
			cmd.Dir = work
			cmd.Env = append(os.Environ(), "CURFEW_URL="+g.URL(), "CURFEW_TOKEN="+token)
			out, _ := cmd.CombinedOutput() // a refusal is shown too: what is printed counts
			if got := masked(string(out)); typed.prints != "" && got != masked(typed.prints) {
				t.Errorf("%s prints\n%s\nwant\n%s", typed.line, got, masked(typed.prints))
			}
		}
	}
}

type command struct{ who, line, prints string }

var promptPattern = regexp.MustCompile(`^(alice|bob|carol)\$ (.*)$`)

func commands(block string) (typed []command) {
	for line := range strings.Lines(block) {
		if m := promptPattern.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			typed = append(typed, command{who: m[1], line: m[2]})
		} else if len(typed) > 0 {
			typed[len(typed)-1].prints += line
		}
	}
	return typed
}

var (
	idPattern       = regexp.MustCompile(`\b(req|dec|grt|bnd|evt)_[0-9a-z]{26}\b`)
	instantPattern  = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	revisionPattern = regexp.MustCompile(`policies [0-9a-f]{12}`)
)

// masked leaves out what differs from run to run.
func masked(text string) string {
	text = idPattern.ReplaceAllString(text, "${1}_…")
	text = instantPattern.ReplaceAllString(text, "TIME")
	return strings.TrimSpace(revisionPattern.ReplaceAllString(text, "policies …"))
}
