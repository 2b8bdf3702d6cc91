package rota_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

var (
	alice = access.Subject{Type: access.TypeUser, ID: "alice@example.com"}
	bob   = access.Subject{Type: access.TypeUser, ID: "bob@example.com"}
	carol = access.Subject{Type: access.TypeUser, ID: "carol@example.com"}
)

// decode reads a rota as strictly as the program does. In the text alice, bob
// and carol stand for their subjects.
func decode(t testing.TB, text string) rota.File {
	t.Helper()
	for _, s := range []access.Subject{alice, bob, carol} {
		name, _, _ := strings.Cut(s.ID, "@")
		text = strings.ReplaceAll(text, `"`+name+`"`, `"`+s.String()+`"`)
	}
	var f rota.File
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	return f
}

// schedule returns a file with one schedule, whose members text holds.
func schedule(t testing.TB, text string) rota.File {
	t.Helper()
	return decode(t, `{"schedules": [{"id": "primary", "name": "Primary", `+text+`}]}`)
}

func source(t testing.TB, f rota.File) *rota.Source {
	t.Helper()
	s, err := rota.New(f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shifts(t testing.TB, s *rota.Source, who access.Subject, now time.Time) []access.Shift {
	t.Helper()
	got, err := s.Shifts(t.Context(), who, now)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Known || got.AgeSeconds == nil || *got.AgeSeconds != 0 {
		t.Fatalf("known = %v, age = %v; a file is always known and never old", got.Known, got.AgeSeconds)
	}
	return got.Shifts
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// render writes shifts as "primary/1 <start>..<end>", "-" being unbounded.
func render(list []access.Shift) string {
	stamp := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return t.Format(time.RFC3339)
	}
	var b bytes.Buffer
	for _, s := range list {
		fmt.Fprintf(&b, "%s/%d %s..%s\n", s.Schedule.ID, s.Level, stamp(s.Start), stamp(s.End))
	}
	return strings.TrimSpace(b.String())
}

func TestShifts(t *testing.T) {
	const week = `"rotation": {"time_zone": "UTC", "start": "2020-01-06", "handoff": "09:00", "every": "week", "members": ["alice", "bob"]}`
	cases := map[string]struct {
		rota string
		who  access.Subject
		now  string
		want string
	}{
		"a shift without bounds is for ever": {
			`"shifts": [{"subject": "alice", "start": null, "end": null}]`, alice, "2026-03-01T00:00:00Z",
			"primary/1 -..-"},
		"somebody else's shift is not mine": {
			`"shifts": [{"subject": "alice", "start": null, "end": null}]`, bob, "2026-03-01T00:00:00Z",
			""},
		"a subject is made canonical": {
			`"shifts": [{"subject": "user:ALICE@example.com", "start": null, "end": null}]`, alice, "2026-03-01T00:00:00Z",
			"primary/1 -..-"},
		"a shift covers its first instant": {
			`"shifts": [{"subject": "alice", "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}]`, alice, "2026-03-01T00:00:00Z",
			"primary/1 2026-03-01T00:00:00Z..2026-03-02T00:00:00Z"},
		"a shift is over at its end": {
			`"shifts": [{"subject": "alice", "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}]`, alice, "2026-03-02T00:00:00Z",
			""},
		"times are told in UTC": {
			`"shifts": [{"subject": "alice", "start": "2026-03-01T00:00:00+02:00", "end": null}]`, alice, "2026-03-01T00:00:00Z",
			"primary/1 2026-02-28T22:00:00Z..-"},
		"shifts that touch or overlap are one": {
			`"shifts": [
				{"subject": "alice", "start": "2026-03-03T00:00:00Z", "end": "2026-03-04T00:00:00Z"},
				{"subject": "alice", "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"},
				{"subject": "alice", "start": "2026-03-02T00:00:00Z", "end": "2026-03-03T12:00:00Z"}]`, alice, "2026-03-01T12:00:00Z",
			"primary/1 2026-03-01T00:00:00Z..2026-03-04T00:00:00Z"},
		"shifts of two levels stay apart": {
			`"shifts": [
				{"subject": "alice", "level": 2, "start": "2026-03-01T00:00:00Z", "end": "2026-03-03T00:00:00Z"},
				{"subject": "alice", "level": 1, "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}]`, alice, "2026-03-01T12:00:00Z",
			"primary/1 2026-03-01T00:00:00Z..2026-03-02T00:00:00Z\nprimary/2 2026-03-01T00:00:00Z..2026-03-03T00:00:00Z"},
		"a shift that begins on the horizon is told and a later one is not": {
			`"shifts": [
				{"subject": "alice", "start": "2026-03-31T00:00:00Z", "end": "2026-03-31T01:00:00Z"},
				{"subject": "alice", "start": "2026-03-31T02:00:00Z", "end": null}]`, alice, "2026-03-01T00:00:00Z",
			"primary/1 2026-03-31T00:00:00Z..2026-03-31T01:00:00Z"},
		"a rotation hands over every week": {
			week, bob, "2026-03-02T08:00:00Z",
			"primary/1 2026-03-02T09:00:00Z..2026-03-09T09:00:00Z\nprimary/1 2026-03-16T09:00:00Z..2026-03-23T09:00:00Z\nprimary/1 2026-03-30T09:00:00Z..2026-04-06T09:00:00Z"},
		"nobody is on call before a rotation starts": {
			week, alice, "2020-01-06T08:59:59Z",
			"primary/1 2020-01-06T09:00:00Z..2020-01-13T09:00:00Z\nprimary/1 2020-01-20T09:00:00Z..2020-01-27T09:00:00Z\nprimary/1 2020-02-03T09:00:00Z..2020-02-10T09:00:00Z"},
		"a rotation of one never ends": {
			`"rotation": {"time_zone": "UTC", "start": "2020-01-06", "handoff": "09:00", "every": "day", "members": ["alice"]}`, alice, "2026-03-02T08:00:00Z",
			"primary/1 2020-01-06T09:00:00Z..-"},
		"two turns in a row are one shift": {
			`"rotation": {"time_zone": "UTC", "start": "2026-03-01", "handoff": "00:00", "every": "10 days", "members": ["bob", "alice", "alice"]}`, alice, "2026-03-22T00:00:00Z",
			"primary/1 2026-03-11T00:00:00Z..2026-03-31T00:00:00Z\nprimary/1 2026-04-10T00:00:00Z..2026-04-30T00:00:00Z"},
		"a turn across the spring change is an hour shorter": {
			`"rotation": {"time_zone": "Europe/Berlin", "start": "2026-03-28", "handoff": "09:00", "every": "day", "members": ["alice", "bob", "carol"]}`, alice, "2026-03-28T12:00:00Z",
			"primary/1 2026-03-28T08:00:00Z..2026-03-29T07:00:00Z\n" + days("2026-03-31T07:00:00Z", 3, 10)},
		"a turn across the autumn change is an hour longer": {
			`"rotation": {"time_zone": "America/New_York", "start": "2026-10-31", "handoff": "12:00", "every": "30 days", "members": ["alice", "bob"]}`, alice, "2026-11-01T12:00:00Z",
			"primary/1 2026-10-31T16:00:00Z..2026-11-30T17:00:00Z"},
		"a hand-off counts although the clocks then go back to the day before": {
			`"rotation": {"time_zone": "America/St_Johns", "start": "2006-09-29", "handoff": "00:00", "every": "30 days", "members": ["alice", "bob"]}`, bob, "2006-10-29T03:00:00Z",
			"primary/1 2006-10-29T02:30:00Z..2006-11-28T03:30:00Z"},
		"an override takes the level over": {
			week + `, "overrides": [{"subject": "carol", "start": "2026-03-03T00:00:00Z", "end": "2026-03-04T00:00:00Z"}]`, bob, "2026-03-02T12:00:00Z",
			"primary/1 2026-03-02T09:00:00Z..2026-03-03T00:00:00Z\nprimary/1 2026-03-04T00:00:00Z..2026-03-09T09:00:00Z\n" +
				"primary/1 2026-03-16T09:00:00Z..2026-03-23T09:00:00Z\nprimary/1 2026-03-30T09:00:00Z..2026-04-06T09:00:00Z"},
		"who overrides is on call": {
			week + `, "overrides": [{"subject": "carol", "start": "2026-03-03T00:00:00Z", "end": "2026-03-04T00:00:00Z"}]`, carol, "2026-03-02T12:00:00Z",
			"primary/1 2026-03-03T00:00:00Z..2026-03-04T00:00:00Z"},
		"an override takes shifts over too": {
			`"shifts": [{"subject": "alice", "start": null, "end": null}],
			 "overrides": [{"subject": "bob", "start": "2026-03-03T00:00:00Z", "end": "2026-03-04T00:00:00Z"}]`, alice, "2026-03-02T12:00:00Z",
			"primary/1 -..2026-03-03T00:00:00Z\nprimary/1 2026-03-04T00:00:00Z..-"},
		"an override leaves other levels alone": {
			`"shifts": [{"subject": "alice", "start": null, "end": null}],
			 "overrides": [{"subject": "bob", "level": 2, "start": "2026-03-03T00:00:00Z", "end": "2026-03-04T00:00:00Z"}]`, alice, "2026-03-02T12:00:00Z",
			"primary/1 -..-"},
		"the last of two overrides holds": {
			`"overrides": [
				{"subject": "alice", "start": "2026-03-03T00:00:00Z", "end": "2026-03-06T00:00:00Z"},
				{"subject": "bob", "start": "2026-03-04T00:00:00Z", "end": "2026-03-05T00:00:00Z"}]`, alice, "2026-03-02T12:00:00Z",
			"primary/1 2026-03-03T00:00:00Z..2026-03-04T00:00:00Z\nprimary/1 2026-03-05T00:00:00Z..2026-03-06T00:00:00Z"},
		"overriding oneself changes nothing": {
			`"shifts": [{"subject": "alice", "start": null, "end": null}],
			 "overrides": [{"subject": "alice", "start": "2026-03-03T00:00:00Z", "end": "2026-03-04T00:00:00Z"}]`, alice, "2026-03-02T12:00:00Z",
			"primary/1 -..-"},
		"an override that touches a turn makes one shift": {
			week + `, "overrides": [{"subject": "bob", "start": "2026-03-09T09:00:00Z", "end": "2026-03-16T09:00:00Z"}]`, bob, "2026-03-04T00:00:00Z",
			"primary/1 2026-03-02T09:00:00Z..2026-03-23T09:00:00Z\nprimary/1 2026-03-30T09:00:00Z..2026-04-06T09:00:00Z"},
		"a shift that outlasts every turn of the rotation is for ever": {
			week + `, "shifts": [{"subject": "bob", "start": "2026-03-01T00:00:00Z", "end": null}]`, bob, "2026-03-04T00:00:00Z",
			"primary/1 2026-03-01T00:00:00Z..-"},
		"the end is true beyond the horizon": {
			week + `, "overrides": [{"subject": "bob", "start": "2026-03-09T09:00:00Z", "end": "2026-12-23T00:00:00Z"}]`, bob, "2026-03-04T00:00:00Z",
			"primary/1 2026-03-02T09:00:00Z..2026-12-28T09:00:00Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := render(shifts(t, source(t, schedule(t, c.rota)), c.who, at(t, c.now)))
			if got != c.want {
				t.Errorf("shifts:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

// days renders n daily turns, each so many days after the other.
func days(first string, every, n int) string {
	t, _ := time.Parse(time.RFC3339, first)
	lines := make([]string, n)
	for i := range lines {
		from := t.AddDate(0, 0, i*every)
		lines[i] = "primary/1 " + from.Format(time.RFC3339) + ".." + from.AddDate(0, 0, 1).Format(time.RFC3339)
	}
	return strings.Join(lines, "\n")
}

func TestShiftsAreOrderedByStartThenScheduleThenLevel(t *testing.T) {
	s := source(t, decode(t, `{"schedules": [
		{"id": "b", "shifts": [
			{"subject": "alice", "level": 2, "start": null, "end": null},
			{"subject": "alice", "level": 1, "start": null, "end": null}]},
		{"id": "a", "shifts": [
			{"subject": "alice", "start": "2026-03-02T00:00:00Z", "end": null},
			{"subject": "alice", "level": 3, "start": null, "end": null}]}]}`))
	const want = "a/3 -..-\nb/1 -..-\nb/2 -..-\na/1 2026-03-02T00:00:00Z..-"
	if got := render(shifts(t, s, alice, at(t, "2026-03-01T00:00:00Z"))); got != want {
		t.Errorf("shifts:\n%s\nwant:\n%s", got, want)
	}
}
