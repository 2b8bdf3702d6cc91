package rota

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// schedule is a Schedule, read. Its levels are in order.
type schedule struct {
	id, name string
	levels   []*level
}

// level is all that a schedule says of one level.
type level struct {
	number    int
	overrides timeline
	shifts    map[access.Subject]timeline
	rotation  *rotation // nil: none
}

// turns returns the longest spans for which the subject is on call without a
// break: those that cover now or begin from now to the horizon.
//
// It walks from one answer of at to the next and so costs one step for each
// change, however old the rotation is. The walk ends: past the horizon it goes
// on only while the subject is on call, and a subject that shares a rotation is
// kept on call between its turns only by shifts and overrides, which are finite.
func (l *level) turns(who access.Subject, now, horizon time.Time) []span {
	var spans []span
	for t := now; t.Before(future); {
		on, s := l.at(who, t)
		last := len(spans) - 1
		switch {
		case !on && s.to.After(horizon):
			return spans
		case on && last >= 0 && spans[last].to.Equal(t):
			spans[last].to = s.to
		case on:
			spans = append(spans, l.since(who, s))
		}
		t = s.to
	}
	return spans
}

// since moves the beginning of a span on call back to where duty really began.
func (l *level) since(who access.Subject, s span) span {
	for s.from.After(past) {
		on, before := l.at(who, s.from.Add(-1))
		if !on {
			break
		}
		s.from = before.from
	}
	return s
}

// at reports whether the subject is on call at t, and a span around t for which
// that answer holds.
func (l *level) at(who access.Subject, t time.Time) (bool, span) {
	override, overridden := l.overrides.at(t)
	if overridden {
		return override.who == who, override.span
	}
	on, s := l.scheduled(who, t)
	return on, s.both(override.span)
}

// scheduled is at without the overrides.
func (l *level) scheduled(who access.Subject, t time.Time) (bool, span) {
	shift, onShift := l.shifts[who].at(t)
	onRotation, turn := l.rotation.at(who, t)
	switch {
	case onShift && onRotation:
		return true, shift.either(turn)
	case onShift:
		return true, shift.span
	case onRotation:
		return true, turn
	default:
		return false, shift.both(turn)
	}
}
