// Package service runs real servers for tests, benchmarks and examples: Redis,
// PostgreSQL, nginx and rsyslog from Debian's packages, as plain processes on free
// loopback ports, and a proxy that breaks the line to one.
//
// A package that is missing is installed, and that is said on stderr. A server
// that this process leaves behind dies with it. Nothing here is a system service
// or needs a right beyond installing.
package service

import (
	"fmt"
	"os"
	"testing"
)

// Dir is an empty directory that ends with the test. It has a short name, which
// the path of a socket needs, and the account of a server can be let into it.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "curfew-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// run starts a server in a directory of the test, and ends it with the test.
func run[S interface{ Kill() error }](t testing.TB, start func(dir string) (S, error)) S {
	t.Helper()
	s, err := start(Dir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Errorf("stop a server: %v", err)
		}
	})
	return s
}

// attempts is how often a server is started on another port, because the one
// that was free was taken meanwhile.
const attempts = 3

// onFreePort starts something on a free port, and on another if that fails.
func onFreePort(start func(port int) error) (err error) {
	for range attempts {
		var port int
		if port, err = freePort(); err != nil {
			return err
		}
		if err = start(port); err == nil {
			return nil
		}
	}
	return fmt.Errorf("after %d attempts: %w", attempts, err)
}
