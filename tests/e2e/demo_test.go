// Package e2e runs the programs as they are shipped.
package e2e_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestDemo builds the programs and plays `make demo`: it exits 0 only if each
// step of the story happened.
func TestDemo(t *testing.T) {
	bin := t.TempDir()
	for name, source := range map[string]string{
		"curfew": "./cmd/curfew", "receiver": "./examples/quickstart/receiver", "demo": "./examples/quickstart/demo",
	} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, name), source)
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", source, err, out)
		}
	}
	var said bytes.Buffer
	demo := exec.CommandContext(t.Context(), filepath.Join(bin, "demo"),
		"-curfew", filepath.Join(bin, "curfew"), "-receiver", filepath.Join(bin, "receiver"), "-quickstart", "examples/quickstart")
	demo.Dir = "../.."
	demo.Stdout, demo.Stderr = &said, &said
	if err := demo.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
}
