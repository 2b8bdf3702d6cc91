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

// ReserveKey claims the key for the transaction that is about to have its effect.
// It reports false when the key is taken: a twin was first, and has committed.
func (tx *Tx) ReserveKey(caller, route, key, bodyHash string) (bool, error) {
	n, err := tx.affect(`
		INSERT INTO idempotency_keys (caller, route, key, body_hash, answer, created_at)
		VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT (caller, route, key) DO NOTHING`,
		caller, route, key, bodyHash, micros(tx.now))
	return n == 1, err
}

// KeepAnswer stores the answer under a key that the transaction has reserved.
func (tx *Tx) KeepAnswer(caller, route, key string, answer []byte) error {
	return tx.exec(`UPDATE idempotency_keys SET answer = $4 WHERE caller = $1 AND route = $2 AND key = $3`,
		caller, route, key, string(answer))
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
