package rota

import (
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// rotation is a Rotation, read. Turn k belongs to members[k % len(members)] and
// begins k*days calendar days after the start; before turn 0 nobody is on call.
type rotation struct {
	zone         *time.Location
	start        time.Time // the first local date, at midnight UTC
	hour, minute int       // of the hand-off
	days         int       // a turn's length, at least 1
	members      []access.Subject
}

// at reports whether the subject is on call at t, and the span around t for
// which that answer holds. A nil rotation has nobody on call.
func (r *rotation) at(who access.Subject, t time.Time) (bool, span) {
	if r == nil || !slices.Contains(r.members, who) {
		return false, always
	}
	k := r.turn(t)
	on := k >= 0 && r.member(k) == who
	if on && r.alone() {
		return true, span{r.begins(0), future}
	}
	first, next := k, k+1 // the turns from first up to next have the same answer
	for first > 0 && (r.member(first-1) == who) == on {
		first--
	}
	for (r.member(next) == who) == on {
		next++
	}
	s := span{past, r.begins(next)}
	if on || first > 0 {
		s.from = r.begins(first)
	}
	return on, s
}

func (r *rotation) member(k int) access.Subject { return r.members[k%len(r.members)] }

// alone reports whether all turns are one subject's.
func (r *rotation) alone() bool { return len(slices.Compact(slices.Clone(r.members))) == 1 }

// turn returns the number of the turn that covers t, or -1 before the first. It
// counts calendar days and then corrects for the time of day.
func (r *rotation) turn(t time.Time) int {
	if t.Before(r.begins(0)) {
		return -1
	}
	y, m, d := t.In(r.zone).Date()
	sinceStart := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() - r.start.Unix()
	k := int(max(sinceStart, 0)/(24*60*60)) / r.days
	for r.begins(k).After(t) {
		k--
	}
	for !r.begins(k + 1).After(t) {
		k++
	}
	return k
}

// begins returns the instant of the hand-off to turn k.
func (r *rotation) begins(k int) time.Time {
	y, m, d := r.start.Date()
	return wall(y, m, d+k*r.days, r.hour, r.minute, r.zone)
}

// wall returns the first instant at which a clock on a wall in the zone shows
// that time of that day or has gone past it: of an hour that comes twice the
// first, and for one that is skipped the moment of the skip. (time.Date answers
// either of two instants there, depending on the zone.)
func wall(year int, month time.Month, day, hour, minute int, zone *time.Location) time.Time {
	want := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	t := time.Date(year, month, day, hour, minute, 0, 0, zone)
	begins, ends := t.ZoneBounds() // of the offset that holds at t
	_, offset := t.Zone()
	switch shown := t.Add(time.Duration(offset) * time.Second).UTC(); {
	case shown.Before(want):
		return ends
	case shown.After(want):
		return begins
	case begins.IsZero():
		return t
	}
	_, before := begins.Add(-1).Zone()
	first := t.Add(time.Duration(offset-before) * time.Second)
	if first.Before(t) && first.Before(begins) {
		return first
	}
	return t
}
