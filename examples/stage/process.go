package stage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Program is something to be run beside a story.
type Program struct {
	Name string
	Path string
	Args []string
	Dir  string
	Env  []string // beside this process's own
	// Account is who it runs as; nil for who this process runs as.
	Account *syscall.Credential
	// Log is a file for all that it prints; "" leaves its standard error to the
	// terminal.
	Log string
	// Show is what the terminal is shown of a line: "" for nothing. If it is nil,
	// lines are shown as they are.
	Show func(line string) string
	// Stop is how it is asked to end; 0 for SIGTERM.
	Stop syscall.Signal
}

// Hide shows nothing of a program.
func Hide(string) string { return "" }

// Process is a program that runs. Its lines are kept.
type Process struct {
	Program
	cmd *exec.Cmd
	log io.WriteCloser

	mu    sync.Mutex
	lines []line
	news  chan struct{} // closed and made anew with each line
	ended chan struct{}
	err   error // how it ended
}

type line struct {
	at   time.Time
	text string
}

// stopPatience is how long a program may take to end when it is asked to.
const stopPatience = 20 * time.Second

// Start runs a program until it ends or is stopped.
func Start(ctx context.Context, program Program) (*Process, error) {
	p := &Process{Program: program, news: make(chan struct{}), ended: make(chan struct{})}
	if p.Stop == 0 {
		p.Stop = syscall.SIGTERM
	}
	if p.Show == nil {
		p.Show = func(line string) string { return line }
	}
	// What ends the story ends the programs in their order, not all at once.
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.Path, p.Args...) //nolint:gosec // the programs under demonstration
	p.cmd.Dir, p.cmd.Env = p.Dir, append(os.Environ(), p.Env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.Account}
	dieWithParent(p.cmd.SysProcAttr, p.Stop)
	if err := p.openLog(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the %s: %w", p.Name, err), p.log.Close())
	}
	go p.read(out)
	return p, nil
}

// openLog opens where the program's words are kept.
func (p *Process) openLog() (err error) {
	if p.Log == "" {
		p.cmd.Stderr, p.log = os.Stderr, discard{}
		return nil
	}
	file, err := os.OpenFile(p.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	p.cmd.Stderr, p.log = file, file
	return err
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

func (p *Process) read(out io.Reader) {
	defer close(p.ended)
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		p.hear(line{time.Now(), scanner.Text()})
	}
	p.err = p.cmd.Wait()
	_ = p.log.Close() // nothing more comes
}

func (p *Process) hear(l line) {
	_, _ = fmt.Fprintln(p.log, l.text) // the story does not depend on it
	if shown := p.Show(l.text); shown != "" {
		Say(p.Name, "%s", shown)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, l)
	close(p.news)
	p.news = make(chan struct{})
}

// Wait returns when the first line that holds all the words came.
func (p *Process) Wait(ctx context.Context, patience time.Duration, words ...string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		p.mu.Lock()
		lines, news := p.lines, p.news
		p.mu.Unlock()
		for _, l := range lines {
			if l.holds(words) {
				return l.at, nil
			}
		}
		select {
		case <-news:
		case <-p.ended:
			return time.Time{}, fmt.Errorf("the %s ended before it said %q%s", p.Name, words, p.hint())
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("the %s did not say %q within %s%s", p.Name, words, patience, p.hint())
		}
	}
}

// hint is the end of what it logged: the file may end with the stage.
func (p *Process) hint() string {
	raw, err := os.ReadFile(p.Log)
	if p.Log == "" || err != nil {
		return ""
	}
	return fmt.Sprintf("; %s ends with\n%s", p.Log, raw[max(0, len(raw)-2048):])
}

// Count returns how many lines hold all the words.
func (p *Process) Count(words ...string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if l.holds(words) {
			n++
		}
	}
	return n
}

func (l line) holds(words []string) bool {
	for _, w := range words {
		if !strings.Contains(l.text, w) {
			return false
		}
	}
	return true
}

// Pid is its process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Ended is closed when it has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill ends it at once, as a crash does, with what it started.
func (p *Process) Kill() error {
	err := syscall.Kill(-p.Pid(), syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		err = nil // it has ended
	}
	if err == nil {
		<-p.ended
	}
	return err
}

// End asks it to end and waits for that.
func (p *Process) End() error {
	select {
	case <-p.ended: // by itself: that was seen, or does not matter
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(p.Stop); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the %s: %w", p.Name, err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
		return errors.Join(fmt.Errorf("the %s did not end within %s", p.Name, stopPatience), p.Kill())
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == p.Stop {
			return nil // it has no way of its own to end
		}
	}
	if p.err != nil {
		return fmt.Errorf("the %s: %w%s", p.Name, p.err, p.hint())
	}
	return nil
}
