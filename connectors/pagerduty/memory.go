package pagerduty

import (
	"maps"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// memory is who was on call at the last fetch, and until when.
type memory struct {
	places map[turnKey]*time.Time // of turns that covered that time: their ends
	users  map[string]*time.Time  // the last end of everybody who had a turn
}

func remember(r *roll, now time.Time) memory {
	m := memory{places: map[turnKey]*time.Time{}, users: map[string]*time.Time{}}
	for key, t := range r.turns {
		for _, s := range join(t.spans) {
			if end, known := m.users[key.user]; known {
				m.users[key.user] = later(end, s.end)
			} else {
				m.users[key.user] = s.end
			}
			if s.covers(now) {
				m.places[key] = s.end
			}
		}
	}
	return m
}

// missing returns the users, in order, who by what was known before should be on
// call and are not on the roll.
func (m memory) missing(r *roll, now time.Time) []string {
	lasts := func(end *time.Time) bool { return end == nil || end.After(now) }
	found := map[string]bool{}
	for key, end := range m.places {
		if lasts(end) && !r.covers(key, now) {
			found[key.user] = true
		}
	}
	for user, end := range m.users {
		if _, here := r.accounts[user]; !here && lasts(end) {
			found[user] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// place is where somebody is on call, in the words of a snapshot.
type place struct {
	who              access.Subject
	schedule, policy string
	level            int
}

// lacks reports whether somebody who was on call before, and by what was known
// then still is, is not on the roll.
func (q *query) lacks(before access.Snapshot) bool {
	if len(before.Shifts) == 0 {
		return false
	}
	q.recall()
	here := map[place]bool{}
	for key := range q.roll.turns {
		if who, known := q.subject(q.roll.accounts[key.user]); known && q.roll.covers(key, q.now) {
			here[place{who, key.schedule, key.policy, key.level}] = true
		}
	}
	return slices.ContainsFunc(before.Shifts, func(s access.HeldShift) bool {
		at := place{who: s.Subject, level: s.Level}
		if s.Schedule != nil {
			at.schedule = s.Schedule.ID
		}
		if s.Policy != nil {
			at.policy = s.Policy.ID
		}
		return s.Covers(q.now) && !here[at]
	})
}

func (r *roll) covers(key turnKey, now time.Time) bool {
	t := r.turns[key]
	return t != nil && slices.ContainsFunc(t.spans, func(s span) bool { return s.covers(now) })
}

func (s span) covers(t time.Time) bool {
	return (s.start == nil || !t.Before(*s.start)) && (s.end == nil || t.Before(*s.end))
}
