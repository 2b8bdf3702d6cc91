package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/alarm"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

var _ alarm.Store = (*Engine)(nil)

const (
	alarmDuty = "alarms"
	// alarmDutyFor is for how long a node is the one that keeps alarms, unless it says
	// again that it is: longer than a turn of its loop lasts.
	alarmDutyFor = 30 * time.Second
	// keepAlarms is for how long it is remembered that there was one.
	keepAlarms = 90 * 24 * time.Hour
	// changeAlarms is how often at the most it is noted that an alarm is about many
	// more than it was, or many fewer.
	changeAlarms = time.Minute
)

// Alarms raises and resolves alarms as what holds begins and ends, and returns
// those that a pager is to be told of. Where another node does it there are none.
func (e *Engine) Alarms(ctx context.Context) (untold []access.Alarm, err error) {
	mine, err := e.takeAlarmDuty(ctx)
	if err != nil || !mine {
		return nil, err
	}
	if err := e.levelAlarms(ctx); err != nil {
		return nil, err
	}
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		untold, err = tx.AlarmsToPage()
		return err
	})
	return untold, err
}

// AlarmTold records that a pager took an alarm, as it was told of.
func (e *Engine) AlarmTold(ctx context.Context, a access.Alarm) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.PutPaging(a) })
}

func (e *Engine) takeAlarmDuty(ctx context.Context) (mine bool, err error) {
	if e.ledger.Alone() {
		return true, nil // whoever had it is gone
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		mine, err = tx.TakeDuty(alarmDuty, e.node, tx.Now().Add(alarmDutyFor))
		return err
	})
	return mine && err == nil, err
}

// alarmNews is what there is to be written of alarms.
type alarmNews struct {
	raised   []access.Condition
	changed  []access.Alarm // as they are from now on
	resolved []access.Alarm
}

func (n alarmNews) none() bool { return len(n.raised)+len(n.changed)+len(n.resolved) == 0 }

// levelAlarms compares the open alarms with what holds. Mostly they agree, and
// nothing is written.
func (e *Engine) levelAlarms(ctx context.Context) error {
	var holds []access.Condition
	quiet := false
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		if holds, err = e.conditions(tx); err != nil {
			return err
		}
		open, err := tx.OpenAlarms()
		if err != nil {
			return err
		}
		news := compareAlarms(open, holds, tx.Now())
		quiet = news.none()
		return describe(tx, holds, news)
	})
	if err != nil || quiet {
		return err
	}
	var news alarmNews
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.LockSource("alarms", "level"); err != nil { // a node that lost the duty may be at it still
			return err
		}
		open, err := tx.OpenAlarms()
		if err != nil {
			return err
		}
		news = compareAlarms(open, holds, tx.Now())
		return writeAlarms(tx, news)
	})
	if err == nil {
		e.logAlarms(news)
	}
	return err
}

// compareAlarms is what differs between the open alarms and what holds.
func compareAlarms(open []access.Alarm, holds []access.Condition, now time.Time) (n alarmNews) {
	for _, c := range holds {
		at := slices.IndexFunc(open, func(a access.Alarm) bool { return a.Key() == c.Key() })
		if at < 0 {
			n.raised = append(n.raised, c)
			continue
		}
		if a, changed := changedAlarm(open[at], c, now); changed {
			n.changed = append(n.changed, a)
		}
	}
	for _, a := range open {
		if !slices.ContainsFunc(holds, func(c access.Condition) bool { return c.Key() == a.Key() }) {
			n.resolved = append(n.resolved, a)
		}
	}
	return n
}

// changedAlarm is an open alarm as things stand now, and whether that is worth
// telling: it is graver than it ever was, which is told at once, or it is about
// many more or many fewer. It is not less grave before it is over.
func changedAlarm(a access.Alarm, c access.Condition, now time.Time) (access.Alarm, bool) {
	graver := c.Severity.GraverThan(a.Severity)
	many := max(a.Count/5, 1)
	counts := c.Count >= a.Count+many || c.Count <= a.Count-many
	if !graver {
		c.Severity = a.Severity
	}
	a.Condition = c
	return a, graver || counts && now.Sub(a.ChangedAt) >= changeAlarms
}

// writeAlarms stores what differs, each with its event.
func writeAlarms(tx *ledger.Tx, n alarmNews) error {
	var faults []error
	for _, c := range n.raised {
		id := access.NewID(access.KindAlarm, tx.Now())
		faults = append(faults, tx.RaiseAlarm(id, c), tx.Append(alarmEvent(audit.AlarmRaised, id, c)))
	}
	for _, a := range n.changed {
		faults = append(faults, tx.ChangeAlarm(a.ID, a.Condition), tx.Append(alarmEvent(audit.AlarmChanged, a.ID, a.Condition)))
	}
	for _, a := range n.resolved {
		event := alarmEvent(audit.AlarmResolved, a.ID, a.Condition)
		event.Data["raised_at"] = a.RaisedAt
		faults = append(faults, tx.ResolveAlarm(a.ID), tx.Append(event))
	}
	if len(n.resolved) > 0 {
		faults = append(faults, tx.ForgetAlarms(tx.Now().Add(-keepAlarms)))
	}
	return errors.Join(faults...)
}

func alarmEvent(typ, id string, c access.Condition) audit.Event {
	about := "target"
	switch c.Kind {
	case access.AlarmOverdue, access.AlarmDrifted:
	case access.AlarmSyncStale:
		about = "source"
	case access.AlarmSinkBehind:
		about = "sink"
	case access.AlarmAuditBroken:
		about = "log"
	}
	return audit.Event{Type: typ, Data: map[string]any{
		"alarm_id": id, "kind": string(c.Kind), about: c.About, "severity": string(c.Severity), "count": c.Count, "removals": c.Removals,
		"since": c.Oldest, "class": string(c.Class), "error": c.Error,
	}}
}

// logAlarms says in the log what was raised and what is over.
func (e *Engine) logAlarms(n alarmNews) {
	for _, c := range n.raised {
		e.log.Error("ALARM: it is told until it is over", "alarm", c.Key(), "severity", c.Severity, "count", c.Count, "since", c.Oldest, "error", c.Error)
	}
	for _, a := range n.resolved {
		e.log.Info("an alarm is over", "alarm", a.Key(), "raised_at", a.RaisedAt)
	}
}
