package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/ledger"
)

// rowsAtOnce is how many rows one INSERT writes: about as many as are fastest by each
// driver. That of SQLite looks for each of its arguments among all of them.
var rowsAtOnce = map[string]int{onSQLite: 10, onPostgres: 500} //nolint:gochecknoglobals // a constant

// rowSet is rows of a table, as a gateway left them.
type rowSet struct {
	table   string
	columns []string
	rows    [][]any
}

// bareRows writes the rows that the first load left, and these and their events, into
// empty ledgers: in one transaction, by the same driver, with the same care for the
// disk. It reads nothing, and computes nothing.
func (s *stage) bareRows(ctx context.Context, kind, from string) (rounds []syncRound, err error) {
	resources, err := readRows(ctx, from, "resources", `source = 'bench'`)
	if err != nil {
		return nil, err
	}
	events, err := readRows(ctx, from, "audit_events", `type = 'resource.created'`)
	if err != nil {
		return nil, err
	}
	for what, sets := range map[string][]rowSet{syncRows: {resources}, syncBoth: {resources, events}} {
		r, err := s.writeRows(ctx, kind, what, sets)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, r)
	}
	return rounds, nil
}

func (s *stage) writeRows(ctx context.Context, kind, what string, sets []rowSet) (r syncRound, err error) {
	where, err := s.empty(kind)
	if err != nil {
		return r, err
	}
	p := &plain{}
	if err := p.open(ctx, where); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.close(), s.drop(where)) }()
	r = syncRound{what: what, began: time.Now()}
	err = p.update(ctx, func(q ledger.Querier) error {
		for _, set := range sets {
			if err := set.insert(ctx, q, rowsAtOnce[kind]); err != nil {
				return fmt.Errorf("%s: %w", set.table, err)
			}
		}
		return nil
	})
	r.end = time.Now()
	return r, err
}

func readRows(ctx context.Context, where, table, which string) (set rowSet, err error) {
	set.table = table
	db, err := openSQL(where)
	if err != nil {
		return set, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, `SELECT * FROM `+table+` WHERE `+which)
	if err != nil {
		return set, err
	}
	defer rows.Close()
	if set.columns, err = rows.Columns(); err != nil {
		return set, err
	}
	for rows.Next() {
		row, into := make([]any, len(set.columns)), make([]any, len(set.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return set, err
		}
		set.rows = append(set.rows, row)
	}
	if len(set.rows) == 0 {
		err = fmt.Errorf("%s has no row of the snapshot", table)
	}
	return set, errors.Join(err, rows.Err())
}

func (set rowSet) insert(ctx context.Context, q ledger.Querier, rowsAtOnce int) error {
	into := `INSERT INTO ` + set.table + ` (` + strings.Join(set.columns, ", ") + `) VALUES `
	text := into + marks(rowsAtOnce, len(set.columns))
	for at := 0; at < len(set.rows); at += rowsAtOnce {
		page := set.rows[at:min(at+rowsAtOnce, len(set.rows))]
		if len(page) < rowsAtOnce {
			text = into + marks(len(page), len(set.columns))
		}
		values := make([]any, 0, len(page)*len(set.columns))
		for _, row := range page {
			values = append(values, row...)
		}
		if _, err := q.ExecContext(ctx, text, values...); err != nil {
			return err
		}
	}
	return nil
}
