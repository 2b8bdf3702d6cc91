package bundle_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/bundle"
)

func TestFileThatKeepsItsSizeAndTimeIsSeenToChange(t *testing.T) {
	t.Parallel()
	path, then := filepath.Join(t.TempDir(), "team.tar.gz"), time.Now().Add(-time.Hour)
	f := bundle.NewFile(path, 0)
	fetch := func(content string) string {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, then, then)); err != nil {
			t.Fatal(err)
		}
		raw, err := f.Fetch(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if got := fetch("one"); got != "one" {
		t.Fatalf("got %q", got)
	}
	for deadline := time.Now().Add(5 * time.Second); fetch("two") != "two"; { // once its clock has moved on
		if time.Now().After(deadline) {
			t.Fatal("it was not seen")
		}
	}
}
