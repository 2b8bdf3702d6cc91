package engine

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// noon is the time that the hours of these tests are counted from.
var noon = time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)

func hour(n float64) time.Time { return noon.Add(time.Duration(n * float64(time.Hour))) }

// forever is the start or the end of a shift that has none.
const forever = 1e6

// onDuty is a shift of a schedule, from one hour to another.
func onDuty(schedule string, from, to float64) access.Shift {
	s := access.Shift{Source: "pagerduty", Schedule: &access.Ref{ID: schedule}, Level: 1}
	if from > -forever {
		start := hour(from)
		s.Start = &start
	}
	if to < forever {
		end := hour(to)
		s.End = &end
	}
	return s
}

func TestCoverage(t *testing.T) {
	refs := []access.ShiftRef{{Schedule: "a", Level: 1}, {Schedule: "b", Level: 1}}
	for name, tc := range map[string]struct {
		shifts []access.Shift
		want   going
	}{
		"no shift: nothing goes on":                 {nil, going{known: true, until: noon}},
		"one shift lasts until its end":             {[]access.Shift{onDuty("a", -1, 2)}, going{known: true, on: true, until: hour(2)}},
		"one that begins now goes on":               {[]access.Shift{onDuty("a", 0, 2)}, going{known: true, on: true, until: hour(2)}},
		"one that ends now is over":                 {[]access.Shift{onDuty("a", -1, 0)}, going{known: true, until: noon}},
		"one that ends now is followed by another":  {[]access.Shift{onDuty("a", -1, 0), onDuty("b", 0, 1)}, going{known: true, on: true, until: hour(1)}},
		"one that begins later does not go on":      {[]access.Shift{onDuty("a", 1, 2)}, going{known: true, until: noon}},
		"two that overlap end with the last":        {[]access.Shift{onDuty("b", -1, 3), onDuty("a", -2, 1)}, going{known: true, on: true, until: hour(3)}},
		"one within another changes nothing":        {[]access.Shift{onDuty("a", -2, 3), onDuty("b", -1, 1)}, going{known: true, on: true, until: hour(3)}},
		"touching shifts of two schedules continue": {[]access.Shift{onDuty("b", 2, 4), onDuty("a", -1, 2)}, going{known: true, on: true, until: hour(4)}},
		"a gap ends it":                             {[]access.Shift{onDuty("a", -1, 2), onDuty("b", 2.001, 4)}, going{known: true, on: true, until: hour(2)}},
		"a gap that another shift fills does not": {
			[]access.Shift{onDuty("a", -1, 1), onDuty("a", 2, 3), onDuty("b", 1, 2)}, going{known: true, on: true, until: hour(3)},
		},
		"a shift without end is open":              {[]access.Shift{onDuty("a", -1, forever)}, going{known: true, on: true, open: true}},
		"an open one after a touching one is open": {[]access.Shift{onDuty("a", -1, 2), onDuty("b", 2, forever)}, going{known: true, on: true, open: true}},
		"an open one after a gap is not":           {[]access.Shift{onDuty("a", -1, 1), onDuty("b", 2, forever)}, going{known: true, on: true, until: hour(1)}},
		"a shift without start has always been":    {[]access.Shift{onDuty("a", -1, 1), onDuty("b", -forever, 2)}, going{known: true, on: true, until: hour(2)}},
		"another schedule counts for nothing":      {[]access.Shift{onDuty("a", -1, 1), onDuty("c", -1, 9)}, going{known: true, on: true, until: hour(1)}},
		"one that ends before it begins is none":   {[]access.Shift{onDuty("a", -1, -2)}, going{known: true, until: noon}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := coverage(tc.shifts, refs, noon); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestEndOfABound(t *testing.T) {
	on := func(until float64) going { return going{known: true, on: true, until: hour(until)} }
	open := going{known: true, on: true, open: true}
	for name, tc := range map[string]struct {
		going going
		grace time.Duration
		limit float64
		want  float64 // 0: none
	}{
		"a known end":                         {on(2), 0, 9, 2},
		"a known end and a grace":             {on(2), 30 * time.Minute, 9, 2.5},
		"the cap is before the end":           {on(2), 0, 1.5, 1.5},
		"the cap is within the grace":         {on(2), time.Hour, 2.5, 2.5},
		"open: a step ahead, and no grace":    {open, 30 * time.Minute, 9, 1},
		"open: never beyond the cap":          {open, 0, 0.25, 0.25},
		"what is over has no end":             {going{known: true}, time.Hour, 9, 0},
		"what nobody knows of has no end":     {going{on: true, until: hour(2)}, 0, 9, 0},
		"what nobody knows of, and open, too": {going{on: true, open: true}, 0, 9, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := endOf(tc.going, tc.grace, time.Hour, noon, hour(tc.limit))
			if ok != (tc.want != 0) || ok && !got.Equal(hour(tc.want)) {
				t.Errorf("got %s (%v), want %s", got, ok, hour(tc.want))
			}
		})
	}
}

// The grant was given at noon, and begins with the shift at two.
func TestStartThatFollowsAShift(t *testing.T) {
	for name, tc := range map[string]struct {
		shifts []access.Shift
		want   float64 // 0: none
	}{
		"it stays":                             {[]access.Shift{onDuty("a", 2, 4)}, 2},
		"it comes sooner":                      {[]access.Shift{onDuty("a", 1, 3)}, 1},
		"it comes later":                       {[]access.Shift{onDuty("a", 3, 5)}, 3},
		"it comes sooner and is over before":   {[]access.Shift{onDuty("a", 0.5, 1)}, 0.5},
		"it is gone":                           {nil, 0},
		"what had begun and is over before":    {[]access.Shift{onDuty("a", -1, 1.5)}, 0},
		"it leaves the one that had begun":     {[]access.Shift{onDuty("a", -1, 9), onDuty("a", 1, 4)}, 1},
		"another schedule is another":          {[]access.Shift{onDuty("b", 1, 3)}, 0},
		"it stays in a shift that had begun":   {[]access.Shift{onDuty("a", -1, 3)}, 2},
		"and in one that began at noon":        {[]access.Shift{onDuty("a", 0, 3)}, 2},
		"and in one without start":             {[]access.Shift{onDuty("a", -forever, 3)}, 2},
		"an earlier one beside it is another":  {[]access.Shift{onDuty("a", 1, 1.5), onDuty("a", 2, 4)}, 2},
		"a later one beside it is another":     {[]access.Shift{onDuty("a", 5, 6), onDuty("a", 2, 4)}, 2},
		"of two that it lies in the nearer":    {[]access.Shift{onDuty("a", 1, 3), onDuty("a", 1.9, 4)}, 1.9},
		"of two that it does not the sooner":   {[]access.Shift{onDuty("a", 5, 6), onDuty("a", 3, 4)}, 3},
		"the one after it when it is given up": {[]access.Shift{onDuty("a", 8, 9), onDuty("a", -1, 1)}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			g := access.Grant{StartsAt: hour(2), CreatedAt: noon, Bound: &access.Bound{
				Until: access.Until{OnCall: []access.ShiftRef{{Schedule: "a", Level: 1}}},
			}}
			got, found := startOf(tc.shifts, g)
			if found != (tc.want != 0) || found && !got.Equal(hour(tc.want)) {
				t.Errorf("got %s (%v), want %s", got, found, hour(tc.want))
			}
		})
	}
}

func TestComingStarts(t *testing.T) {
	many := make([]access.Shift, 0, 20)
	for i := range 20 {
		many = append(many, onDuty("a", float64(20-i), float64(21-i)))
	}
	for name, tc := range map[string]struct {
		unknown bool
		shifts  []access.Shift
		since   float64
		want    []float64
	}{
		"soonest first, each once":             {false, []access.Shift{onDuty("b", 3, 5), onDuty("a", 1, 2), onDuty("c", 3, 4)}, 0, []float64{1, 3}},
		"one that has begun is not coming":     {false, []access.Shift{onDuty("a", -1, 2), onDuty("b", 0, 2), onDuty("c", -forever, 2)}, 0, nil},
		"one that began since begins now":      {false, []access.Shift{onDuty("a", -1, 2), onDuty("b", 1, 2)}, -2, []float64{0, 1}},
		"one that began since and is over":     {false, []access.Shift{onDuty("a", -1, 0)}, -2, nil},
		"one in more than a year is too far":   {false, []access.Shift{onDuty("a", 9000, 9001)}, 0, nil},
		"what is not known has no starts":      {true, []access.Shift{onDuty("a", 1, 2)}, 0, nil},
		"policy is asked of eight at the most": {false, many, 0, []float64{1, 2, 3, 4, 5, 6, 7, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			got := comingStarts(access.OnCall{Known: !tc.unknown, Shifts: tc.shifts}, hour(tc.since), noon)
			if len(got) != len(tc.want) {
				t.Fatalf("got %v, want hours %v", got, tc.want)
			}
			for i := range got {
				if !got[i].Equal(hour(tc.want[i])) {
					t.Errorf("start %d is %s, want %s", i, got[i], hour(tc.want[i]))
				}
			}
		})
	}
}
