package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"github.com/curfew-access/curfew/engine/audit"
)

// TestMain also lets the test binary be curfew: scripts and tests start it by
// that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"curfew": main, "curfew-crash": crashMain})
}

// The examples, as a test sees them from here.
const examples = "../../examples"

// copyExamples copies the examples to dir/examples.
func copyExamples(dir string) error {
	return fs.WalkDir(os.DirFS(examples), ".", func(p string, entry fs.DirEntry, err error) error {
		to := filepath.Join(dir, "examples", p)
		if err != nil || entry.IsDir() {
			return cmp.Or(err, os.MkdirAll(to, 0o700))
		}
		return write(to, read(filepath.Join(examples, p)))
	})
}

// provideSecrets makes each file and variable that a configuration names as a
// secret, and the directory of its ledger. It returns the variables.
func provideSecrets(path string) (env map[string]string, err error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(read(path)), &root); err != nil {
		return nil, err
	}
	env = map[string]string{}
	var provide func(n *yaml.Node, fresh func() string)
	provide = func(n *yaml.Node, fresh func() string) {
		kind, name, ref := strings.Cut(n.Value, ":")
		if !ref {
			kind = "" // the key file
		}
		at := filepath.Join(filepath.Dir(path), name)
		switch kind {
		case "env":
			env[name] = fresh()
		case "sqlite":
			err = errors.Join(err, os.MkdirAll(filepath.Dir(at), 0o700))
		case "file":
			err = errors.Join(err, write(at, fresh()+"\n"))
		}
		for i, child := range n.Content {
			fresh := fresh
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				fresh = secretOf(n.Content[i-1].Value, fresh)
			}
			provide(child, fresh)
		}
	}
	provide(&root, rand.Text)
	return env, err
}

// secretOf makes what is secret under a key: some have a form.
func secretOf(key string, usual func() string) func() string {
	switch key {
	case "webhook":
		return func() string { return "whsec_" + rand.Text() + rand.Text() }
	case "ledger":
		return func() string { return "postgres://curfew:" + rand.Text() + "@127.0.0.1:5432/curfew" }
	case "bot_token":
		return func() string { return botPrefix + rand.Text() }
	case "app_token":
		return func() string { return appPrefix + rand.Text() }
	case "audit":
		return func() string {
			signing, _, _ := audit.NewKey(rand.Reader, "curfew.example.com/audit") // the name is one
			return signing
		}
	case "lease":
		return func() string { return "redis://:" + rand.Text() + "@127.0.0.1:6379/0" }
	}
	return usual
}

// read returns a file's content; a file that is not there is empty.
func read(path string) string {
	content, _ := os.ReadFile(path)
	return string(content)
}

// write makes a file, and its directory, that only its owner may read.
func write(path, content string) error {
	return cmp.Or(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600))
}

// layQuickstart lays the quickstart out in dir, with its secrets, a free port and
// the target, and returns the path of its configuration.
func layQuickstart(dir, target string) (string, error) {
	if err := copyExamples(dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "examples", "quickstart", "curfew.yaml")
	text := strings.NewReplacer("listen: 127.0.0.1:8080", "listen: 127.0.0.1:0", "http://127.0.0.1:9090/", target).Replace(read(path))
	if err := write(path, text); err != nil {
		return "", err
	}
	_, err := provideSecrets(path)
	return path, err
}
