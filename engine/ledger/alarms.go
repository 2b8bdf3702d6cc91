package ledger

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const alarmColumns = `SELECT a.id, a.kind, a.about, a.severity, a.count, a.removals, a.oldest_at, a.class, a.error, a.bindings,
	a.raised_at, a.changed_at, a.resolved_at FROM alarms a`

// OpenAlarms lists the alarms that are not over, by their keys.
func (tx *Tx) OpenAlarms() ([]access.Alarm, error) {
	return all(tx, scanAlarm, alarmColumns+` WHERE a.resolved_at IS NULL ORDER BY a.key`)
}

// Alarm returns an alarm.
func (tx *Tx) Alarm(id string) (access.Alarm, error) {
	return one(tx, scanAlarm, "alarm", id, alarmColumns+` WHERE a.id = $1`, id)
}

// RaiseAlarm stores an alarm, from now on. There must be none of its key.
func (tx *Tx) RaiseAlarm(id string, c access.Condition) error {
	bindings, err := toJSON(c.Bindings)
	if err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO alarms (id, key, kind, about, severity, count, removals, oldest_at, class, error, bindings, raised_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)`,
		id, c.Key(), string(c.Kind), c.About, string(c.Severity), c.Count, c.Removals, microsOrNull(c.Oldest), string(c.Class), c.Error,
		bindings, micros(tx.now))
}

// ChangeAlarm notes how things stand in an alarm that is not over.
func (tx *Tx) ChangeAlarm(id string, c access.Condition) error {
	bindings, err := toJSON(c.Bindings)
	if err != nil {
		return err
	}
	return tx.changed(alarmOver(id), `
		UPDATE alarms SET severity = $2, count = $3, removals = $4, oldest_at = $5, class = $6, error = $7, bindings = $8, changed_at = $9
		 WHERE id = $1 AND resolved_at IS NULL`,
		id, string(c.Severity), c.Count, c.Removals, microsOrNull(c.Oldest), string(c.Class), c.Error, bindings, micros(tx.now))
}

// ResolveAlarm ends an alarm.
func (tx *Tx) ResolveAlarm(id string) error {
	return tx.changed(alarmOver(id), `UPDATE alarms SET resolved_at = $2 WHERE id = $1 AND resolved_at IS NULL`, id, micros(tx.now))
}

func alarmOver(id string) error { return access.Conflict("alarm_over", "alarm %s is over", id) }

// untoldAlarms are those that a pager is to be told of: open and not told, or told
// to be less grave; and told, of which none is open any more.
const untoldAlarms = ` LEFT JOIN pagings p ON p.key = a.key
	 WHERE a.resolved_at IS NULL AND (p.key IS NULL OR p.raised = 0 OR p.severity <> a.severity)
	    OR p.raised = 1 AND p.alarm_id = a.id AND NOT EXISTS (SELECT 1 FROM alarms o WHERE o.key = a.key AND o.resolved_at IS NULL)`

// AlarmsToPage lists the alarms that a pager is to be told of, by their keys.
func (tx *Tx) AlarmsToPage() ([]access.Alarm, error) {
	return all(tx, scanAlarm, alarmColumns+untoldAlarms+` ORDER BY a.key`)
}

// PutPaging notes what a pager was told: that the alarm is open, or that it is over.
func (tx *Tx) PutPaging(a access.Alarm) error {
	return tx.exec(`
		INSERT INTO pagings (key, alarm_id, raised, severity, told_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (key) DO UPDATE SET alarm_id = excluded.alarm_id, raised = excluded.raised, severity = excluded.severity,
		   told_at = excluded.told_at`,
		a.Key(), a.ID, flag(a.ResolvedAt == nil), string(a.Severity), micros(tx.now))
}

// ForgetAlarms drops alarms that were over before the time, but for those of which
// a pager heard last.
func (tx *Tx) ForgetAlarms(before time.Time) error {
	return tx.exec(`DELETE FROM alarms WHERE resolved_at < $1 AND NOT EXISTS (SELECT 1 FROM pagings p WHERE p.alarm_id = alarms.id)`,
		micros(before))
}

// alarmCounts counts the open alarms, and what a pager is to be told.
func (tx *Tx) alarmCounts() (c access.AlarmCounts, err error) {
	err = tx.row(`
		SELECT COUNT(CASE WHEN kind = 'overdue' THEN 1 END), COUNT(CASE WHEN kind = 'drifted' THEN 1 END),
		       COUNT(CASE WHEN kind = 'sync_stale' THEN 1 END), COUNT(CASE WHEN kind = 'sink_behind' THEN 1 END),
		       COUNT(CASE WHEN kind = 'audit_broken' THEN 1 END), (SELECT COUNT(*) FROM alarms a`+untoldAlarms+`)
		  FROM alarms WHERE resolved_at IS NULL`).Scan(&c.Overdue, &c.Drifted, &c.SyncStale, &c.SinkBehind, &c.AuditBroken, &c.Untold)
	return c, err
}

func scanAlarm(row scanner) (a access.Alarm, err error) {
	var oldest, resolved sql.NullInt64
	var raised, changed int64
	var bindings string
	err = row.Scan(&a.ID, &a.Kind, &a.About, &a.Severity, &a.Count, &a.Removals, &oldest, &a.Class, &a.Error, &bindings,
		&raised, &changed, &resolved)
	if err != nil {
		return a, err
	}
	a.Oldest, a.ResolvedAt = timePtr(oldest), timePtr(resolved)
	a.RaisedAt, a.ChangedAt = fromMicros(raised), fromMicros(changed)
	if err := json.Unmarshal([]byte(bindings), &a.Bindings); err != nil {
		return a, fmt.Errorf("the bindings of alarm %s: %w", a.ID, err)
	}
	return a, nil
}

// overdue is which bindings are overdue now, as access.Binding.OverdueAt has it.
func (tx *Tx) overdue() (w where) {
	w.and(`b.next_at IS NOT NULL AND b.due_at IS NOT NULL`)
	w.and(`(b.due_at < ` + w.bind(micros(tx.now.Add(-access.OverdueAfter))) + ` OR b.last_class = ` + w.bind(string(access.ClassTargetMissing)) + `)`)
	return w
}

// OverdueByTarget counts the bindings that are overdue, for each target that has
// any. It reads the index of what is to be delivered: what is overdue is in it.
func (tx *Tx) OverdueByTarget() ([]access.Condition, error) {
	w := tx.overdue()
	return all(tx, func(row scanner) (access.Condition, error) {
		c := access.Condition{Kind: access.AlarmOverdue}
		var oldest int64
		err := row.Scan(&c.About, &c.Count, &c.Removals, &oldest)
		at := fromMicros(oldest)
		c.Oldest = &at
		return c, err
	}, `SELECT b.target, COUNT(*), COUNT(CASE WHEN b.desired = 'absent' THEN 1 END), MIN(b.due_at) FROM bindings b`+
		w.String()+` GROUP BY b.target ORDER BY b.target`, w.args...)
}

const alarmedColumns = `SELECT b.id, b.subject, b.action, b.resource, b.desired, `

// OverdueAt lists what is overdue at a target, what is so for longest first.
func (tx *Tx) OverdueAt(target string, limit int) ([]access.AlarmedAccess, error) {
	w := tx.overdue()
	w.add(true, `b.target = `, target)
	return all(tx, scanAlarmed, alarmedColumns+`b.due_at, b.last_error FROM bindings b`+
		w.String()+` ORDER BY b.due_at, b.id LIMIT `+w.bind(limit), w.args...)
}

// DriftedAt lists what is not as it should be by a target's word, what is so for
// longest first.
func (tx *Tx) DriftedAt(target string, limit int) ([]access.AlarmedAccess, error) {
	return all(tx, scanAlarmed, alarmedColumns+`v.drifted_since, '' FROM verifications v JOIN bindings b ON b.id = v.binding_id
		WHERE v.drifted_since IS NOT NULL AND b.target = $1 ORDER BY v.drifted_since, b.id LIMIT $2`, target, limit)
}

func scanAlarmed(row scanner) (a access.AlarmedAccess, err error) {
	var subject, resource string
	var since int64
	err = row.Scan(&a.BindingID, &subject, &a.Action.Name, &resource, &a.Desired, &since, &a.Error)
	a.Subject, a.Resource, a.Since = subjectOf(subject), resourceOf(resource), fromMicros(since)
	return a, err
}

// OverdueError is the newest failure among the bindings that are overdue at a
// target; "" while there was no attempt.
func (tx *Tx) OverdueError(target string) (class access.Class, text string, err error) {
	w := tx.overdue()
	w.add(true, `b.target = `, target)
	w.and(`b.last_class IS NOT NULL`)
	type failure struct{ class, text string }
	found, err := all(tx, func(row scanner) (f failure, err error) { return f, row.Scan(&f.class, &f.text) },
		`SELECT b.last_class, b.last_error FROM bindings b`+w.String()+` ORDER BY COALESCE(b.reported_at, 0) DESC, b.id LIMIT 1`, w.args...)
	if err != nil || len(found) == 0 {
		return "", "", err
	}
	return access.Class(found[0].class), found[0].text, nil
}
