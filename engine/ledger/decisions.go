package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// PutDecision stores a decision with its whole input.
func (tx *Tx) PutDecision(d access.DecisionRecord) error {
	input, err := toJSON(d.Input)
	if err != nil {
		return err
	}
	output, err := toJSON(d.Decision)
	if err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO decisions (id, phase, effect, revision, input, output, decided_at, took_us)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		d.ID, string(d.Phase), string(d.Decision.Effect), d.Revision, input, output, micros(d.DecidedAt), d.Took.Microseconds())
}

// Decision returns a stored decision.
func (tx *Tx) Decision(id string) (access.DecisionRecord, error) {
	return one(tx, scanDecision, "decision", id,
		`SELECT id, phase, revision, input, output, decided_at, took_us FROM decisions WHERE id = $1`, id)
}

func scanDecision(row scanner) (d access.DecisionRecord, err error) {
	var input, output string
	var at, took int64
	if err := row.Scan(&d.ID, &d.Phase, &d.Revision, &input, &output, &at, &took); err != nil {
		return d, err
	}
	d.DecidedAt, d.Took = fromMicros(at), time.Duration(took)*time.Microsecond
	err = errors.Join(json.Unmarshal([]byte(input), &d.Input), json.Unmarshal([]byte(output), &d.Decision))
	d.Decision.Revision = d.Revision
	return d, err
}

// DecisionText is a stored decision as it is written, input and output not read.
type DecisionText struct {
	ID, Revision  string
	Input, Output json.RawMessage
	DecidedAt     time.Time
	Took          time.Duration
}

// Decisions lists stored decisions with ids from the one up to, and without, the
// other, in their order.
func (tx *Tx) Decisions(from, to string, limit int) ([]DecisionText, error) {
	return all(tx, func(row scanner) (d DecisionText, err error) {
		var input, output sql.RawBytes
		var at, took int64
		err = row.Scan(&d.ID, &d.Revision, &input, &output, &at, &took)
		d.Input, d.Output = append(json.RawMessage(nil), input...), append(json.RawMessage(nil), output...)
		d.DecidedAt, d.Took = fromMicros(at), time.Duration(took)*time.Microsecond
		return d, err
	}, `SELECT id, revision, input, output, decided_at, took_us FROM decisions WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3`, from, to, limit)
}
