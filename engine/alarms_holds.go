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
	return slices.Concat(late, drifted, stale), err
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
		if !news.about(c.Key()) || c.Kind == access.AlarmSyncStale {
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
	case access.AlarmSyncStale:
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
