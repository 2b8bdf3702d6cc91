package ledger

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const noticeColumns = `SELECT n.id, n.kind, n.event_id, n.recipient, n.request_id, n.grant_id, n.binding_id, n.task_id, n.alarm_id,
	n.created_at, n.until, n.version, n.shown, n.place, n.attempts FROM notices n`

// NoticeChanges are what has gone on: the notices about it have something else to
// show.
type NoticeChanges struct {
	Requests, Grants, Tasks, Alarms []string // ids
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
	{"alarm_id", `'alarm'`, func(c NoticeChanges) []string { return c.Alarms }},
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
const wake = ` ON CONFLICT (recipient) DO UPDATE SET
	next_at = CASE WHEN notice_lanes.next_at <= excluded.next_at THEN notice_lanes.next_at ELSE excluded.next_at END,
	urgent_at = CASE WHEN excluded.urgent_at IS NULL OR notice_lanes.urgent_at <= excluded.urgent_at
		THEN notice_lanes.urgent_at ELSE excluded.urgent_at END`

// lane is a reader whom something waits for.
type lane struct {
	reader string
	urgent bool
}

// lanesOf are the readers of what is planned, each once, in order.
func lanesOf(planned []access.Notice) (lanes []lane) {
	urgent := map[string]bool{}
	for _, n := range planned {
		urgent[n.To.String()] = urgent[n.To.String()] || n.Kind.Urgent()
	}
	for _, reader := range slices.Sorted(maps.Keys(urgent)) {
		lanes = append(lanes, lane{reader, urgent[reader]})
	}
	return lanes
}

func (tx *Tx) wakeReaders(planned []access.Notice) error {
	now := micros(tx.now)
	for run := range byPowers(lanesOf(planned)) {
		var args []any
		for _, l := range run {
			var urgent any
			if l.urgent {
				urgent = now
			}
			args = append(args, l.reader, now, urgent)
		}
		err := tx.exec(`
			INSERT INTO notice_lanes (recipient, next_at, urgent_at, free_at, claimed_by)
			SELECT v.column1, v.column2, v.column3, 0, '' FROM (VALUES `+
			placeholdersFrom(1, len(run), []string{"TEXT", "BIGINT", "BIGINT"})+`) AS v WHERE 1 = 1`+wake, args...)
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
				textOrNull(n.BindingID), textOrNull(n.TaskID), textOrNull(n.AlarmID), micros(n.CreatedAt), microsOrNull(n.Until),
				int64(1), int64(0), "", micros(tx.now), micros(tx.now), flag(n.Kind.Urgent()), int64(0), "")
		}
		err := tx.exec(`
			INSERT INTO notices (id, kind, event_id, recipient, request_id, grant_id, binding_id, task_id, alarm_id, created_at, until,
			                     version, shown, place, next_at, wanted_at, urgent, attempts, last_error)
			VALUES `+placeholders(len(run), 19)+` ON CONFLICT (event_id, kind, recipient) DO NOTHING`, args...)
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
	var request, grant, binding, task, alarm sql.NullString
	var createdAt int64
	var until sql.NullInt64
	err = row.Scan(&n.ID, &n.Kind, &n.EventID, &recipient, &request, &grant, &binding, &task, &alarm, &createdAt, &until,
		&n.Version, &n.Shown, &place, &n.Attempts)
	if err != nil {
		return n, err
	}
	n.To, n.RequestID, n.GrantID, n.BindingID = access.ParseRecipient(recipient), request.String, grant.String, binding.String
	n.TaskID, n.AlarmID = task.String, alarm.String
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
// order of their ids and so many at the most: of a large group no more is read.
func (tx *Tx) PeopleOf(limit int, groups ...string) (people []access.Subject, err error) {
	if len(groups) == 0 {
		return nil, nil
	}
	w := where{}
	var in []string
	for _, g := range groups {
		text, err := toJSON(g)
		if err != nil {
			return nil, err
		}
		// The text finds all that are in it, and a few more: it does not tell case.
		in = append(in, `groups LIKE `+w.bind(`%`+literal(text)+`%`)+` ESCAPE '!'`)
	}
	w.and(`subject LIKE 'user:%' AND (` + strings.Join(in, ` OR `) + `)`)
	err = each(tx, scanPerson, func(p access.Person) (more bool) {
		isIn := slices.ContainsFunc(p.Groups, func(g string) bool { return slices.Contains(groups, g) })
		if isIn && !slices.Contains(people, p.Subject) {
			people = append(people, p.Subject)
		}
		return len(people) < limit
	}, personColumns+w.String()+` ORDER BY subject`, w.args...)
	slices.SortFunc(people, func(a, b access.Subject) int { return strings.Compare(a.ID, b.ID) })
	return people, err
}

// noticeCounts counts what waits to be shown, and since when the first waits, to be
// shown or to be planned.
func (tx *Tx) noticeCounts() (c access.NoticeCounts, err error) {
	var since sql.NullInt64
	err = tx.row(`
		SELECT COUNT(*), (
		       SELECT MIN(at) FROM (
		         SELECT MIN(wanted_at) AS at FROM notices WHERE next_at IS NOT NULL
		         UNION ALL
		         SELECT e.at FROM followers f JOIN audit_log l ON l.seq = f.seq + 1 JOIN audit_events e ON e.id = l.event_id
		          WHERE f.name = 'notices') AS times)
		  FROM notices WHERE next_at IS NOT NULL`).Scan(&c.Waiting, &since)
	if err == nil && since.Valid {
		c.Oldest = max(tx.now.Sub(fromMicros(since.Int64)), time.Microsecond)
	}
	return c, err
}
