package ledger

import (
	"database/sql"
	"errors"
	"time"
)

// KeptAnswer is what a POST with an Idempotency-Key was answered.
type KeptAnswer struct {
	BodyHash string
	Answer   []byte // JSON
}

// KeepAnswer stores the answer under the key, in the transaction of the effect.
// It reports false when the key is already there: a twin was first.
func (tx *Tx) KeepAnswer(caller, route, key string, a KeptAnswer) (bool, error) {
	var got string
	err := tx.row(`
		INSERT INTO idempotency_keys (caller, route, key, body_hash, answer, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (caller, route, key) DO NOTHING RETURNING key`,
		caller, route, key, a.BodyHash, string(a.Answer), micros(tx.now)).Scan(&got)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// KeptAnswer returns what is stored under the key, and whether anything is.
func (tx *Tx) KeptAnswer(caller, route, key string) (a KeptAnswer, found bool, err error) {
	var answer string
	err = tx.row(`SELECT body_hash, answer FROM idempotency_keys WHERE caller = $1 AND route = $2 AND key = $3`,
		caller, route, key).Scan(&a.BodyHash, &answer)
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	a.Answer = []byte(answer)
	return a, err == nil, err
}

// ForgetAnswers drops the answers that were kept before the time.
func (tx *Tx) ForgetAnswers(before time.Time) error {
	return tx.exec(`DELETE FROM idempotency_keys WHERE created_at < $1`, micros(before))
}
