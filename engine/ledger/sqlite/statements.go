package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/curfew-access/curfew/engine/ledger"
)

var _ ledger.Querier = (*prepared)(nil)

// maxStatements bounds how many statements are kept prepared. The ledger has
// fewer texts than that, but for lists whose text follows their filters.
const maxStatements = 256

// statements keeps the statements of a pool of connections prepared, because
// reading a text costs SQLite more than most of them cost to run. A text is
// noted at its first use and prepared when the transaction is over: in between,
// it may hold the only connection.
type statements struct {
	db *sql.DB

	mu    sync.RWMutex
	ready map[string]*sql.Stmt // nil: noted
	noted []string
}

func newStatements(db *sql.DB) *statements { return &statements{db: db, ready: map[string]*sql.Stmt{}} }

// get returns the prepared statement of a text, or nil.
func (s *statements) get(query string) *sql.Stmt {
	s.mu.RLock()
	stmt, known := s.ready[query]
	full := len(s.ready) >= maxStatements
	s.mu.RUnlock()
	if known || full {
		return stmt
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.ready[query]; !known {
		s.ready[query] = nil
		s.noted = append(s.noted, query)
	}
	return nil
}

// prepare prepares what was noted. A text that can not be prepared is run as it
// is each time, and says then what is wrong with it.
func (s *statements) prepare(ctx context.Context) {
	s.mu.Lock()
	noted := s.noted
	s.noted = nil
	s.mu.Unlock()
	for _, query := range noted {
		stmt, err := s.db.PrepareContext(ctx, unnamed(query)) //nolint:sqlclosecheck // kept; close closes it
		if err != nil {
			continue
		}
		s.mu.Lock()
		s.ready[query] = stmt
		s.mu.Unlock()
	}
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var faults []error
	for _, stmt := range s.ready {
		if stmt != nil {
			faults = append(faults, stmt.Close())
		}
	}
	return errors.Join(faults...)
}

// prepared is a transaction that uses prepared statements where there are any.
type prepared struct {
	tx         *sql.Tx
	statements *statements
}

// ExecContext is that of sql.Tx. A text without arguments may be several
// statements, and is run as it is.
func (p prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if len(args) == 0 {
		return p.tx.ExecContext(ctx, query)
	}
	if stmt := p.statements.get(query); stmt != nil {
		own := p.tx.StmtContext(ctx, stmt) //nolint:sqlclosecheck // the transaction closes it
		return own.ExecContext(ctx, args...)
	}
	return p.tx.ExecContext(ctx, query, args...)
}

// QueryContext is that of sql.Tx. The transaction closes the statement.
func (p prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := p.statements.get(query); stmt != nil {
		own := p.tx.StmtContext(ctx, stmt) //nolint:sqlclosecheck // the transaction closes it
		return own.QueryContext(ctx, args...)
	}
	return p.tx.QueryContext(ctx, query, args...)
}

// QueryRowContext is that of sql.Tx. The transaction closes the statement.
func (p prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := p.statements.get(query); stmt != nil {
		own := p.tx.StmtContext(ctx, stmt) //nolint:sqlclosecheck // the transaction closes it
		return own.QueryRowContext(ctx, args...)
	}
	return p.tx.QueryRowContext(ctx, query, args...)
}

// looking is a reader without a transaction.
type looking struct {
	db         *sql.DB
	statements *statements
}

// ExecContext is that of sql.DB: a reader's connection refuses a change.
func (l looking) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return l.db.ExecContext(ctx, query, args...)
}

// QueryContext is that of sql.DB.
func (l looking) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := l.statements.get(query); stmt != nil { //nolint:sqlclosecheck // kept; close of statements closes it
		return stmt.QueryContext(ctx, args...)
	}
	return l.db.QueryContext(ctx, query, args...)
}

// QueryRowContext is that of sql.DB.
func (l looking) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := l.statements.get(query); stmt != nil { //nolint:sqlclosecheck // kept; close of statements closes it
		return stmt.QueryRowContext(ctx, args...)
	}
	return l.db.QueryRowContext(ctx, query, args...)
}
