package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// AddSigningKey publishes the public half of a key, and forgets those that are
// over. It satisfies denial.Keys.
func (l *Ledger) AddSigningKey(ctx context.Context, k access.SigningKey) error {
	return l.Update(ctx, func(tx *Tx) error {
		return errors.Join(
			tx.exec(`DELETE FROM signing_keys WHERE expires_at <= $1`, micros(tx.now)),
			tx.exec(`INSERT INTO signing_keys (kid, jwk, expires_at) VALUES ($1, $2, $3)`, k.ID, string(k.JWK), micros(k.ExpiresAt)))
	})
}

// SigningKeys lists the keys that are not over. It satisfies denial.Keys.
func (l *Ledger) SigningKeys(ctx context.Context) (keys []access.SigningKey, err error) {
	err = l.Look(ctx, func(tx *Tx) error {
		keys, err = all(tx, scanSigningKey,
			`SELECT kid, jwk, expires_at FROM signing_keys WHERE expires_at > $1 ORDER BY expires_at DESC, kid`, micros(tx.now))
		return err
	})
	return keys, err
}

// SigningKey returns a key that is not over. It satisfies denial.Keys.
func (l *Ledger) SigningKey(ctx context.Context, kid string) (key access.SigningKey, err error) {
	err = l.Look(ctx, func(tx *Tx) error {
		key, err = one(tx, scanSigningKey, "signing key", kid,
			`SELECT kid, jwk, expires_at FROM signing_keys WHERE kid = $1 AND expires_at > $2`, kid, micros(tx.now))
		return err
	})
	return key, err
}

func scanSigningKey(row scanner) (k access.SigningKey, err error) {
	var jwk string
	var expiresAt int64
	err = row.Scan(&k.ID, &jwk, &expiresAt)
	k.JWK, k.ExpiresAt = json.RawMessage(jwk), fromMicros(expiresAt)
	return k, err
}

// AddAccessTask stores the task of a request. A denial that has one already is
// ErrConflict.
func (tx *Tx) AddAccessTask(t access.RequestTask) error {
	return tx.changed(access.Conflict("duplicate_request", "there is a request for this denial already; evaluate again for another"), `
		INSERT INTO access_tasks (id, request_id, approval_id, evaluation_id, subject, resource, action, client, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (evaluation_id) DO NOTHING`,
		t.ID, t.RequestID, t.ApprovalID, t.EvaluationID, string(t.Subject), string(t.Resource), string(t.Action),
		rawOrNull(t.Client), micros(t.CreatedAt))
}

const accessTaskColumns = `SELECT id, request_id, approval_id, evaluation_id, subject, resource, action, client, created_at
	FROM access_tasks`

// AccessTask returns a task.
func (tx *Tx) AccessTask(id string) (access.RequestTask, error) {
	return one(tx, scanAccessTask, "task", id, accessTaskColumns+` WHERE id = $1`, id)
}

// AccessTaskOfApproval returns the task that an approval is of.
func (tx *Tx) AccessTaskOfApproval(id string) (access.RequestTask, error) {
	return one(tx, scanAccessTask, "approval", id, accessTaskColumns+` WHERE approval_id = $1`, id)
}

func scanAccessTask(row scanner) (t access.RequestTask, err error) {
	var subject, resource, action string
	var client sql.NullString
	var createdAt int64
	err = row.Scan(&t.ID, &t.RequestID, &t.ApprovalID, &t.EvaluationID, &subject, &resource, &action, &client, &createdAt)
	t.Subject, t.Resource, t.Action = json.RawMessage(subject), json.RawMessage(resource), json.RawMessage(action)
	t.Client, t.CreatedAt = raw(client), fromMicros(createdAt)
	return t, err
}

// AddCallback stores who is to be told of a task's end.
func (tx *Tx) AddCallback(c access.TaskCallback, requestID string) error {
	events, err := toJSON(c.Events)
	if err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO access_callbacks (task_id, request_id, endpoint, state, events, attempts, next_at)
		VALUES ($1, $2, $3, $4, $5, 0, $6)`,
		c.TaskID, requestID, c.Endpoint, rawOrNull(c.State), events, micros(tx.now))
}

// dueCallbacks are those of tasks that have come to their end.
const dueCallbacks = ` FROM access_callbacks c JOIN requests r ON r.id = c.request_id
	WHERE c.outcome IS NULL AND r.state <> 'pending'`

// CallbacksDue lists callbacks that are to be tried now. Each has to be claimed.
func (tx *Tx) CallbacksDue(limit int) ([]access.CallbackAttempt, error) {
	return all(tx, scanCallback, `
		SELECT c.task_id, c.request_id, c.endpoint, c.state, c.events, c.attempts, c.next_at, r.closed_at`+dueCallbacks+`
		   AND c.next_at <= $1 ORDER BY c.next_at LIMIT $2`, micros(tx.now), limit)
}

// NextCallback is when the next callback of an ended task is to be tried; the
// zero time when there is none.
func (tx *Tx) NextCallback() (time.Time, error) {
	var at sql.NullInt64
	err := tx.row(`SELECT MIN(c.next_at)` + dueCallbacks).Scan(&at)
	if err != nil || !at.Valid {
		return time.Time{}, err
	}
	return fromMicros(at.Int64), nil
}

func scanCallback(row scanner) (c access.CallbackAttempt, err error) {
	var state sql.NullString
	var events string
	var nextAt int64
	var closedAt sql.NullInt64
	err = row.Scan(&c.TaskID, &c.RequestID, &c.Endpoint, &state, &events, &c.Attempt, &nextAt, &closedAt)
	if err != nil {
		return c, err
	}
	c.State, c.Claim, c.ClosedAt = raw(state), fromMicros(nextAt), fromMicros(closedAt.Int64)
	return c, json.Unmarshal([]byte(events), &c.Events)
}

// ClaimCallback takes a callback for one attempt, until the time. It reports
// false when another has.
func (tx *Tx) ClaimCallback(c access.CallbackAttempt, until time.Time) (access.CallbackAttempt, bool, error) {
	n, err := tx.affect(`
		UPDATE access_callbacks SET attempts = attempts + 1, next_at = $3
		 WHERE task_id = $1 AND next_at = $2 AND outcome IS NULL`, c.TaskID, micros(c.Claim), micros(until))
	c.Attempt++
	c.Claim = until
	return c, n == 1, err
}

// CloseCallback settles a callback for good. It reports false when the claim is
// not held any more.
func (tx *Tx) CloseCallback(c access.CallbackAttempt, outcome string) (bool, error) {
	n, err := tx.affect(`UPDATE access_callbacks SET outcome = $3 WHERE task_id = $1 AND next_at = $2 AND outcome IS NULL`,
		c.TaskID, micros(c.Claim), outcome)
	return n == 1, err
}

// PutOffCallback sets when a callback is tried again.
func (tx *Tx) PutOffCallback(c access.CallbackAttempt, until time.Time) error {
	return tx.exec(`UPDATE access_callbacks SET next_at = $3 WHERE task_id = $1 AND next_at = $2 AND outcome IS NULL`,
		c.TaskID, micros(c.Claim), micros(until))
}

// rawOrNull is how JSON that may be absent is stored.
func rawOrNull(v json.RawMessage) any {
	if v == nil {
		return nil
	}
	return string(v)
}

// raw is the JSON that was stored, or nil.
func raw(s sql.NullString) json.RawMessage {
	if !s.Valid {
		return nil
	}
	return json.RawMessage(s.String)
}
