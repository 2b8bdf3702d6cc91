package pagerduty

import (
	"slices"
	"time"
)

// User is an account. An empty Email is shown as null.
type User struct{ ID, Name, Email string }

// Target is what a level of an escalation policy pages.
type Target struct{ user, schedule string }

// OfUser pages somebody by name, for ever.
func OfUser(id string) Target { return Target{user: id} }

// OfSchedule pages whoever is on the schedule.
func OfSchedule(id string) Target { return Target{schedule: id} }

// Policy is an escalation policy. Its first level is paged first.
type Policy struct {
	ID, Name string
	Levels   [][]Target
}

type schedule struct {
	ID, Name  string
	V3        bool
	shifts    []shift // later ones lie on top of earlier ones
	overrides []shift // on top of them all
	rendered  []shift // nil: to be computed
}

// shift is somebody's turn. A zero end is never.
type shift struct {
	id, user   string
	start, end time.Time
}

// AddUser adds an account and returns its id.
func (f *Fake) AddUser(email string) string { return f.PutUser(User{Email: email, Name: email}) }

// PutUser adds an account, or changes the one with its id, and returns its id.
func (f *Fake) PutUser(u User) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.ID == "" {
		u.ID = f.id()
	}
	f.users = slices.DeleteFunc(f.users, func(other User) bool { return other.ID == u.ID })
	f.users = append(f.users, u)
	f.altered()
	return u.ID
}

// RemoveUser removes an account from everywhere.
func (f *Fake) RemoveUser(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users = slices.DeleteFunc(f.users, func(u User) bool { return u.ID == id })
	for _, s := range f.schedules {
		gone := func(s shift) bool { return s.user == id }
		s.shifts, s.overrides, s.rendered = slices.DeleteFunc(s.shifts, gone), slices.DeleteFunc(s.overrides, gone), nil
	}
	for _, p := range f.policies {
		for i := range p.Levels {
			p.Levels[i] = slices.DeleteFunc(slices.Clone(p.Levels[i]), func(t Target) bool { return t.user == id })
		}
	}
	f.altered()
}

// AddSchedule adds a schedule of layers and returns its id.
func (f *Fake) AddSchedule(name string) string { return f.addSchedule(name, false) }

// AddScheduleV3 adds a schedule of shifts, where several people can be on at once.
func (f *Fake) AddScheduleV3(name string) string { return f.addSchedule(name, true) }

func (f *Fake) addSchedule(name string, v3 bool) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &schedule{ID: f.id(), Name: name, V3: v3}
	f.schedules = append(f.schedules, s)
	f.altered()
	return s.ID
}

// AddPolicy adds an escalation policy and returns its id.
func (f *Fake) AddPolicy(name string, levels ...[]Target) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := Policy{ID: f.id(), Name: name, Levels: levels}
	f.policies = append(f.policies, p)
	f.altered()
	return p.ID
}

// Shift puts somebody on a schedule, on top of who is there. A zero end is never.
func (f *Fake) Shift(on, user string, start, end time.Time) {
	f.change(on, func(s *schedule) { s.shifts = append(s.shifts, shift{f.id(), user, start, end}) })
}

// ClearShifts takes everybody off a schedule, and leaves its overrides.
func (f *Fake) ClearShifts(on string) {
	f.change(on, func(s *schedule) { s.shifts = nil })
}

// Override puts somebody on in the place of whoever is, and returns its id.
func (f *Fake) Override(on, user string, start, end time.Time) string {
	var id string
	f.change(on, func(s *schedule) {
		id = f.id()
		s.overrides = append(s.overrides, shift{id, user, start, end})
	})
	return id
}

// RemoveOverride takes an override back.
func (f *Fake) RemoveOverride(on, id string) {
	f.change(on, func(s *schedule) {
		s.overrides = slices.DeleteFunc(s.overrides, func(o shift) bool { return o.id == id })
	})
}

func (f *Fake) change(id string, how func(*schedule)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.schedules {
		if s.ID == id {
			how(s)
			s.rendered = nil
			f.altered()
			return
		}
	}
	panic("there is no schedule " + id)
}

// final is who is on the schedule when, bordering shifts of one person merged.
func (s *schedule) final() []shift {
	if s.rendered != nil {
		return s.rendered
	}
	s.rendered = []shift{}
	for _, next := range s.shifts {
		if !s.V3 {
			s.rendered = without(s.rendered, next)
		}
		s.rendered = append(s.rendered, next)
	}
	for _, next := range s.overrides {
		s.rendered = append(without(s.rendered, next), next)
	}
	s.rendered = merge(s.rendered)
	return s.rendered
}

// without cuts a stretch out of shifts.
func without(all []shift, cut shift) []shift {
	left := make([]shift, 0, len(all)+1)
	for _, s := range all {
		if before := min(stop(s), cut.start.UnixNano()); s.start.UnixNano() < before {
			left = append(left, shift{s.id, s.user, s.start, earlier(s.end, cut.start)})
		}
		if stop(s) > stop(cut) {
			left = append(left, shift{s.id, s.user, latest(s.start, cut.end), s.end})
		}
	}
	return left
}

// merge joins shifts of one person that touch or overlap.
func merge(all []shift) []shift {
	slices.SortFunc(all, func(a, b shift) int { return a.start.Compare(b.start) })
	merged, last := make([]shift, 0, len(all)), map[string]int{}
	for _, s := range all {
		i, known := last[s.user]
		if known && s.start.UnixNano() <= stop(merged[i]) {
			if stop(s) > stop(merged[i]) {
				merged[i].end = s.end
			}
			continue
		}
		last[s.user] = len(merged)
		merged = append(merged, s)
	}
	return merged
}

// stop is the end as a number that never comes last.
func stop(s shift) int64 {
	if s.end.IsZero() {
		return 1<<63 - 1
	}
	return s.end.UnixNano()
}

func earlier(end, cut time.Time) time.Time {
	if end.IsZero() || cut.Before(end) {
		return cut
	}
	return end
}

func latest(start, cut time.Time) time.Time {
	if cut.After(start) {
		return cut
	}
	return start
}

// altered forgets what was computed from before, and wakes who waits. The caller
// holds f.mu.
func (f *Fake) altered() {
	f.rowsOf, f.rows = "", nil
	f.notify()
}
