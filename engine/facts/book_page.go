package facts

import (
	"slices"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// page is a snapshot with its index. It never changes.
type page struct {
	said      access.Snapshot
	shifts    places                  // places in said.Shifts, in order of their start
	parts     places                  // places in said.Incidents
	unclear   map[access.Subject]bool // of whom it can tell nothing
	incidents map[string]int          // places in said.Incidents, by id
	numbers   map[string]int          // the same by number
	closed    map[string]bool
}

// places says where something about each subject stands. It is one list and not
// one for each subject, which would be thousands of little ones.
type places struct {
	spans map[access.Subject]span
	list  []int32
}

type span struct{ from, to int32 }

func (p places) of(s access.Subject) []int32 {
	at := p.spans[s]
	return p.list[at.from:at.to]
}

// newPlaces indexes n things. about says whom a thing is about, any number of
// times each.
func newPlaces(n int, about func(i int, is func(access.Subject))) places {
	p := places{spans: map[access.Subject]span{}}
	total, place := int32(0), int32(0)
	count := func(s access.Subject) {
		at := p.spans[s]
		at.to++ // counts, until the places are given out
		p.spans[s] = at
		total++
	}
	put := func(s access.Subject) {
		at := p.spans[s]
		p.list[at.to] = place
		at.to++
		p.spans[s] = at
	}
	for i := range n {
		about(i, count)
	}
	p.list = make([]int32, total)
	next := int32(0)
	for s, at := range p.spans {
		p.spans[s] = span{next, next}
		next += at.to
	}
	for i := range n {
		about(i, put)
		place++
	}
	return p
}

func newPage(s access.Snapshot) *page {
	p := &page{said: s, unclear: map[access.Subject]bool{}, incidents: map[string]int{}, numbers: map[string]int{}, closed: map[string]bool{}}
	p.shifts = newPlaces(len(s.Shifts), func(i int, is func(access.Subject)) { is(s.Shifts[i].Subject) })
	for _, at := range p.shifts.spans {
		slices.SortStableFunc(p.shifts.list[at.from:at.to], func(a, b int32) int { return s.Shifts[a].Compare(s.Shifts[b].Shift) })
	}
	p.parts = newPlaces(len(s.Incidents), func(i int, is func(access.Subject)) {
		for at, part := range s.Incidents[i].Parts {
			if !partBefore(s.Incidents[i].Parts[:at], part.Subject) {
				is(part.Subject)
			}
		}
	})
	for _, who := range s.Unclear {
		p.unclear[who] = true
	}
	for i, incident := range s.Incidents {
		p.incidents[incident.ID] = i
		if incident.Number != 0 {
			p.numbers[strconv.FormatInt(incident.Number, 10)] = i
		}
	}
	for _, id := range s.Closed {
		p.closed[id] = true
	}
	return p
}

func partBefore(parts []access.IncidentPart, who access.Subject) bool {
	return slices.ContainsFunc(parts, func(p access.IncidentPart) bool { return p.Subject == who })
}

// age is how long ago it was said, in seconds. Clocks of nodes differ a little:
// it is never less than none.
func (p *page) age(now time.Time) int64 {
	return max(int64(now.Sub(p.said.FetchedAt)/time.Second), 0)
}

// over reports whether the shift has ended.
func over(s access.Shift, now time.Time) bool { return s.End != nil && !now.Before(*s.End) }
