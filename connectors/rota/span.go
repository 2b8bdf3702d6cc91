package rota

import (
	"slices"
	"sort"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// The bounds of time: no RFC 3339 time lies outside them.
var (
	past   = time.Date(-9, 1, 1, 0, 0, 0, 0, time.UTC)
	future = time.Date(10000, 1, 2, 0, 0, 0, 0, time.UTC)
	always = span{past, future}
)

// span is the time from `from` up to, and without, `to`.
type span struct{ from, to time.Time }

func (s span) covers(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// both returns what the two have in common; they overlap.
func (s span) both(o span) span { return span{later(s.from, o.from), earlier(s.to, o.to)} }

// either returns what at least one covers; they overlap or touch.
func (s span) either(o span) span { return span{earlier(s.from, o.from), later(s.to, o.to)} }

// without returns what is left of s, in order.
func (s span) without(o span) []span {
	var left []span
	for _, part := range []span{{s.from, earlier(s.to, o.from)}, {later(s.from, o.to), s.to}} {
		if part.from.Before(part.to) {
			left = append(left, part)
		}
	}
	return left
}

func (s span) start() *time.Time { return open(s.from, past) }
func (s span) end() *time.Time   { return open(s.to, future) }

func open(t, unbounded time.Time) *time.Time {
	if t.Equal(unbounded) {
		return nil
	}
	t = t.UTC()
	return &t
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// turn is a span that a subject holds.
type turn struct {
	span
	who access.Subject
}

// timeline is turns in order of time that do not overlap.
type timeline []turn

// at returns the turn that covers t, or else the gap around t and false.
func (l timeline) at(t time.Time) (turn, bool) {
	i := sort.Search(len(l), func(i int) bool { return l[i].to.After(t) })
	if i < len(l) && l[i].covers(t) {
		return l[i], true
	}
	gap := turn{span: always}
	if i > 0 {
		gap.from = l[i-1].to
	}
	if i < len(l) {
		gap.to = l[i].from
	}
	return gap, false
}

// joined makes a timeline of one subject's turns.
func joined(turns []turn) timeline {
	slices.SortFunc(turns, func(a, b turn) int { return a.from.Compare(b.from) })
	var line timeline
	for _, next := range turns {
		if n := len(line); n > 0 && !next.from.After(line[n-1].to) {
			line[n-1].span = line[n-1].either(next.span)
			continue
		}
		line = append(line, next)
	}
	return line
}

// layered makes a timeline in which, where turns overlap, the last one holds.
func layered(turns []turn) timeline {
	var line timeline
	for _, top := range turns {
		var below timeline
		for _, old := range line {
			for _, left := range old.without(top.span) {
				below = append(below, turn{left, old.who})
			}
		}
		line = append(below, top)
	}
	slices.SortFunc(line, func(a, b turn) int { return a.from.Compare(b.from) })
	return line
}
