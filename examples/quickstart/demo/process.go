package main

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

// process is a program that runs beside the story. Its lines are shown and kept.
type process struct {
	name string
	cmd  *exec.Cmd

	mu    sync.Mutex
	lines []line
	news  chan struct{} // closed and made anew with each line
	ended chan struct{}
}

type line struct {
	at   time.Time
	text string
}

func start(ctx context.Context, name, program string, args ...string) (*process, error) {
	p := &process{name: name, news: make(chan struct{}), ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, program, args...) //nolint:gosec // the programs under demonstration
	p.cmd.Stderr = os.Stderr
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 10 * time.Second
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	go p.read(out)
	return p, nil
}

func (p *process) read(out io.Reader) {
	defer close(p.ended)
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		l := line{time.Now(), scanner.Text()}
		fmt.Printf("   [%s] %s\n", p.name, l.text)
		p.mu.Lock()
		p.lines = append(p.lines, l)
		close(p.news)
		p.news = make(chan struct{})
		p.mu.Unlock()
	}
}

// wait returns when the first line that holds all the words came.
func (p *process) wait(ctx context.Context, patience time.Duration, words ...string) (time.Time, error) {
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
			return time.Time{}, fmt.Errorf("the %s ended before it said %q", p.name, words)
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("the %s did not say %q within %s", p.name, words, patience)
		}
	}
}

// count returns how many lines hold all the words.
func (p *process) count(words ...string) (n int) {
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

// stop asks the process to end and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	<-p.ended
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the %s: %w", p.name, err)
	}
	return nil
}
