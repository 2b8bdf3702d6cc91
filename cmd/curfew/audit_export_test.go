package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine/audit"
)

// flaky answers exports of so many lines, and breaks off a while into each answer.
type flaky struct {
	format audit.Format
	after  func(n int) int // how many bytes of the nth answer are sent; -1: all
	calls  int
	events int
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	through, _ := strconv.Atoi(r.URL.Query().Get("through"))
	body := f.format.Header()
	for n := after + 1; n <= through; n++ {
		body = fmt.Appendf(body, "%d,%s\n", n, strings.Repeat("x", n%7))
	}
	f.calls++
	f.events += through - after
	if cut := f.after(f.calls); cut >= 0 && cut < len(body) {
		_, _ = w.Write(body[:cut])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

func whole(format audit.Format, after, through int) string {
	rec := httptest.NewRecorder()
	(&flaky{format: format, after: func(int) int { return -1 }}).ServeHTTP(rec,
		httptest.NewRequest(http.MethodGet, fmt.Sprintf("/?after=%d&through=%d", after, through), http.NoBody))
	return rec.Body.String()
}

func auditExportOf(t *testing.T, f *flaky, after, through int64) (*auditExport, string) {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	cl, err := client.New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	return &auditExport{client: cl, format: f.format, after: after, through: through, bar: noProgress(0), pause: time.Nanosecond},
		filepath.Join(t.TempDir(), "events")
}

func TestExportGoesOnBehindTheLastWholeLine(t *testing.T) {
	t.Parallel()
	for _, format := range []audit.Format{audit.FormatNDJSON, audit.FormatCSV} {
		f := &flaky{format: format, after: func(n int) int {
			if n > 40 {
				return -1
			}
			return n * 13 // in the header, in a line, between two
		}}
		x, name := auditExportOf(t, f, 3, 200)
		if err := x.toFile(t.Context(), name, false); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != whole(format, 3, 200) || f.calls < 3 {
			t.Errorf("%s, after %d calls: %v\n%s", format, f.calls, err, got)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others may read it: %v, %v", info.Mode(), err)
		}
	}
}

func TestExportIsResumedWhereverItsFileEnds(t *testing.T) {
	t.Parallel()
	for _, format := range []audit.Format{audit.FormatNDJSON, audit.FormatCSV} {
		want := whole(format, 0, 20)
		for cut := range len(want) + 1 {
			f := &flaky{format: format, after: func(int) int { return -1 }}
			x, name := auditExportOf(t, f, 0, 20)
			if err := os.WriteFile(name, []byte(want[:cut]), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := x.toFile(t.Context(), name, true); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(name)
			lines := bytes.Count([]byte(want[:cut]), []byte{'\n'}) - bytes.Count(format.Header(), []byte{'\n'})
			if err != nil || string(got) != want || f.events != 20-max(lines, 0) {
				t.Fatalf("%s cut at %d: %d events were asked for, and there is\n%s", format, cut, f.events, got)
			}
		}
	}
}

func TestFileThatIsNotOfTheExportIsNotGoneOnWith(t *testing.T) {
	t.Parallel()
	x, name := auditExportOf(t, &flaky{format: audit.FormatNDJSON, after: func(int) int { return -1 }}, 0, 5)
	if err := os.WriteFile(name, []byte(strings.Repeat("x\n", 6)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := x.toFile(t.Context(), name, true); err == nil || codeOf(err) != exitUsage {
		t.Errorf("got %v", err)
	}
}
