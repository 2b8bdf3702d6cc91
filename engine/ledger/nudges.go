package ledger

import (
	"database/sql"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Waiting is how a pending request waits for its reviewers.
type Waiting struct {
	RemindAt    *time.Time // when they are asked again; nil: not any more
	Reminded    int64      // times
	EscalateAt  *time.Time // when others may answer too; nil: never, or they may
	EscalatedAt *time.Time // since when they may
}

// Waiting returns how a request waits. It must be locked by whoever changes that.
func (tx *Tx) Waiting(requestID string) (w Waiting, err error) {
	var remind, escalate, escalated sql.NullInt64
	err = tx.row(`SELECT remind_at, reminded, escalate_at, escalated_at FROM requests WHERE id = $1`, requestID).
		Scan(&remind, &w.Reminded, &escalate, &escalated)
	if errors.Is(err, sql.ErrNoRows) {
		err = access.NotFound("request", requestID)
	}
	w.RemindAt, w.EscalateAt, w.EscalatedAt = timePtr(remind), timePtr(escalate), timePtr(escalated)
	return w, err
}

// SetWaiting stores how a locked request waits.
func (tx *Tx) SetWaiting(requestID string, w Waiting) error {
	return tx.exec(`UPDATE requests SET remind_at = $2, reminded = $3, escalate_at = $4, escalated_at = $5 WHERE id = $1`,
		requestID, microsOrNull(w.RemindAt), w.Reminded, microsOrNull(w.EscalateAt), microsOrNull(w.EscalatedAt))
}

// RequestsToNudge lists pending requests whose reviewers are to be asked again, or
// which others may answer from now on.
func (tx *Tx) RequestsToNudge(limit int) ([]string, error) {
	return all(tx, scanText, `
		SELECT id FROM requests WHERE state = 'pending' AND remind_at IS NOT NULL AND remind_at <= $1 AND lapses_at > $1
		UNION
		SELECT id FROM requests WHERE state = 'pending' AND escalate_at IS NOT NULL AND escalate_at <= $1 AND lapses_at > $1
		LIMIT $2`, micros(tx.now), limit)
}

// LastReviewDecision returns the decision under which a request was reviewed last;
// found is false when nobody has answered it.
func (tx *Tx) LastReviewDecision(requestID string) (d access.DecisionRecord, found bool, err error) {
	var id string
	err = tx.row(`SELECT decision_id FROM reviews WHERE request_id = $1 ORDER BY created_at DESC, decision_id DESC LIMIT 1`, requestID).
		Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return d, false, nil
	case err != nil:
		return d, false, err
	}
	d, err = tx.Decision(id)
	return d, true, err
}

// The same as of the index grants_to_tell, to the letter: when the holder of a
// grant is told that it is about to end, as access.Grant.EndingAt has it, and which
// grants' holders were not told.
const (
	endingAt = `(CASE WHEN expires_at - starts_at < 2400000000 THEN expires_at - (expires_at - starts_at) / 4 ELSE expires_at - 600000000 END)`
	untold   = `state = 'active' AND expires_at - starts_at >= 120000000 AND (ending_told IS NULL OR ending_told <> expires_at)`
)

// GrantsToTell lists live grants that are about to end and whose holders were not
// told of that end, by when they are to be, a page at a time: after the one given,
// and from the first on after the zero grant.
func (tx *Tx) GrantsToTell(after access.Grant, limit int) ([]access.Grant, error) {
	var from int64
	if at, ok := after.EndingAt(); ok {
		from = micros(at)
	}
	return all(tx, scanGrant, grantColumns+` WHERE `+untold+` AND `+endingAt+` <= $1 AND expires_at > $2
		AND (`+endingAt+`, id) > ($3, $4) ORDER BY `+endingAt+`, id LIMIT $5`, micros(tx.now), micros(tx.now), from, after.ID, limit)
}

// TellEnding notes that the holders of grants are told of the ends that were read,
// and returns the ids of those that still end then. One that another transaction
// holds is passed over: it may be about to move.
func (tx *Tx) TellEnding(grants []access.Grant) (map[string]bool, error) {
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	free := map[string]bool{}
	for list := range inLists(ids) {
		w := where{}
		held, err := all(tx, scanText, `SELECT id FROM grants WHERE id IN (`+w.bindAll(list)+`)`+tx.skipLocked, w.args...)
		if err != nil {
			return nil, err
		}
		for _, id := range held {
			free[id] = true
		}
	}
	told := map[string]bool{}
	for _, g := range grants {
		if !free[g.ID] {
			continue
		}
		n, err := tx.affect(`UPDATE grants SET ending_told = expires_at WHERE id = $1 AND `+untold+` AND expires_at + 0 = $2`,
			g.ID, micros(g.ExpiresAt))
		if err != nil {
			return nil, err
		}
		told[g.ID] = n == 1
	}
	return told, nil
}

// TasksToRemind lists open tasks that somebody is to be asked again to close.
func (tx *Tx) TasksToRemind(limit int) ([]access.Task, error) {
	return all(tx, scanTask, taskColumns+`
		WHERE t.state = 'open' AND t.remind_at IS NOT NULL AND t.remind_at <= $1 ORDER BY t.remind_at LIMIT $2`, micros(tx.now), limit)
}

// RemindTask moves the time at which somebody is asked again to close an open task,
// if it has come. No row is ErrConflict: another was first.
func (tx *Tx) RemindTask(id string, next time.Time) error {
	return tx.changed(taskNotOpen(id), `UPDATE tasks SET remind_at = $2 WHERE id = $1 AND state = 'open' AND remind_at <= $3`,
		id, micros(next), micros(tx.now))
}

// NextNudge returns the soonest time at which somebody is to be asked again or told
// of an end; the zero time when there is none. Of ends only those count that are
// ahead: one that is to be told of may wait until it is certain.
func (tx *Tx) NextNudge() (time.Time, error) {
	return tx.soonest(`
		SELECT MIN(at) FROM (
			SELECT MIN(remind_at) AS at FROM requests WHERE state = 'pending' AND remind_at IS NOT NULL AND lapses_at > $1
			UNION ALL
			SELECT MIN(escalate_at) FROM requests WHERE state = 'pending' AND escalate_at IS NOT NULL AND lapses_at > $1
			UNION ALL
			SELECT MIN(remind_at) FROM tasks WHERE state = 'open' AND remind_at IS NOT NULL
			UNION ALL
			SELECT * FROM (SELECT `+endingAt+` FROM grants WHERE `+untold+` AND `+endingAt+` > $1 ORDER BY `+endingAt+` LIMIT 1) AS ending
		) AS times`, micros(tx.now))
}
