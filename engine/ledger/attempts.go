package ledger

import (
	"database/sql"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// AddAttempt records an attempt before its first byte leaves.
func (tx *Tx) AddAttempt(d access.Delivery) error {
	return tx.exec(`
		INSERT INTO attempts (binding_id, generation, attempt, verb, claim, started_at, detail)
		VALUES ($1, $2, $3, $4, $5, $6, '')`,
		d.BindingID, d.Generation, d.Attempt, string(d.Message.Type), d.Owner, micros(d.StartedAt))
}

// FinishAttempt records how an attempt ended.
func (tx *Tx) FinishAttempt(d access.Delivery, class access.Class, status int, detail string) error {
	return tx.exec(`
		UPDATE attempts SET finished_at = $4, class = $5, status = $6, detail = $7
		 WHERE binding_id = $1 AND generation = $2 AND attempt = $3 AND finished_at IS NULL`,
		d.BindingID, d.Generation, d.Attempt, micros(tx.now), string(class), status, detail)
}

// Attempt is one try at a target, as recorded.
type Attempt struct {
	Generation int64
	Number     int
	Verb       access.Verb
	StartedAt  time.Time
	FinishedAt *time.Time
	Class      access.Class // "" while under way, or when the gateway died
	Status     int
	Detail     string
}

// Attempts lists the attempts on a binding, oldest first.
func (tx *Tx) Attempts(bindingID string) ([]Attempt, error) {
	return all(tx, scanAttempt, `
		SELECT generation, attempt, verb, started_at, finished_at, class, status, detail
		  FROM attempts WHERE binding_id = $1 ORDER BY generation, attempt`, bindingID)
}

func scanAttempt(row scanner) (a Attempt, err error) {
	var started int64
	var finished, status sql.NullInt64
	var class sql.NullString
	err = row.Scan(&a.Generation, &a.Number, &a.Verb, &started, &finished, &class, &status, &a.Detail)
	a.StartedAt, a.FinishedAt = fromMicros(started), timePtr(finished)
	a.Class, a.Status = access.Class(class.String), int(status.Int64)
	return a, err
}
