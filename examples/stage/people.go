package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// The exit codes of `curfew request`, see `curfew help`.
const (
	Granted = 0
	Denied  = 3
	Pending = 8
)

// Command runs a command as a person, shows it, and holds its exit code against
// what the story wants. It returns what it printed.
func (s *Stage) Command(ctx context.Context, who string, want int, args ...string) (string, error) {
	Print("   %s$ curfew %s\n", who, quoted(args))
	text, code, err := s.Ask(ctx, who, args...)
	Print("     %s\n", strings.ReplaceAll(text, "\n", "\n     "))
	if err == nil && code != want {
		err = fmt.Errorf("it exited %d, want %d", code, want)
	}
	return text, err
}

// Until runs a command, unshown, until it says all the words.
func (s *Stage) Until(ctx context.Context, who string, args []string, words ...string) error {
	return Eventually(ctx, 10*time.Second, func(ctx context.Context) error {
		text, _, err := s.Ask(ctx, who, args...)
		for _, w := range words {
			err = errors.Join(err, Contains(text, w))
		}
		return err
	})
}

// Ask runs a command as a person and returns what it printed and its exit code.
func (s *Stage) Ask(ctx context.Context, who string, args ...string) (text string, code int, err error) {
	cmd := exec.CommandContext(ctx, s.Curfew, args...) //nolint:gosec // the program under demonstration
	cmd.Env = append(os.Environ(), "CURFEW_URL="+s.URL)
	cmd.Args = append(cmd.Args, "--token-file", s.Secret("token-"+who))
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
		if strings.ContainsAny(a, " ") {
			shown[i] = "'" + a + "'"
		}
	}
	return strings.Join(shown, " ")
}

// Eventually tries until it succeeds or patience is over, and returns the last
// error.
func Eventually(ctx context.Context, patience time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var timePattern = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`)

// IDIn returns the first id of a kind, such as req, that the text names.
func IDIn(kind, text string) (string, error) {
	id := regexp.MustCompile(kind + `_[0-9a-z]{26}`).FindString(text)
	if id == "" {
		return "", fmt.Errorf("it named no %s_…", kind)
	}
	return id, nil
}

// TimeIn returns the end of the access that the text names: its last time.
func TimeIn(text string) (time.Time, error) {
	all := timePattern.FindAllString(text, -1)
	if len(all) == 0 {
		return time.Time{}, errors.New("it named no end")
	}
	return time.Parse(time.RFC3339Nano, all[len(all)-1])
}

// Contains reports that a text does not say what it should.
func Contains(text, want string) error {
	if !strings.Contains(text, want) {
		return fmt.Errorf("it did not say %q", want)
	}
	return nil
}

// InTime reports that something came before it was due, or more than a second
// after.
func InTime(what string, at, due time.Time) error {
	late := at.Sub(due)
	Print("   %s %d ms after the end\n", what, late.Milliseconds())
	if late < 0 || late > time.Second {
		return fmt.Errorf("%s %s after the end, want within 1 s and not before", what, late)
	}
	return nil
}
