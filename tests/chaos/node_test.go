package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// node is a gateway and who keeps it running: it is started again whenever it
// ends, as an init system does, but not while it is held down.
type node struct {
	url, config, log string
	program          string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	held   int           // by how many it is held down: a stop can last into the next fault
	up     chan struct{} // closed when nobody holds it down
	fell   []string      // how it ended by itself after it had served
}

// restartAfter is the pause before a gateway that ended by itself is started
// again.
const restartAfter = 200 * time.Millisecond

// stopWithin bounds an orderly stop: calls and deliveries under way are finished
// or cut off before.
const stopWithin = 30 * time.Second

// startNode keeps a gateway running until the test ends.
func startNode(t *testing.T, program, config, address string) *node {
	t.Helper()
	n := &node{url: "http://" + address, config: config, log: config + ".log", program: program, up: make(chan struct{})}
	close(n.up)
	ctx, cancel := context.WithCancel(context.Background())
	var keeping sync.WaitGroup
	keeping.Go(func() { n.keep(ctx) })
	t.Cleanup(func() {
		cancel()
		n.signal(syscall.SIGKILL)
		keeping.Wait()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", filepath.Base(config), n.tail(8<<10))
		}
	})
	return n
}

func (n *node) keep(ctx context.Context) {
	for {
		n.mu.Lock()
		up := n.up
		n.mu.Unlock()
		select {
		case <-up:
		case <-ctx.Done():
			return
		}
		n.serve(ctx)
	}
}

// serve runs the gateway once.
func (n *node) serve(ctx context.Context) {
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = log.Close() }()
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return
	}
	cmd := exec.Command(n.program, "serve", "--config", n.config)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	exited := make(chan struct{})
	n.mu.Lock()
	if n.held > 0 || ctx.Err() != nil {
		n.mu.Unlock()
		return
	}
	err = cmd.Start()
	n.cmd, n.exited = cmd, exited
	n.mu.Unlock()
	if err == nil {
		err = cmd.Wait()
	}
	n.mu.Lock()
	asked := n.held > 0
	// One that has not served yet may give up: without its ledger it can not start.
	if said := n.since(from); !asked && ctx.Err() == nil && strings.Contains(said, "msg=request") {
		n.fell = append(n.fell, fmt.Sprintf("it served and ended by itself: %v\n%s", err, said[max(0, len(said)-4096):]))
	}
	close(exited)
	n.mu.Unlock()
	if !asked {
		select {
		case <-ctx.Done():
		case <-time.After(restartAfter):
		}
	}
}

// hold ends the gateway with the signal and keeps it down.
func (n *node) hold(signal syscall.Signal) error {
	n.mu.Lock()
	if n.held++; n.held == 1 {
		n.up = make(chan struct{})
	}
	exited := n.exited
	n.mu.Unlock()
	n.signal(signal)
	if exited == nil {
		return nil
	}
	select {
	case <-exited:
		return nil
	case <-time.After(stopWithin):
		n.signal(syscall.SIGKILL)
		<-exited
		return fmt.Errorf("%s did not end within %s of %s", n.url, stopWithin, signal)
	}
}

// release undoes one hold. A gateway that nobody holds down runs.
func (n *node) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held--; n.held == 0 {
		close(n.up)
	}
}

func (n *node) signal(signal syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil || n.cmd.Process == nil {
		return
	}
	select {
	case <-n.exited:
	default:
		_ = n.cmd.Process.Signal(signal)
	}
}

// faults are what a gateway must never say, whatever fails around it.
func (n *node) faults() (found []string) {
	raw, err := os.ReadFile(n.log)
	if err != nil {
		return []string{err.Error()}
	}
	for _, sign := range []string{"panic:", "fatal error:", "DATA RACE", "goroutine 1 ["} {
		if at := bytes.Index(raw, []byte(sign)); at >= 0 {
			found = append(found, string(raw[at:min(len(raw), at+4096)]))
		}
	}
	return found
}

// since is what the log says from an offset on.
func (n *node) since(from int64) string {
	raw, err := os.ReadFile(n.log)
	if err != nil {
		return err.Error()
	}
	return string(raw[min(from, int64(len(raw))):])
}

func (n *node) tail(bytes int) string {
	said := n.since(0)
	return said[max(0, len(said)-bytes):]
}
