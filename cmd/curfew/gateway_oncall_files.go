package main

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/filetime"
)

// lookEvery is how often the files of sources are looked at. A look costs one call
// of the system; in return it sees every kind of change on every kind of file
// system.
const lookEvery = time.Second

// watchFiles has a source asked when its file changed.
func (g *gateway) watchFiles(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for _, f := range g.files {
			f.look()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// watchedFile tells when a file is another than it was and then stayed the same
// from one look to the next: one that is being written is not read in its middle.
type watchedFile struct {
	path    string
	changed func()
	seen    fs.FileInfo // at the last look; nil: it was not there
	told    fs.FileInfo // as it was read last
}

// watched begins before the file is read for the first time, so that no change
// falls between the two.
func watched(path string, changed func()) *watchedFile {
	f := &watchedFile{path: path, changed: changed}
	f.told = f.stat()
	f.seen = f.told
	return f
}

func (f *watchedFile) stat() fs.FileInfo {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil
	}
	return info
}

func (f *watchedFile) look() {
	info := f.stat()
	still := sameFile(info, f.seen)
	f.seen = info
	if still && !sameFile(info, f.told) {
		f.told = info
		f.changed()
	}
}

// sameFile reports whether a file is as it was.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && filetime.Changed(a) == filetime.Changed(b)
}

// steadyRota reads a rota, and not while it is being written: half a file can be a
// rota too, by which all others are off call.
type steadyRota struct {
	path string
	was  bool // read before
	file rota.File
	err  error
}

// read returns the file, or what it was before if it changed a moment ago. Once it
// stays the same, watchFiles has it read again.
func (s *steadyRota) read() (rota.File, error) {
	file, err := readRota(s.path)
	info, statErr := os.Stat(s.path)
	if s.was && statErr == nil {
		if age := time.Since(info.ModTime()); age >= 0 && age < lookEvery/2 {
			return s.file, s.err
		}
	}
	s.was, s.file, s.err = true, file, err
	return file, err
}
