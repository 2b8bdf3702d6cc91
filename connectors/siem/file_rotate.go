package siem

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

const (
	endedAt    = "20060102T150405.000Z" // sorts as time goes
	compressed = ".gz"
	unfinished = ".gz.part"
)

// endedName matches what follows the path in the name of a file that was ended:
// ".<when>-<the highest number in it>.log", compressed or not.
var endedName = regexp.MustCompile(`^\.\d{8}T\d{6}\.\d{3}Z-\d+\.log(\.gz)?$`)

// rotate ends the file that is open: from now on it has a name of its own, which is
// safe before the next one is begun.
func (f *File) rotate(through int64) error {
	to := fmt.Sprintf("%s.%s-%d.log", f.cfg.Path, f.cfg.Now().UTC().Format(endedAt), through)
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s is there already", to) // in the next millisecond it is not
	}
	f.close()
	if err := errors.Join(os.Rename(f.cfg.Path, to), syncDir(to)); err != nil {
		return err
	}
	select {
	case f.ended <- struct{}{}:
	default: // it is told already
	}
	return nil
}

// Run compresses and removes files that were ended, until ctx ends: also those that an
// earlier process left.
func (f *File) Run(ctx context.Context) error {
	for {
		if err := f.tidy(ctx); err != nil && ctx.Err() == nil {
			f.untidy.Failed(f.log, "files of a sink that were ended can not be tidied; they stay as they are", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.ended:
		}
	}
}

// tidy removes what is more than is kept, and compresses the rest, the oldest first.
func (f *File) tidy(ctx context.Context) error {
	ended, err := f.endedFiles()
	if err != nil {
		return err
	}
	if over := len(ended) - f.cfg.Keep; f.cfg.Keep > 0 && over > 0 {
		for _, path := range ended[:over] {
			err = errors.Join(err, os.Remove(path))
		}
		ended = ended[over:]
	}
	if !f.cfg.Compress {
		return err
	}
	for _, path := range ended {
		if filepath.Ext(path) != compressed {
			err = errors.Join(err, f.compress(ctx, path))
		}
	}
	return err
}

// endedFiles lists them, the oldest first, and removes what was not finished.
func (f *File) endedFiles() (ended []string, err error) {
	dir, base := filepath.Split(f.cfg.Path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if len(name) <= len(base) || name[:len(base)] != base {
			continue
		}
		rest := name[len(base):]
		if cut := len(rest) - len(unfinished); cut > 0 && rest[cut:] == unfinished && endedName.MatchString(rest[:cut]) {
			_ = os.Remove(filepath.Join(dir, name)) // a process ended while it wrote it
		}
		if endedName.MatchString(rest) {
			ended = append(ended, filepath.Join(dir, name))
		}
	}
	slices.Sort(ended)
	return ended, nil
}

// compress puts a compressed file in the place of one that was ended. What is there is
// whole at every moment, under one of the two names or both.
func (f *File) compress(ctx context.Context, path string) error {
	part := path + unfinished
	err := compressInto(ctx, part, path)
	if err == nil {
		err = errors.Join(os.Rename(part, path+compressed), syncDir(path))
	}
	if err != nil {
		_ = os.Remove(part)
		return err
	}
	return os.Remove(path)
}

func compressInto(ctx context.Context, to, from string) (err error) {
	in, err := os.Open(from) //nolint:gosec // beside what an operator names
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the same
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	packed := gzip.NewWriter(out)
	packed.ModTime = time.Now()
	if _, err := io.Copy(packed, whileRunning{ctx, in}); err != nil {
		return err
	}
	return errors.Join(packed.Close(), out.Sync())
}

// whileRunning reads until the gateway stops: a large file is packed for seconds.
type whileRunning struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	io.Reader
}

// Read reads on.
func (r whileRunning) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
