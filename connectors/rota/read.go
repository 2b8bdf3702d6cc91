package rota

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/curfew-access/curfew/engine/access"
)

// reader collects the faults of a file. What it returns beside a fault is not
// used.
type reader struct{ faults []error }

func (r *reader) fault(place, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(place+": "+format, args...))
}

func read(f File) ([]schedule, error) {
	var r reader
	var schedules []schedule
	seen := map[string]string{}
	for i, s := range f.Schedules {
		place := fmt.Sprintf("schedules[%d]", i)
		r.id(place+".id", s.ID)
		if first, twice := seen[s.ID]; twice && s.ID != "" {
			r.fault(place+".id", "%q is the id of %s already", s.ID, first)
		} else {
			seen[s.ID] = place
		}
		schedules = append(schedules, schedule{id: s.ID, name: s.Name, levels: r.levels(place, s)})
	}
	return schedules, errors.Join(r.faults...)
}

func (r *reader) id(place, id string) {
	switch {
	case id == "":
		r.fault(place, "it is empty; policy refers to a schedule by its id")
	case strings.TrimSpace(id) != id || strings.ContainsFunc(id, func(c rune) bool { return !unicode.IsPrint(c) }):
		r.fault(place, "%q begins or ends with a space, or holds a character that can not be printed", id)
	}
}

func (r *reader) levels(place string, s Schedule) []*level {
	byNumber := map[int]*level{}
	at := func(number int) *level {
		if byNumber[number] == nil {
			byNumber[number] = &level{number: number, shifts: map[access.Subject]timeline{}}
		}
		return byNumber[number]
	}
	for i, shift := range s.Shifts {
		l, held := r.shift(fmt.Sprintf("%s.shifts[%d]", place, i), shift)
		at(l).shifts[held.who] = append(at(l).shifts[held.who], held)
	}
	for i, override := range s.Overrides {
		l, held := r.override(fmt.Sprintf("%s.overrides[%d]", place, i), override)
		at(l).overrides = append(at(l).overrides, held)
	}
	if s.Rotation != nil {
		l, rotation := r.rotation(place+".rotation", *s.Rotation)
		at(l).rotation = rotation
	}
	var levels []*level
	for _, l := range byNumber {
		l.overrides = layered(l.overrides)
		for who, turns := range l.shifts {
			l.shifts[who] = joined(turns)
		}
		levels = append(levels, l)
	}
	slices.SortFunc(levels, func(a, b *level) int { return cmp.Compare(a.number, b.number) })
	return levels
}

func (r *reader) shift(place string, s Shift) (int, turn) {
	held := turn{who: r.subject(place+".subject", s.Subject), span: r.span(place, s.Start, s.End)}
	return r.level(place+".level", s.Level), held
}

func (r *reader) override(place string, o Override) (int, turn) {
	held := turn{who: r.subject(place+".subject", o.Subject), span: r.span(place, &o.Start, &o.End)}
	return r.level(place+".level", o.Level), held
}

func (r *reader) rotation(place string, in Rotation) (int, *rotation) {
	out := &rotation{zone: r.zone(place+".time_zone", in.TimeZone), days: r.days(place+".every", in.Every)}
	var err error
	if out.start, err = time.Parse(time.DateOnly, in.Start); err != nil || out.start.Year() < 1 {
		r.fault(place+".start", "%q is not a date; write it as 2026-01-05", in.Start)
	}
	handoff, err := time.Parse("15:04", in.Handoff)
	if err != nil {
		r.fault(place+".handoff", "%q is not a time of day; write it as 09:00", in.Handoff)
	}
	out.hour, out.minute = handoff.Hour(), handoff.Minute()
	if len(in.Members) == 0 {
		r.fault(place+".members", "it is empty; a rotation needs at least one member")
	}
	for i, m := range in.Members {
		out.members = append(out.members, r.subject(fmt.Sprintf("%s.members[%d]", place, i), m))
	}
	return r.level(place+".level", in.Level), out
}

func (r *reader) subject(place, text string) access.Subject {
	s, err := access.ParseSubject(text)
	if err != nil {
		r.fault(place, "%w", err)
	}
	return s
}

func (r *reader) level(place string, level *int) int {
	switch {
	case level == nil:
		return 1
	case *level < 1:
		r.fault(place, "%d is not a level; the first is 1", *level)
	}
	return *level
}

// span reads a start and an end, of which nil is without bound.
func (r *reader) span(place string, start, end *string) span {
	s, good := always, len(r.faults)
	if start != nil {
		s.from = r.instant(place+".start", *start)
	}
	if end != nil {
		s.to = r.instant(place+".end", *end)
	}
	if len(r.faults) == good && !s.from.Before(s.to) {
		r.fault(place, "it ends at %s, which is not after its start at %s", *end, *start)
	}
	return s
}

func (r *reader) instant(place, text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	switch year := t.UTC().Year(); {
	case err != nil:
		r.fault(place, "%q is not a time of RFC 3339; write it as 2026-01-05T09:00:00Z", text)
	case year < 1 || year > 9999:
		r.fault(place, "%q is not in the years 1 to 9999", text)
	}
	return t
}

func (r *reader) zone(place, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		r.fault(place, "%q is not an IANA time zone, such as Europe/Berlin or UTC", name)
		return time.UTC
	}
	return zone
}

var everyPattern = regexp.MustCompile(`^(?:(\d{1,3}) (?:(day)s?|weeks?)|(day)|week)$`)

// maxDays bounds a turn of a rotation.
const maxDays = 366

func (r *reader) days(place, text string) int {
	m := everyPattern.FindStringSubmatch(text)
	if m == nil {
		r.fault(place, "%q is not a length of turn; write it as day, week, 3 days or 2 weeks", text)
		return 1
	}
	days := 1
	if m[1] != "" {
		days, _ = strconv.Atoi(m[1]) // three digits at most
	}
	if m[2]+m[3] == "" {
		days *= 7
	}
	if days < 1 || days > maxDays {
		r.fault(place, "%q is not a length of turn: from 1 day to %d days", text, maxDays)
	}
	return max(days, 1)
}
