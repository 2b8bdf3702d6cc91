package ledger

import "github.com/curfew-access/curfew/engine/access"

// OpenTask records something about a grant that a second person must close.
func (tx *Tx) OpenTask(id string, kind access.TaskKind, g access.Grant, by access.Subject, reason string) error {
	return tx.exec(`
		INSERT INTO tasks (id, kind, request_id, grant_id, binding_id, opened_by, reason, created_at, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open')`,
		id, string(kind), g.RequestID, g.ID, g.BindingID, by.String(), reason, micros(tx.now))
}
