package rota_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

// events wraps events into a calendar. In them "alice", "bob" and "carol" after
// the word BY: are attendees.
func events(list ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\nX-WR-CALNAME:Payments\n")
	for i, e := range list {
		for _, who := range []string{"alice", "bob", "carol"} {
			e = strings.ReplaceAll(e, "BY:"+who, "ATTENDEE:mailto:"+who+"@example.com")
		}
		if !strings.Contains(e, "UID:") {
			e = fmt.Sprintf("UID:%d\n", i) + e
		}
		b.WriteString("BEGIN:VEVENT\n" + e + "\nEND:VEVENT\n")
	}
	b.WriteString("END:VCALENDAR\n")
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// calendar is the source of a calendar in a file.
func calendar(t testing.TB, text string, cfg rota.CalendarConfig) *rota.Calendar {
	t.Helper()
	cfg.ID, cfg.File = "primary", filepath.Join(t.TempDir(), "a.ics")
	if err := os.WriteFile(cfg.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := rota.NewCalendar(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const berlin = ";TZID=Europe/Berlin:"

func TestCalendarShifts(t *testing.T) {
	cases := map[string]struct {
		text string
		now  string
		want string
	}{
		"an event in UTC": {
			events("DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-02T09:00:00Z..2026-03-02T17:00:00Z"},
		"an event in a zone": {
			events("DTSTART" + berlin + "20260302T090000\nDTEND" + berlin + "20260302T170000\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-02T08:00:00Z..2026-03-02T16:00:00Z"},
		"a zone that a program names by a path": {
			events("DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Berlin:20260302T090000\nDURATION:PT8H\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-02T08:00:00Z..2026-03-02T16:00:00Z"},
		"a zone that the calendar describes": {
			strings.Replace(events("DTSTART;TZID=Mitte:20260302T090000\nDURATION:PT8H\nBY:alice"), "BEGIN:VEVENT",
				"BEGIN:VTIMEZONE\r\nTZID:Mitte\r\nX-LIC-LOCATION:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT", 1),
			"2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-02T08:00:00Z..2026-03-02T16:00:00Z"},
		"a time without a zone is in the configured one": {
			events("DTSTART:20260302T090000\nDTEND:20260302T170000\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-02T14:00:00Z..2026-03-02T22:00:00Z"},
		"a whole day is one of the configured zone": {
			events("DTSTART;VALUE=DATE:20260302\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-02T05:00:00Z..2026-03-03T05:00:00Z"},
		"the last of whole days is the one before the end": {
			events("DTSTART;VALUE=DATE:20260307\nDTEND;VALUE=DATE:20260309\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-07T05:00:00Z..2026-03-09T04:00:00Z"},
		"a length in days is one by the calendar": {
			events("DTSTART" + berlin + "20260328T120000\nDURATION:P1D\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-28T11:00:00Z..2026-03-29T10:00:00Z"},
		"a length in hours is one by the clock": {
			events("DTSTART" + berlin + "20260328T120000\nDURATION:PT24H\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-28T11:00:00Z..2026-03-29T11:00:00Z"},
		"an event that is over is not told": {
			events("DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nBY:alice"), "2026-03-02T17:00:00Z", ""},
		"one beyond the look-ahead is not told": {
			events("DTSTART:20260402T090000Z\nDTEND:20260402T170000Z\nBY:alice"), "2026-03-02T17:00:00Z", ""},
		"one that is cancelled is not told": {
			events("DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nSTATUS:CANCELLED\nBY:alice"), "2026-03-01T00:00:00Z", ""},
		"a calendar of cancellations tells nothing": {
			strings.Replace(events("DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nBY:alice"), "VERSION:2.0", "METHOD:CANCEL", 1), "2026-03-01T00:00:00Z", ""},
		"what touches or overlaps is one": {
			events("DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nBY:alice", "DTSTART:20260302T170000Z\nDTEND:20260303T090000Z\nBY:alice\nBY:bob"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-02T09:00:00Z..2026-03-03T09:00:00Z\nbob primary/1 2026-03-02T17:00:00Z..2026-03-03T09:00:00Z"},
		"a weekly rule, by hand-over": {
			events("DTSTART:20200106T090000Z\nDTEND:20200113T090000Z\nRRULE:FREQ=WEEKLY;INTERVAL=2\nBY:alice"), "2026-03-04T00:00:00Z",
			"alice primary/1 2026-03-09T09:00:00Z..2026-03-16T09:00:00Z\nalice primary/1 2026-03-23T09:00:00Z..2026-03-30T09:00:00Z"},
		"a night shift keeps its hours across the spring change": {
			events("DTSTART" + berlin + "20260101T200000\nDTEND" + berlin + "20260102T080000\nRRULE:FREQ=DAILY;UNTIL=20260330T000000Z\nBY:alice"), "2026-03-28T12:00:00Z",
			"alice primary/1 2026-03-28T19:00:00Z..2026-03-29T06:00:00Z\nalice primary/1 2026-03-29T18:00:00Z..2026-03-30T06:00:00Z"},
		"a night shift keeps its hours across the autumn change": {
			events("DTSTART" + berlin + "20260101T200000\nDTEND" + berlin + "20260102T080000\nRRULE:FREQ=DAILY;UNTIL=20261026\nBY:alice"), "2026-10-24T12:00:00Z",
			"alice primary/1 2026-10-24T18:00:00Z..2026-10-25T07:00:00Z\nalice primary/1 2026-10-25T19:00:00Z..2026-10-26T07:00:00Z\nalice primary/1 2026-10-26T19:00:00Z..2026-10-27T07:00:00Z"},
		"a time that is skipped counts by the offset before": {
			events("DTSTART" + berlin + "20260329T023000\nDURATION:PT1H\nBY:alice"), "2026-03-28T12:00:00Z",
			"alice primary/1 2026-03-29T01:30:00Z..2026-03-29T02:30:00Z"},
		"and so it does west of Greenwich": {
			events("DTSTART;TZID=America/New_York:20260308T023000\nDURATION:PT1H\nBY:alice"), "2026-03-07T12:00:00Z",
			"alice primary/1 2026-03-08T07:30:00Z..2026-03-08T08:30:00Z"},
		"a rule ends at an instant, wherever its clock hangs": {
			events("DTSTART;TZID=America/New_York:20260301T200000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260303T000000Z\nBY:alice"), "2026-03-01T12:00:00Z",
			"alice primary/1 2026-03-02T01:00:00Z..2026-03-02T02:00:00Z"},
		"of an hour that comes twice the first counts": {
			events("DTSTART" + berlin + "20261025T023000\nDURATION:PT1H\nBY:alice"), "2026-10-24T12:00:00Z",
			"alice primary/1 2026-10-25T00:30:00Z..2026-10-25T01:30:00Z"},
		"a rule that is counted out": {
			events("DTSTART:20260301T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nBY:alice"), "2026-03-02T00:00:00Z",
			"alice primary/1 2026-03-02T00:00:00Z..2026-03-02T01:00:00Z\nalice primary/1 2026-03-03T00:00:00Z..2026-03-03T01:00:00Z"},
		"the second Tuesday of a month": {
			events("DTSTART:20250114T090000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=2TU\nBY:alice"), "2026-03-02T00:00:00Z",
			"alice primary/1 2026-03-10T09:00:00Z..2026-03-10T10:00:00Z"},
		"two shifts a day by one rule": {
			events("DTSTART:20250114T090000Z\nDURATION:PT1H\nRRULE:freq=daily;byhour=9,21;until=20260302\nBY:alice"), "2026-03-02T00:00:00Z",
			"alice primary/1 2026-03-02T09:00:00Z..2026-03-02T10:00:00Z\nalice primary/1 2026-03-02T21:00:00Z..2026-03-02T22:00:00Z"},
		"an occurrence that is taken out, by its time and by its day": {
			events("DTSTART" + berlin + "20260301T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE:20260301T080000Z,20260302T080000Z\nEXDATE;VALUE=DATE:20260303\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-04T08:00:00Z..2026-03-04T09:00:00Z"},
		"dates and periods that are put in": {
			events("DTSTART:20260301T090000Z\nDURATION:PT1H\nRDATE:20260302T090000Z\nRDATE;VALUE=PERIOD:20260303T090000Z/PT2H,20260304T090000Z/20260304T120000Z\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-01T09:00:00Z..2026-03-01T10:00:00Z\nalice primary/1 2026-03-02T09:00:00Z..2026-03-02T10:00:00Z\n" +
				"alice primary/1 2026-03-03T09:00:00Z..2026-03-03T11:00:00Z\nalice primary/1 2026-03-04T09:00:00Z..2026-03-04T12:00:00Z"},
		"an occurrence that somebody else takes over, and one that is cancelled": {
			events("UID:a\nDTSTART:20260301T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nBY:alice",
				"UID:a\nRECURRENCE-ID:20260302T090000Z\nDTSTART:20260302T100000Z\nDURATION:PT2H\nBY:bob",
				"UID:a\nRECURRENCE-ID:20260303T090000Z\nDTSTART:20260303T090000Z\nDURATION:PT1H\nSTATUS:CANCELLED\nBY:alice"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-01T09:00:00Z..2026-03-01T10:00:00Z\nbob primary/1 2026-03-02T10:00:00Z..2026-03-02T12:00:00Z"},
		"of two versions the newer holds, whatever their order": {
			events("UID:a\nSEQUENCE:2\nDTSTART:20260301T090000Z\nDURATION:PT1H\nBY:bob", "UID:a\nSEQUENCE:1\nDTSTART:20260301T090000Z\nDURATION:PT9H\nBY:alice"), "2026-03-01T00:00:00Z",
			"bob primary/1 2026-03-01T09:00:00Z..2026-03-01T10:00:00Z"},
		"a series that is cancelled takes its changes with it": {
			events("UID:a\nDTSTART:20260301T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nSTATUS:CANCELLED\nBY:alice",
				"UID:a\nRECURRENCE-ID:20260302T090000Z\nDTSTART:20260302T100000Z\nDURATION:PT2H\nBY:bob"), "2026-03-01T00:00:00Z", ""},
		"who declined and what is a room are not on call": {
			events("DTSTART:20260301T090000Z\nDURATION:PT1H\nBY:alice\nATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com\nATTENDEE;CUTYPE=ROOM:mailto:room@example.com"), "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-01T09:00:00Z..2026-03-01T10:00:00Z"},
		"names and parameters in any case, folded lines, and lines of vendors": {
			"\ufeffBEGIN:VCALENDAR\nX-EVIL;=:\nbegin:vevent\nuid:1\ndtstart;tzid=\n Europe/Berlin:20260302T0\n\t90000\nduration:pt1h\nAttendee;cn=\"Alice; A\":MAILTO:Alice@Example.com\nX-" + strings.Repeat("x", 20_000) + ":1\nend:vevent\nEND:VCALENDAR\n", "2026-03-01T00:00:00Z",
			"alice primary/1 2026-03-02T08:00:00Z..2026-03-02T09:00:00Z"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := fetch(t, calendar(t, tc.text, rota.CalendarConfig{TimeZone: "America/New_York"}), at(t, tc.now))
			if rendered := renderHeld(got.Shifts); rendered != tc.want {
				t.Errorf("got\n%s\nwant\n%s", rendered, tc.want)
			}
			if len(got.Faults) > 0 {
				t.Errorf("faults: %q", got.Faults)
			}
		})
	}
}

func TestCalendarNamesItself(t *testing.T) {
	text := events("DTSTART;VALUE=DATE:20260302\nBY:alice")
	text = strings.Replace(text, "VERSION:2.0", "X-WR-TIMEZONE:Europe/Berlin", 1)
	now := at(t, "2026-03-01T00:00:00Z")
	got := fetch(t, calendar(t, text, rota.CalendarConfig{Level: 2}), now)
	want := access.Shift{
		Source: "primary", Schedule: &access.Ref{ID: "primary", Name: "Payments"}, Level: 2,
		Start: new(at(t, "2026-03-01T23:00:00Z")), End: new(at(t, "2026-03-02T23:00:00Z")),
	}
	if len(got.Shifts) != 1 || fmt.Sprintf("%+v %+v", got.Shifts[0].Schedule, render([]access.Shift{got.Shifts[0].Shift})) != fmt.Sprintf("%+v %+v", want.Schedule, render([]access.Shift{want})) ||
		got.Shifts[0].Source != "primary" || got.Source != "primary" || got.Kind != access.SourceOnCall || !got.Until.Equal(now.Add(rota.LookAhead)) {
		t.Errorf("got %+v", got)
	}
	named := fetch(t, calendar(t, text, rota.CalendarConfig{Name: "On call", LookAhead: time.Hour, TimeZone: "Asia/Tokyo"}), at(t, "2026-03-01T14:00:00Z"))
	if len(named.Shifts) != 1 || named.Shifts[0].Schedule.Name != "On call" || named.Shifts[0].Start.Format(time.RFC3339) != "2026-03-01T15:00:00Z" {
		t.Errorf("got %+v", named)
	}
}

func TestWhomAnEventNames(t *testing.T) {
	ops := access.Subject{Type: "service", ID: "ops"}
	users := map[string]access.Subject{"Alice A.": alice, "Alice": ops, "B@old.example.com": bob, "Čapek": carol}
	cases := map[string]struct {
		person rota.Person
		lines  string
		want   string
		fault  string
	}{
		"attendees, one by another address":        {"", "ATTENDEE:mailto:b@OLD.example.com\nATTENDEE:mailto:carol@example.com", "bob carol", ""},
		"an attendee with an address beside":       {"", "ATTENDEE;EMAIL=carol@example.com:urn:uuid:1", "carol", ""},
		"an attendee who is nobody":                {"", "ATTENDEE:urn:uuid:1\nATTENDEE:mailto:carol@example.com", "carol", `"urn:uuid:1" of its attendees is not known`},
		"no attendees":                             {rota.ByAttendee, "SUMMARY:Alice", "", "it has no attendees who could be on call"},
		"the organizer":                            {rota.ByOrganizer, "ORGANIZER:mailto:carol@example.com\nATTENDEE:mailto:b@old.example.com", "carol", ""},
		"no organizer":                             {rota.ByOrganizer, "SUMMARY:x", "", "it has no organizer"},
		"a name in the title":                      {rota.BySummary, "SUMMARY:On call: ALICE a. (primary)", "alice", ""},
		"a shorter name in the title":              {rota.BySummary, "SUMMARY:Alice's week\\, on call", "ops", ""},
		"a name beyond ASCII":                      {rota.BySummary, "SUMMARY:ČAPEK", "carol", ""},
		"an address in the title":                  {rota.BySummary, "SUMMARY:payments <bob@example.com>", "bob", ""},
		"another address of theirs in the title":   {rota.BySummary, "SUMMARY:b@old.example.com", "bob", ""},
		"a name and an address of one":             {rota.BySummary, "SUMMARY:Alice A. alice@example.com", "alice", ""},
		"a name within another is not theirs":      {rota.BySummary, "SUMMARY:Malice and Alice-Bea", "", "nobody whom its title names is known"},
		"a name within an address is not theirs":   {rota.BySummary, "SUMMARY:alice@example.org", "alice@example.org", ""},
		"a title that names two is not guessed":    {rota.BySummary, "SUMMARY:Alice A. for Čapek", "", "its title names 2 people"},
		"an address in the description":            {rota.ByDescription, "SUMMARY:Alice\nDESCRIPTION:Who:\\ncarol@example.com", "carol", ""},
		"a description that names nobody":          {rota.ByDescription, "SUMMARY:Alice\nDESCRIPTION:free", "", "nobody whom its description names"},
		"an address beyond ASCII is not anybody's": {"", "ATTENDEE:mailto:älice@example.com", "", "is not known"},
		"one that folds into ASCII is not theirs":  {"", "ATTENDEE:mailto:al\u0130ce@example.com", "", "is not known"},                           // a capital I with a dot
		"nor is it in a title":                     {rota.BySummary, "SUMMARY:\u212aim@example.com", "", "nobody whom its title names is known"}, // the sign of kelvins
		"the end of an address is not theirs":      {rota.BySummary, "SUMMARY:o'alice@example.com", "o'alice", ""},
		"an address in quotes":                     {rota.BySummary, "SUMMARY:'carol@example.com'", "carol", ""},
		"nor the one that is configured":           {"", "ATTENDEE:mailto:b@old.example.com\nATTENDEE:mailto:b@old.exam\u212ale.com", "bob", "is not known"},
		"an alias is its person":                   {"", "ATTENDEE:mailto:Alias@example.com", "alice", ""},
		"an alias in a title too":                  {rota.BySummary, "SUMMARY:alias@example.com", "alice", ""},
	}
	canonical := func(s access.Subject) access.Subject {
		if s.ID == "alias@example.com" {
			return alice
		}
		return s
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := events("DTSTART:20260301T090000Z\nDURATION:PT1H\n" + tc.lines)
			got := fetch(t, calendar(t, text, rota.CalendarConfig{Person: tc.person, Users: users, Canonical: canonical}), at(t, "2026-03-01T00:00:00Z"))
			var who []string
			for _, s := range got.Shifts {
				who = append(who, strings.TrimSuffix(s.Subject.ID, "@example.com"))
			}
			if strings.Join(who, " ") != tc.want {
				t.Errorf("got %q, want %q", who, tc.want)
			}
			if faults := strings.Join(got.Faults, "\n"); !strings.Contains(faults, tc.fault) || (faults == "") != (tc.fault == "") {
				t.Errorf("faults %q, want %q", faults, tc.fault)
			}
		})
	}
}

// What can not be read puts nobody on call, is said, and leaves the rest.
func TestEventsThatCanNotBeUsed(t *testing.T) {
	const good = "DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nBY:bob"
	cases := map[string]struct{ event, want string }{
		"no start":                         {"DURATION:PT1H", "it has no DTSTART"},
		"no end":                           {"DTSTART:20260302T090000Z", "it has no end"},
		"an end before the start":          {"DTSTART:20260302T090000Z\nDTEND:20260302T080000Z", "does not end after its start"},
		"a start that is no time":          {"DTSTART:2 March\nDURATION:PT1H", `"2 March" is not a time`},
		"a start in the year 0":            {"DTSTART:00000101T000000Z\nDURATION:PT1H", "years 1 to 9998"},
		"an unknown zone":                  {"DTSTART;TZID=W. Europe Standard Time:20260302T090000\nDURATION:PT1H", "is not an IANA time zone"},
		"the machine's own zone":           {"DTSTART;TZID=Local:20260302T090000\nDURATION:PT1H", "is not an IANA time zone"},
		"a length below zero":              {"DTSTART:20260302T090000Z\nDURATION:-PT1H", "is not a length of time"},
		"a length of nothing":              {"DTSTART:20260302T090000Z\nDURATION:P", "is not a length of time"},
		"a rule that is none":              {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=NEVER", "can not be read"},
		"a rule for every hour":            {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "more than daily"},
		"a rule for every second":          {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "more than daily"},
		"the 53rd Monday of a month":       {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=53MO", "no weekday number 53"},
		"Easter":                           {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;BYEASTER=1", "BYEASTER"},
		"an interval beyond reason":        {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;INTERVAL=9223372036854775807", "its interval is not"},
		"too many times a day":             {"DTSTART:20260302T090000Z\nDURATION:PT1M\nRRULE:FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=" + numbers(60), "more than 96 times on one day"},
		"too many occurrences":             {"DTSTART:20260302T090000Z\nDURATION:PT1M\nRRULE:FREQ=DAILY;BYHOUR=9;BYMINUTE=" + numbers(60), "more than 1000 occurrences in the time"},
		"a count that is counted for ever": {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=9999999", "its count is not"},
		"an exception that is no time":     {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEXDATE:soon", `"soon" is not a time`},
		"an addition that is no time":      {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRDATE:soon", `"soon" is not a time`},
		"a rule that excludes":             {"DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY", "EXRULE"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := events("SUMMARY:Bad\nBY:alice\n"+tc.event, good)
			got := fetch(t, calendar(t, text, rota.CalendarConfig{}), at(t, "2026-03-02T00:00:00Z"))
			if rendered := renderHeld(got.Shifts); rendered != "bob primary/1 2026-03-02T09:00:00Z..2026-03-02T17:00:00Z" {
				t.Errorf("got %s", rendered)
			}
			if len(got.Faults) != 1 || !strings.Contains(got.Faults[0], tc.want) || !strings.HasPrefix(got.Faults[0], `The event "Bad" of `) {
				t.Errorf("faults %q, want %s", got.Faults, tc.want)
			}
		})
	}
}

func TestChangesThatCanNotBeReadTakeTheirOccurrenceAway(t *testing.T) {
	const series = "UID:a\nDTSTART:20260301T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nBY:alice"
	cases := map[string]struct{ change, want string }{
		"the change has no end": {
			"UID:a\nRECURRENCE-ID:20260302T090000Z\nDTSTART:20260302T100000Z\nBY:bob",
			"alice primary/1 2026-03-01T09:00:00Z..2026-03-01T10:00:00Z\nalice primary/1 2026-03-03T09:00:00Z..2026-03-03T10:00:00Z"},
		"what it changes can not be told": {
			"UID:a\nRECURRENCE-ID:then\nDTSTART:20260302T100000Z\nDURATION:PT1H\nBY:bob", ""},
		"it is for all that come later": {
			"UID:a\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260302T090000Z\nDTSTART:20260302T100000Z\nDURATION:PT1H\nBY:bob",
			"alice primary/1 2026-03-01T09:00:00Z..2026-03-01T10:00:00Z"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := fetch(t, calendar(t, events(series, tc.change), rota.CalendarConfig{}), at(t, "2026-03-01T00:00:00Z"))
			if rendered := renderHeld(got.Shifts); rendered != tc.want || len(got.Faults) != 1 {
				t.Errorf("got %s, faults %q; want %s and one fault", rendered, got.Faults, tc.want)
			}
		})
	}
}

func TestFaultsOfACalendarAreBounded(t *testing.T) {
	bad := make([]string, 100)
	for i := range bad {
		bad[i] = "SUMMARY:" + strings.Repeat("x\x1b", 500) + "\nDTSTART:soon"
	}
	got := fetch(t, calendar(t, events(bad...), rota.CalendarConfig{}), time.Now())
	if len(got.Faults) != 21 || !strings.Contains(got.Faults[20], "80 more") || len(got.Faults[0]) > 300 || strings.Contains(got.Faults[0], "\x1b") {
		t.Errorf("%d faults: %q", len(got.Faults), got.Faults)
	}
}

func TestWhatIsNoCalendarIsAnError(t *testing.T) {
	good := events("DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nBY:bob")
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":                   {"", "nothing is in it"},
		"a page":                    {"<!DOCTYPE html>\n<p>Sign in</p>", "it is not a calendar"},
		"an event by itself":        {"BEGIN:VEVENT\nEND:VEVENT", "does not begin with BEGIN:VCALENDAR"},
		"one that breaks off":       {strings.TrimSuffix(good, "END:VCALENDAR\r\n"), "breaks off"},
		"one that goes on":          {good + good, "goes on after its end"},
		"one that ends in disorder": {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VTODO\nEND:VCALENDAR", "it can not be read"},
		"one nested for ever":       {"BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:X\n", 1_000_000), "nested deeper than"},
		"one that nests by a trick": {"BEGIN:VCALENDAR\n" + strings.Repeat("BE\n GIN;x=y:X\n", 100_000), "nested deeper than"},
		"one with too many events":  {"BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nEND:VEVENT\n", 100_001), "more than 100000 events"},
		"one with an endless line":  {"BEGIN:VCALENDAR\nSUMMARY" + strings.Repeat(";A=B", 10_000) + ":x\nEND:VCALENDAR", "more than 16384 bytes"},
		"one that is too large":     {"BEGIN:VCALENDAR\n" + strings.Repeat("x", 8<<20), "more than 8 MiB"},
		"one of another calendar":   {"BEGIN:VCALENDAR\nCALSCALE:HEBREW\nEND:VCALENDAR", "Gregorian"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := calendar(t, tc.text, rota.CalendarConfig{}).Fetch(t.Context(), access.SourceAsk{Now: time.Now()})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "calendar primary: ") {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestLookingForRareOccurrencesEndsWithTheContext(t *testing.T) {
	never := make([]string, 2000)
	for i := range never {
		never[i] = "DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\nBY:alice"
	}
	c := calendar(t, events(never...), rota.CalendarConfig{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := c.Fetch(ctx, access.SourceAsk{Now: time.Now()}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestCalendarIsServed(t *testing.T) {
	text, status, asked := events("DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nBY:alice"), http.StatusOK, 0
	var seen http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, seen = asked+1, r.Header
		if status == http.StatusOK && r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Last-Modified", "Mon, 02 Mar 2026 00:00:00 GMT")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	defer server.Close()
	c, err := rota.NewCalendar(rota.CalendarConfig{
		ID: "primary", URL: server.URL + "/private-5f4dcc3b5aa765d61d83/basic.ics?key=hunter2hunter2", Headers: map[string]string{"Authorization": "Bearer hunter2-hunter2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	now := at(t, "2026-03-01T00:00:00Z")
	for _, later := range []time.Duration{0, time.Hour} {
		got := fetch(t, c, now.Add(later))
		if len(got.Shifts) != 1 || !got.FetchedAt.Equal(now.Add(later)) {
			t.Errorf("got %+v", got)
		}
	}
	if asked != 2 || seen.Get("If-None-Match") != `"1"` || seen.Get("If-Modified-Since") == "" || seen.Get("Authorization") != "Bearer hunter2-hunter2" {
		t.Errorf("asked %d times, last with %v", asked, seen)
	}
	status, text = http.StatusNotFound, "no /private-5f4dcc3b5aa765d61d83/ here, Bearer hunter2-hunter2"
	_, err = c.Fetch(t.Context(), access.SourceAsk{Now: now})
	if err == nil || !strings.Contains(err.Error(), "404 Not Found") || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "5f4dcc") {
		t.Errorf("got %v", err)
	}
	server.Close()
	_, err = c.Fetch(t.Context(), access.SourceAsk{Now: now})
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "5f4dcc") {
		t.Errorf("got %v", err)
	}
}

func TestCalendarThatCouldNotBeReadIsAskedForAgain(t *testing.T) {
	text := "BEGIN:VCALENDAR\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") != "" {
			t.Error("the broken calendar counts as taken")
		}
		_, _ = w.Write([]byte(text))
	}))
	defer server.Close()
	c, err := rota.NewCalendar(rota.CalendarConfig{ID: "primary", URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fetch(t.Context(), access.SourceAsk{Now: time.Now()}); err == nil {
		t.Error("a calendar that breaks off was taken")
	}
	text = events()
	fetch(t, c, time.Now())
}

func TestCalendarConfigFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  rota.CalendarConfig
		want string
	}{
		"no id":                  {rota.CalendarConfig{File: "x"}, "the id"},
		"an id with a space":     {rota.CalendarConfig{ID: "a b", File: "x"}, "the id"},
		"neither file nor URL":   {rota.CalendarConfig{ID: "a"}, "want one of a file and a URL"},
		"both":                   {rota.CalendarConfig{ID: "a", File: "x", URL: "https://x/"}, "want one of a file and a URL"},
		"no URL":                 {rota.CalendarConfig{ID: "a", URL: "webcal://hunter2/"}, "not an absolute http or https URL"},
		"headers of a file":      {rota.CalendarConfig{ID: "a", File: "x", Headers: map[string]string{"A": "b"}}, "headers are for a URL"},
		"no header":              {rota.CalendarConfig{ID: "a", URL: "https://x/", Headers: map[string]string{"A b": "b"}}, "is not the name of a header"},
		"a header of two lines":  {rota.CalendarConfig{ID: "a", URL: "https://x/", Headers: map[string]string{"A": "hunter2\r\nB: c"}}, "a header can not hold"},
		"a level below one":      {rota.CalendarConfig{ID: "a", File: "x", Level: -1}, "-1 is not a level"},
		"a zone that is none":    {rota.CalendarConfig{ID: "a", File: "x", TimeZone: "Local"}, "is not an IANA time zone"},
		"a person from nowhere":  {rota.CalendarConfig{ID: "a", File: "x", Person: "stars"}, "is not where an event names a person"},
		"a look-ahead too short": {rota.CalendarConfig{ID: "a", File: "x", LookAhead: time.Minute}, "look-ahead 1m0s"},
		"a name of nothing":      {rota.CalendarConfig{ID: "a", File: "x", Users: map[string]access.Subject{" ": alice}}, "users has an empty name"},
		"a name of two people":   {rota.CalendarConfig{ID: "a", File: "x", Users: map[string]access.Subject{"Kim": alice, "KIM": bob}}, `users has "kim" for alice@example.com and for bob@example.com`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rota.NewCalendar(tc.cfg)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	cfg := rota.CalendarConfig{ID: "a", URL: "https://x/hunter2", Headers: map[string]string{"A": "hunter2"}}
	if text := fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg); strings.Contains(text, "hunter2") {
		t.Errorf("the configuration prints as %s", text)
	}
}

func numbers(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	return strings.Join(list, ",")
}
