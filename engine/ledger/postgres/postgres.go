// Package postgres is the home of the ledger that several nodes share. It is the
// only home of the PostgreSQL driver.
//
// Every wait is bounded: for a connection, for a lock, for an answer. A line that
// is dead without having been closed is noticed within seconds, and a server that
// comes back is found again by the next call.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/curfew-access/curfew/engine/ledger"
)

var _ ledger.DB = (*DB)(nil)

// DB is a PostgreSQL database that other nodes use too.
type DB struct {
	config *config
	pool   *sql.DB
	timing *sql.DB // one connection of its own: a busy pool must not delay a sample
	lines  *lines
	clock  *clock
	cancel context.CancelFunc
	ended  chan struct{}
}

// Open connects to the database and learns its clock. The URL may hold a
// password; no error does.
func Open(ctx context.Context, url string) (*DB, error) {
	cfg, err := parse(url)
	if err != nil {
		return nil, err
	}
	db := &DB{config: cfg, lines: newLines(), clock: newClock(), ended: make(chan struct{})}
	db.timing = db.open(cfg.conn, connectTimeout, 1)
	if err := db.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the ledger's database: %w", err), db.timing.Close())
	}
	db.pool = db.open(cfg.conn, silence, cfg.maxConns)
	watched, cancel := context.WithCancel(context.WithoutCancel(ctx))
	db.cancel = cancel
	go db.watch(watched)
	return db, nil
}

// begin takes the first samples of the clock, and makes sure that commits are
// durable whatever the role's defaults are.
func (db *DB) begin(ctx context.Context) error {
	for range firstSamples {
		if err := db.sample(ctx, connectTimeout); err != nil {
			return err
		}
	}
	var commit string
	if err := db.timing.QueryRowContext(ctx, `SHOW synchronous_commit`).Scan(&commit); err != nil {
		return err
	}
	if commit == "off" {
		db.config.conn.RuntimeParams["synchronous_commit"] = "on"
	}
	return nil
}

// open makes a pool whose connections end when an answer takes longer than the
// limit; 0 is no limit.
func (db *DB) open(cfg *pgx.ConnConfig, limit time.Duration, conns int) *sql.DB {
	cfg = cfg.Copy()
	cfg.DialFunc = db.lines.dialer(limit)
	// A transaction that finds its connection dead at BEGIN takes another, so
	// that asking each connection whether it lives would only cost time.
	pool := stdlib.OpenDB(*cfg, stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxLifetime(connLifetime)
	pool.SetConnMaxIdleTime(connIdleTime)
	return pool
}

// SkipLocked passes over the rows that another node is at.
func (db *DB) SkipLocked() string { return skipLocked }

// Alone is false: any number of nodes may be using the database.
func (db *DB) Alone() bool { return false }

// Lock takes the locks in their order, until the transaction ends.
func (db *DB) Lock(ctx context.Context, q ledger.Querier, locks ...ledger.Lock) error {
	calls, args := make([]string, len(locks)), make([]any, len(locks))
	for i, l := range locks {
		call := "pg_advisory_xact_lock"
		if l.Shared {
			call = "pg_advisory_xact_lock_shared"
		}
		calls[i], args[i] = fmt.Sprintf("%s(hashtextextended($%d, 0))", call, i+1), "curfew "+l.Name
	}
	_, err := q.ExecContext(ctx, "SELECT "+strings.Join(calls, ", "), args...)
	return err
}

// Batch sends the statements together and waits once for what becomes of them.
func (db *DB) Batch(ctx context.Context, q ledger.Querier, statements []ledger.Statement) error {
	w, ok := q.(writing)
	if !ok || len(statements) == 1 {
		return runAll(ctx, q, statements)
	}
	batch := &pgx.Batch{}
	for _, s := range statements {
		batch.Queue(s.SQL, s.Args...)
	}
	return w.conn.Raw(func(c any) error {
		return c.(*stdlib.Conn).Conn().SendBatch(ctx, batch).Close() //nolint:forcetypeassert // the pool is of this driver
	})
}

func runAll(ctx context.Context, q ledger.Querier, statements []ledger.Statement) error {
	for _, s := range statements {
		if _, err := q.ExecContext(ctx, s.SQL, s.Args...); err != nil {
			return err
		}
	}
	return nil
}

// Close waits for the transactions under way and disconnects.
func (db *DB) Close() error {
	db.cancel()
	<-db.ended
	return errors.Join(db.pool.Close(), db.timing.Close())
}
