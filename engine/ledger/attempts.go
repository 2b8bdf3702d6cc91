package ledger

import (
	"database/sql"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// AddAttempts records attempts before their first bytes leave.
func (tx *Tx) AddAttempts(claimed []access.Delivery) error {
	rows := make([][]any, len(claimed))
	for i, d := range claimed {
		rows[i] = []any{d.BindingID, d.Generation, d.Attempt, string(d.Message.Type), d.Owner, micros(d.StartedAt), ""}
	}
	return tx.insertAll(`INSERT INTO attempts (binding_id, generation, attempt, verb, claim, started_at, detail) VALUES`, rows)
}

// Finished is how an attempt ended.
type Finished struct {
	access.Delivery
	Class  access.Class
	Status int
	Detail string
}

// FinishAttempts records how attempts ended.
func (tx *Tx) FinishAttempts(finished []Finished) error {
	for run := range byPowers(finished) {
		args := []any{micros(tx.now)}
		for _, f := range run {
			args = append(args, f.BindingID, f.Generation, f.Attempt, string(f.Class), f.Status, f.Detail)
		}
		err := tx.exec(`
			UPDATE attempts SET finished_at = $1, class = v.column4, status = v.column5, detail = v.column6
			  FROM (VALUES `+placeholdersFrom(2, len(run), []string{"TEXT", "BIGINT", "BIGINT", "TEXT", "BIGINT", "TEXT"})+`) AS v
			 WHERE attempts.binding_id = v.column1 AND attempts.generation = v.column2 AND attempts.attempt = v.column3
			   AND attempts.finished_at IS NULL`, args...)
		if err != nil {
			return err
		}
	}
	return nil
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
