package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// stage is where the story is played: a copy of the quickstart with ports and
// secrets of its own, and what the story remembers.
type stage struct {
	program, receiverProgram string
	dir                      string // of the copy and its secrets
	url, receiverAddress     string
	gateway, receiver        *process

	aliceEnds, carolEnds time.Time
	carolRequest         string
}

func setUp(ctx context.Context, program, receiverProgram, quickstart string) (*stage, error) {
	dir, err := os.MkdirTemp("", "curfew-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{program: program, receiverProgram: receiverProgram, dir: dir}
	for _, prepare := range []func() error{
		func() error { return s.copyQuickstart(quickstart) },
		func() error { return s.makeSecrets(ctx) },
		func() error { return s.startReceiver(ctx) },
		func() error { return s.startGateway(ctx) },
	} {
		if err := prepare(); err != nil {
			return nil, errors.Join(err, s.tearDown())
		}
	}
	return s, nil
}

// copyQuickstart copies the files and puts free ports and the copy's own folder
// for secrets into the configuration.
func (s *stage) copyQuickstart(from string) error {
	if err := os.CopyFS(s.dir, os.DirFS(from)); err != nil {
		return err
	}
	gateway, err := freeAddress()
	if err != nil {
		return err
	}
	if s.receiverAddress, err = freeAddress(); err != nil {
		return err
	}
	s.url = "http://" + gateway
	config := filepath.Join(s.dir, "curfew.yaml")
	text, err := os.ReadFile(config) //nolint:gosec // the copy that was just made
	if err != nil {
		return err
	}
	edited := strings.NewReplacer(
		"127.0.0.1:8080", gateway, "127.0.0.1:9090", s.receiverAddress, "../../.quickstart", "secret").Replace(string(text))
	return errors.Join(
		os.WriteFile(config, []byte(edited), 0o600), //nolint:gosec // the same file
		os.Mkdir(filepath.Join(s.dir, "secret"), 0o700))
}

// freeAddress is an address that stays free while nothing of the demo listens
// there: on a loopback host of its own, where the system has one.
func freeAddress() (string, error) {
	var b [3]byte
	_, _ = rand.Read(b[:])
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", fmt.Sprintf("127.%d.%d.%d:0", b[0]|1, b[1], b[2]|1))
	if err != nil {
		l, err = config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *stage) makeSecrets(ctx context.Context) error {
	for name, args := range map[string][]string{
		"token-alice": {"token", "new"}, "token-bob": {"token", "new"}, "token-carol": {"token", "new"},
		"webhook-secret": {"token", "new", "--webhook"},
	} {
		secret, err := exec.CommandContext(ctx, s.program, args...).Output() //nolint:gosec // the program under demonstration
		if err != nil {
			return fmt.Errorf("curfew token new: %w", err)
		}
		if err := os.WriteFile(s.secret(name), secret, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) secret(name string) string { return filepath.Join(s.dir, "secret", name) }

func (s *stage) startReceiver(ctx context.Context) (err error) {
	s.receiver, err = start(ctx, "receiver", s.receiverProgram, "-listen", s.receiverAddress, "-secret-file", s.secret("webhook-secret"))
	if err != nil {
		return err
	}
	_, err = s.receiver.wait(ctx, 10*time.Second, "listening")
	return err
}

func (s *stage) startGateway(ctx context.Context) (err error) {
	s.gateway, err = start(ctx, "gateway", s.program, "serve", "--config", filepath.Join(s.dir, "curfew.yaml"), "--log-level", "error")
	if err != nil {
		return err
	}
	if _, err := s.gateway.wait(ctx, 20*time.Second, "serves"); err != nil {
		return err
	}
	return s.ready(ctx)
}

// ready waits until the gateway says that it is.
func (s *stage) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("the gateway did not become ready"), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *stage) tearDown() error {
	var faults []error
	for _, p := range []*process{s.gateway, s.receiver} {
		if p != nil {
			faults = append(faults, p.stop())
		}
	}
	return errors.Join(append(faults, os.RemoveAll(s.dir))...)
}

// curfew runs a command as a person, shows it, and holds its exit code against
// what the story wants. It returns what it printed.
func (s *stage) curfew(ctx context.Context, who string, want int, args ...string) (string, error) {
	fmt.Printf("   %s$ curfew %s\n", who, quoted(args))
	text, code, err := s.ask(ctx, who, args)
	for line := range strings.Lines(text) {
		fmt.Print("     ", line)
	}
	fmt.Println()
	if err == nil && code != want {
		err = fmt.Errorf("it exited %d, want %d", code, want)
	}
	return text, err
}

// until runs a command, unshown, until it says all the words.
func (s *stage) until(ctx context.Context, who string, args []string, words ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		text, _, err := s.ask(ctx, who, args)
		for _, w := range words {
			err = errors.Join(err, contains(text, w))
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ask runs a command as a person and returns what it printed and its exit code.
func (s *stage) ask(ctx context.Context, who string, args []string) (text string, code int, err error) {
	cmd := exec.CommandContext(ctx, s.program, args...) //nolint:gosec // the program under demonstration
	cmd.Env = append(os.Environ(), "CURFEW_URL="+s.url)
	cmd.Args = append(cmd.Args, "--token-file", s.secret("token-"+who))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return strings.TrimRight(string(out), "\n"), cmd.ProcessState.ExitCode(), err
}

func quoted(args []string) string {
	shown := make([]string, len(args))
	for i, a := range args {
		shown[i] = a
		if strings.ContainsAny(a, " :") {
			shown[i] = "'" + a + "'"
		}
	}
	return strings.Join(shown, " ")
}

var (
	requestPattern = regexp.MustCompile(`req_[0-9a-z]{26}`)
	timePattern    = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`)
)

func requestIn(text string) (string, error) {
	id := requestPattern.FindString(text)
	if id == "" {
		return "", errors.New("it named no request")
	}
	return id, nil
}

// timeIn returns the end of the access that the text names: its last time.
func timeIn(text string) (time.Time, error) {
	all := timePattern.FindAllString(text, -1)
	if len(all) == 0 {
		return time.Time{}, errors.New("it named no end")
	}
	return time.Parse(time.RFC3339Nano, all[len(all)-1])
}

func contains(text, want string) error {
	if !strings.Contains(text, want) {
		return fmt.Errorf("it did not say %q", want)
	}
	return nil
}
