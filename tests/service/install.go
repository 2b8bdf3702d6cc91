package service

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// program returns the path of a server's binary: the newest that a pattern
// matches, else what the PATH has. If there is none, its package is installed. It
// waits for an installation that another process has under way: a binary may be
// there before what it needs.
func program(name, pkg string, patterns ...string) (string, error) {
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("curfew-install-%d.lock", os.Getuid())), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if path := find(name, patterns); path != "" {
		return path, nil
	}
	if err := install(pkg); err != nil {
		return "", fmt.Errorf("install %s: %w", pkg, err)
	}
	if path := find(name, patterns); path != "" {
		return path, nil
	}
	return "", fmt.Errorf("the package %s brought no %s", pkg, name)
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

// quietly installs $1 and keeps Debian from starting it as a system service.
const quietly = `set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 update -q
apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends "$1"`

// install installs a package, and says so.
func install(pkg string) error {
	command := []string{"sh", "-c", quietly, "sh", pkg}
	if os.Getuid() != 0 {
		command = append([]string{"sudo"}, command...)
	}
	fmt.Fprintf(os.Stderr, "%s is missing: apt-get install -y --no-install-recommends %s\n", pkg, pkg)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}
