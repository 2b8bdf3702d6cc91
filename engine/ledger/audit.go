package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// Append writes an event in the transaction of the change that it tells of. It
// fills in id, version and time. The events of a transaction are written
// together at its end.
func (tx *Tx) Append(e audit.Event) error {
	if tx.err != nil {
		return tx.err
	}
	tx.eventID = nextEventID(tx.eventID, tx.now)
	e.ID, e.Version, e.Time = tx.eventID, audit.Version, tx.now
	body, err := e.Canonical()
	if err != nil {
		return tx.failed(err)
	}
	tx.events = append(tx.events, []any{
		e.ID, e.Type, micros(e.Time), stringerOrNull(e.Subject), stringerOrNull(e.Resource), stringerOrNull(e.Actor),
		textOrNull(string(e.RequestID)), textOrNull(string(e.GrantID)), textOrNull(string(e.BindingID)), string(body),
	})
	return nil
}

// nextEventID is the id of an event behind the last one, "" being none. Ids of one
// transaction come in order: a database stores them faster at one place than here
// and there.
func nextEventID(last string, now time.Time) string {
	if last == "" {
		return access.NewID(access.KindEvent, now)
	}
	return access.NextID(last)
}

// writeEvents writes what was appended, and queues it for its place in the
// sequence.
func (tx *Tx) writeEvents() error {
	if len(tx.events) == 0 {
		return tx.flush()
	}
	pending := make([][]any, len(tx.events))
	for i, row := range tx.events {
		pending[i] = []any{row[0], micros(tx.now), tx.told + i + 1}
	}
	err := tx.insertAll(`INSERT INTO audit_events (id, type, at, subject, resource, actor, request_id, grant_id, binding_id, body) VALUES`, tx.events)
	if err != nil {
		return err
	}
	if err := tx.insertAll(`INSERT INTO audit_pending (event_id, at, n) VALUES`, pending); err != nil {
		return err
	}
	return tx.flush()
}

func stringerOrNull[T fmt.Stringer](p *T) any {
	if p == nil {
		return nil
	}
	return (*p).String()
}

// SealEvents gives at most limit committed events their places in the sequence
// and reports how many there were. It satisfies audit.Store.
func (l *Ledger) SealEvents(ctx context.Context, limit int) (sealed int, err error) {
	var waiting int64
	err = l.Look(ctx, func(tx *Tx) error {
		return tx.row(`SELECT COUNT(*) FROM (SELECT 1 FROM audit_pending LIMIT 1) AS first`).Scan(&waiting)
	})
	if err != nil || waiting == 0 {
		return 0, err
	}
	err = l.Update(ctx, func(tx *Tx) error {
		sealed, err = tx.seal(limit)
		return err
	})
	return sealed, err
}

func (tx *Tx) seal(limit int) (int, error) {
	var last int64
	if err := tx.row(`UPDATE audit_head SET seq = seq WHERE id = 1 RETURNING seq`).Scan(&last); err != nil {
		return 0, err
	}
	events, err := all(tx, scanPending, `
		SELECT p.at, p.n, e.id, e.body FROM audit_pending p JOIN audit_events e ON e.id = p.event_id ORDER BY p.at, p.n, p.event_id LIMIT $1`, limit)
	if err != nil {
		return 0, err
	}
	leaves := make([][]any, len(events))
	for i, e := range events {
		last++
		leaves[i] = []any{last, e.id, hex.EncodeToString(audit.Leaf([]byte(e.body)))}
	}
	if err := tx.insertAll(`INSERT INTO audit_log (seq, event_id, leaf) VALUES`, leaves); err != nil {
		return 0, err
	}
	for run := range byPowers(events) {
		var args []any
		for _, e := range run {
			args = append(args, e.at, e.n, e.id)
		}
		err := tx.exec(`DELETE FROM audit_pending WHERE (at, n, event_id) IN (VALUES `+
			placeholdersFrom(1, len(run), []string{"BIGINT", "BIGINT", "TEXT"})+`)`, args...)
		if err != nil {
			return 0, err
		}
	}
	return len(events), tx.exec(`UPDATE audit_head SET seq = $1 WHERE id = 1`, last)
}

// pending is an event that waits for its place in the sequence.
type pending struct {
	at, n    int64
	id, body string
}

func scanPending(row scanner) (p pending, err error) {
	return p, row.Scan(&p.at, &p.n, &p.id, &p.body)
}

// SealedEvent is an event with its place in the sequence.
type SealedEvent struct {
	Seq  int64
	Body json.RawMessage // RFC 8785 JSON
}

// EventFilter narrows a list of events. Empty members do not narrow.
type EventFilter struct {
	Type, Subject, Resource, Actor, RequestID, GrantID, BindingID string

	After  int64 // sequence numbers above this one
	Newest bool  // the last ones instead of the first, still in order
	Limit  int
}

// Events lists sealed events in sequence.
func (tx *Tx) Events(f EventFilter) ([]SealedEvent, error) {
	w := where{}
	w.add(true, `l.seq > `, f.After)
	w.add(f.Type != "", `e.type = `, f.Type)
	w.add(f.Subject != "", `e.subject = `, f.Subject)
	w.add(f.Resource != "", `e.resource = `, f.Resource)
	w.add(f.Actor != "", `e.actor = `, f.Actor)
	w.add(f.RequestID != "", `e.request_id = `, f.RequestID)
	w.add(f.GrantID != "", `e.grant_id = `, f.GrantID)
	w.add(f.BindingID != "", `e.binding_id = `, f.BindingID)
	direction := ``
	if f.Newest {
		direction = ` DESC`
	}
	page := `SELECT l.seq, e.body FROM audit_log l JOIN audit_events e ON e.id = l.event_id` + w.String() +
		` ORDER BY l.seq` + direction + ` LIMIT ` + w.bind(f.Limit)
	return all(tx, func(s scanner) (e SealedEvent, err error) {
		var body sql.RawBytes
		err = s.Scan(&e.Seq, &body)
		e.Body = json.RawMessage(append([]byte(nil), body...))
		return e, err
	}, `SELECT seq, body FROM (`+page+`) AS page ORDER BY seq`, w.args...)
}
