package siem_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/engine/access"
)

// linesIn are what the records are in a file.
func linesIn(records ...access.AuditRecord) string {
	var text strings.Builder
	for _, r := range records {
		text.Write(r.Body)
		text.WriteByte('\n')
	}
	return text.String()
}

func newFile(t *testing.T, cfg siem.FileConfig) (*siem.File, string) {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "audit.log")
	}
	file, err := siem.NewFile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return file, cfg.Path
}

func sent(t *testing.T, file *siem.File, records []access.AuditRecord) {
	t.Helper()
	if receipt, err := file.Send(t.Context(), records); err != nil || receipt != "" {
		t.Fatalf("%q, %v", receipt, err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// large are records of more than half of the smallest file together.
func large(first int64) []access.AuditRecord {
	records := sealed(first, 2)
	for i := range records {
		records[i].Body = []byte(`"` + strings.Repeat(string(rune('a'+first%26)), siem.MinFileSize/3) + `"`)
	}
	return records
}

func TestFileHoldsALineForEachEventAndIsForItsOwner(t *testing.T) {
	file, path := newFile(t, siem.FileConfig{})
	sent(t, file, sealed(1, 2))
	sent(t, file, sealed(3, 1))
	if got, want := content(t, path), linesIn(sealed(1, 3)...); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

func TestWhatACrashLeftOfALineIsCutOff(t *testing.T) {
	whole := linesIn(sealed(1, 2)...)
	cases := map[string]struct{ before, after string }{
		"nothing":                   {"", ""},
		"whole lines":               {whole, whole},
		"a part of the first line":  {`{"id":`, ""},
		"a part of the third line":  {whole + `{"id":`, whole},
		"a part longer than a read": {whole + strings.Repeat("x", 200<<10), whole},
		"a line longer than a read": {strings.Repeat("x", 200<<10) + "\n", strings.Repeat("x", 200<<10) + "\n"},
		"a part after a long line":  {strings.Repeat("x", 200<<10) + "\nx", strings.Repeat("x", 200<<10) + "\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			if err := os.WriteFile(path, []byte(tc.before), 0o600); err != nil {
				t.Fatal(err)
			}
			file, _ := newFile(t, siem.FileConfig{Path: path})
			sent(t, file, sealed(3, 1))
			if got, want := content(t, path), tc.after+linesIn(sealed(3, 1)...); got != want {
				t.Errorf("got %d bytes, want %d", len(got), len(want))
			}
		})
	}
}

// badDisk is a file on a disk that misbehaves.
type badDisk struct {
	*os.File
	room     int  // bytes until it is full; less than 0: as much as there is
	synced   bool // whether it can be synced
	stubborn bool // it can not even be truncated
}

func (d *badDisk) Write(p []byte) (int, error) {
	if d.room < 0 || len(p) <= d.room {
		return d.File.Write(p)
	}
	n, err := d.File.Write(p[:d.room])
	return n, errors.Join(err, syscall.ENOSPC)
}

func (d *badDisk) Sync() error {
	if !d.synced {
		return syscall.EIO
	}
	return d.File.Sync()
}

func (d *badDisk) Truncate(size int64) error {
	if d.stubborn {
		return syscall.EIO
	}
	return d.File.Truncate(size)
}

func TestADiskThatFailsLeavesNoHalfLineAndMayBeTriedAgain(t *testing.T) {
	cases := map[string]badDisk{
		"it is full":                               {room: 100, synced: true},
		"it is full in the first line":             {room: 3, synced: true},
		"it is full, and nothing can be taken off": {room: 100, synced: true, stubborn: true},
		"it does not sync":                         {room: -1},
	}
	for name, disk := range cases {
		t.Run(name, func(t *testing.T) {
			broken := false
			file, path := newFile(t, siem.FileConfig{Open: func(path string, flag int, mode fs.FileMode) (siem.OpenFile, error) {
				under, err := os.OpenFile(path, flag, mode)
				if !broken {
					return under, err
				}
				d := disk
				d.File = under
				return &d, err
			}})
			sent(t, file, sealed(1, 1))
			moved := path + ".moved" // so that it is opened anew, on the disk that is full
			if err := errors.Join(os.Rename(path, moved), os.WriteFile(path, []byte(linesIn(sealed(1, 1)...)), 0o600)); err != nil {
				t.Fatal(err)
			}
			broken = true
			_, err := file.Send(t.Context(), sealed(2, 2))
			var rejected *access.RejectedError
			if err == nil || access.IsPermanent(err) || errors.As(err, &rejected) {
				t.Fatalf("got %v", err)
			}
			if got := content(t, path); !disk.stubborn && got != linesIn(sealed(1, 1)...) {
				t.Errorf("it left %s", got)
			}
			broken = false
			sent(t, file, sealed(2, 2))
			if got := content(t, path); got != linesIn(sealed(1, 3)...) {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestALargeFileIsEndedAndNoBatchIsParted(t *testing.T) {
	clock := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	file, path := newFile(t, siem.FileConfig{MaxSize: siem.MinFileSize, Now: func() time.Time { clock = clock.Add(time.Second); return clock }})
	for first := int64(1); first <= 5; first += 2 {
		sent(t, file, large(first))
	}
	want := map[string]int64{"audit.log": 5, "audit.log.20261122T120001.000Z-2.log": 1, "audit.log.20261122T120002.000Z-4.log": 3}
	for name, first := range want {
		if got := content(t, filepath.Join(filepath.Dir(path), name)); got != linesIn(large(first)...) {
			t.Errorf("%s holds %d bytes, that begin with %.9s", name, len(got), got)
		}
	}
	if names := namesBeside(t, path); len(names) != len(want) {
		t.Errorf("there are %v", names)
	}
}

func namesBeside(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAFileThatIsEndedNeverReplacesAnother(t *testing.T) {
	clock := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	file, path := newFile(t, siem.FileConfig{MaxSize: siem.MinFileSize, Now: func() time.Time { return clock }})
	taken := path + ".20261122T120000.000Z-2.log"
	if err := os.WriteFile(taken, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	sent(t, file, large(1))
	if _, err := file.Send(t.Context(), large(3)); err == nil || access.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
	clock = clock.Add(time.Millisecond)
	sent(t, file, large(3))
	if got := content(t, taken); got != "before" {
		t.Errorf("it is replaced by %.9s", got)
	}
}

// Other rotations, such as logrotate's, move the file away and expect a new one.
func TestAFileThatWasMovedAwayIsBegunAnew(t *testing.T) {
	cases := map[string]func(path string) error{
		"moved":                 func(path string) error { return os.Rename(path, path+".1") },
		"removed":               os.Remove,
		"replaced by a new one": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
	}
	for name, rotate := range cases {
		t.Run(name, func(t *testing.T) {
			file, path := newFile(t, siem.FileConfig{})
			sent(t, file, sealed(1, 1))
			if err := rotate(path); err != nil {
				t.Fatal(err)
			}
			sent(t, file, sealed(2, 1))
			if got := content(t, path); got != linesIn(sealed(2, 1)...) {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestFilesThatWereEndedAreCompressedAndTheOldestRemoved(t *testing.T) {
	file, path := newFile(t, siem.FileConfig{Keep: 2, Compress: true, MaxSize: siem.MinFileSize})
	left := map[string]string{
		".20260101T000000.000Z-1.log":         "oldest",
		".20260102T000000.000Z-2.log.gz":      "removed too",
		".20260103T000000.000Z-3.log":         "of an earlier process",
		".20260103T000000.000Z-3.log.gz.part": "unfinished",
		".notes":                              "somebody's",
	}
	for name, text := range left {
		if err := os.WriteFile(path+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sent(t, file, large(4))
	sent(t, file, large(6)) // ends the one before
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- file.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	deadline := time.After(30 * time.Second)
	for tidied := false; !tidied; {
		names := namesBeside(t, path)
		tidied = len(names) == 4 && slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, ".log") && n != "audit.log" }) < 0
		select {
		case <-deadline:
			t.Fatalf("there are %v", names)
		case <-time.After(time.Millisecond):
		}
	}
	for _, name := range namesBeside(t, path) {
		switch {
		case name == "audit.log.notes", name == "audit.log":
		case name == "audit.log.20260103T000000.000Z-3.log.gz":
			if got := unpacked(t, filepath.Join(filepath.Dir(path), name)); got != "of an earlier process" {
				t.Errorf("%s holds %q", name, got)
			}
		case strings.HasSuffix(name, "-5.log.gz"):
			if got := unpacked(t, filepath.Join(filepath.Dir(path), name)); got != linesIn(large(4)...) {
				t.Errorf("%s holds %d bytes", name, len(got))
			}
		default:
			t.Errorf("there is %s", name)
		}
	}
}

func unpacked(t *testing.T, path string) string {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader([]byte(content(t, path))))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestARecordThatIsNotOneLineIsRefused(t *testing.T) {
	file, path := newFile(t, siem.FileConfig{})
	records := sealed(1, 3)
	records[1].Body = []byte("{\n}")
	_, err := file.Send(t.Context(), records)
	var rejected *access.RejectedError
	if !errors.As(err, &rejected) || rejected.Index != 1 {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("something is written")
	}
}

func TestFileSaysEveryFaultOfItsConfiguration(t *testing.T) {
	cases := map[string]struct {
		cfg  siem.FileConfig
		want []string
	}{
		"no path":     {siem.FileConfig{}, []string{"the path is missing"}},
		"all at once": {siem.FileConfig{Path: "a.log", MaxSize: 5, Keep: -1}, []string{"not absolute", "5 bytes at most is too small", "-1 files"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := siem.NewFile(tc.cfg)
			for _, want := range tc.want {
				if !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
}

// Where a file is to be may be mounted later, and a gateway starts without it.
func TestAFileThatCanNotBeWrittenIsSaidSoAndMayBeThereLater(t *testing.T) {
	dir := t.TempDir()
	cases := map[string]struct {
		path, want string
		permanent  bool
	}{
		"no directory":     {filepath.Join(dir, "later", "a.log"), "make it", false},
		"no ordinary file": {"/dev/null", "not an ordinary file", true},
		"a directory, too": {dir, "not an ordinary file", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file, _ := newFile(t, siem.FileConfig{Path: tc.path})
			if err := file.Check(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the check says %v", err)
			}
			if _, err := file.Send(t.Context(), sealed(1, 1)); err == nil || access.IsPermanent(err) != tc.permanent {
				t.Errorf("sending gives %v", err)
			}
		})
	}
	file, path := newFile(t, siem.FileConfig{Path: filepath.Join(dir, "later", "a.log")})
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	sent(t, file, sealed(1, 1))
	if err := file.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
