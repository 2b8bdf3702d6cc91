package access

import (
	"slices"
	"time"
)

// Compare orders shifts by their starts. One without a start is before all others.
func (s Shift) Compare(other Shift) int {
	switch {
	case s.Start == nil && other.Start == nil:
		return 0
	case s.Start == nil:
		return -1
	case other.Start == nil:
		return 1
	}
	return s.Start.Compare(*other.Start)
}

// PickedShifts returns the shifts that any of the references picks.
func PickedShifts(shifts []Shift, refs []ShiftRef) []Shift {
	var picked []Shift
	for _, s := range shifts {
		if slices.ContainsFunc(refs, func(r ShiftRef) bool { return r.Picks(s) }) {
			picked = append(picked, s)
		}
	}
	return picked
}

// Coverage is how shifts go on from a time.
type Coverage struct {
	On    bool      // one of them does
	Open  bool      // and nobody knows until when
	Until time.Time // else: when they end
}

// CoverageOf is how far shifts go on from a time. They are taken together, whatever
// schedules they are of: those that overlap or touch continue each other, and a gap
// ends them.
func CoverageOf(shifts []Shift, at time.Time) Coverage {
	c := Coverage{Until: at}
	for _, s := range slices.SortedFunc(slices.Values(shifts), Shift.Compare) {
		switch {
		case s.Start != nil && s.Start.After(c.Until): // a gap
			return c
		case s.End == nil:
			return Coverage{On: true, Open: true}
		case s.End.After(c.Until):
			c.On, c.Until = true, *s.End
		}
	}
	return c
}
