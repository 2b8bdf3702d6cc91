package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

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

// Sealed is a sealed event as the log has it.
type Sealed struct {
	Seq  int64
	ID   string
	Type string
	At   time.Time
	Leaf string // hex
	Body []byte // RFC 8785 JSON: what was hashed
}

// Sealed lists sealed events behind after, to through, in sequence, at most limit.
func (tx *Tx) Sealed(after, through int64, limit int) ([]Sealed, error) {
	return all(tx, scanSealed, `SELECT l.seq, e.id, e.type, e.at, l.leaf, e.body FROM audit_log l JOIN audit_events e ON e.id = l.event_id
		WHERE l.seq > $1 AND l.seq <= $2 ORDER BY l.seq LIMIT $3`, after, through, limit)
}

func scanSealed(row scanner) (e Sealed, err error) {
	var at int64
	err = row.Scan(&e.Seq, &e.ID, &e.Type, &at, &e.Leaf, &e.Body)
	e.At = fromMicros(at)
	return e, err
}

// SealedBy is the sealed event of an id. One that has no number yet is a conflict that
// says so.
func (tx *Tx) SealedBy(eventID string) (Sealed, error) {
	row := tx.row(`SELECT COALESCE(l.seq, 0), e.id, e.type, e.at, COALESCE(l.leaf, ''), e.body
		FROM audit_events e LEFT JOIN audit_log l ON l.event_id = e.id WHERE e.id = $1`, eventID)
	e, err := scanSealed(row)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return e, access.NotFound("event", eventID)
	case err == nil && e.Seq == 0:
		return Sealed{}, notSealedYet(eventID)
	}
	return e, err
}

// SealedAt is the event of a number. Of one that is not kept any more only the leaf is
// there, in the tree.
func (tx *Tx) SealedAt(seq int64) (e Sealed, err error) {
	var removed int64
	var id, typ, leaf, body sql.NullString
	var at sql.NullInt64
	err = tx.row(`SELECT h.removed, e.id, e.type, e.at, l.leaf, e.body FROM audit_head h
		LEFT JOIN audit_log l ON l.seq = $1 LEFT JOIN audit_events e ON e.id = l.event_id WHERE h.id = 1`, seq).
		Scan(&removed, &id, &typ, &at, &leaf, &body)
	switch {
	case err != nil:
		return e, err
	case id.Valid:
		return Sealed{seq, id.String, typ.String, fromMicros(at.Int64), leaf.String, []byte(body.String)}, nil
	case seq >= 1 && seq <= removed:
		return e, &access.Error{
			Kind: access.ErrNotFound, Code: "event_removed",
			Detail: fmt.Sprintf("event %d is not kept any more: those up to %d are removed, and their leaves are still in the tree", seq, removed),
		}
	}
	return e, access.NotFound("event of number", decimal(seq))
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
