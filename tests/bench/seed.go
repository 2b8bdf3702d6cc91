package main

import (
	"context"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/curfew-access/curfew/engine/access"
)

// batch is grants that are written into the ledger in bulk, with all that they
// need: each has a request, a decision and a binding of its own, of which the
// target has confirmed that it is there.
type batch struct {
	First int // number of the first; no two batches of a ledger overlap
	Count int
	Base  time.Time     // when the first ends
	Step  time.Duration // from each to the next
	// Bound says that each lasts as long as its holder is on call by the board.
	Bound bool
}

// due is when the nth ends.
func (b batch) due(n int) time.Time { return b.Base.Add(time.Duration(n) * b.Step) }

// id is an id of the nth of the batch. It is made as access.NewID does, of a time
// that grows with the number and of bits that look random.
func (b batch) id(kind string, n int) string { return kind + "_" + suffix(b.First+n) }

// crockford is the alphabet of ids.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func suffix(number int) string {
	var b [16]byte
	chance := rand.New(rand.NewPCG(uint64(number), 1))
	binary.BigEndian.PutUint64(b[8:], chance.Uint64())
	binary.BigEndian.PutUint64(b[:8], uint64(firstMillisecond+number)<<16|chance.Uint64()>>48)
	return crockford.EncodeToString(b[:])
}

const firstMillisecond = 1_767_225_600_000 // 2026-01-01

// entitled is who has access to what by the nth grant.
func (b batch) entitled(n int) access.Entitled {
	return access.Entitled{
		Subject:  access.Subject{Type: access.TypeUser, ID: fmt.Sprintf("h%09d@example.com", b.First+n)},
		Action:   access.Action{Name: "debug"},
		Resource: access.ResourceRef{Type: "customer", ID: customer((b.First + n) % resources)},
	}
}

// seedPage is how many grants one transaction writes.
const seedPage = 50_000

// bulk are the statements that write a page of grants from the table of their
// numbers; the text is good for both databases.
var bulk = []statement{
	{`INSERT INTO decisions (id, phase, effect, revision, input, output, decided_at)
	  SELECT 'dec_' || s, 'request', 'allow', 'bench', CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM page ORDER BY i`,
		func(s seeding) []any { return []any{s.input, s.output, s.now} }},
	{`INSERT INTO requests (id, subject, requester, action, resource, for_seconds, reason, emergency, channel, decision_id,
	                       created_at, closed_at, prior_state, state)
	  SELECT 'req_' || s, who, who, 'debug', what, 7200, CAST($1 AS TEXT), 0, 'api', 'dec_' || s,
	         CAST($2 AS BIGINT), CAST($2 AS BIGINT), 'pending', 'approved' FROM page ORDER BY i`,
		func(s seeding) []any { return []any{reason, s.now} }},
	{`INSERT INTO bindings (id, subject, action, resource, target, contract, desired, observed, version, generation, attempts,
	                       last_error, confirmed_at, provision_open_until, deprovision_open_until)
	  SELECT 'bnd_' || s, who, 'debug', what, 'target', CAST($1 AS TEXT), 'present', 'present', 1, 1, 1, '', CAST($2 AS BIGINT), 0, 0
	    FROM page ORDER BY i`,
		func(s seeding) []any { return []any{s.contract, s.now} }},
	{`INSERT INTO grants (id, request_id, binding_id, subject, action, resource, starts_at, expires_at, decision_id, created_at,
	                      prior_state, state)
	  SELECT 'grt_' || s, 'req_' || s, 'bnd_' || s, who, 'debug', what, CAST($1 AS BIGINT),
	         CAST($2 AS BIGINT) + (i - CAST($3 AS BIGINT)) * CAST($4 AS BIGINT), 'dec_' || s, CAST($1 AS BIGINT), 'scheduled', 'active'
	    FROM page ORDER BY i`,
		func(s seeding) []any {
			return []any{s.now, s.batch.Base.UnixMicro(), s.batch.First, s.batch.Step.Microseconds()}
		}},
}

// bind is the statement that binds the grants of a page to the board's shifts. They
// could last a day longer than they do.
var bind = statement{
	`UPDATE grants SET while_bound = 'oncall', bound = CAST($1 AS TEXT), ends_by = expires_at + CAST($2 AS BIGINT), facts_at = CAST($3 AS BIGINT)
	  WHERE id IN (SELECT 'grt_' || s FROM page)`,
	func(s seeding) []any { return []any{s.until, (24 * time.Hour).Microseconds(), s.now} },
}

var emptyPage = statement{`DELETE FROM page`, func(seeding) []any { return nil }}

type statement struct {
	text string
	args func(seeding) []any
}

// seeding is what all pages of a batch share.
type seeding struct {
	batch         batch
	contract      string
	now           int64
	input, output string // of each decision
	until         string // what bound grants are bound to
}

// sow writes the batch into the ledger, which may be in use.
func sow(ctx context.Context, where, contract string, b batch) (err error) {
	db, err := openSQL(where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	now := time.Now().UTC()
	input, errIn := json.Marshal(ask(now))
	output, errOut := json.Marshal(access.Decision{Effect: access.Allow, Reasons: []access.Reason{{Code: "on_call", Title: "On call"}}})
	until, errUntil := json.Marshal(access.Until{OnCall: []access.ShiftRef{{Source: onBoard, Schedule: boardSchedule, Level: 1}}})
	if err := errors.Join(errIn, errOut, errUntil); err != nil {
		return err
	}
	s := seeding{batch: b, contract: contract, now: now.UnixMicro(), input: string(input), output: string(output), until: string(until)}
	if _, err := db.ExecContext(ctx, `CREATE TEMPORARY TABLE page (i BIGINT, s TEXT, who TEXT, what TEXT)`); err != nil {
		return err
	}
	for from := 0; from < b.Count; from += seedPage {
		if err := s.page(ctx, db, from, min(from+seedPage, b.Count)); err != nil {
			return fmt.Errorf("seed: %w", err)
		}
	}
	return nil
}

// page writes the grants from one to before the other.
func (s seeding) page(ctx context.Context, db *sql.DB, from, to int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, once it is committed
	if err := s.number(ctx, tx, from, to); err != nil {
		return err
	}
	work := slices.Clone(bulk)
	if s.batch.Bound {
		work = append(work, bind)
	}
	for _, st := range append(work, emptyPage) {
		if _, err := tx.ExecContext(ctx, st.text, st.args(s)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// number fills the table of a page, with the suffix of each one's ids.
func (s seeding) number(ctx context.Context, tx *sql.Tx, from, to int) error {
	const rows = 500
	for ; from < to; from += rows {
		var text strings.Builder
		text.WriteString(`INSERT INTO page (i, s, who, what) VALUES `)
		for n := from; n < min(from+rows, to); n++ {
			x := s.batch.entitled(n)
			fmt.Fprintf(&text, "(%d, '%s', '%s', '%s'),", s.batch.First+n, suffix(s.batch.First+n), x.Subject, x.Resource)
		}
		if _, err := tx.ExecContext(ctx, strings.TrimSuffix(text.String(), ",")); err != nil {
			return err
		}
	}
	return nil
}

// openSQL opens the database past the ledger. What it writes is valid by itself,
// so that nothing is checked twice, and it need not be on the disk at once.
func openSQL(where string) (*sql.DB, error) {
	driver, source := "sqlite", "file:"+where+"?_pragma=busy_timeout(10000)&_pragma=synchronous(0)&_pragma=foreign_keys(0)&_pragma=cache_size(-262144)&_txlock=immediate"
	if isURL(where) {
		driver, source = "pgx", where+"&synchronous_commit=off&session_replication_role=replica"
	}
	db, err := sql.Open(driver, source)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}
