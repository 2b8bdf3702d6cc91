package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// program is a gateway that runs as people run it: the program itself, with a
// configuration file.
type program struct {
	cmd    *exec.Cmd
	began  time.Time
	exited chan struct{}

	mu      sync.Mutex
	url     string
	rebuilt rebuilding
	said    []string // the end of its log
}

// program starts the program for one administrator.
func (s *stage) program(ctx context.Context, ledger, lease string) (*program, error) {
	config, err := s.configure(ledger, lease)
	if err != nil {
		return nil, err
	}
	return s.serve(ctx, config)
}

// serve builds the program, if that is not done yet, and starts it.
func (s *stage) serve(ctx context.Context, config string) (*program, error) {
	binary, err := s.build(ctx)
	if err != nil {
		return nil, err
	}
	p := &program{exited: make(chan struct{})}
	p.cmd = exec.Command(binary, "serve", "-c", config, "--log-format", "json")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, errOut := p.cmd.StdoutPipe()
	stderr, errErr := p.cmd.StderrPipe()
	p.began = time.Now()
	if err := errors.Join(errOut, errErr, p.cmd.Start()); err != nil {
		return nil, err
	}
	var reading sync.WaitGroup
	reading.Go(func() { p.read(stdout, p.place) })
	reading.Go(func() { p.read(stderr, p.hear) })
	go func() {
		reading.Wait()
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.exited)
	}()
	return p, nil
}

func (s *stage) build(ctx context.Context) (string, error) {
	binary := filepath.Join(s.dir, "curfew")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, s.opts.Program).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
}

// configure writes a configuration for one administrator and one target.
func (s *stage) configure(ledger, lease string) (string, error) {
	policies, err := filepath.Abs(s.opts.Policies)
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.dir, "curfew.yaml")
	return path, s.writeConfig(path, ledger, lease, policies, "")
}

// writeConfig writes a configuration, with more at its end, and the secrets that
// it names.
func (s *stage) writeConfig(path, ledger, lease, policies, more string) error {
	if !isURL(ledger) {
		ledger = "sqlite:" + ledger
	}
	text := fmt.Sprintf("listen: 127.0.0.1:0\nledger: %q\nlease: %q\npolicies: %q\nauth:\n  tokens:\n    - {name: bench, subject: %q, groups: [admins], secret: file:token}\n"+
		"targets:\n  - {name: target, webhook: {url: %q, secret: file:secret}}\n", ledger, lease, policies, caller.String(), s.target.server.URL) + more
	return errors.Join(os.WriteFile(path, []byte(text), 0o600),
		os.WriteFile(filepath.Join(s.dir, "token"), []byte(benchToken), 0o600),
		os.WriteFile(filepath.Join(s.dir, "secret"), []byte(benchSecret), 0o600))
}

func (p *program) read(from io.Reader, take func(string)) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		p.mu.Lock()
		p.said = append(p.said[max(0, len(p.said)-20):], lines.Text())
		take(lines.Text())
		p.mu.Unlock()
	}
}

// place reads where it serves.
func (p *program) place(line string) {
	if _, rest, found := strings.Cut(line, "curfew serves "); found {
		p.url, _, _ = strings.Cut(rest, ": ")
	}
}

// hear reads when the lease was written.
func (p *program) hear(line string) {
	var entry struct {
		Msg    string
		Grants int64
	}
	if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "lease rebuilt from the ledger" {
		p.rebuilt = rebuilding{Grants: entry.Grants, At: time.Since(p.began)}
	}
}

// startUp waits until the program is ready, and until its lease holds everything.
func (p *program) startUp(ctx context.Context, grants int) (f startUp, err error) {
	for end := time.Now().Add(leasePatience); ; {
		p.mu.Lock()
		url, built, said := p.url, p.rebuilt, strings.Join(p.said, "\n")
		p.mu.Unlock()
		if f.Ready == 0 && url != "" && isReady(ctx, url) {
			f.Ready = time.Since(p.began).Seconds()
		}
		if f.Ready > 0 && built.Grants >= int64(grants) {
			f.Rebuilt = built.At.Seconds()
			return f, nil
		}
		select {
		case <-p.exited:
			return f, fmt.Errorf("it ended: %s", said)
		default:
		}
		if time.Now().After(end) {
			return f, fmt.Errorf("after %s it was ready at %.1f s, and its lease holds %d grants: %s", leasePatience, f.Ready, built.Grants, said)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return f, err
		}
	}
}

// isReady reports whether the readiness probe says ok: not that it is degraded.
func isReady(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	raw, err := answerTo(req)
	var answer struct{ Status string }
	return err == nil && json.Unmarshal(raw, &answer) == nil && answer.Status == "ok"
}

// heap is how much of its heap is in use.
func (p *program) heap(ctx context.Context) (bytes int64, err error) {
	p.mu.Lock()
	url := p.url
	p.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	raw, err := answerTo(req)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if text, found := strings.CutPrefix(line, "go_memstats_heap_inuse_bytes "); found {
			var v float64
			_, err = fmt.Sscan(text, &v)
			return int64(v), err
		}
	}
	return 0, errors.New("it does not say how much of its heap is in use")
}

func (p *program) pid() int { return p.cmd.Process.Pid }

// stop ends the program in good order.
func (p *program) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("it did not end within %s", patience)
	}
}
