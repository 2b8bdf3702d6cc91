package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Codes of SQLSTATE, from the appendix "PostgreSQL Error Codes".
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	undefinedTable       = "42P01"
	readOnlyTransaction  = "25006"
	connectionException  = "08"  // and all of that class, as of the next
	operatorIntervention = "57P" // shut down, crashed, or starting
)

// beginning is the failure of a transaction that has done nothing: another
// connection may do better, unless it is the caller who does not wait.
func beginning(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if said := (*pgconn.PgError)(nil); errors.As(err, &said) && !disconnected(said.Code) {
		return err // a password, a right, a name: the same the next time
	}
	return again{err, true}
}

// working is the failure of a transaction before its commit was asked for, so
// that the server has rolled it back, or will. closed says that its connection
// has ended.
func working(err error, closed bool) error {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		if closed {
			return again{err, true}
		}
		return err
	}
	switch {
	case said.Code == serializationFailure, said.Code == deadlockDetected:
		return again{err, false}
	case disconnected(said.Code), said.Code == readOnlyTransaction: // the primary is another server now
		return again{err, true}
	}
	return err
}

// committed is the failure of a commit. A server that answers has decided; one
// that hangs up has not said. What the driver says of its own is not believed: it
// calls a commit whose answer was lost safe to be tried again.
func committed(err error) error {
	if err == nil || errors.Is(err, pgx.ErrTxCommitRollback) {
		return err
	}
	var said *pgconn.PgError
	switch {
	case !errors.As(err, &said), disconnected(said.Code):
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return working(err, false)
}

func disconnected(code string) bool {
	return strings.HasPrefix(code, connectionException) || strings.HasPrefix(code, operatorIntervention)
}

// NoTable reports whether a statement failed because its table is not there.
func (db *DB) NoTable(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && said.Code == undefinedTable
}
