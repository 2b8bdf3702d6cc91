package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// Append writes an event in the transaction of the change that it tells of. It
// fills in id, version and time.
func (tx *Tx) Append(e audit.Event) error {
	e.ID, e.Version, e.Time = access.NewID(access.KindEvent, tx.now), audit.Version, tx.now
	body, err := e.Canonical()
	if err != nil {
		return err
	}
	err = tx.exec(`
		INSERT INTO audit_events (id, type, at, subject, resource, actor, request_id, grant_id, binding_id, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		e.ID, e.Type, micros(e.Time), stringerOrNull(e.Subject), stringerOrNull(e.Resource), stringerOrNull(e.Actor),
		textOrNull(string(e.RequestID)), textOrNull(string(e.GrantID)), textOrNull(string(e.BindingID)), string(body))
	if err != nil {
		return err
	}
	tx.events++
	return tx.exec(`INSERT INTO audit_pending (event_id, at, n) VALUES ($1, $2, $3)`, e.ID, micros(tx.now), tx.events)
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
	err = l.View(ctx, func(tx *Tx) error {
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
	type row struct{ id, body string }
	events, err := all(tx, func(s scanner) (r row, err error) { return r, s.Scan(&r.id, &r.body) }, `
		SELECT e.id, e.body FROM audit_pending p JOIN audit_events e ON e.id = p.event_id ORDER BY p.at, p.n, p.event_id LIMIT $1`, limit)
	if err != nil {
		return 0, err
	}
	for _, e := range events {
		last++
		err := tx.exec(`INSERT INTO audit_log (seq, event_id, leaf) VALUES ($1, $2, $3)`,
			last, e.id, hex.EncodeToString(audit.Leaf([]byte(e.body))))
		if err != nil {
			return 0, err
		}
		if err := tx.exec(`DELETE FROM audit_pending WHERE event_id = $1`, e.id); err != nil {
			return 0, err
		}
	}
	return len(events), tx.exec(`UPDATE audit_head SET seq = $1 WHERE id = 1`, last)
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
