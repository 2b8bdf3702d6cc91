package engine

import (
	"maps"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// conditions are what operators are to be told of now.
func (e *Engine) conditions(tx *ledger.Tx) ([]access.Condition, error) {
	late, err := tx.OverdueByTarget()
	if err != nil {
		return nil, err
	}
	for i := range late {
		late[i].Severity = severityOf(late[i])
	}
	drifted, err := driftedTargets(tx)
	if err != nil {
		return nil, err
	}
	stale, err := e.staleSources(tx)
	if err != nil {
		return nil, err
	}
	behind, err := e.sinksBehind(tx)
	if err != nil {
		return nil, err
	}
	broken, err := auditBroken(tx)
	return slices.Concat(late, drifted, stale, behind, broken), err
}

// severityOf is how grave it is that bindings are not as they should be: access
// that should be gone is worse than access that should be there.
func severityOf(c access.Condition) access.Severity {
	if c.Removals > 0 {
		return access.SeverityCritical
	}
	return access.SeverityError
}

func driftedTargets(tx *ledger.Tx) (out []access.Condition, err error) {
	drifts, err := tx.DriftedByTarget()
	for _, target := range slices.Sorted(maps.Keys(drifts)) {
		d := drifts[target]
		c := access.Condition{Kind: access.AlarmDrifted, About: target, Count: int64(d.Count), Removals: int64(d.Removals), Oldest: &d.Since}
		c.Severity = severityOf(c)
		out = append(out, c)
	}
	return out, err
}

// describe fills in, in what holds, what somebody is about to read: which bindings
// it is about, and the newest failure.
func describe(tx *ledger.Tx, holds []access.Condition, news alarmNews) (err error) {
	for i := range holds {
		c := &holds[i]
		if !news.about(c.Key()) || c.Kind != access.AlarmOverdue && c.Kind != access.AlarmDrifted {
			continue
		}
		if c.Kind == access.AlarmOverdue {
			if c.Class, c.Error, err = tx.OverdueError(c.About); err != nil {
				return err
			}
		}
		some, err := alarmed(tx, *c)
		if err != nil {
			return err
		}
		for _, a := range some {
			c.Bindings = append(c.Bindings, a.BindingID)
		}
	}
	return nil
}

// about reports whether a condition is raised, or its alarm changed.
func (n alarmNews) about(key string) bool {
	return slices.ContainsFunc(n.raised, func(c access.Condition) bool { return c.Key() == key }) ||
		slices.ContainsFunc(n.changed, func(a access.Alarm) bool { return a.Key() == key })
}

// alarmed lists the first few accesses that a condition is about.
func alarmed(tx *ledger.Tx, c access.Condition) ([]access.AlarmedAccess, error) {
	switch c.Kind {
	case access.AlarmOverdue:
		return tx.OverdueAt(c.About, access.MaxAlarmed)
	case access.AlarmDrifted:
		return tx.DriftedAt(c.About, access.MaxAlarmed)
	case access.AlarmSyncStale, access.AlarmSinkBehind, access.AlarmAuditBroken:
	}
	return nil, nil
}

// alarmView is an alarm with the first few of what it is about now. One that is
// over is about nothing any more.
func (e *Engine) alarmView(tx *ledger.Tx, id string) (v access.AlarmView, err error) {
	if v.Alarm, err = tx.Alarm(id); err != nil || v.ResolvedAt != nil {
		return v, err
	}
	v.Accesses, err = alarmed(tx, v.Condition)
	return v, err
}

// staleSources are the declared sources that have not brought what they have for
// too long.
func (e *Engine) staleSources(tx *ledger.Tx) (out []access.Condition, err error) {
	if len(e.catalogueSources) == 0 {
		return nil, nil
	}
	sources, err := e.knownSources(tx)
	for _, s := range sources {
		if s.Stale {
			out = append(out, access.Condition{
				Kind: access.AlarmSyncStale, About: s.Source, Severity: access.SeverityWarning, Oldest: s.LastSyncedAt,
			})
		}
	}
	return out, err
}

// sinksBehind are the configured sinks that have not had events for too long, and
// those that will have none before somebody mends something.
func (e *Engine) sinksBehind(tx *ledger.Tx) (out []access.Condition, err error) {
	if len(e.sinks) == 0 {
		return nil, nil
	}
	list, err := tx.Sinks()
	for _, s := range list {
		c := access.Condition{Kind: access.AlarmSinkBehind, About: s.Name, Severity: access.SeverityWarning, Oldest: s.Oldest, Error: s.LastError}
		switch {
		case s.RetiredAt != nil:
			continue
		case s.Misconfigured:
			c.Severity = access.SeverityError
		case s.Lag(tx.Now()) <= access.SinkBehindAfter:
			continue
		}
		out = append(out, c)
	}
	return out, err
}

// auditBroken is the audit log, when it is not what was sealed.
func auditBroken(tx *ledger.Tx) ([]access.Condition, error) {
	since, why, err := tx.AuditBroken()
	if err != nil || since == nil {
		return nil, err
	}
	return []access.Condition{{
		Kind: access.AlarmAuditBroken, About: "audit", Severity: access.SeverityCritical, Oldest: since, Error: why,
	}}, nil
}
