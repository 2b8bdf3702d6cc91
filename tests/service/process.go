package service

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// patience bounds each start and each orderly stop of a server.
const patience = 60 * time.Second

// process is a server that can be stopped, killed and started again.
type process struct {
	path    string
	args    []string
	dir     string
	account *syscall.Credential // nil: this process's own
	orphan  syscall.Signal      // what it gets when this process dies
	ready   func() error        // asks the server itself

	mu     sync.Mutex
	cmd    *exec.Cmd     // nil: never started
	exited chan struct{} // closed when cmd has ended
}

// Start starts the server where it was, and returns when it answers.
func (p *process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return nil
	}
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	// A group of its own, so that Ctrl-C reaches the tests and not the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: p.orphan, Credential: p.account}
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(exited)
	}()
	p.cmd, p.exited = cmd, exited
	if err := p.await(); err != nil {
		_ = p.end(syscall.SIGKILL)
		return fmt.Errorf("%s does not answer: %w; the end of its log:\n%s", filepath.Base(p.path), err, p.logTail())
	}
	return nil
}

// await asks until the server answers, has ended, or patience is over.
func (p *process) await() error {
	deadline := time.After(patience)
	for {
		err := p.ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return errors.New("it ended")
		case <-deadline:
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Pid is the process id of the server, or 0 when it is down.
func (p *process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return 0
	}
	return p.cmd.Process.Pid
}

// Signal sends a signal to the server: SIGSTOP makes it hang.
func (p *process) Signal(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return os.ErrProcessDone
	}
	return p.cmd.Process.Signal(signal)
}

func (p *process) stop(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end(signal)
}

// end signals the server and waits for its end. One that is down stays so.
func (p *process) end(signal syscall.Signal) error {
	if !p.running() {
		return nil
	}
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("%s did not end on %s and was killed", filepath.Base(p.path), signal)
	}
}

func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) logPath() string { return filepath.Join(p.dir, "log") }

func (p *process) logTail() string {
	raw, err := os.ReadFile(p.logPath())
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-4096):])
}
