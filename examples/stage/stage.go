// Package stage is where the examples play their stories: it lays out a set-up
// in a directory of its own, runs its programs, acts as people would, and stops
// everything in order.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Step is one part of a story; its error says what did not happen.
type Step[S any] struct {
	Title string
	Play  func(context.Context, S) error
}

// Play plays a story to its end, or to the first step that did not happen.
func Play[S any](ctx context.Context, s S, story []Step[S]) error {
	for i, step := range story {
		Print("\n%d. %s\n", i+1, step.Title)
		if err := step.Play(ctx, s); err != nil {
			return fmt.Errorf("step %d, %q: %w", i+1, step.Title, err)
		}
	}
	return nil
}

// Stage is a set-up and its programs.
type Stage struct {
	Curfew string // the gateway's program
	Dir    string // holds all that the set-up is made of
	URL    string // where people's commands go

	throwaway bool     // Dir ends with the stage
	lock      *os.File // of a Dir that stays; nil otherwise

	mu        sync.Mutex
	processes []*Process // in the order in which they were started
}

// Open makes an empty stage: in dir, of which nothing but the logs of the last
// run is worth keeping, or, if dir is "", somewhere for the time being.
func Open(curfew, dir string) (*Stage, error) {
	program, err := filepath.Abs(curfew)
	if err != nil {
		return nil, err
	}
	s := &Stage{Curfew: program, throwaway: dir == ""}
	if s.throwaway {
		s.Dir, err = os.MkdirTemp("", "curfew-demo-")
	} else if s.Dir, err = filepath.Abs(dir); err == nil {
		err = s.clear()
	}
	if err != nil {
		return nil, err
	}
	// A server's own account must find its folder in it; what is secret is
	// further down, and closed.
	err = os.Chmod(s.Dir, 0o711) //nolint:gosec // as said
	return s, errors.Join(err, os.MkdirAll(s.State(), 0o700))
}

// clear takes the directory for this run alone, and empties it.
func (s *Stage) clear() (err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(s.Dir, "lock")
	if s.lock, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil { //nolint:gosec // in our directory
		return err
	}
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("it runs already, in %s", s.Dir), s.lock.Close())
	}
	entries, err := os.ReadDir(s.Dir)
	for _, entry := range entries {
		if entry.Name() != "lock" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.Dir, entry.Name())))
		}
	}
	return err
}

// State is the folder of secrets and of what the gateway keeps.
func (s *Stage) State() string { return filepath.Join(s.Dir, "state") }

// Path is a place in the stage's directory.
func (s *Stage) Path(elements ...string) string {
	return filepath.Join(append([]string{s.Dir}, elements...)...)
}

// Config is a file of a copied example.
func (s *Stage) Config(elements ...string) string {
	return s.Path(append([]string{"config"}, elements...)...)
}

// Copy copies an example's files, but not its programs, and puts other texts in
// place of those that differ here: pairs of old and new, as for strings.NewReplacer.
func (s *Stage) Copy(example string, pairs ...string) error {
	replacer := strings.NewReplacer(pairs...)
	from, to := os.DirFS(example), s.Config(filepath.Base(example))
	return fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".conf", ".rego"}, filepath.Ext(path)) {
			return err
		}
		text, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		copied := filepath.Join(to, path)
		return errors.Join(os.MkdirAll(filepath.Dir(copied), 0o700),
			os.WriteFile(copied, []byte(replacer.Replace(string(text))), 0o600))
	})
}

// MakeSecrets makes a token for each of the people, and the secret that signs
// webhooks.
func (s *Stage) MakeSecrets(ctx context.Context, people ...string) error {
	for _, name := range people {
		if err := s.makeSecret(ctx, "token-"+name); err != nil {
			return err
		}
	}
	return s.makeSecret(ctx, "webhook-secret", "--webhook")
}

func (s *Stage) makeSecret(ctx context.Context, name string, args ...string) error {
	secret, err := exec.CommandContext(ctx, s.Curfew, append([]string{"token", "new"}, args...)...).Output() //nolint:gosec // the program under demonstration
	if err != nil {
		return fmt.Errorf("curfew token new: %w", err)
	}
	return os.WriteFile(s.Secret(name), secret, 0o600)
}

// Secret is the file of a secret.
func (s *Stage) Secret(name string) string { return filepath.Join(s.State(), name) }

// Start runs a program until the stage is closed.
func (s *Stage) Start(ctx context.Context, program Program) (*Process, error) {
	p, err := Start(ctx, program)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes = append(s.processes, p)
	return p, nil
}

// Processes are the programs that were started, in their order.
func (s *Stage) Processes() []*Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.processes)
}

// Close ends the programs, the last that was started first.
func (s *Stage) Close() error {
	var faults []error
	for _, p := range slices.Backward(s.Processes()) {
		faults = append(faults, p.End())
	}
	if s.throwaway {
		faults = append(faults, os.RemoveAll(s.Dir))
	}
	if s.lock != nil {
		faults = append(faults, s.lock.Close())
	}
	return errors.Join(faults...)
}
