package siem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// The bounds of a file's size.
const (
	DefaultFileSize = 100 << 20
	MinFileSize     = 1 << 20 // more than a batch: each is whole in one file
)

// FileConfig is a file that takes audit events, a line each.
type FileConfig struct {
	Path     string // absolute; its directory is there
	MaxSize  int64  // bytes from which a new file is begun; 0: DefaultFileSize
	Keep     int    // files that were ended; older ones are removed. 0: none is
	Compress bool   // files that were ended, with gzip

	Now  func() time.Time                                                `json:"-"` // nil: time.Now
	Open func(path string, flag int, mode fs.FileMode) (OpenFile, error) `json:"-"` // nil: the system's
}

// OpenFile is what is asked of a file that is open.
type OpenFile interface {
	io.WriteCloser
	io.ReaderAt
	Fd() uintptr
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

// File appends audit events to a file, and ends it when it is large. A line is whole
// or not there at all, whatever ended the process; and what Send took is on the disk.
//
// Rotation is done here and not by a library, because what rotates must know what is
// safe: a batch counts when the file, and the directory that names it, are synced.
type File struct {
	cfg    FileConfig
	log    *slog.Logger
	ended  chan struct{} // something is there to be tidied
	untidy trouble.Line

	mu      sync.Mutex
	file    OpenFile    // nil: not open
	is      fs.FileInfo // of what is open
	size    int64       // of its whole lines
	through int64       // the highest number that was written; 0: none since the start
}

// NewFile returns the sink, or every fault of its configuration. Nothing is opened yet.
func NewFile(cfg FileConfig) (*File, error) {
	var faults []error
	if cfg.MaxSize == 0 {
		cfg.MaxSize = DefaultFileSize
	}
	if cfg.MaxSize < MinFileSize {
		faults = append(faults, fmt.Errorf("a file of %d bytes at most is too small; want %d at least", cfg.MaxSize, MinFileSize))
	}
	if cfg.Keep < 0 {
		faults = append(faults, fmt.Errorf("%d files can not be kept; 0 keeps them all", cfg.Keep))
	}
	if !filepath.IsAbs(cfg.Path) {
		faults = append(faults, errors.New("the path is missing, or not absolute"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Open == nil {
		cfg.Open = func(path string, flag int, mode fs.FileMode) (OpenFile, error) { return os.OpenFile(path, flag, mode) } //nolint:gosec // an operator names it
	}
	return &File{cfg: cfg, ended: make(chan struct{}, 1), log: slog.New(slog.DiscardHandler)}, nil
}

// Check says why the file can not be written to, as far as that is seen without making
// it. It is no fault of the configuration: a directory may be mounted later.
func (f *File) Check(context.Context) error {
	dir := filepath.Dir(f.cfg.Path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("the directory %s is not there; make it", dir)
	}
	if info, err := os.Stat(f.cfg.Path); err == nil {
		return f.ordinary(info)
	}
	return nil
}

// ordinary refuses what nothing can be made safe in, such as a terminal.
func (f *File) ordinary(info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return access.Permanent(fmt.Errorf("%s is not an ordinary file, so that nothing can be made safe in it", f.cfg.Path))
}

// LogTo sets, before anything else is done with it, where it is told that files can not
// be tidied; without, it is not.
func (f *File) LogTo(log *slog.Logger) { f.log = log }

// Send appends the records and waits until the disk has them. When it fails, none of
// them is in the file.
func (f *File) Send(ctx context.Context, records []access.AuditRecord) (string, error) {
	lines, err := linesOf(records)
	if err != nil || len(lines) == 0 {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	defer f.unlock()
	if err := f.ready(records[0].Seq-1, int64(len(lines))); err != nil {
		return "", err
	}
	if err := f.append(lines); err != nil {
		return "", err
	}
	f.through = max(f.through, records[len(records)-1].Seq)
	return "", nil
}

func linesOf(records []access.AuditRecord) (lines []byte, err error) {
	for i, record := range records {
		if bytes.ContainsAny(record.Body, "\r\n") {
			return nil, &access.RejectedError{Index: i, Reason: "it is not one line"}
		}
		lines = append(append(lines, record.Body...), '\n')
	}
	return lines, nil
}

// ready sees to it that the file that is open is the one of that name, is nobody else's
// for now, and has room. before is the number before what is to be written.
func (f *File) ready(before, room int64) error {
	if f.file != nil && (lock(f.file) != nil || f.changed()) {
		f.close()
	}
	if f.file == nil {
		if err := f.reopen(); err != nil {
			return err
		}
	}
	if f.size == 0 || f.size+room <= f.cfg.MaxSize {
		return nil
	}
	if err := f.rotate(max(f.through, before)); err != nil {
		return err
	}
	return f.reopen()
}

// changed reports whether somebody else rotates too, or removed the file; or whether
// another process has written to it, whose lines nothing may be cut off of.
func (f *File) changed() bool {
	now, err := os.Stat(f.cfg.Path)
	return err != nil || !os.SameFile(now, f.is) || now.Size() != f.size
}

// lock keeps other gateways away while this one writes: two nodes on one machine take
// turns with a file, and whoever opens it cuts off what looks like half a line.
func lock(file OpenFile) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return errors.New("another process is writing to it")
	case errors.Is(err, errors.ErrUnsupported): // of a file system that has no locks: then nobody shares it
		return nil
	}
	return err
}

// unlock lets others write.
func (f *File) unlock() {
	if f.file != nil {
		_ = syscall.Flock(int(f.file.Fd()), syscall.LOCK_UN)
	}
}

// reopen opens the file, for its owner only if it is new, and cuts off what a crash
// left of a line.
func (f *File) reopen() error {
	file, err := f.cfg.Open(f.cfg.Path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		err = access.Permanent(err)
	}
	if err != nil {
		return err
	}
	info, err := f.take(file)
	size := int64(0)
	if err == nil {
		size, err = wholeLines(file, info.Size())
	}
	if err == nil && size < info.Size() {
		err = file.Truncate(size)
	}
	if err == nil {
		err = syncDir(f.cfg.Path) // the file may be new
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	f.file, f.is, f.size = file, info, size
	return nil
}

// take makes sure that the file can be written to safely, by this process alone and as
// the one of that name.
func (f *File) take(file OpenFile) (info fs.FileInfo, err error) {
	if info, err = file.Stat(); err == nil {
		err = f.ordinary(info)
	}
	if err != nil {
		return nil, err
	}
	if err := lock(file); err != nil {
		return nil, fmt.Errorf("%s: %w", f.cfg.Path, err)
	}
	if info, err = file.Stat(); err != nil { // as whoever had it left it
		return nil, err
	}
	if now, err := os.Stat(f.cfg.Path); err != nil || !os.SameFile(now, info) {
		return nil, fmt.Errorf("%s was moved away by another process just now", f.cfg.Path)
	}
	return info, nil
}

// append writes lines behind what is there. What can not be written wholly is cut off
// again; if not even that succeeds, the next opening does it.
func (f *File) append(lines []byte) error {
	_, err := f.file.Write(lines)
	if err == nil {
		err = f.file.Sync()
	}
	if err == nil {
		f.size += int64(len(lines))
		return nil
	}
	_ = f.file.Truncate(f.size)
	f.close() // after a failed sync nobody knows what a second one would tell of
	return err
}

func (f *File) close() {
	_ = f.file.Close()
	f.file = nil
}

// Format prints where it is.
func (f *File) Format(s fmt.State, _ rune) { _, _ = fmt.Fprintf(s, "file sink %s", f.cfg.Path) }

// wholeLines returns where the last line end is, and so how much of the file counts.
func wholeLines(file io.ReaderAt, size int64) (int64, error) {
	piece := make([]byte, 64<<10)
	for end := size; end > 0; {
		from := max(0, end-int64(len(piece)))
		n, err := file.ReadAt(piece[:end-from], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if at := bytes.LastIndexByte(piece[:n], '\n'); at >= 0 {
			return from + int64(at) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// syncDir makes the names in the path's directory safe.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
