package ledger

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const noticeColumns = `SELECT n.id, n.kind, n.event_id, n.recipient, n.request_id, n.grant_id, n.binding_id, n.task_id,
	n.created_at, n.until, n.version, n.shown, n.place, n.attempts FROM notices n`

// NoticeChanges are what has gone on: the notices about it have something else to
// show.
type NoticeChanges struct {
	Requests, Grants, Tasks []string // ids
}

// changedNotices are which kinds of notice follow what, by the column that holds it.
var changedNotices = []struct {
	column string
	kinds  string
	ids    func(NoticeChanges) []string
}{
	{"request_id", `'review', 'reminder', 'escalate'`, func(c NoticeChanges) []string { return c.Requests }},
	{"grant_id", `'granted', 'obliged', 'ending'`, func(c NoticeChanges) []string { return c.Grants }},
	{"task_id", `'task'`, func(c NoticeChanges) []string { return c.Tasks }},
}

// PlanNotices stores notices that are to be shown, and has those changed that are
// about what went on. One that is stored already stays as it is.
//
// Whoever has rows of readers and of notices takes those of the readers first, and
// only one follower plans at a time: so none of them waits for another in a circle.
func (tx *Tx) PlanNotices(planned []access.Notice, changes NoticeChanges) error {
	if err := tx.wakeReaders(planned); err != nil {
		return err
	}
	for _, c := range changedNotices {
		for ids := range inLists(c.ids(changes)) {
			if err := tx.wakeChanged(c.column, c.kinds, ids); err != nil {
				return err
			}
		}
	}
	for _, c := range changedNotices {
		for ids := range inLists(c.ids(changes)) {
			if err := tx.changeNotices(c.column, c.kinds, ids); err != nil {
				return err
			}
		}
	}
	return tx.addNotices(planned)
}

// wake makes something wait for a reader, if nothing did before.
const wake = ` ON CONFLICT (recipient) DO UPDATE SET next_at = CASE
	WHEN notice_lanes.next_at <= excluded.next_at THEN notice_lanes.next_at ELSE excluded.next_at END`

func (tx *Tx) wakeReaders(planned []access.Notice) error {
	var readers []string
	for _, n := range planned {
		readers = append(readers, n.To.String())
	}
	slices.Sort(readers)
	for run := range byPowers(slices.Compact(readers)) {
		var args []any
		for _, r := range run {
			args = append(args, r, micros(tx.now))
		}
		err := tx.exec(`
			INSERT INTO notice_lanes (recipient, next_at, free_at, claimed_by)
			SELECT v.column1, v.column2, 0, '' FROM (VALUES `+placeholdersFrom(1, len(run), []string{"TEXT", "BIGINT"})+`) AS v
			 WHERE 1 = 1`+wake, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) wakeChanged(column, kinds string, ids []string) error {
	w := where{args: []any{micros(tx.now)}}
	w.and(column + ` IN (` + w.bindAll(ids) + `)`)
	w.and(`kind IN (` + kinds + `) AND dropped_at IS NULL`)
	return tx.exec(`
		INSERT INTO notice_lanes (recipient, next_at, free_at, claimed_by)
		SELECT DISTINCT recipient, CAST($1 AS BIGINT), 0, '' FROM notices`+w.String()+` ORDER BY 1`+wake, w.args...)
}

func (tx *Tx) changeNotices(column, kinds string, ids []string) error {
	w := where{args: []any{micros(tx.now)}}
	w.and(column + ` IN (` + w.bindAll(ids) + `)`)
	w.and(`kind IN (` + kinds + `) AND dropped_at IS NULL`)
	return tx.exec(`
		UPDATE notices SET version = version + 1, wanted_at = CASE WHEN next_at IS NULL THEN $1 ELSE wanted_at END, next_at = $1`+
		w.String(), w.args...)
}

func (tx *Tx) addNotices(planned []access.Notice) error {
	for run := range byPowers(planned) {
		var args []any
		for _, n := range run {
			args = append(args, n.ID, string(n.Kind), n.EventID, n.To.String(), textOrNull(n.RequestID), textOrNull(n.GrantID),
				textOrNull(n.BindingID), textOrNull(n.TaskID), micros(n.CreatedAt), microsOrNull(n.Until),
				int64(1), int64(0), "", micros(tx.now), micros(tx.now), int64(0), "")
		}
		err := tx.exec(`
			INSERT INTO notices (id, kind, event_id, recipient, request_id, grant_id, binding_id, task_id, created_at, until,
			                     version, shown, place, next_at, wanted_at, attempts, last_error)
			VALUES `+placeholders(len(run), 17, nil)+` ON CONFLICT (event_id, kind, recipient) DO NOTHING`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Notice returns a notice.
func (tx *Tx) Notice(id string) (access.Notice, error) {
	return one(tx, scanNotice, "notice", id, noticeColumns+` WHERE n.id = $1`, id)
}

// NoticesOf lists the notices about a request, oldest first.
func (tx *Tx) NoticesOf(requestID string) ([]access.Notice, error) {
	return all(tx, scanNotice, noticeColumns+` WHERE n.request_id = $1 ORDER BY n.created_at, n.id`, requestID)
}

// Asked lists those who were asked to answer a request.
func (tx *Tx) Asked(requestID string) ([]access.Recipient, error) {
	return all(tx, func(row scanner) (access.Recipient, error) {
		var text string
		err := row.Scan(&text)
		return access.ParseRecipient(text), err
	}, `SELECT DISTINCT recipient FROM notices
	     WHERE request_id = $1 AND kind IN ('review', 'escalate') AND dropped_at IS NULL ORDER BY recipient`, requestID)
}

func scanNotice(row scanner) (n access.Notice, err error) {
	var recipient, place string
	var request, grant, binding, task sql.NullString
	var createdAt int64
	var until sql.NullInt64
	err = row.Scan(&n.ID, &n.Kind, &n.EventID, &recipient, &request, &grant, &binding, &task, &createdAt, &until,
		&n.Version, &n.Shown, &place, &n.Attempts)
	if err != nil {
		return n, err
	}
	n.To, n.RequestID, n.GrantID, n.BindingID, n.TaskID = access.ParseRecipient(recipient), request.String, grant.String, binding.String, task.String
	n.CreatedAt, n.Until = fromMicros(createdAt), timePtr(until)
	if place != "" {
		if err := json.Unmarshal([]byte(place), &n.Place); err != nil {
			return n, fmt.Errorf("the place of notice %s: %w", n.ID, err)
		}
	}
	return n, nil
}

// Follower is where a follower of the sealed sequence is.
type Follower struct {
	Seq  int64 // as far as it has come
	Head int64 // of the sequence
}

// Follower returns where a follower is, which must have begun.
func (tx *Tx) Follower(name string) (f Follower, err error) {
	return one(tx, func(row scanner) (f Follower, err error) { return f, row.Scan(&f.Seq, &f.Head) }, "follower", name,
		`SELECT f.seq, h.seq FROM followers f JOIN audit_head h ON h.id = 1 WHERE f.name = $1`, name)
}

// BeginFollower has a follower begin at the head of the sequence, unless it has
// begun: what was before is not its concern.
func (tx *Tx) BeginFollower(name string) error {
	return tx.exec(`INSERT INTO followers (name, seq) SELECT $1, seq FROM audit_head WHERE id = 1 ON CONFLICT (name) DO NOTHING`, name)
}

// MoveFollower notes how far a follower has come, if it is where it was read to
// be: else ErrConflict, as another node was first.
func (tx *Tx) MoveFollower(name string, from, to int64) error {
	return tx.changed(access.Conflict("follower_moved", "the follower %s was moved by another node", name),
		`UPDATE followers SET seq = $3 WHERE name = $1 AND seq = $2`, name, from, to)
}

// PeopleOf lists the users who are in one of the groups, by any source, in the
// order of their ids.
func (tx *Tx) PeopleOf(groups ...string) ([]access.Subject, error) {
	found := map[access.Subject]bool{}
	for _, g := range groups {
		text, err := toJSON(g)
		if err != nil {
			return nil, err
		}
		// The text finds all that are in it, and a few more: it does not tell case.
		rows, err := all(tx, scanPerson, `SELECT subject, groups, emails, slack, time_zone FROM people
			WHERE subject LIKE 'user:%' AND groups LIKE $1 ESCAPE '!'`, `%`+literal(text)+`%`)
		if err != nil {
			return nil, err
		}
		for _, p := range rows {
			found[p.Subject] = found[p.Subject] || slices.Contains(p.Groups, g)
		}
	}
	var people []access.Subject
	for s, in := range found {
		if in {
			people = append(people, s)
		}
	}
	slices.SortFunc(people, func(a, b access.Subject) int { return strings.Compare(a.ID, b.ID) })
	return people, nil
}

// noticeCounts counts what waits to be shown.
func (tx *Tx) noticeCounts() (c access.NoticeCounts, err error) {
	var since sql.NullInt64
	err = tx.row(`SELECT COUNT(*), MIN(wanted_at) FROM notices WHERE next_at IS NOT NULL`).Scan(&c.Waiting, &since)
	if err == nil && since.Valid {
		c.Oldest = max(tx.now.Sub(fromMicros(since.Int64)), time.Microsecond)
	}
	return c, err
}
