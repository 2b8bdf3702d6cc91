package ledger

import (
	"encoding/hex"
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
	tx.leaves = append(tx.leaves, hex.EncodeToString(audit.Leaf(body)))
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
		pending[i] = []any{row[0], micros(tx.now), tx.told + i + 1, tx.leaves[i]}
	}
	err := tx.insertAll(`INSERT INTO audit_events (id, type, at, subject, resource, actor, request_id, grant_id, binding_id, body) VALUES`, tx.events)
	if err != nil {
		return err
	}
	if err := tx.insertAll(`INSERT INTO audit_pending (event_id, at, n, leaf) VALUES`, pending); err != nil {
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
