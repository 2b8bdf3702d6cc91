package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/curfew-access/curfew/engine/ledger"
)

// ErrOutcomeUnknown says that the connection was lost during a commit: it was
// made, or it was not. It is never tried again blindly.
var ErrOutcomeUnknown = errors.New("the connection was lost during the commit, which may have been made")

// A transaction is tried so often, and not again after so long.
const (
	attempts = 5
	patience = 10 * time.Second
)

// again is a failure that left no trace and may not come back.
type again struct {
	error
	dead bool // the connection, and so perhaps others of its age
}

// Update runs fn in a transaction. When the database gives it up for the sake of
// another one, or the connection is lost before the commit is asked for, fn is
// run again in a new one. Once it has begun it does not end with ctx, because
// the caller must know the outcome; each of its waits is bounded.
func (db *DB) Update(ctx context.Context, fn func(ledger.Querier) error) error {
	return db.try(ctx, func() error { return update(ctx, db.pool, fn) })
}

// View runs fn in a read-only transaction on one snapshot. It ends with ctx.
func (db *DB) View(ctx context.Context, fn func(ledger.Querier) error) error {
	return db.try(ctx, func() error { return view(ctx, db.pool, fn) })
}

// Look runs fn, which runs one statement that reads: on a snapshot of its own,
// without a transaction around it. It ends with ctx.
func (db *DB) Look(ctx context.Context, fn func(ledger.Querier) error) error {
	return db.try(ctx, func() error {
		conn, err := connect(ctx, db.pool)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if err := guarded(fn, reading{conn, ctx}); err != nil {
			return working(err, ended(conn))
		}
		return nil
	})
}

// try runs a transaction until it fails for good, or ctx ends.
func (db *DB) try(ctx context.Context, transaction func() error) error {
	began := time.Now()
	for n := 1; ; n++ {
		err := transaction()
		var more again
		if !errors.As(err, &more) {
			return err
		}
		if more.dead {
			db.dropIdle()
		}
		if n == attempts || time.Since(began) > patience {
			return more.error
		}
		select {
		case <-time.After(time.Duration(n) * (5*time.Millisecond + rand.N(10*time.Millisecond))): //nolint:gosec // jitter
		case <-ctx.Done():
			return errors.Join(ctx.Err(), more.error)
		}
	}
}

// dropIdle closes the connections that wait in the pool: what killed one may
// have killed them all.
func (db *DB) dropIdle() {
	db.pool.SetMaxIdleConns(0)
	db.pool.SetMaxIdleConns(db.config.maxConns)
}

func update(ctx context.Context, pool *sql.DB, fn func(ledger.Querier) error) error {
	conn, err := connect(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return beginning(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing, once it is committed
	if err := guarded(fn, writing{tx, conn}); err != nil {
		return working(err, ended(conn))
	}
	return committed(tx.Commit())
}

// writing is a transaction with its connection, which batches go by.
type writing struct {
	*sql.Tx
	conn *sql.Conn
}

// skipLocked passes over the rows that another transaction is at.
const skipLocked = " FOR UPDATE SKIP LOCKED"

// QueryContext is that of sql.Tx. A claim is planned anew each time: by a plan
// that was kept from when its queue was empty it takes seconds, and locks rows
// that it does not return.
func (w writing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.HasSuffix(query, " SKIP LOCKED") {
		args = append([]any{pgx.QueryExecModeExec}, args...)
	}
	return w.Tx.QueryContext(ctx, query, args...)
}

// ended reports whether a connection is closed.
func ended(conn *sql.Conn) bool {
	closed := true
	err := conn.Raw(func(c any) error {
		closed = c.(*stdlib.Conn).Conn().IsClosed() //nolint:forcetypeassert // the pool is of this driver
		return nil
	})
	return err != nil || closed
}

// connect takes a connection, which may mean to wait for one.
func connect(ctx context.Context, pool *sql.DB) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, beginning(err)
	}
	return conn, nil
}

// guarded makes a panic of fn an error.
func guarded(fn func(ledger.Querier) error, tx ledger.Querier) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(tx)
}

func view(ctx context.Context, pool *sql.DB, fn func(ledger.Querier) error) error {
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return beginning(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing to lose: it only read
	return fn(reading{tx, ctx})
}

// reading is a transaction or a connection whose statements end with the caller
// of View or Look, whatever context they are given.
type reading struct {
	tx  ledger.Querier
	ctx context.Context //nolint:containedctx // of this transaction alone
}

// ExecContext is that of the transaction.
func (r reading) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	return r.tx.ExecContext(r.ctx, query, args...)
}

// QueryContext is that of the transaction.
func (r reading) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	return r.tx.QueryContext(r.ctx, query, args...)
}

// QueryRowContext is that of the transaction.
func (r reading) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	return r.tx.QueryRowContext(r.ctx, query, args...)
}

// Migrate runs fn in a transaction that may take as long as it needs, and waits
// as long as another node's takes.
func (db *DB) Migrate(ctx context.Context, fn func(ledger.Querier) error) error {
	cfg := db.config.conn.Copy()
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		cfg.RuntimeParams[name] = "0"
	}
	pool := db.open(cfg, 0, 1)
	defer func() { _ = pool.Close() }()
	return db.try(ctx, func() error { return update(ctx, pool, fn) })
}
