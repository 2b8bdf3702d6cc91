package pagerduty

import (
	"maps"
	"slices"
	"time"
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

func (r *roll) covers(key turnKey, now time.Time) bool {
	t := r.turns[key]
	return t != nil && slices.ContainsFunc(t.spans, func(s span) bool { return s.covers(now) })
}

func (s span) covers(t time.Time) bool {
	return (s.start == nil || !t.Before(*s.start)) && (s.end == nil || t.Before(*s.end))
}
