package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// opa starts the server of OPA with these arguments, on one processor.
func (s *stage) opa(ctx context.Context, dir string, args ...string) (*child, error) {
	binary, err := s.opaBinary(ctx)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := pinned(ctx, binary, append([]string{"run", "--server", "--addr", address}, args...)...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{childPlace: childPlace{Address: address}, process: cmd}
	return c, c.awaitHealth(ctx)
}

// awaitHealth waits until a server answers for its health.
func (c *child) awaitHealth(ctx context.Context) error {
	for end := time.Now().Add(patience); ; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Address+"/health", http.NoBody)
		if err != nil {
			return err
		}
		if _, err = answerTo(req); err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the server did not start: %w", errors.Join(err, c.stop()))
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// pinned is a command on the first processor alone, if there are several. Callers
// then have another.
func pinned(ctx context.Context, name string, args ...string) *exec.Cmd {
	if runtime.NumCPU() > 1 {
		name, args = "taskset", append([]string{"-c", "0", name}, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	return cmd
}

// pinSelf keeps this process off the first processor until unpin is called.
func pinSelf() (unpin func() error, err error) {
	last := runtime.NumCPU() - 1
	set := func(processors string) error {
		if last == 0 {
			return nil
		}
		out, err := exec.Command("taskset", "-a", "-p", "-c", processors, strconv.Itoa(os.Getpid())).CombinedOutput()
		if err != nil {
			return fmt.Errorf("taskset: %w: %s", err, out)
		}
		return nil
	}
	return func() error { return set(fmt.Sprintf("0-%d", last)) }, set(fmt.Sprintf("1-%d", max(last, 1)))
}

// clockTick is what Linux counts processor time in, for programs.
const clockTick = 10 * time.Millisecond

// usedBy is how much processor time a process has used, as Linux says.
func usedBy(pid int) (time.Duration, error) {
	_, used, err := processTimes(pid)
	return used, err
}

// usedUnder is the same of a process and all that it started and that are still
// there.
func usedUnder(pid int) (sum time.Duration, err error) {
	if sum, err = usedBy(pid); err != nil {
		return 0, err
	}
	all, err := os.ReadDir("/proc")
	for _, entry := range all {
		child, noProcess := strconv.Atoi(entry.Name())
		if noProcess != nil {
			continue
		}
		if parent, used, gone := processTimes(child); gone == nil && parent == pid {
			sum += used
		}
	}
	return sum, err
}

func processTimes(pid int) (parent int, used time.Duration, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, found := bytes.Cut(raw, []byte(") ")) // after the name, which may hold anything
	fields := strings.Fields(string(rest))
	if !found || len(fields) < 13 {
		return 0, 0, errors.New("/proc: no times")
	}
	parent, errParent := strconv.Atoi(fields[1])
	user, errUser := strconv.ParseInt(fields[11], 10, 64)
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	return parent, time.Duration(user+system) * clockTick, errors.Join(errParent, errUser, errSystem)
}

// goBuild builds a program in the module at dir.
func goBuild(ctx context.Context, dir, binary, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
