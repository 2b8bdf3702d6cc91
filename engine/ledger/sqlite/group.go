package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/curfew-access/curfew/engine/ledger"
)

// groupSize bounds how many transactions share one commit.
const groupSize = 64

// ErrClosed says that the ledger was closed.
var ErrClosed = errors.New("the ledger is closed")

// errBroken says that SQLite gave the whole transaction up by itself (the disk is
// full, an I/O error): none of the group is committed.
var errBroken = errors.New("the transaction is broken")

type job struct {
	ctx   context.Context //nolint:containedctx // of the caller that waits for this job
	fn    func(ledger.Querier) error
	done  chan error
	alone bool // it shares its commit with no other
}

// Update runs fn in a savepoint of the next group and returns when the group is
// on the disk. Once fn has begun, Update waits for the outcome even if ctx ends,
// because the caller must know it.
func (db *DB) Update(ctx context.Context, fn func(ledger.Querier) error) error {
	return db.do(job{ctx: ctx, fn: fn, done: make(chan error, 1)})
}

// UpdateAlone is Update with a transaction of its own, without a savepoint: for one
// that changes very much. What a savepoint may have to bring back SQLite keeps in
// memory, page by page, and goes through with every statement.
func (db *DB) UpdateAlone(ctx context.Context, fn func(ledger.Querier) error) error {
	return db.do(job{ctx: ctx, fn: fn, done: make(chan error, 1), alone: true})
}

func (db *DB) do(j job) error {
	if err := db.enqueue(j); err != nil {
		return err
	}
	return <-j.done
}

func (db *DB) enqueue(j job) error {
	db.closing.RLock()
	defer db.closing.RUnlock()
	if db.closed {
		return ErrClosed
	}
	select {
	case db.jobs <- j:
		return nil
	case <-j.ctx.Done():
		return j.ctx.Err()
	}
}

// write is the one writer: it takes what is waiting, up to a group, and commits
// it together, until jobs is closed.
func (db *DB) write() {
	defer close(db.ended)
	for first := range db.jobs {
		for next, more := first, true; more; {
			if next.alone {
				next.done <- db.commitAlone(next)
				break
			}
			next, more = db.commit(next)
		}
		db.writes.prepare(context.Background())
	}
}

// commit runs first and whatever else is waiting in one SQL transaction, up to one
// that runs alone, which it returns.
func (db *DB) commit(first job) (loner job, found bool) {
	ctx := context.Background() // a group outlives any one caller
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		first.done <- err
		return loner, false
	}
	type outcome struct {
		job job
		err error
	}
	var group []outcome
	changed := false
	for next, more := first, true; more; {
		err := savepoint(prepared{tx, db.writes}, next)
		group = append(group, outcome{next, err})
		if errors.Is(err, errBroken) {
			changed = false
			break
		}
		changed = changed || err == nil
		if len(group) == groupSize {
			break // before another is taken, which this commit could not carry
		}
		if next, more = db.waiting(); more && next.alone {
			loner, found = next, true
			break
		}
	}
	if last := group[len(group)-1]; errors.Is(last.err, errBroken) {
		err = fmt.Errorf("another transaction of the same commit: %w", last.err)
	}
	if changed {
		if err = db.clock.persist(ctx, tx); err == nil {
			err = tx.Commit()
		}
	}
	if !changed || err != nil {
		err = errors.Join(err, ignoreDone(tx.Rollback()))
	}
	for _, o := range group {
		if o.err == nil {
			o.err = err
		}
		o.job.done <- o.err
	}
	return loner, found
}

// commitAlone runs one job in an SQL transaction of its own.
func (db *DB) commitAlone(j job) (err error) {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	ctx := context.Background() // whoever waits must know the outcome
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = uncaught(prepared{tx, db.writes}, j)
	if err == nil {
		err = db.clock.persist(ctx, tx)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		err = errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return err
}

// uncaught runs one job. Its panic is an error.
func uncaught(tx prepared, j job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return j.fn(tx)
}

func (db *DB) waiting() (job, bool) {
	select {
	case j, ok := <-db.jobs:
		return j, ok
	default:
		return job{}, false
	}
}

// savepoint runs one job so that its failure, or its panic, undoes only itself.
func savepoint(tx prepared, j job) (err error) {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := tx.ExecContext(ctx, `SAVEPOINT job`); err != nil {
		return err
	}
	err = uncaught(tx, j)
	end := `RELEASE job`
	if err != nil {
		end = `ROLLBACK TO job; RELEASE job`
	}
	if _, endErr := tx.ExecContext(ctx, end); endErr != nil {
		err = errors.Join(errBroken, err, endErr)
	}
	return err
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
