package pdp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/curfew-access/curfew/engine/filetime"
)

// lookEvery is how often a directory is looked at. A look costs a call of the
// system for each file; in return it sees every kind of change on every kind of
// file system, a network's and a container's too.
const lookEvery = time.Second

// directory is a team's directory.
type directory struct {
	dir    string
	every  time.Duration
	seen   string // fingerprint at the last look
	loaded string // fingerprint of what was returned last
}

func (d *directory) pause() time.Duration { return d.every }
func (d *directory) name() string         { return "directory " + d.dir }

// look returns the directory when it changed and then stayed the same from one
// look to the next: a tree that is being written is not read in its middle.
func (d *directory) look(_ context.Context, now bool) (*candidate, error) {
	fsys := dirFS(d.dir)
	seen := fingerprint(fsys)
	still := seen == d.seen || d.seen == ""
	d.seen = seen
	if !now && (seen == d.loaded || !still) {
		return nil, nil
	}
	c := &candidate{}
	c.team, c.fault = readTeam(d.dir)
	if fingerprint(fsys) != seen {
		return nil, nil // it changed under the reader's eyes
	}
	d.loaded = seen
	c.identity = c.team.revision() + textOf(c.fault)
	return c, nil
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// fingerprint changes whenever a file that would be loaded is added, removed,
// replaced or edited. Links are followed to what they lead to.
func fingerprint(fsys fs.FS) string {
	digest := sha256.New()
	_ = fs.WalkDir(fsys, ".", func(p string, entry fs.DirEntry, err error) error {
		if err == nil && skipped(p, entry) {
			return skip(entry)
		}
		if err == nil && (entry.IsDir() || !wanted(p)) {
			return nil
		}
		printFile(digest, fsys, p, err)
		return nil
	})
	return hex.EncodeToString(digest.Sum(nil))
}

func printFile(to io.Writer, fsys fs.FS, p string, err error) {
	var info fs.FileInfo
	if err == nil {
		info, err = fs.Stat(fsys, p)
	}
	if err != nil {
		_, _ = fmt.Fprintf(to, "%q %v\n", p, err) // a hash takes everything
		return
	}
	var inode uint64
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = stat.Ino
	}
	_, _ = fmt.Fprintf(to, "%q %v %d %d %d %d\n", p, info.Mode(), info.Size(), info.ModTime().UnixNano(), filetime.Changed(info), inode)
}
