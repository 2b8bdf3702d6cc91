package rota_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

func TestFaultsAreNamedByTheirPlace(t *testing.T) {
	rotation := func(field, value string) string {
		fields := map[string]string{"time_zone": `"UTC"`, "start": `"2026-01-05"`, "handoff": `"09:00"`, "every": `"week"`, "members": `["alice"]`, "level": "1"}
		fields[field] = value
		var parts []string
		for k, v := range fields {
			parts = append(parts, fmt.Sprintf("%q: %s", k, v))
		}
		return `"rotation": {` + strings.Join(parts, ", ") + `}`
	}
	cases := map[string]struct{ rota, want string }{
		"a shift of nobody":             {`"shifts": [{"subject": ""}]`, `schedules[0].shifts[0].subject: `},
		"a subject without a type":      {`"shifts": [{"subject": "alice@example.com"}]`, `schedules[0].shifts[0].subject: `},
		"a user who is not an address":  {`"shifts": [{"subject": "user:al"}]`, `schedules[0].shifts[0].subject: `},
		"level zero":                    {`"shifts": [{"subject": "alice", "level": 0}]`, `schedules[0].shifts[0].level: 0 is not a level`},
		"a date where a time belongs":   {`"shifts": [{"subject": "alice", "start": "2026-01-05"}]`, `schedules[0].shifts[0].start: "2026-01-05" is not a time`},
		"a time without an offset":      {`"shifts": [{"subject": "alice", "end": "2026-01-05T09:00:00"}]`, `schedules[0].shifts[0].end: `},
		"an empty time":                 {`"shifts": [{"subject": "alice", "end": ""}]`, `schedules[0].shifts[0].end: `},
		"a year that JSON can not hold": {`"shifts": [{"subject": "alice", "end": "9999-12-31T23:59:59-01:00"}]`, `schedules[0].shifts[0].end: `},
		"an end before its start": {`"shifts": [{"subject": "alice", "start": "2026-01-05T09:00:00Z", "end": "2026-01-05T08:00:00Z"}]`,
			`schedules[0].shifts[0]: it ends at 2026-01-05T08:00:00Z, which is not after its start`},
		"an end at its start": {`"shifts": [{"subject": "alice", "start": "2026-01-05T09:00:00Z", "end": "2026-01-05T10:00:00+01:00"}]`,
			`schedules[0].shifts[0]: it ends at`},
		"an end before the first year":  {`"shifts": [{"subject": "alice", "start": "2026-01-05T09:00:00Z", "end": "0001-01-01T00:00:00Z"}]`, `schedules[0].shifts[0]: it ends at`},
		"an override without an end":    {`"overrides": [{"subject": "alice", "start": "2026-01-05T09:00:00Z"}]`, `schedules[0].overrides[0].end: "" is not a time`},
		"an override below level one":   {`"overrides": [{"subject": "alice", "level": -1, "start": "2026-01-05T09:00:00Z", "end": "2026-01-06T09:00:00Z"}]`, `schedules[0].overrides[0].level: `},
		"a time zone nobody knows":      {rotation("time_zone", `"Europe/Atlantis"`), `schedules[0].rotation.time_zone: "Europe/Atlantis" is not`},
		"the machine's time zone":       {rotation("time_zone", `"Local"`), `schedules[0].rotation.time_zone: `},
		"no time zone":                  {rotation("time_zone", `""`), `schedules[0].rotation.time_zone: `},
		"a start that is no date":       {rotation("start", `"2026-02-30"`), `schedules[0].rotation.start: `},
		"a start before all calendars":  {rotation("start", `"0000-01-01"`), `schedules[0].rotation.start: `},
		"a hand-off at no time of day":  {rotation("handoff", `"24:00"`), `schedules[0].rotation.handoff: `},
		"a hand-off with seconds":       {rotation("handoff", `"09:00:00"`), `schedules[0].rotation.handoff: `},
		"a turn of a month":             {rotation("every", `"month"`), `schedules[0].rotation.every: "month" is not`},
		"a turn of no length":           {rotation("every", `"0 days"`), `schedules[0].rotation.every: `},
		"a turn of many years":          {rotation("every", `"999 weeks"`), `schedules[0].rotation.every: `},
		"a rotation of nobody":          {rotation("members", `[]`), `schedules[0].rotation.members: it is empty`},
		"a member without a type":       {rotation("members", `["alice", "dave"]`), `schedules[0].rotation.members[1]: `},
		"a rotation at level zero":      {rotation("level", `0`), `schedules[0].rotation.level: `},
		"a percent sign in a bad value": {rotation("every", `"100%d"`), `schedules[0].rotation.every: "100%d" is not`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := schedule(t, c.rota)
			err := f.Validate()
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Validate() = %v, want one fault %q", err, c.want)
			}
			if _, err := rota.New(f); err == nil {
				t.Error("New took the file")
			}
		})
	}
}

func TestAllFaultsAreListed(t *testing.T) {
	f := decode(t, `{"schedules": [
		{"id": "a", "shifts": [{"subject": "alice"}, {"subject": "x", "level": 0, "start": "y"}]},
		{"id": ""},
		{"id": " c"},
		{"id": "a", "rotation": {"time_zone": "", "start": "", "handoff": "", "every": "", "members": []}}]}`)
	var places []string
	for line := range strings.Lines(f.Validate().Error()) {
		place, _, _ := strings.Cut(line, ": ")
		places = append(places, place)
	}
	const want = "schedules[0].shifts[1].subject schedules[0].shifts[1].start schedules[0].shifts[1].level " +
		"schedules[1].id schedules[2].id schedules[3].id " +
		"schedules[3].rotation.time_zone schedules[3].rotation.every schedules[3].rotation.start schedules[3].rotation.handoff schedules[3].rotation.members"
	if got := strings.Join(places, " "); got != want {
		t.Errorf("places:\n%s\nwant:\n%s", got, want)
	}
}

func TestWrongSubjectIsInvalid(t *testing.T) {
	if err := schedule(t, `"shifts": [{"subject": "nobody"}]`).Validate(); !errors.Is(err, access.ErrInvalid) {
		t.Errorf("Validate() = %v, want ErrInvalid", err)
	}
}
