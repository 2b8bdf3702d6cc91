package rota

import (
	"slices"
	"time"
)

// series is the events of one UID: one that recurs, or does not, and those that
// stand in the place of its occurrences.
type series struct {
	events  []*event         // that stand for themselves, of the newest sequence
	changed map[int64]*event // by the second of the occurrence that they replace
	later   []*event         // that replace an occurrence and all after it
	unclear bool             // something of it was changed, and not to be read
}

// add takes an event into its series. Of two that say the same thing the one with
// the higher sequence holds.
func (s *series) add(e *event) {
	switch {
	case e.replaces == nil:
		if len(s.events) > 0 && s.events[0].sequence != e.sequence {
			if s.events[0].sequence > e.sequence {
				return
			}
			s.events = nil
		}
		s.events = append(s.events, e)
	case e.andLater:
		s.later = append(s.later, e)
	default:
		at := e.replaces.instant().Unix()
		if before := s.changed[at]; before == nil || before.sequence <= e.sequence {
			s.changed[at] = e
		}
	}
}

// without takes an event that could not be read into its series: what it would
// have replaced is not so any more.
func (s *series) without(e *event, replaces bool) {
	switch {
	case !replaces:
	case e.replaces == nil:
		s.unclear = true
	default:
		e.cancelled = true
		s.add(e)
	}
}

// occurrence is one time that an event takes place.
type occurrence struct {
	event *event
	span
}

// occurrences are those within the window.
func (s *series) occurrences(w window, faults *faultList) (all []occurrence) {
	if s.unclear {
		return nil
	}
	cut := s.cut(w, faults)
	for _, e := range s.events {
		if e.cancelled {
			return nil // and with it what was changed of it
		}
		for _, o := range e.occurrences(w, faults) {
			if s.changed[o.from.Unix()] == nil && o.from.Before(cut) {
				all = append(all, o)
			}
		}
	}
	for _, e := range s.changed {
		if e.cancelled {
			continue
		}
		if o := (occurrence{e, e.span(e.first)}); w.holds(o.span) && o.from.Before(o.to) {
			all = append(all, o)
		}
	}
	return all
}

// cut is from when on an event stands for all occurrences. How it does is not
// understood, so from then on there are none, and that is said.
func (s *series) cut(w window, faults *faultList) time.Time {
	cut := future
	for _, e := range s.later {
		if at := e.replaces.instant(); at.Before(cut) {
			cut = at
		}
		if !e.cancelled && !cut.After(w.horizon) {
			faults.add(e, "what changes an occurrence and all later ones (RANGE=THISANDFUTURE) is not read")
		}
	}
	return cut
}

// A time on the wall differs from UTC by less than a day, and so do two.
const day = 24 * time.Hour

// occurrences are those of the event itself within the window.
func (e *event) occurrences(w window, faults *faultList) (all []occurrence) {
	lasts := e.span(e.first)
	if !lasts.from.Before(lasts.to) {
		faults.add(e, "it does not end after its start")
		return nil
	}
	from := shown(w.now.In(e.first.zone)).Add(-lasts.to.Sub(lasts.from) - 2*day)
	to := shown(w.horizon.In(e.first.zone)).Add(day)
	starts := e.dates()
	for _, r := range e.rules {
		walls, err := r.starts(from, to)
		if err != nil {
			faults.add(e, err.Error())
			return nil
		}
		for _, wall := range walls {
			starts = append(starts, added{first: moment{wall: wall, zone: e.first.zone, day: e.first.day}})
		}
	}
	for _, start := range starts {
		o := occurrence{e, e.span(start.first)}
		if start.end != nil {
			o.to = start.end.instant()
		}
		if w.holds(o.span) && o.from.Before(o.to) && !e.excludes(start.first) {
			all = append(all, o)
		}
	}
	return all
}

// dates are the occurrences that no rule makes.
func (e *event) dates() []added {
	if len(e.rules) > 0 {
		return slices.Clone(e.added)
	}
	return append([]added{{first: e.first}}, e.added...)
}

// excludes reports whether the occurrence is taken out: by its time, or by its
// whole day.
func (e *event) excludes(m moment) bool {
	return slices.ContainsFunc(e.excluded, func(x moment) bool {
		if x.day {
			return x.wall.Equal(m.wall.Truncate(day))
		}
		return x.instant().Equal(m.instant())
	})
}
