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
	ctx  context.Context //nolint:containedctx // of the caller that waits for this job
	fn   func(ledger.Querier) error
	done chan error
}

// Update runs fn in a savepoint of the next group and returns when the group is
// on the disk. Once fn has begun, Update waits for the outcome even if ctx ends,
// because the caller must know it.
func (db *DB) Update(ctx context.Context, fn func(ledger.Querier) error) error {
	j := job{ctx: ctx, fn: fn, done: make(chan error, 1)}
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
		db.commit(first)
		db.writes.prepare(context.Background())
	}
}

// commit runs first and whatever else is waiting in one SQL transaction.
func (db *DB) commit(first job) {
	ctx := context.Background() // a group outlives any one caller
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		first.done <- err
		return
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
		next, more = db.waiting()
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
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
		end := `RELEASE job`
		if err != nil {
			end = `ROLLBACK TO job; RELEASE job`
		}
		if _, endErr := tx.ExecContext(ctx, end); endErr != nil {
			err = errors.Join(errBroken, err, endErr)
		}
	}()
	return j.fn(tx)
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
