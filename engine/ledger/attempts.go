package ledger

import (
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// AddAttempts records attempts before their first bytes leave. Of the token that a
// target may call back with, only the hash is kept.
func (tx *Tx) AddAttempts(claimed []access.Delivery) error {
	rows := make([][]any, len(claimed))
	for i, d := range claimed {
		var hash any
		if c := d.Message.Data.Callback; c != nil {
			hash = hashOf(c.Token)
		}
		rows[i] = []any{
			d.BindingID, d.Generation, d.Attempt, string(d.Message.Type), d.Owner, micros(d.StartedAt), "", hash, openMicros(d.OpenBefore),
		}
	}
	return tx.insertAll(`
		INSERT INTO attempts (binding_id, generation, attempt, verb, claim, started_at, detail, callback_hash, open_before) VALUES`, rows)
}

// hashOf is how a token is kept. It is random, so that nothing slower is needed.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Finished is how an attempt ended, or that it was accepted: such a one is not over.
type Finished struct {
	access.Delivery
	Class  access.Class
	Status int
	Detail string
}

// finishTypes are the SQL types of what FinishAttempts stores, in its order.
var finishTypes = []string{"TEXT", "BIGINT", "BIGINT", "TEXT", "BIGINT", "TEXT", "BIGINT"} //nolint:gochecknoglobals // a constant

// FinishAttempts records how attempts ended. One that is over stays as it is.
func (tx *Tx) FinishAttempts(finished []Finished) error {
	for run := range byPowers(finished) {
		args := []any{micros(tx.now)}
		for _, f := range run {
			args = append(args, f.BindingID, f.Generation, f.Attempt, string(f.Class), f.Status, f.Detail, openMicros(f.OpenBefore))
		}
		err := tx.exec(`
			UPDATE attempts SET finished_at = CASE WHEN v.column4 <> 'accepted' THEN CAST($1 AS BIGINT) END,
			       class = v.column4, status = v.column5, detail = v.column6, open_before = v.column7
			  FROM (VALUES `+placeholdersFrom(2, len(run), finishTypes)+`) AS v
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
	BindingID  string
	Generation int64
	Number     int
	Verb       access.Verb
	Claim      string
	StartedAt  time.Time
	FinishedAt *time.Time   // nil: under way, or accepted, or the gateway died
	Class      access.Class // "" while under way, or when the gateway died
	Status     int
	Detail     string
	CalledBack access.CallbackOutcome // the target's word after it had accepted; "" for none
	CalledAt   *time.Time             // when that came
	CalledLate bool                   // another generation was current by then
	OpenBefore time.Time              // until when what came before the word could take effect
}

const attemptColumns = `SELECT a.binding_id, a.generation, a.attempt, a.verb, a.claim, a.started_at, a.finished_at, a.class, a.status, a.detail,
	a.called_back, a.called_at, a.called_late, a.open_before FROM attempts a`

// Attempts lists the attempts on a binding, oldest first.
func (tx *Tx) Attempts(bindingID string) ([]Attempt, error) {
	return all(tx, scanAttempt, attemptColumns+` WHERE a.binding_id = $1 ORDER BY a.generation, a.attempt`, bindingID)
}

// AttemptOfToken returns the attempt on the binding whose message held the token;
// found is false when there is none.
func (tx *Tx) AttemptOfToken(bindingID, token string) (a Attempt, found bool, err error) {
	some, err := all(tx, scanAttempt, attemptColumns+` WHERE a.callback_hash = $1`, hashOf(token))
	if err != nil || len(some) == 0 {
		return a, false, err
	}
	return some[0], subtle.ConstantTimeCompare([]byte(some[0].BindingID), []byte(bindingID)) == 1, nil
}

// ClaimedAttempts returns the attempts that hold the claims of bindings, by the
// bindings' ids.
func (tx *Tx) ClaimedAttempts(bindingIDs ...string) (map[string]Attempt, error) {
	found := map[string]Attempt{}
	for ids := range inLists(bindingIDs) {
		w := where{}
		some, err := all(tx, scanAttempt, attemptColumns+` JOIN bindings b ON b.id = a.binding_id AND b.claim = a.claim
			WHERE b.id IN (`+w.bindAll(ids)+`)`, w.args...)
		if err != nil {
			return nil, err
		}
		for _, a := range some {
			found[a.BindingID] = a
		}
	}
	return found, nil
}

// CallBack records the target's word on an attempt, once. An attempt that was over
// keeps how it ended.
func (tx *Tx) CallBack(f Finished, word access.CallbackOutcome, late bool) error {
	return tx.changed(access.Conflict("token_used", "the token was used for this attempt already"), `
		UPDATE attempts SET called_back = $4, called_at = $5, called_late = $6,
		       class = CASE WHEN finished_at IS NULL THEN $7 ELSE class END,
		       detail = CASE WHEN finished_at IS NULL OR detail = '' THEN $8 ELSE detail END,
		       finished_at = COALESCE(finished_at, $5)
		 WHERE binding_id = $1 AND generation = $2 AND attempt = $3 AND called_back IS NULL`,
		f.BindingID, f.Generation, f.Attempt, string(word), micros(tx.now), flag(late), string(f.Class), f.Detail)
}

func scanAttempt(row scanner) (a Attempt, err error) {
	var started, late, open int64
	var finished, status, called sql.NullInt64
	var class, word sql.NullString
	err = row.Scan(&a.BindingID, &a.Generation, &a.Number, &a.Verb, &a.Claim, &started, &finished, &class, &status, &a.Detail,
		&word, &called, &late, &open)
	a.StartedAt, a.FinishedAt = fromMicros(started), timePtr(finished)
	a.Class, a.Status = access.Class(class.String), int(status.Int64)
	a.CalledBack, a.CalledAt, a.CalledLate = access.CallbackOutcome(word.String), timePtr(called), late != 0
	a.OpenBefore = openTime(open)
	return a, err
}
