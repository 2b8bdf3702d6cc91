// Package e2e runs the programs as they are shipped.
package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/service"
)

// bin is the folder of the programs.
var bin string

func TestMain(m *testing.M) {
	service.AtOnce("4")
	dir, err := os.MkdirTemp("", "curfew-e2e-")
	if err == nil {
		// Whoever a server runs as must find its program's folder.
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		build := exec.Command("go", "build", "-o", dir, "./cmd/curfew", "./examples/quickstart/receiver", "./examples/quickstart/demo",
			"./examples/redis", "./examples/cluster")
		build.Dir, build.Stderr = "../..", os.Stderr
		err = build.Run()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the programs:", err)
	} else {
		bin = dir
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// example is the command of an example's program, as `make` runs it.
func example(t *testing.T, name string, args ...string) *exec.Cmd {
	args = append([]string{"-curfew", filepath.Join(bin, "curfew"), "-receiver", filepath.Join(bin, "receiver")}, args...)
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, name), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Dir = "../.."
	return cmd
}

// TestDemos plays the stories of `make demo`, `make redis DEMO=1` and `make
// cluster DEMO=1`: each exits 0 only if each of its steps happened.
func TestDemos(t *testing.T) {
	for name, args := range map[string][]string{"demo": nil, "redis": {"-demo"}, "cluster": {"-demo"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said, err := example(t, name, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
		})
	}
}

func TestClusterRunsUntilItIsInterruptedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := service.Dir(t)
	cluster := example(t, "cluster", "-dir", dir)
	var faults bytes.Buffer
	cluster.Stderr = &faults
	out, err := cluster.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(2*time.Minute, func() { _ = cluster.Process.Kill() })
	defer stuck.Stop()
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if !strings.Contains(lines.Text(), "[status] node1 ok, node2 ok") {
			continue
		}
		if n := len(running(t, dir)); n < 6 { // PostgreSQL, Redis, a receiver, two nodes, nginx
			t.Errorf("%d programs run", n)
		}
		if err := cluster.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}
	if err := cluster.Wait(); err != nil {
		t.Errorf("%v\n%s%s", err, &said, &faults)
	}
	if left := running(t, dir); len(left) > 0 {
		t.Errorf("it left %q", left)
	}
}

// running are the programs that were told of a directory, or work in it.
func running(t *testing.T, dir string) (commands []string) {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes { // it may have ended meanwhile
		raw, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		command := strings.ReplaceAll(string(raw), "\x00", " ")
		cwd, _ := os.Readlink(filepath.Join(process, "cwd"))
		if strings.Contains(command, dir+"/") || strings.HasPrefix(cwd, dir+"/") {
			commands = append(commands, command)
		}
	}
	return commands
}
