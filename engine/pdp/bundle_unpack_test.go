package pdp

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// inflated counts what is read of an archive.
type inflated struct {
	io.Reader
	n int64
}

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.Reader.Read(p)
	i.n += int64(n)
	return n, err
}

func TestArchiveIsInflatedNoFurtherThanItsBound(t *testing.T) {
	t.Parallel()
	within := bounds{bytes: 64 << 10, files: 100}
	for name, tc := range map[string]struct {
		files int
		size  int
		want  string // "" for none
	}{
		"within it":                  {10, 4 << 10, ""},
		"one large file":             {1, 65 << 10, "more than 256 MiB"},
		"files that are too much":    {20, 4 << 10, "more than 256 MiB"},
		"headers that are too much":  {99, 600, "more than 256 MiB"},
		"files that are too many":    {101, 0, "more than 100 files"},
		"as many files as there may": {100, 0, ""},
	} {
		var buf bytes.Buffer
		zip := gzip.NewWriter(&buf)
		w := tar.NewWriter(zip)
		for i := range tc.files {
			err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.json", i), Mode: 0o600, Size: int64(tc.size)})
			if _, err2 := w.Write(make([]byte, tc.size)); errors.Join(err, err2) != nil {
				t.Fatal(err, err2)
			}
		}
		if err := errors.Join(w.Close(), zip.Close()); err != nil {
			t.Fatal(err)
		}
		files, err := within.unpack(buf.Bytes())
		switch {
		case tc.want == "" && (err != nil || len(files) != tc.files):
			t.Errorf("%s: %d files, %v", name, len(files), err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestReaderStopsAtItsBound(t *testing.T) {
	t.Parallel()
	from := &inflated{Reader: strings.NewReader(strings.Repeat("x", 1000))}
	got, err := io.ReadAll(&capped{from: from, left: 100})
	if len(got) != 100 || !errors.Is(err, errTooMuch) || from.n != 100 {
		t.Errorf("%d bytes, %v, and %d were read", len(got), err, from.n)
	}
}
