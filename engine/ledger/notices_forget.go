package ledger

import "time"

// OldNotice is a notice that was planned long ago.
type OldNotice struct {
	ID        string
	CreatedAt time.Time
	Over      bool // nothing changes any more of what it is about
}

// OldNotices lists notices that were planned before the time, oldest first, a page
// at a time: after the one given, and from the first on after the zero one.
func (tx *Tx) OldNotices(before time.Time, after OldNotice, limit int) ([]OldNotice, error) {
	var from int64
	if after.ID != "" {
		from = micros(after.CreatedAt)
	}
	return all(tx, func(row scanner) (n OldNotice, err error) {
		var at, goesOn int64
		err = row.Scan(&n.ID, &at, &goesOn)
		n.CreatedAt, n.Over = fromMicros(at), goesOn == 0
		return n, err
	}, `
		SELECT n.id, n.created_at, CASE
		       WHEN EXISTS (SELECT 1 FROM requests r WHERE r.id = n.request_id AND r.state = 'pending')
		         OR EXISTS (SELECT 1 FROM grants g WHERE g.request_id = n.request_id AND g.state <> 'ended')
		         OR EXISTS (SELECT 1 FROM grants g WHERE g.id = n.grant_id AND g.state <> 'ended')
		         OR EXISTS (SELECT 1 FROM tasks t WHERE t.id = n.task_id AND t.state = 'open')
		         OR EXISTS (SELECT 1 FROM alarms a WHERE a.id = n.alarm_id AND a.resolved_at IS NULL)
		       THEN 1 ELSE 0 END
		  FROM notices n WHERE n.created_at < $1 AND (n.created_at, n.id) > ($2, $3)
		 ORDER BY n.created_at, n.id LIMIT $4`, micros(before), from, after.ID, limit)
}

// ForgetNotices drops those of the notices that nobody has anything to do about, or
// that nobody has shown since the time. What another transaction holds stays.
func (tx *Tx) ForgetNotices(ids []string, before time.Time) error {
	for list := range inLists(ids) {
		w := where{}
		w.and(`id IN (` + w.bindAll(list) + `)`)
		w.and(`(next_at IS NULL OR next_at < ` + w.bind(micros(before)) + `)`)
		free, err := all(tx, scanText, `SELECT id FROM notices`+w.String()+` ORDER BY id`+tx.skipLocked, w.args...)
		if err != nil {
			return err
		}
		if err := tx.deleteAll("notices", "id", free); err != nil {
			return err
		}
	}
	return nil
}

// ForgetReaders drops readers whom nothing waits for and who were told nothing since
// the time, so many at the most, and returns how many.
func (tx *Tx) ForgetReaders(before time.Time, limit int) (int, error) {
	idle, err := all(tx, scanText, `
		SELECT recipient FROM notice_lanes l
		 WHERE l.free_at < $1 AND (l.next_at IS NULL OR l.next_at < $1)
		   AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.recipient = l.recipient AND n.next_at IS NOT NULL)
		 ORDER BY recipient LIMIT $2`+tx.skipLocked, micros(before), limit)
	if err != nil {
		return 0, err
	}
	return len(idle), tx.deleteAll("notice_lanes", "recipient", idle)
}
