package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
)

// plain is the floor under durable requests: it writes the very rows that one
// request has left in a gateway's ledger, again and again under fresh ids, one
// INSERT for each table. It computes nothing and reads nothing.
type plain struct {
	inserts []insert
	ids     []string // that are replaced in every text
	subject string
	update  func(context.Context, func(ledger.Querier) error) error
	calls   atomic.Int64
	close   func() error
}

// insert is one statement, and what it writes.
type insert struct {
	text   string
	values []any
}

// written are the tables that a granted request leaves rows in, in an order in
// which each row finds what it refers to; which are a request's own; and the
// column that names them.
var written = []struct{ table, own, id string }{
	{"decisions", `id = (SELECT decision_id FROM requests)`, "id"},
	{"requests", `true`, "id"},
	{"bindings", `true`, "id"},
	{"grants", `true`, "id"},
	// What a delivery adds comes later.
	{"audit_events", `at = (SELECT created_at FROM requests)`, "id"},
	{"audit_pending", `true`, ""},
}

// newPlain takes the rows out of a ledger with one request in it, and makes ready
// to write them into an empty one.
func newPlain(ctx context.Context, from, to string) (p *plain, err error) {
	p = &plain{}
	source, err := openSQL(from)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	events := 0
	for _, t := range written {
		if t.table == "audit_pending" { // the rows may have been sealed away
			p.inserts = append(p.inserts, pendingOf(p.ids[len(p.ids)-events:]))
			continue
		}
		rows, ids, err := p.take(ctx, source, t.table, t.own, t.id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.table, err)
		}
		p.inserts = append(p.inserts, rows)
		p.ids = append(p.ids, ids...)
		events = len(ids)
	}
	if err := source.QueryRowContext(ctx, `SELECT subject FROM requests`).Scan(&p.subject); err != nil {
		return nil, err
	}
	return p, p.open(ctx, to)
}

// take makes an INSERT of the rows of a table.
func (p *plain) take(ctx context.Context, db *sql.DB, table, own, id string) (in insert, ids []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT * FROM `+table+` WHERE `+own)
	if err != nil {
		return in, nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return in, nil, err
	}
	n := 0
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return in, nil, err
		}
		for i, c := range columns {
			if c == id {
				ids = append(ids, row[i].(string))
			}
		}
		in.values = append(in.values, row...)
		n++
	}
	if n == 0 {
		return in, nil, errors.New("it has no row")
	}
	in.text = `INSERT INTO ` + table + ` (` + strings.Join(columns, ", ") + `) VALUES ` + marks(n, len(columns))
	return in, ids, rows.Err()
}

func pendingOf(events []string) insert {
	in := insert{text: `INSERT INTO audit_pending (event_id, at, n) VALUES ` + marks(len(events), 3)}
	for i, id := range events {
		in.values = append(in.values, id, time.Now().UnixMicro(), i+1)
	}
	return in
}

// marks renders "($1, $2), ($3, $4)".
func marks(rows, columns int) string {
	var b strings.Builder
	for n := range rows * columns {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", n+1)
	}
	return b.String() + ")"
}

// poolSize is how many connections a gateway has at the most.
const poolSize = 16

// open makes ready to write: on PostgreSQL one transaction for each request, by
// database/sql alone; on SQLite, where a gateway's transactions share commits,
// through what makes them share.
func (p *plain) open(ctx context.Context, to string) error {
	l, err := openLedger(ctx, to) // migrates it
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	if !isURL(to) {
		db, err := sqlite.Open(ctx, to)
		if err != nil {
			return err
		}
		p.update, p.close = db.Update, db.Close
		return nil
	}
	db, err := sql.Open("pgx", to)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	p.close = db.Close
	p.update = func(ctx context.Context, fn func(ledger.Querier) error) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // nothing, once it is committed
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Commit()
	}
	return nil
}

func (p *plain) load(ctx context.Context, callers int, window time.Duration) (callFigure, error) {
	return repeat(callers, window, func() error {
		fresh := p.fresh(int(p.calls.Add(1)))
		return p.update(ctx, func(q ledger.Querier) error {
			for _, in := range p.inserts {
				if _, err := q.ExecContext(ctx, in.text, renamed(in.values, fresh)...); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// fresh replaces every id by a new one, and the subject.
func (p *plain) fresh(n int) *strings.Replacer {
	now := time.Now()
	pairs := make([]string, 0, 2*len(p.ids)+2)
	for _, id := range p.ids {
		pairs = append(pairs, id, access.NewID(id[:3], now))
	}
	return strings.NewReplacer(append(pairs, p.subject, subject("p", n).String())...)
}

func renamed(values []any, names *strings.Replacer) []any {
	out := make([]any, len(values))
	for i, v := range values {
		if text, ok := v.(string); ok {
			v = names.Replace(text)
		}
		out[i] = v
	}
	return out
}
