// Package sqlite is the embedded home of the ledger: one file, one process, no
// server. It is the only home of the SQLite driver.
//
// Writers share commits: while one commit reaches the disk, the transactions
// that arrive are gathered, and the next commit carries them all, each in a
// savepoint of its own.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/curfew-access/curfew/engine/ledger"
)

var _ ledger.DB = (*DB)(nil)

// ErrLocked says that another process has the ledger open.
var ErrLocked = errors.New("another process holds this ledger; on SQLite one curfew runs at a time")

// readers bounds the connections that read: more would take the writer's CPU.
const readers = 4

// DB is a SQLite file held by this process alone.
type DB struct {
	clock  *clock
	lock   *os.File
	writer *sql.DB
	reader *sql.DB
	writes *statements
	reads  *statements
	jobs   chan job
	ended  chan struct{}

	closing sync.RWMutex // held for reading by who sends to jobs
	closed  bool
}

// Open opens the file, or makes it, readable by its owner only. It reports
// ErrLocked when another process holds it.
func Open(ctx context.Context, path string) (*DB, error) {
	lock, err := hold(path + ".lock")
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", path, err), lock.Close())
	}
	db.lock = lock
	go db.write() //nolint:gosec // it outlives the opening; Close ends it
	return db, nil
}

func open(ctx context.Context, path string) (*DB, error) {
	file, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	writer, err := sql.Open("sqlite", dsn(path, "&_pragma=cache_size(-32768)&_txlock=immediate"))
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", dsn(path, "&_pragma=cache_size(-8192)&_pragma=query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	db := &DB{writer: writer, reader: reader, writes: newStatements(writer), reads: newStatements(reader), jobs: make(chan job, groupSize), ended: make(chan struct{})}
	if db.clock, err = newClock(ctx, writer); err != nil {
		return nil, errors.Join(err, writer.Close(), reader.Close())
	}
	return db, nil
}

func dsn(path, more string) string {
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path)}
	return u.String() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=temp_store(memory)" + more
}

func hold(path string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the ledger: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrLocked), file.Close())
	}
	return file, nil
}

// Now is the process clock, never below what a commit has seen.
func (db *DB) Now() time.Time { return db.clock.now() }

// SkipLocked is empty: there is one writer.
func (db *DB) SkipLocked() string { return "" }

// Lock does nothing: there is one writer.
func (db *DB) Lock(context.Context, ledger.Querier, ...ledger.Lock) error { return nil }

// Batch runs the statements: there is no way to shorten.
func (db *DB) Batch(ctx context.Context, q ledger.Querier, statements []ledger.Statement) error {
	return runAll(ctx, q, statements)
}

func runAll(ctx context.Context, q ledger.Querier, statements []ledger.Statement) error {
	for _, s := range statements {
		if _, err := q.ExecContext(ctx, s.SQL, s.Args...); err != nil {
			return err
		}
	}
	return nil
}

// Alone is true: the file is locked.
func (db *DB) Alone() bool { return true }

// View runs fn in a read-only transaction on a snapshot.
func (db *DB) View(ctx context.Context, fn func(ledger.Querier) error) error {
	defer db.reads.prepare(context.WithoutCancel(ctx))
	return view(ctx, db.reader, func(tx *sql.Tx) error { return fn(prepared{tx, db.reads}) })
}

// Look runs fn without a transaction: one statement is a snapshot by itself, and
// to begin one and end it would cost as much again.
func (db *DB) Look(ctx context.Context, fn func(ledger.Querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer db.reads.prepare(context.WithoutCancel(ctx))
	return fn(looking{db.reader, db.reads})
}

func view(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to lose: it only read
	return fn(tx)
}

// Close waits for the transactions under way and releases the file.
func (db *DB) Close() error {
	db.closing.Lock()
	already := db.closed
	db.closed = true
	db.closing.Unlock()
	if already {
		return nil
	}
	close(db.jobs)
	<-db.ended
	return errors.Join(db.reads.close(), db.writes.close(), db.reader.Close(), db.writer.Close(), db.lock.Close())
}
