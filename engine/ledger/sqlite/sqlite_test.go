package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/tests/suite/ledgersuite"
)

type file string

func (f file) Open(t *testing.T) ledger.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), string(f))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestSuite(t *testing.T) {
	ledgersuite.Run(t, func(t *testing.T) ledgersuite.Database { return file(filepath.Join(t.TempDir(), "c u?r#f%e.db")) })
}

func TestSecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "curfew.db")
	db := file(path).Open(t)
	if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, sqlite.ErrLocked) {
		t.Fatalf("second open: %v, want ErrLocked", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = file(path).Open(t)
	defer func() { _ = db.Close() }()
}

func TestFileIsReadableByItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "curfew.db")
	db := file(path).Open(t)
	defer func() { _ = db.Close() }()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Fatalf("the file has mode %o, want 600", mode)
	}
}

func TestClosedLedgerIsAnErrorAndNotAHang(t *testing.T) {
	db := file(filepath.Join(t.TempDir(), "curfew.db")).Open(t)
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Update(t.Context(), func(ledger.Querier) error { return nil }); !errors.Is(err, sqlite.ErrClosed) {
		t.Fatalf("update after close: %v, want ErrClosed", err)
	}
}

func TestDurabilityIsNotGivenUp(t *testing.T) {
	db := file(filepath.Join(t.TempDir(), "curfew.db")).Open(t)
	defer func() { _ = db.Close() }()
	err := db.Update(t.Context(), func(tx ledger.Querier) error {
		for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
			var got string
			if err := tx.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil {
				return err
			}
			if got != want {
				t.Errorf("PRAGMA %s is %s, want %s", pragma, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
