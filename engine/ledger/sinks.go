package ledger

import (
	"database/sql"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// SinkPositions lists the sinks that are configured, with how far they have come.
func (tx *Tx) SinkPositions() ([]access.SinkPosition, error) {
	return all(tx, func(row scanner) (p access.SinkPosition, err error) {
		return p, row.Scan(&p.Name, &p.Seq, &p.SetAside)
	}, `SELECT s.name, s.seq, COALESCE((SELECT MIN(a.seq) FROM sink_set_aside a WHERE a.sink = s.name), 0)
	      FROM sinks s WHERE s.retired_at IS NULL ORDER BY s.name`)
}

// BeginSinks has the sinks begin with the oldest event that is kept, unless they have
// begun, and be tried at once: whoever restarts may have mended something. The others
// retire: those stay where they are. What is set aside and not kept any more is
// nobody's to send again.
func (tx *Tx) BeginSinks(names []string) error {
	for _, name := range names {
		err := tx.exec(`
			INSERT INTO sinks (name, seq) SELECT $1, removed FROM audit_head WHERE id = 1
			ON CONFLICT (name) DO UPDATE SET retired_at = NULL, next_at = 0`, name)
		if err != nil {
			return err
		}
	}
	w := where{args: []any{micros(tx.now)}}
	w.and(`retired_at IS NULL`)
	if len(names) > 0 {
		w.and(`name NOT IN (` + w.bindAll(names) + `)`)
	}
	if err := tx.exec(`UPDATE sinks SET retired_at = $1`+w.String(), w.args...); err != nil {
		return err
	}
	return tx.exec(`DELETE FROM sink_set_aside WHERE seq <= (SELECT removed FROM audit_head WHERE id = 1)`)
}

// SinksBehindKept lists the configured sinks that have not had all of what is not kept
// any more, and up to where that is.
func (tx *Tx) SinksBehindKept() (lost []access.SinkPosition, removed int64, err error) {
	lost, err = all(tx, func(row scanner) (p access.SinkPosition, err error) {
		return p, row.Scan(&p.Name, &p.Seq, &removed)
	}, `SELECT s.name, s.seq, h.removed FROM sinks s JOIN audit_head h ON h.id = 1 WHERE s.retired_at IS NULL AND s.seq < h.removed ORDER BY s.name`)
	return lost, removed, err
}

// ReleaseSinks hands back the claims of all sinks: whoever had them is gone.
func (tx *Tx) ReleaseSinks() error {
	return tx.exec(`UPDATE sinks SET claimed_by = '', claimed_until = 0`)
}

// sinkColumns reads a sink and, of the sequence, its head and when the first event
// behind the sink happened that is kept.
const sinkColumns = `SELECT s.name, s.seq, h.seq,
	(SELECT e.at FROM audit_events e WHERE e.id = (SELECT l.event_id FROM audit_log l WHERE l.seq > s.seq ORDER BY l.seq LIMIT 1)),
	s.claimed_by, s.claimed_until, s.receipt, s.receipt_through, s.receipt_at, s.failing_since, s.told, s.misconfigured, s.failures,
	s.last_error, s.next_at, s.lenient, s.sent_at, s.retired_at,
	(SELECT COUNT(*) FROM sink_set_aside a WHERE a.sink = s.name),
	(SELECT COUNT(*) FROM sink_set_aside a WHERE a.sink = s.name AND a.wanted_at IS NOT NULL)
	FROM sinks s JOIN audit_head h ON h.id = 1`

// Sink returns a sink, which must have begun.
func (tx *Tx) Sink(name string) (access.SinkState, error) {
	return one(tx, scanSink, "sink", name, sinkColumns+` WHERE s.name = $1`, name)
}

// Sinks lists the sinks that are configured, or ever were, by name.
func (tx *Tx) Sinks() ([]access.SinkState, error) {
	return all(tx, scanSink, sinkColumns+` ORDER BY s.name`)
}

func scanSink(row scanner) (s access.SinkState, err error) {
	var oldest, failing, sent, retired sql.NullInt64
	var claimed, receiptAt, next, told, misconfigured, lenient int64
	err = row.Scan(&s.Name, &s.Seq, &s.Head, &oldest, &s.ClaimedBy, &claimed, &s.Receipt, &s.ReceiptThrough, &receiptAt, &failing, &told,
		&misconfigured, &s.Failures, &s.LastError, &next, &lenient, &sent, &retired, &s.SetAside, &s.Wanted)
	s.Oldest, s.FailingSince, s.SentAt, s.RetiredAt = timePtr(oldest), timePtr(failing), timePtr(sent), timePtr(retired)
	s.ClaimedUntil, s.ReceiptAt, s.NextAt = fromMicros(claimed), fromMicros(receiptAt), fromMicros(next)
	s.Told, s.Misconfigured, s.Lenient = told == 1, misconfigured == 1, lenient == 1
	return s, err
}

// SinkEvents lists the sealed events that a sink is to be sent next, in sequence, at
// most limit: without those that are set aside.
func (tx *Tx) SinkEvents(s access.SinkState, limit int) ([]Sealed, error) {
	return all(tx, scanSealed, sealedColumns+`
		WHERE l.seq > $2 AND l.seq <= $3 AND NOT EXISTS (SELECT 1 FROM sink_set_aside a WHERE a.sink = $1 AND a.seq = l.seq)
		ORDER BY l.seq LIMIT $4`, s.Name, s.Seq, s.Head, limit)
}

// MissingBetween counts the numbers between two of which there is no event, though it
// was not removed by the rules of retention.
func (tx *Tx) MissingBetween(after, before int64) (n int64, err error) {
	var removed, have int64
	err = tx.row(`SELECT h.removed, (SELECT COUNT(*) FROM audit_log l JOIN audit_events e ON e.id = l.event_id
		WHERE l.seq > $1 AND l.seq > h.removed AND l.seq < $2) FROM audit_head h WHERE h.id = 1`, after, before).Scan(&removed, &have)
	return max(before-1-max(after, removed), 0) - have, err
}

// WantedOfSink is the first of the events that a sink would not take and that somebody
// wants sent again; none: found is false.
func (tx *Tx) WantedOfSink(name string) (e Sealed, found bool, err error) {
	some, err := all(tx, scanSealed, sealedColumns+` JOIN sink_set_aside a ON a.seq = l.seq
		WHERE a.sink = $1 AND a.wanted_at IS NOT NULL ORDER BY a.seq LIMIT 1`, name)
	if err != nil || len(some) == 0 {
		return e, false, err
	}
	return some[0], true, nil
}

const sealedColumns = `SELECT l.seq, e.id, e.type, e.at, l.leaf, e.body FROM audit_log l JOIN audit_events e ON e.id = l.event_id`

// ClaimSink takes a sink until the time, or keeps it. It is ErrConflict while another
// has it.
func (tx *Tx) ClaimSink(name, owner string, until time.Time) error {
	return tx.changed(access.Conflict("claim_lost", "another node sends to the sink %s", name), `
		UPDATE sinks SET claimed_by = $2, claimed_until = $3, retired_at = NULL
		 WHERE name = $1 AND (claimed_by = $2 OR claimed_until <= $4)`, name, owner, micros(until), micros(tx.now))
}

// LeaveSink hands a claim back.
func (tx *Tx) LeaveSink(name, owner string) error {
	return tx.exec(`UPDATE sinks SET claimed_by = '', claimed_until = 0 WHERE name = $1 AND claimed_by = $2`, name, owner)
}

// SinkTook notes that what is up to through is safe at a sink, or set aside. taken:
// some of it was taken now, and the sink does not fail any more. It is ErrConflict
// unless the sink is as it was read, and the owner's.
func (tx *Tx) SinkTook(s access.SinkState, owner string, through int64, taken bool) error {
	query := `UPDATE sinks SET seq = $4, receipt = '', receipt_through = 0, receipt_at = 0`
	args := []any{s.Name, owner, s.Seq, through}
	if taken {
		query += `, failing_since = NULL, told = 0, misconfigured = 0, failures = 0, last_error = '', next_at = 0, lenient = 0, sent_at = $5`
		args = append(args, micros(tx.now))
	}
	return tx.changed(sinkMoved(s), query+sinkAsRead, args...)
}

// SinkGaveReceipt notes that a sink has taken what is up to through, and will say by
// the receipt when it is safe.
func (tx *Tx) SinkGaveReceipt(s access.SinkState, owner string, through int64, receipt string) error {
	return tx.changed(sinkMoved(s), `
		UPDATE sinks SET receipt = $4, receipt_through = $5, receipt_at = $6, next_at = 0, sent_at = $6`+sinkAsRead,
		s.Name, owner, s.Seq, receipt, through, micros(tx.now))
}

// SinkFailed notes that a sink did not take what it was sent, and when it is tried
// again. A receipt that is dropped is asked for no more: its batch is sent again.
func (tx *Tx) SinkFailed(s access.SinkState, owner string, f access.SinkFailure, told bool, again time.Time) error {
	receipt := ``
	if f.Drop {
		receipt = `, receipt = '', receipt_through = 0, receipt_at = 0`
	}
	return tx.changed(sinkMoved(s), `
		UPDATE sinks SET failing_since = COALESCE(failing_since, $4), told = $5, misconfigured = $6, failures = failures + 1,
		       last_error = $7, next_at = $8`+receipt+sinkAsRead,
		s.Name, owner, s.Seq, micros(tx.now), flag(told), flag(f.Misconfigured), f.Why, micros(again))
}

// sinkAsRead narrows a change to a sink that is where it was read to be, and the
// owner's.
const sinkAsRead = ` WHERE name = $1 AND claimed_by = $2 AND seq = $3`

func sinkMoved(s access.SinkState) error {
	return access.Conflict("claim_lost", "the sink %s was taken by another node", s.Name)
}

// SetAside keeps that a sink would not take an event. It reports whether that was not
// known.
func (tx *Tx) SetAside(sink string, a access.SetAside) (first bool, err error) {
	n, err := tx.affect(`
		INSERT INTO sink_set_aside (sink, seq, event_id, reason, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (sink, seq) DO NOTHING`,
		sink, a.Seq, a.EventID, a.Reason, micros(tx.now))
	return n > 0, err
}

// SetAsideOf lists the first events that a sink would not take, in their order.
func (tx *Tx) SetAsideOf(sink string, limit int) ([]access.SetAside, error) {
	return all(tx, func(row scanner) (a access.SetAside, err error) {
		var at int64
		var wanted sql.NullInt64
		err = row.Scan(&a.Seq, &a.EventID, &a.Reason, &at, &a.Retried, &wanted, &a.WantedBy)
		a.At, a.WantedAt = fromMicros(at), timePtr(wanted)
		return a, err
	}, `SELECT seq, event_id, reason, at, retried, wanted_at, wanted_by FROM sink_set_aside WHERE sink = $1 ORDER BY seq LIMIT $2`, sink, limit)
}

// Resent notes that an event that was set aside is at its sink now.
func (tx *Tx) Resent(sink string, seq int64) error {
	return tx.changed(access.Conflict("not_set_aside", "event %d is not set aside at the sink %s", seq, sink),
		`DELETE FROM sink_set_aside WHERE sink = $1 AND seq = $2`, sink, seq)
}

// RefusedAgain notes that a sink would not take an event a second time. Nobody wants it
// sent again before somebody does.
func (tx *Tx) RefusedAgain(sink string, seq int64, reason string) error {
	return tx.exec(`UPDATE sink_set_aside SET retried = retried + 1, reason = $3, wanted_at = NULL, wanted_by = '' WHERE sink = $1 AND seq = $2`,
		sink, seq, reason)
}

// RetrySink has a sink tried at once, however much it refuses, and what it would not
// take sent to it again.
func (tx *Tx) RetrySink(name, by string) error {
	err := tx.changed(access.NotFound("sink", name), `UPDATE sinks SET next_at = 0, lenient = 1 WHERE name = $1`, name)
	if err != nil {
		return err
	}
	return tx.exec(`UPDATE sink_set_aside SET wanted_at = $2, wanted_by = $3 WHERE sink = $1 AND wanted_at IS NULL`, name, micros(tx.now), by)
}

// AuditBroken is since when nothing is sealed any more, as the log is not what was
// sealed, and what is wrong; nil: all is well.
func (tx *Tx) AuditBroken() (since *time.Time, why string, err error) {
	var at sql.NullInt64
	err = tx.row(`SELECT broken_at, broken_why FROM audit_head WHERE id = 1`).Scan(&at, &why)
	return timePtr(at), why, err
}
