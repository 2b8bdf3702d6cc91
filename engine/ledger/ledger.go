// Package ledger is the truth: requests, decisions with their whole input,
// grants, bindings, resources, people, attempts and the audit log, in SQL.
//
// It owns rows and the text of queries, and no rule: what may change when is
// the engine's to say, in one transaction per change. The SQL is the subset
// that SQLite and PostgreSQL share. A database is opened by a package beneath
// this one, the only home of its driver.
//
// Times are BIGINT microseconds since 1970, UTC. Structures are JSON in TEXT.
// A subject is "type:id" in one column, and so is a resource.
package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// DB is a database that the ledger lives in.
type DB interface {
	// Update runs fn in a read-write transaction. It commits when fn returns
	// nil and is durable when Update returns nil. Several calls may share one
	// commit; a failing fn leaves no trace and does not disturb the others.
	Update(ctx context.Context, fn func(Querier) error) error
	// View runs fn in a read-only transaction that sees one committed state.
	View(ctx context.Context, fn func(Querier) error) error
	// Look runs fn, which runs one statement that reads and no more: without the
	// cost of a transaction, where that is a cost.
	Look(ctx context.Context, fn func(Querier) error) error
	// Now is the ledger's clock. It never goes backwards, nor below a time that
	// a commit has seen, also over a restart.
	Now() time.Time
	// SkipLocked is what a SELECT of rows to claim ends with.
	SkipLocked() string
	// Lock takes the locks, in their order, until the transaction of q ends. Where
	// one transaction writes at a time it does nothing.
	Lock(ctx context.Context, q Querier, locks ...Lock) error
	// Batch runs statements in the transaction of q, one after the other, and
	// stops at the first that fails.
	Batch(ctx context.Context, q Querier, statements []Statement) error
	// Alone reports whether no other process can be using the database.
	Alone() bool
	// Close releases the database after the transactions under way.
	Close() error
}

// Lock is a name that transactions take turns at.
type Lock struct {
	Name   string
	Shared bool // with others that share it
}

// Statement is one that changes something, and whose result nobody waits for.
type Statement struct {
	SQL  string
	Args []any
}

// Querier runs statements in one transaction. *sql.Tx is one.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Ledger is the truth on one database.
type Ledger struct {
	db     DB
	last   atomic.Int64         // the time of the newest update, in microseconds
	memory memory               // used only while the ledger is alone
	sealed atomic.Pointer[mark] // where this process has seen the audit log
}

// Open migrates the database to this release's schema and returns its ledger.
func Open(ctx context.Context, db DB) (*Ledger, error) {
	if _, _, err := Migrate(ctx, db); err != nil {
		return nil, err
	}
	return &Ledger{db: db}, nil
}

// Now is the ledger's clock, in microseconds and UTC: the time that decides. It
// is never before an update of this process.
func (l *Ledger) Now() time.Time {
	return fromMicros(max(l.db.Now().UnixMicro(), l.last.Load()))
}

// next is the time of a new update: later than that of any before it, so that
// events of one process never tie.
func (l *Ledger) next() time.Time {
	for {
		last := l.last.Load()
		now := max(l.db.Now().UnixMicro(), last+1)
		if l.last.CompareAndSwap(last, now) {
			return fromMicros(now)
		}
	}
}

// Alone reports whether no other process can be using the ledger: a claim found
// at start is then of a process that is gone.
func (l *Ledger) Alone() bool { return l.db.Alone() }

// Uncertainty bounds how far the ledger's clock, as this process knows it, may be
// from the database's own.
func (l *Ledger) Uncertainty() time.Duration {
	if c, ok := l.db.(interface{ Uncertainty() time.Duration }); ok {
		return c.Uncertainty()
	}
	return 0
}

// Skew is the ledger's clock minus the wall clock of this machine.
func (l *Ledger) Skew() time.Duration {
	if c, ok := l.db.(interface{ Skew() time.Duration }); ok {
		return c.Skew()
	}
	return 0
}

// Close closes the database.
func (l *Ledger) Close() error { return l.db.Close() }

// Update runs fn in one transaction: all of it commits, or nothing does.
func (l *Ledger) Update(ctx context.Context, fn func(*Tx) error) error {
	return l.update(ctx, l.db.Update, fn)
}

// loner is a database on which a transaction that changes very much is better run by
// itself.
type loner interface {
	UpdateAlone(ctx context.Context, fn func(Querier) error) error
}

// UpdateAlone is Update of what changes very much.
func (l *Ledger) UpdateAlone(ctx context.Context, fn func(*Tx) error) error {
	if db, ok := l.db.(loner); ok {
		return l.update(ctx, db.UpdateAlone, fn)
	}
	return l.Update(ctx, fn)
}

func (l *Ledger) update(
	ctx context.Context, run func(context.Context, func(Querier) error) error, fn func(*Tx) error,
) error {
	var changed touched
	err := run(ctx, func(sqlTx Querier) error {
		tx := l.tx(ctx, sqlTx, l.next())
		err := fn(tx)
		if changed = tx.touched; err != nil {
			return err
		}
		return tx.writeEvents()
	})
	l.memory.forget(changed)
	return err
}

// View runs fn on one committed state. Changes in it are refused.
func (l *Ledger) View(ctx context.Context, fn func(*Tx) error) error {
	return l.db.View(ctx, func(sqlTx Querier) error {
		tx := l.tx(ctx, sqlTx, l.Now())
		if err := fn(tx); err != nil {
			return err
		}
		return tx.writeEvents() // which the database refuses, if there are any
	})
}

// Look is View for fn that reads with one statement at most.
func (l *Ledger) Look(ctx context.Context, fn func(*Tx) error) error {
	return l.db.Look(ctx, func(sqlTx Querier) error {
		tx := l.tx(ctx, sqlTx, l.Now())
		tx.look = true
		if err := fn(tx); err != nil {
			return err
		}
		return tx.writeEvents()
	})
}

// Ping reports an error unless the database answers.
func (l *Ledger) Ping(ctx context.Context) error {
	return l.Look(ctx, func(tx *Tx) error {
		var one int64
		return tx.row(`SELECT id FROM clock WHERE id = 1`).Scan(&one)
	})
}

func (l *Ledger) tx(ctx context.Context, sqlTx Querier, now time.Time) *Tx {
	// A transaction may share its commit with others, and an interrupted
	// statement would roll all of them back: the caller's end is honoured
	// before a transaction begins, not inside it.
	return &Tx{ctx: context.WithoutCancel(ctx), sql: sqlTx, now: now, skipLocked: l.db.SkipLocked(), db: l.db, memory: &l.memory}
}

// Tx is one transaction. It carries the one time that everything in it happens
// at. It must not be kept or shared between goroutines.
type Tx struct {
	ctx        context.Context //nolint:containedctx // of this transaction alone; see Ledger.tx
	sql        Querier
	now        time.Time
	skipLocked string
	db         DB
	memory     *memory
	touched    touched
	writes     []Statement // that were not run yet
	look       bool        // one statement, and that reads
	ran        int         // statements so far, of a look
	events     [][]any     // rows of audit_events, written at the end
	leaves     []string    // of them
	told       int         // how many others it writes before these
	eventID    string      // of the newest
	err        error       // the first that a statement failed with
}

// Now is the time of the transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// LockEntitled keeps other decisions about the subject waiting until this
// transaction ends, on whichever node, so that they see each other, and the
// resource in the catalogue.
func (tx *Tx) LockEntitled(x access.Entitled) error {
	return tx.lockAll(Lock{Name: "subject " + x.Subject.String()},
		Lock{Name: allResources, Shared: true}, Lock{Name: resourceLock(x.Resource.String()), Shared: true})
}

// LockResources keeps who gives access to the resources waiting, before they
// change or leave the catalogue. They are in order.
func (tx *Tx) LockResources(resources []string) error {
	if len(resources) == 0 {
		return nil
	}
	if len(resources) > MaxResourceLocks {
		return tx.lockAll(Lock{Name: allResources})
	}
	locks := make([]Lock, len(resources))
	for i, r := range resources {
		locks[i] = Lock{Name: resourceLock(r)}
	}
	return tx.lockAll(locks...)
}

// MaxResourceLocks is how many resources are locked each by itself: a database has
// no room for any number of locks. Whoever would lock more locks them all.
const MaxResourceLocks = 200

const allResources = "resources"

// LockSource keeps other transactions that bring what the source says waiting.
func (tx *Tx) LockSource(kind, name string) error { return tx.lockAll(Lock{Name: kind + " " + name}) }

func resourceLock(resource string) string { return "resource " + resource }

func (tx *Tx) lockAll(locks ...Lock) error {
	if err := tx.mayRun(false); err != nil {
		return err
	}
	return tx.failed(tx.db.Lock(tx.ctx, tx.sql, locks...))
}

// failed remembers the first error of the transaction. What follows it in the
// same transaction is not run: it is lost with the rest, and a database that has
// rolled back by itself must not run it outside.
func (tx *Tx) failed(err error) error {
	if err != nil && tx.err == nil {
		tx.err = err
	}
	return err
}

// ErrOneStatement says that a look ran a second statement, or changed something.
var ErrOneStatement = errors.New("a look is one statement that reads")

// mayRun reports why no statement may be run any more.
func (tx *Tx) mayRun(reads bool) error {
	if tx.err == nil && tx.look {
		if tx.ran++; tx.ran > 1 || !reads {
			return tx.failed(ErrOneStatement)
		}
	}
	return tx.flush()
}

// flush runs the writes that nobody has waited for yet.
func (tx *Tx) flush() error {
	if tx.err != nil || len(tx.writes) == 0 {
		return tx.err
	}
	writes := tx.writes
	tx.writes = nil
	return tx.failed(tx.db.Batch(tx.ctx, tx.sql, writes))
}

func (tx *Tx) row(query string, args ...any) scanner {
	if err := tx.mayRun(true); err != nil {
		return failedRow{err}
	}
	return txRow{tx, tx.sql.QueryRowContext(tx.ctx, query, args...)}
}

type txRow struct {
	tx  *Tx
	row *sql.Row
}

// Scan reads the row. That there is none is an answer, not a failure.
func (r txRow) Scan(dest ...any) error {
	err := r.row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return r.tx.failed(err)
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

// exec is a write whose result is not waited for: it is run with those that
// follow it, before the next statement that is. Its failure is the transaction's.
func (tx *Tx) exec(query string, args ...any) error {
	if tx.look {
		return tx.failed(ErrOneStatement)
	}
	if tx.err == nil {
		tx.writes = append(tx.writes, Statement{query, args})
	}
	return tx.err
}

func (tx *Tx) affect(query string, args ...any) (int64, error) {
	if err := tx.mayRun(false); err != nil {
		return 0, err
	}
	res, err := tx.sql.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, tx.failed(err)
	}
	n, err := res.RowsAffected()
	return n, tx.failed(err)
}

// changed runs a conditional update that must touch exactly the rows it names:
// none means that someone else was first.
func (tx *Tx) changed(conflict error, query string, args ...any) error {
	n, err := tx.affect(query, args...)
	if err == nil && n == 0 {
		err = conflict
	}
	return err
}

// scanner is what *sql.Row and *sql.Rows share.
type scanner interface{ Scan(dest ...any) error }

// all reads every row of a query with scan.
func all[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	err = each(tx, scan, func(item T) bool {
		out = append(out, item)
		return true
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// each reads the rows of a query with scan, one after the other, for as long as take
// wants more.
func each[T any](tx *Tx, scan func(scanner) (T, error), take func(T) (more bool), query string, args ...any) error {
	if err := tx.mayRun(true); err != nil {
		return err
	}
	rows, err := tx.sql.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return tx.failed(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return tx.failed(err)
		}
		if !take(item) {
			return nil
		}
	}
	return tx.failed(rows.Err())
}

// one reads the row of a query with scan; no row is ErrNotFound of the kind.
func one[T any](tx *Tx, scan func(scanner) (T, error), kind, id, query string, args ...any) (T, error) {
	item, err := scan(tx.row(query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return item, access.NotFound(kind, id)
	}
	return item, err
}

// micros is how a time is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// microsOrNull is how a time that may be absent is stored.
func microsOrNull(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMicro()
}

// fromMicros is the time that was stored.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// timePtr is the time that was stored, or nil.
func timePtr(us sql.NullInt64) *time.Time {
	if !us.Valid {
		return nil
	}
	t := fromMicros(us.Int64)
	return &t
}

// stringPtr is the text that was stored, or nil.
func stringPtr(s sql.NullString) *string {
	if !s.Valid {
		return nil
	}
	return &s.String
}

// ptrOrNull is how a value that may be absent is stored.
func ptrOrNull[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// flag is how a boolean is stored.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func toJSON(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(raw), nil
}

func subjectOf(text string) access.Subject {
	typ, id := cut(text)
	return access.Subject{Type: typ, ID: id}
}

func resourceOf(text string) access.ResourceRef {
	typ, id := cut(text)
	return access.ResourceRef{Type: typ, ID: id}
}

func cut(text string) (typ, id string) {
	typ, id, _ = strings.Cut(text, ":")
	return typ, id
}
