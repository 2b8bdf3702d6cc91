package ledger

import (
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// dueLanes are readers for whom something is due, or something urgent, by the
// column, and whom nobody is at.
func dueLanes(column string, now time.Time, but []string) where {
	w := where{}
	w.add(true, column+` <= `, micros(now))
	w.add(true, `free_at <= `, micros(now))
	if len(but) > 0 {
		w.and(`recipient NOT IN (` + w.bindAll(but) + `)`)
	}
	return w
}

// NoticesDue reports whether a notice may be claimed, for others than those.
func (tx *Tx) NoticesDue(but []string) (bool, error) {
	w := dueLanes("next_at", tx.now, but)
	found, err := all(tx, scanText, `SELECT recipient FROM notice_lanes`+w.String()+` LIMIT 1`, w.args...)
	return len(found) > 0, err
}

// ClaimNotices takes, until the time, one notice that is due for each of so many
// readers at the most: first for those whom something urgent waits for, then
// whoever waits longest. Nobody else has one of theirs meanwhile. What another node
// is at is passed over.
func (tx *Tx) ClaimNotices(owner string, until time.Time, but []string, limit int) (claimed []access.Notice, err error) {
	taken := slices.Clone(but)
	for _, column := range []string{"urgent_at", "next_at"} {
		lanes, err := tx.holdLanes(column, taken, limit+len(but)-len(taken))
		if err != nil {
			return nil, err
		}
		taken = append(taken, lanes...)
		for _, lane := range lanes {
			n, found, err := tx.claimOf(lane, owner, until)
			if err != nil {
				return nil, err
			}
			if found {
				claimed = append(claimed, n)
			}
		}
	}
	return claimed, nil
}

// holdLanes holds readers for whom something is due, in the order in which that is.
func (tx *Tx) holdLanes(column string, but []string, limit int) ([]string, error) {
	if limit <= 0 {
		return nil, nil
	}
	w := dueLanes(column, tx.now, but)
	return all(tx, scanText,
		`SELECT recipient FROM notice_lanes`+w.String()+` ORDER BY `+column+`, recipient LIMIT `+w.bind(limit)+tx.skipLocked, w.args...)
}

// claimOf takes a notice for a reader who is held: an urgent one, if one is due.
func (tx *Tx) claimOf(lane, owner string, until time.Time) (n access.Notice, found bool, err error) {
	for _, narrowed := range []string{` AND n.urgent = 1`, ``} {
		some, err := all(tx, scanNotice,
			noticeColumns+` WHERE n.recipient = $1 AND n.next_at <= $2`+narrowed+` ORDER BY n.next_at, n.id LIMIT 1`, lane, micros(tx.now))
		if err != nil {
			return n, false, err
		}
		if len(some) > 0 {
			return some[0], true, tx.exec(`UPDATE notice_lanes SET claimed_by = $2, free_at = $3 WHERE recipient = $1`, lane, owner, micros(until))
		}
	}
	return n, false, tx.exec(soonestOfLane, lane) // what they wait for is not due yet
}

// soonestOfLane has a reader wait for the soonest of their notices.
const soonestOfLane = `UPDATE notice_lanes SET next_at = (
	   SELECT MIN(n.next_at) FROM notices n WHERE n.recipient = notice_lanes.recipient AND n.next_at IS NOT NULL),
	 urgent_at = (
	   SELECT MIN(n.next_at) FROM notices n WHERE n.recipient = notice_lanes.recipient AND n.next_at IS NOT NULL AND n.urgent = 1)
	 WHERE recipient = $1`

// free hands a reader's claim back. It is ErrConflict when another has taken it
// since.
func (tx *Tx) free(n access.Notice, owner string, from time.Time) error {
	return tx.changed(access.Conflict("claim_lost", "the claim of notice %s was taken by another", n.ID),
		`UPDATE notice_lanes SET claimed_by = '', free_at = $3 WHERE recipient = $1 AND claimed_by = $2`,
		n.To.String(), owner, micros(from))
}

// ShowedNotice records that a notice is shown, in the version that was claimed,
// and where. Nothing is shown to its reader before the time.
func (tx *Tx) ShowedNotice(owner string, n access.Notice, at access.Place, from time.Time) error {
	place, err := toJSON(at)
	if err != nil {
		return err
	}
	if err := tx.free(n, owner, from); err != nil {
		return err
	}
	err = tx.exec(`
		UPDATE notices SET shown = $2, urgent = 0, place = $3, shown_at = COALESCE(shown_at, $4), attempts = 0, last_error = '',
		       next_at = CASE WHEN version > $2 THEN CAST($4 AS BIGINT) END
		 WHERE id = $1`, n.ID, n.Version, place, micros(tx.now))
	if err != nil {
		return err
	}
	return tx.exec(soonestOfLane, n.To.String())
}

// PutOffNotice has a claimed notice tried again at the time. attempts is how many
// have failed then. Nothing is shown to its reader before from.
func (tx *Tx) PutOffNotice(owner string, n access.Notice, attempts int, why string, again, from time.Time) error {
	if err := tx.free(n, owner, from); err != nil {
		return err
	}
	err := tx.exec(`UPDATE notices SET attempts = $2, last_error = $3, next_at = $4 WHERE id = $1`,
		n.ID, attempts, why, micros(again))
	if err != nil {
		return err
	}
	return tx.exec(soonestOfLane, n.To.String())
}

// DropNotice gives a claimed notice up: it is not shown, nor changed, any more.
func (tx *Tx) DropNotice(owner string, n access.Notice, why string) error {
	if err := tx.free(n, owner, tx.now); err != nil {
		return err
	}
	err := tx.exec(`UPDATE notices SET dropped_at = $2, last_error = $3, next_at = NULL WHERE id = $1`,
		n.ID, micros(tx.now), why)
	if err != nil {
		return err
	}
	return tx.exec(soonestOfLane, n.To.String())
}

// ReleaseNotices hands back every claim: for a process that knows that no other
// can hold one.
func (tx *Tx) ReleaseNotices() error {
	return tx.exec(`UPDATE notice_lanes SET claimed_by = '', free_at = $1 WHERE claimed_by <> ''`, micros(tx.now))
}
