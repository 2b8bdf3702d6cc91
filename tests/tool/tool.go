// Package tool gives tests the stock tools at the versions that the project pins.
package tool

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Path is where a tool of bin/tools is: opa or regal. It is built, as the Makefile
// of the project does it, if it is not there or its pin is newer.
func Path(t testing.TB, name string) string {
	t.Helper()
	root := Root(t)
	// Tests of several packages run at once, and a program that is half written
	// can not be run.
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(filepath.Join(bin, ".tools.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join("bin", "tools", name)
	if out, err := exec.CommandContext(t.Context(), "make", "-C", root, target).CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", target, err, out)
	}
	return filepath.Join(root, target)
}

// Root is the directory of the module.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.sum")); err == nil {
			return dir
		}
	}
	t.Fatal("the tests do not run in the module")
	return ""
}
