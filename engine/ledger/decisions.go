package ledger

import (
	"encoding/json"
	"errors"

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
		INSERT INTO decisions (id, phase, effect, revision, input, output, decided_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		d.ID, string(d.Phase), string(d.Decision.Effect), d.Revision, input, output, micros(d.DecidedAt))
}

// Decision returns a stored decision.
func (tx *Tx) Decision(id string) (access.DecisionRecord, error) {
	return one(tx, scanDecision, "decision", id,
		`SELECT id, phase, revision, input, output, decided_at FROM decisions WHERE id = $1`, id)
}

func scanDecision(row scanner) (d access.DecisionRecord, err error) {
	var input, output string
	var at int64
	if err := row.Scan(&d.ID, &d.Phase, &d.Revision, &input, &output, &at); err != nil {
		return d, err
	}
	d.DecidedAt = fromMicros(at)
	err = errors.Join(json.Unmarshal([]byte(input), &d.Input), json.Unmarshal([]byte(output), &d.Decision))
	d.Decision.Revision = d.Revision
	return d, err
}
