package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/curfew-access/curfew/engine/filetime"
)

// LookEvery is how often a file is looked at.
const LookEvery = time.Second

// File is a bundle in a file. One goroutine uses it.
type File struct {
	path     string
	every    time.Duration
	seen     fs.FileInfo // at the last look; nil: it was not there
	returned fs.FileInfo // of what was returned last
}

// NewFile returns the bundle in a file, looked at so often; 0: LookEvery.
func NewFile(path string, every time.Duration) *File {
	if every <= 0 {
		every = LookEvery
	}
	return &File{path: path, every: every}
}

// String is where the file is.
func (f *File) String() string { return f.path }

// Pause is how long to wait before the next Fetch.
func (f *File) Pause() time.Duration { return f.every }

// Fetch returns the file if it is another than the one that was returned last,
// and stayed the same from one look to the next: one that is being written is not
// read in its middle.
func (f *File) Fetch(_ context.Context, now bool) ([]byte, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		f.seen = nil
		return nil, err
	}
	still := now || f.returned == nil || same(info, f.seen)
	f.seen = info
	if !still || same(info, f.returned) {
		return nil, nil
	}
	raw, err := readRegular(f.path, info)
	if err != nil {
		return nil, err
	}
	if after, err := os.Stat(f.path); err != nil || !same(info, after) {
		return nil, nil //nolint:nilerr // it is being written: the next look tells
	}
	f.returned = info
	return raw, nil
}

func readRegular(path string, info fs.FileInfo) ([]byte, error) {
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New(path + " is not a file")
	case info.Size() > maxBundle:
		return nil, fmt.Errorf("%s: %w", path, errTooLarge)
	}
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, maxBundle+1))
	if err == nil && len(raw) > maxBundle {
		err = fmt.Errorf("%s: %w", path, errTooLarge)
	}
	return raw, err
}

// same reports whether a file is as it was.
func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && filetime.Changed(a) == filetime.Changed(b)
}
