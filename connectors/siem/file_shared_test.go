package siem_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/curfew-access/curfew/connectors/siem"
)

// Two nodes on one machine may take turns with one file, when the one that sends dies
// or is slow.
func TestWhatAnotherProcessWroteIsNotCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	disk := &badDisk{room: -1, synced: true}
	first, _ := newFile(t, siem.FileConfig{Path: path, Open: func(path string, flag int, mode fs.FileMode) (siem.OpenFile, error) {
		under, err := os.OpenFile(path, flag, mode)
		disk.File = under
		return disk, err
	}})
	second, _ := newFile(t, siem.FileConfig{Path: path})
	sent(t, first, sealed(1, 1))
	sent(t, second, sealed(2, 1))
	disk.room = 100 // it is full for the next
	if _, err := first.Send(t.Context(), sealed(3, 1)); err == nil {
		t.Fatal("a full disk took it")
	}
	if got, want := content(t, path), linesIn(sealed(1, 2)...); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestAFileThatAnotherProcessIsWritingToIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	file, _ := newFile(t, siem.FileConfig{Path: path})
	sent(t, file, sealed(1, 1))
	other, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := other.WriteString(`{"id":`); err != nil { // it is in the middle of a line
		t.Fatal(err)
	}
	fresh, _ := newFile(t, siem.FileConfig{Path: path})
	for name, f := range map[string]*siem.File{"open already": file, "not open yet": fresh} {
		if _, err := f.Send(t.Context(), sealed(2, 1)); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, want := content(t, path), linesIn(sealed(1, 1)...)+`{"id":`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	_ = other.Close()
	sent(t, file, sealed(2, 1))
	if got, want := content(t, path), linesIn(sealed(1, 2)...); got != want {
		t.Errorf("when it is gone there is %s\nwant %s", got, want)
	}
}
