package ledger

import (
	"net/http"

	"github.com/curfew-access/curfew/engine/access"
)

// Revive makes due what waits for its next attempt at the contract because the last
// one had no answer, or one that said that the target can not: 429 and 5xx. What is
// under way, and what a target has accepted, it leaves. It takes at most limit, what
// is to be closed first, and returns how many it took.
func (tx *Tx) Revive(contract string, limit int) (int, error) {
	closing, err := tx.revive(access.Absent, contract, limit)
	if err != nil || closing == limit {
		return closing, err
	}
	opening, err := tx.revive(access.Present, contract, limit-closing)
	return closing + opening, err
}

// revive reads in the order of the index of what is to be delivered, and only as far as
// it has to: however many wait, it costs what it takes.
func (tx *Tx) revive(desired access.Presence, contract string, limit int) (int, error) {
	n, err := tx.affect(`
		WITH waiting AS MATERIALIZED (
		  SELECT b.id FROM bindings b
		   WHERE b.contract = $1 AND b.next_at > $2 AND b.desired = $7 AND b.claim IS NULL AND b.callback_by IS NULL AND EXISTS (
		         SELECT 1 FROM attempts a
		          WHERE a.binding_id = b.id AND a.generation = b.generation AND a.attempt = b.attempts
		            AND (a.class = $3 OR a.status = $4 OR a.status >= $5))
		   ORDER BY b.next_at LIMIT $6`+tx.skipLocked+`)
		UPDATE bindings SET next_at = $2 WHERE id IN (SELECT id FROM waiting)`,
		contract, micros(tx.now), string(access.ClassUnreachable), http.StatusTooManyRequests, http.StatusInternalServerError, limit,
		string(desired))
	return int(n), err
}
