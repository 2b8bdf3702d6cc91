// Package ledgerfile gives the stories that are told in bubbles their ledger: a file
// in which nothing has happened yet. The migrations take longer than most stories,
// and so are made once for a package.
package ledgerfile

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/tests/bubble"
)

// Shared is a database that other processes could use too, as PostgreSQL is.
type Shared struct{ *sqlite.DB }

// Alone reports that others may be there.
func (Shared) Alone() bool { return false }

var empty struct {
	sync.Once
	file []byte
}

// Empty returns the path of a ledger of the test's own, in which nothing has
// happened. It is made in a bubble, whose time is the same at the beginning of each,
// and is not to be called in one.
func Empty(t *testing.T) string {
	t.Helper()
	empty.Do(func() { empty.file = migrated(t) })
	path := filepath.Join(t.TempDir(), "curfew.db")
	must(t, os.WriteFile(path, empty.file, 0o600))
	return path
}

// OpenShared opens a ledger that other processes could use too.
func OpenShared(t *testing.T, path string) (*sqlite.DB, *ledger.Ledger) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	must(t, err)
	l, err := ledger.Open(t.Context(), Shared{db})
	must(t, err)
	return db, l
}

func migrated(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "empty.db")
	bubble.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), path)
		must(t, err)
		l, err := ledger.Open(t.Context(), db)
		must(t, err)
		must(t, l.Close())
	})
	file, err := os.ReadFile(path)
	must(t, err)
	return file
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
