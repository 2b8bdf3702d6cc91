package rota_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

// FuzzCalendar holds whatever a calendar may say against what every snapshot
// keeps: spans that are within what was asked for, of people who are someone.
func FuzzCalendar(f *testing.F) {
	f.Add(events("DTSTART;TZID=Europe/Berlin:20260101T200000\nDTEND;TZID=Europe/Berlin:20260102T080000\nRRULE:FREQ=WEEKLY;BYDAY=MO,-1SU;UNTIL=20270101\nEXDATE:20260302T190000Z\nBY:alice",
		"UID:0\nRECURRENCE-ID:20260309T190000Z\nDTSTART:20260309T190000Z\nDURATION:P1DT2H\nSEQUENCE:1\nSTATUS:CANCELLED\nBY:bob",
		"DTSTART;VALUE=DATE:20260302\nRRULE:FREQ=YEARLY;BYWEEKNO=10;BYSETPOS=-1\nRDATE;VALUE=PERIOD:20260303T090000Z/PT2H\nSUMMARY:bob@example.com"))
	f.Add("BEGIN:VCALENDAR\nBEGIN:VEVENT\nRECURRENCE-ID:00010101\nEND:VEVENT\nEND:VCALENDAR")
	f.Add("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:a\nEND:VTIMEZONE\nEND:VCALENDAR")
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		// What recurs almost never is bounded by the context, and slow to fuzz.
		if strings.Count(strings.ToUpper(text), "RRULE") > 3 {
			return
		}
		path := filepath.Join(dir, "a.ics")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, person := range []rota.Person{rota.ByAttendee, rota.BySummary} {
			c, err := rota.NewCalendar(rota.CalendarConfig{ID: "a", File: path, Person: person})
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Fetch(context.Background(), access.SourceAsk{Now: now})
			if err != nil {
				continue
			}
			for _, s := range got.Shifts {
				checkHeld(t, s, now)
			}
		}
	})
}

func checkHeld(t *testing.T, s access.HeldShift, now time.Time) {
	t.Helper()
	if _, err := s.Subject.Canonical(); err != nil {
		t.Errorf("%s is nobody: %v", s.Subject, err)
	}
	switch {
	case s.Start == nil, s.End == nil:
		t.Errorf("%s: an event has a start and an end", s.Subject)
	case !s.Start.Before(*s.End), !s.End.After(now), s.Start.After(now.Add(rota.LookAhead)):
		t.Errorf("%s: %s to %s is not what was asked for", s.Subject, s.Start, s.End)
	}
}
