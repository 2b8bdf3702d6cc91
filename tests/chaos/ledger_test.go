package chaos_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/chaos"
)

// reader reads the ledger's tables past the gateway: a checker that asked the
// program under test would believe its miscounts.
type reader struct {
	query func(ctx context.Context, sql string) ([][]any, error)
	close func() error
}

func readSQLite(path string) (*reader, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	return &reader{
		query: func(ctx context.Context, text string) ([][]any, error) {
			rows, err := db.QueryContext(ctx, text)
			if err != nil {
				return nil, err
			}
			defer func() { _ = rows.Close() }()
			names, err := rows.Columns()
			if err != nil {
				return nil, err
			}
			var all [][]any
			for rows.Next() {
				row, into := make([]any, len(names)), make([]any, len(names))
				for i := range row {
					into[i] = &row[i]
				}
				if err := rows.Scan(into...); err != nil {
					return nil, err
				}
				all = append(all, row)
			}
			return all, rows.Err()
		},
		close: db.Close,
	}, nil
}

// readPostgres connects anew for each query: the server is killed in between.
func readPostgres(url string) *reader {
	return &reader{
		query: func(ctx context.Context, text string) (all [][]any, err error) {
			conn, err := pgx.Connect(ctx, url)
			if err != nil {
				return nil, err
			}
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
			rows, err := conn.Query(ctx, text)
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			for rows.Next() {
				row, err := rows.Values()
				if err != nil {
					return nil, err
				}
				all = append(all, row)
			}
			return all, rows.Err()
		},
		close: func() error { return nil },
	}
}

// unsettled says what has not come to rest; nothing of it is "".
func (r *reader) unsettled(ctx context.Context) string {
	rows, err := r.query(ctx, `SELECT
		(SELECT COUNT(*) FROM grants WHERE state <> 'ended'),
		(SELECT COUNT(*) FROM bindings WHERE next_at IS NOT NULL OR desired <> 'absent' OR observed <> 'absent'),
		(SELECT COUNT(*) FROM audit_pending)`)
	if err != nil {
		return err.Error()
	}
	row := columns{row: rows[0]}
	if grants, bindings, events := row.number(), row.number(), row.number(); grants+bindings+events > 0 {
		return fmt.Sprintf("%d grants have not ended, %d bindings are not settled, %d events are not sealed", grants, bindings, events)
	}
	return ""
}

// snapshot reads all that the checkers need.
func (r *reader) snapshot(ctx context.Context) (l chaos.Ledger, err error) {
	l.Now = time.Now()
	for _, part := range []struct {
		sql  string
		take func(c *columns)
	}{
		{`SELECT id, reason, state FROM requests ORDER BY id`, func(c *columns) {
			l.Requests = append(l.Requests, chaos.Request{ID: c.text(), Reason: c.text(), State: c.text()})
		}},
		{`SELECT id, request_id, binding_id, subject, action, resource, starts_at, expires_at, created_at, ended_at,
		         prior_state, state, end_reason FROM grants ORDER BY id`, func(c *columns) {
			l.Grants = append(l.Grants, chaos.Grant{
				ID: c.text(), RequestID: c.text(), BindingID: c.text(), About: c.entitled(), StartsAt: c.time(), ExpiresAt: c.time(),
				CreatedAt: c.time(), EndedAt: c.timeOrNil(), Prior: c.text(), State: c.text(), EndReason: c.text(),
			})
		}},
		{`SELECT id, subject, action, resource, target, desired, observed, generation, next_at FROM bindings ORDER BY id`, func(c *columns) {
			l.Bindings = append(l.Bindings, chaos.Binding{
				ID: c.text(), About: c.entitled(), Target: c.text(), Desired: c.text(), Observed: c.text(), Generation: c.number(), NextAt: c.timeOrNil(),
			})
		}},
		{`SELECT binding_id, generation, attempt, verb, started_at, finished_at, class FROM attempts
		   ORDER BY binding_id, generation, attempt`, func(c *columns) {
			l.Attempts = append(l.Attempts, chaos.Attempt{
				BindingID: c.text(), Generation: c.number(), Attempt: int(c.number()), Verb: access.Verb(c.text()),
				StartedAt: c.time(), FinishedAt: c.timeOrNil(), Class: c.text(),
			})
		}},
		{`SELECT l.seq, l.event_id, l.leaf, e.body FROM audit_log l JOIN audit_events e ON e.id = l.event_id ORDER BY l.seq`, func(c *columns) {
			l.Log = append(l.Log, chaos.Entry{Seq: c.number(), ID: c.text(), Leaf: c.text(), Body: c.text()})
		}},
		{`SELECT (SELECT seq FROM audit_head WHERE id = 1), (SELECT COUNT(*) FROM audit_pending),
		         (SELECT COUNT(*) FROM audit_events e WHERE NOT EXISTS (SELECT 1 FROM audit_log l WHERE l.event_id = e.id)
		                 AND NOT EXISTS (SELECT 1 FROM audit_pending p WHERE p.event_id = e.id))`, func(c *columns) {
			l.Head, l.Pending, l.Stray = c.number(), int(c.number()), int(c.number())
		}},
		{`SELECT note FROM audit_checkpoints ORDER BY size`, func(c *columns) { l.Checkpoints = append(l.Checkpoints, c.text()) }},
		{`SELECT checkpoint FROM audit_head`, func(c *columns) { l.Checkpoints = append(l.Checkpoints, c.text()) }},
	} {
		rows, err := r.query(ctx, part.sql)
		if err != nil {
			return l, err
		}
		for _, row := range rows {
			part.take(&columns{row: row})
		}
	}
	return l, nil
}

// columns takes the values of a row, one after another.
type columns struct{ row []any }

func (c *columns) next() any {
	v := c.row[0]
	c.row = c.row[1:]
	return v
}

func (c *columns) text() string {
	s, _ := c.next().(string) // null is ""
	return s
}

func (c *columns) number() int64 {
	n, _ := c.next().(int64)
	return n
}

func (c *columns) time() time.Time { return time.UnixMicro(c.number()) }

func (c *columns) timeOrNil() *time.Time {
	n, ok := c.next().(int64)
	if !ok {
		return nil
	}
	t := time.UnixMicro(n)
	return &t
}

func (c *columns) entitled() (e access.Entitled) {
	e.Subject.Type, e.Subject.ID, _ = strings.Cut(c.text(), ":")
	e.Action.Name = c.text()
	e.Resource.Type, e.Resource.ID, _ = strings.Cut(c.text(), ":")
	return e
}
