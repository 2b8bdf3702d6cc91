package pdp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Fetcher gets a bundle from where it is kept. One goroutine uses it.
type Fetcher interface {
	// Fetch returns the bundle, or nil when it is the one that was returned last,
	// or one that is still being written; now says not to wait for that. An error
	// holds no secret.
	Fetch(ctx context.Context, now bool) ([]byte, error)
	// Pause is how long to wait before the next Fetch.
	Pause() time.Duration
	// String tells people where the bundle is. It holds no secret.
	String() string
}

// Bundle is where a team's policies come from as a bundle of OPA's.
type Bundle struct {
	From  Fetcher
	By    *Signature // nil: nobody need have signed it
	Cache string     // file that the last good one is kept in; "": it is not kept
}

// bundled is the source of a bundle.
type bundled struct{ Bundle }

func (b *bundled) pause() time.Duration { return b.From.Pause() }
func (b *bundled) name() string         { return "bundle " + b.From.String() }

func (b *bundled) look(ctx context.Context, now bool) (*candidate, error) {
	raw, err := b.From.Fetch(ctx, now)
	if err != nil || raw == nil {
		return nil, err
	}
	c := openBundle(raw, b.By)
	if f, ok := b.From.(forgetful); ok && c.fault != nil {
		f.Forget() // it may have been cut off on its way, and its tag is that of the whole
	}
	return c, nil
}

// forgetful is a Fetcher that can be made to fetch what it returned last.
type forgetful interface{ Forget() }

// kept is a source that remembers its last good policies over a restart.
type kept interface {
	// recall returns what was kept, to be checked anew; nil: nothing.
	recall() (*candidate, error)
	// keep keeps what came into force.
	keep(c *candidate) error
}

func (b *bundled) recall() (*candidate, error) {
	if b.Cache == "" {
		return nil, nil
	}
	raw, err := readBounded(b.Cache)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return openBundle(raw, b.By), nil
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, MaxBundle+1))
	if err == nil && len(raw) > MaxBundle {
		err = fmt.Errorf("%s has more than %d MiB", path, MaxBundle>>20)
	}
	return raw, err
}

// keep writes the bundle beside the file and moves it there, so that a process
// that dies leaves a whole one, the old or the new.
func (b *bundled) keep(c *candidate) (err error) {
	if b.Cache == "" {
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(b.Cache), "."+filepath.Base(b.Cache)+"-*") // its mode is 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(c.raw)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), b.Cache)
}
