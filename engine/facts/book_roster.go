package facts

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// At returns who is on call at t, as it is known at now, in no order. Other times
// than now are known from when the sources were asked until where they end, for
// all of them: t outside of that is ErrInvalid with a sentence that says the
// range. What a stale source said is there, and is not Known.
func (b *Book) At(t, now time.Time, f access.RosterFilter) ([]access.RosterEntry, error) {
	var entries []access.RosterEntry
	var from, to time.Time // what all of them know
	for _, sh := range b.shelves {
		p := sh.page.Load()
		if sh.Kind != access.SourceOnCall || p == nil {
			continue
		}
		from = later(from, p.said.FetchedAt)
		if to.IsZero() || p.said.Until.Before(to) {
			to = p.said.Until
		}
		entries = b.appendAt(entries, sh.Name, p, t, now, f)
	}
	if !t.Equal(now) && (to.IsZero() || t.Before(from) || t.After(to)) {
		return nil, outside(t, from, to)
	}
	return entries, nil
}

func outside(t, from, to time.Time) error {
	const code = "time_not_known"
	if to.IsZero() {
		return access.Invalid(code, "", "at: no source has said who is on call")
	}
	text := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	return access.Invalid(code, "", "at: who is on call is known from %s to %s, not at %s", text(from), text(to), text(t))
}

// appendAt appends those whom the page puts on call at t.
func (b *Book) appendAt(entries []access.RosterEntry, source string, p *page, t, now time.Time, f access.RosterFilter) []access.RosterEntry {
	fresh := b.fresh(p, now)
	add := func(s access.HeldShift) {
		if !s.Covers(t) || f.Schedule != "" && (s.Schedule == nil || s.Schedule.ID != f.Schedule) {
			return
		}
		entries = append(entries, access.RosterEntry{
			Subject: s.Subject, Source: source, Schedule: s.Schedule, Policy: s.Policy, Level: s.Level, Start: s.Start, End: s.End,
			FetchedAt: p.said.FetchedAt, AgeSeconds: p.age(now), Known: fresh && !p.unclear[s.Subject],
		})
	}
	if f.Subject != nil {
		for _, at := range p.shifts.of(*f.Subject) {
			add(p.said.Shifts[at])
		}
		return entries
	}
	for _, s := range p.said.Shifts {
		add(s)
	}
	return entries
}
