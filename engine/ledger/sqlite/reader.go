package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/curfew-access/curfew/engine/ledger"
)

var _ ledger.DB = (*Reader)(nil)

// Reader looks at a ledger that another process may be writing. It takes no
// lock, and every change through it fails.
type Reader struct{ db *sql.DB }

// OpenReader opens the file, which must be there, to be looked at.
func OpenReader(path string) (*Reader, error) {
	db, err := sql.Open("sqlite", dsn(path, "&mode=rw&_pragma=query_only(1)"))
	return &Reader{db}, err
}

// View runs fn in a read-only transaction on a snapshot.
func (r *Reader) View(ctx context.Context, fn func(ledger.Querier) error) error {
	return view(ctx, r.db, func(tx *sql.Tx) error { return fn(tx) })
}

// Update is View: what would change something fails, and what has nothing to
// change, such as a migration that was made already, passes.
func (r *Reader) Update(ctx context.Context, fn func(ledger.Querier) error) error {
	return r.View(ctx, fn)
}

// Now is the process clock.
func (r *Reader) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// SkipLocked is empty.
func (r *Reader) SkipLocked() string { return "" }

// Look is View.
func (r *Reader) Look(ctx context.Context, fn func(ledger.Querier) error) error {
	return r.View(ctx, fn)
}

// Lock does nothing: a reader changes nothing.
func (r *Reader) Lock(context.Context, ledger.Querier, ...ledger.Lock) error { return nil }

// Batch runs the statements, which the file refuses.
func (r *Reader) Batch(ctx context.Context, q ledger.Querier, statements []ledger.Statement) error {
	return runAll(ctx, q, statements)
}

// Alone is false.
func (r *Reader) Alone() bool { return false }

// Close closes the file.
func (r *Reader) Close() error { return r.db.Close() }
