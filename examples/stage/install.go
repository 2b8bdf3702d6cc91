package stage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// Find returns the path of a server's program: the newest that a pattern
// matches, else what the PATH has. If there is none, its package is installed
// from Debian, which is said. It waits for an installation that another process
// has under way: a program may be there before what it needs.
func Find(ctx context.Context, name, pkg string, patterns ...string) (path string, err error) {
	err = inTurn(func() error {
		if path = find(name, patterns); path != "" {
			return nil
		}
		if err := install(ctx, name, pkg); err != nil {
			return fmt.Errorf("install %s: %w", pkg, err)
		}
		if path = find(name, patterns); path == "" {
			return fmt.Errorf("the package %s brought no %s", pkg, name)
		}
		return nil
	})
	return path, err
}

func find(name string, patterns []string) string {
	for _, pattern := range patterns {
		if paths, _ := filepath.Glob(pattern); len(paths) > 0 {
			return slices.Max(paths)
		}
	}
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} { // an ordinary user's PATH lacks sbin
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	return ""
}

// withoutService installs $1. While it does, Debian starts no server of it by
// itself.
const withoutService = `set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 -q update
apt-get -o DPkg::Lock::Timeout=300 -qy --no-install-recommends install "$1"`

// inTurn does something while no other process of this user, an example or a
// test, installs anything: apt does not wait for its own locks.
func inTurn(do func() error) error {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("curfew-install-%d.lock", os.Getuid()))
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in the user's own name
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return do()
}

func install(ctx context.Context, name, pkg string) error {
	fmt.Fprintf(os.Stderr, "%s is missing: installing Debian's package %s\n", name, pkg)
	command := []string{"sh", "-c", withoutService, "install", pkg}
	if os.Getuid() != 0 {
		command = append([]string{"sudo"}, command...)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the packages are named in this repository
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	return cmd.Run()
}
