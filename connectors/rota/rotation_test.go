package rota_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

func TestHandoffAtAnHourThatIsSkippedOrComesTwice(t *testing.T) {
	cases := map[string]struct{ zone, start, handoff, first string }{
		"skipped, west of Greenwich":             {"America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00:00Z"},
		"skipped, east of Greenwich":             {"Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:00:00Z"},
		"twice, west of Greenwich":               {"America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z"},
		"twice, east of Greenwich":               {"Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"},
		"twice, and the second shows a midnight": {"Africa/Cairo", "2026-10-29", "23:30", "2026-10-29T20:30:00Z"},
		"midnight is skipped":                    {"Africa/Cairo", "2026-04-24", "00:00", "2026-04-23T22:00:00Z"},
		"half an hour comes twice":               {"Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z"},
		"the whole day is skipped":               {"Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T10:00:00Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := source(t, schedule(t, fmt.Sprintf(
				`"rotation": {"time_zone": %q, "start": %q, "handoff": %q, "every": "52 weeks", "members": ["alice", "bob"]}`, c.zone, c.start, c.handoff)))
			got := shifts(t, s, alice, at(t, c.first))
			if len(got) != 1 || !got[0].Start.Equal(at(t, c.first)) {
				t.Errorf("shifts = %s, want one that starts at %s", render(got), c.first)
			}
		})
	}
}

// TestExactlyOneMemberIsOnCall walks through a year of rotations in zones with
// and without daylight saving time.
func TestExactlyOneMemberIsOnCall(t *testing.T) {
	members := []access.Subject{alice, bob, carol}
	for _, zone := range []string{"UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo"} {
		for every, days := range map[string]int{"day": 1, "2 weeks": 14} {
			for _, handoff := range []string{"00:00", "02:30"} {
				t.Run(zone+", every "+every+" at "+handoff, func(t *testing.T) {
					t.Parallel()
					loc, err := time.LoadLocation(zone)
					if err != nil {
						t.Fatal(err)
					}
					s := source(t, schedule(t, fmt.Sprintf(
						`"rotation": {"time_zone": %q, "start": "1999-01-01", "handoff": %q, "every": %q, "members": ["alice", "bob", "carol"]}`, zone, handoff, every)))
					clock, _ := time.Parse("15:04", handoff)
					for _, now := range year(loc) {
						who, shift := onCall(t, s, members, now)
						if shift.Start.After(now) || !shift.End.After(now) {
							t.Fatalf("at %s the shift is %s", now, render([]access.Shift{*shift}))
						}
						if want := members[naiveTurn(now.In(loc), clock, days)%3]; who != want && !changesNear(now, loc) {
							t.Fatalf("at %s %s is on call, want %s", now.In(loc), who, want)
						}
						if next, _ := onCall(t, s, members, *shift.End); next == who {
							t.Fatalf("at %s, the end of their shift, %s is still on call", shift.End, who)
						}
						if first, same := onCall(t, s, members, *shift.Start); first != who || !same.End.Equal(*shift.End) {
							t.Fatalf("asked at its start %s, the shift is %s's and ends at %s, not %s", shift.Start, first, same.End, shift.End)
						}
					}
				})
			}
		}
	}
}

// year returns instants of 2026 at all times of day, closer to each other around
// a change of the clocks.
func year(loc *time.Location) []time.Time {
	var instants []time.Time
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 60 {
		instants = append(instants, begin.Add(time.Duration(i)*(146*time.Hour+37*time.Minute)))
	}
	for _, change := begin.In(loc).ZoneBounds(); !change.IsZero() && change.Year() == 2026; _, change = change.ZoneBounds() {
		for i := range 16 {
			instants = append(instants, change.Add(time.Duration(i-8)*(4*time.Hour+20*time.Minute)))
		}
	}
	return instants
}

// onCall returns the one member who is on call at t and the shift.
func onCall(t testing.TB, s *rota.Source, members []access.Subject, now time.Time) (access.Subject, *access.Shift) {
	t.Helper()
	var who access.Subject
	var found *access.Shift
	for _, m := range members {
		for _, shift := range shifts(t, s, m, now) {
			if !shift.Covers(now) {
				continue
			}
			if found != nil {
				t.Fatalf("at %s both %s and %s are on call", now, who, m)
			}
			who, found = m, &shift
		}
	}
	if found == nil {
		t.Fatalf("at %s nobody is on call", now)
	}
	return who, found
}

// naiveTurn counts hand-offs since 1 January 1999 by the local clock only.
func naiveTurn(local, handoff time.Time, days int) int {
	date := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	n := int(date.Sub(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)).Hours()) / 24
	if local.Hour()*60+local.Minute() < handoff.Hour()*60+handoff.Minute() {
		n--
	}
	return n / days
}

// changesNear reports whether the clocks change within two hours of t, where
// counting by the local clock is no measure.
func changesNear(t time.Time, loc *time.Location) bool {
	_, before := t.Add(-2 * time.Hour).In(loc).Zone()
	_, after := t.Add(2 * time.Hour).In(loc).Zone()
	return before != after
}

func BenchmarkShiftsOfAnOldRotation(b *testing.B) {
	s := source(b, schedule(b, `"rotation": {"time_zone": "Europe/Berlin", "start": "1970-01-01", "handoff": "09:00", "every": "day", "members": ["alice", "bob"]}`))
	now := at(b, "2026-03-01T00:00:00Z")
	for b.Loop() {
		if _, err := s.Shifts(b.Context(), alice, now); err != nil {
			b.Fatal(err)
		}
	}
}
