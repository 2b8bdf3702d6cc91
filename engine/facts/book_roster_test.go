package facts_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

func TestRosterAt(t *testing.T) {
	open := access.HeldShift{Subject: carol, Shift: access.Shift{Policy: &access.Ref{ID: "boss"}, Level: 3}}
	pagerduty := onCallAt("pagerduty", 0, shift(alice, "db", -60, 60), shift(carol, "db", 60, 120), shift(alice, "web", 30, 90), open)
	rota := onCallAt("rota", -20, shift(alice, "plant", -60, 60))
	rota.Until = at(300)
	short := onCallAt("pagerduty", -20)
	short.Until = at(60)
	cases := map[string]struct {
		said   []access.Snapshot
		t      int
		filter access.RosterFilter
		want   []string // subject source/schedule known
		fault  string
	}{
		"now":            {said: []access.Snapshot{pagerduty}, want: []string{"alice pagerduty/db true", "carol pagerduty/ true"}},
		"a later time":   {said: []access.Snapshot{pagerduty}, t: 60, want: []string{"alice pagerduty/web true", "carol pagerduty/ true", "carol pagerduty/db true"}},
		"of one subject": {said: []access.Snapshot{pagerduty}, t: 60, filter: access.RosterFilter{Subject: &alice}, want: []string{"alice pagerduty/web true"}},
		"of a schedule":  {said: []access.Snapshot{pagerduty}, t: 60, filter: access.RosterFilter{Schedule: "db"}, want: []string{"carol pagerduty/db true"}},
		"of a subject on a schedule that it is not on": {
			said: []access.Snapshot{pagerduty}, t: 60, filter: access.RosterFilter{Subject: &alice, Schedule: "db"},
		},
		"what is too old is there, and is not known": {
			said: []access.Snapshot{pagerduty, rota}, want: []string{"alice pagerduty/db true", "alice rota/plant false", "carol pagerduty/ true"},
		},
		"now, though nobody has said anything": {},
		"later, though nobody has": {
			t: 1, fault: "no source has said",
		},
		"before what is known":                       {said: []access.Snapshot{pagerduty}, t: -1, fault: "from 2026-01-31T12:00:00Z to 2026-01-31T22:00:00Z, not at 2026-01-31T11:59:00Z"},
		"beyond what is known":                       {said: []access.Snapshot{pagerduty}, t: 601, fault: "to 2026-01-31T22:00:00Z"},
		"since all sources know, and not before":     {said: []access.Snapshot{pagerduty, rota}, t: -1, fault: "from 2026-01-31T12:00:00Z"},
		"whichever of them knows the least":          {said: []access.Snapshot{short, onCallAt("rota", 0)}, t: 61, fault: "from 2026-01-31T12:00:00Z to 2026-01-31T13:00:00Z"},
		"as far as all sources know, and no further": {said: []access.Snapshot{pagerduty, rota}, t: 301, fault: "to 2026-01-31T17:00:00Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			entries, err := twoSources(c.said...).At(at(c.t), noon, c.filter)
			var got []string
			for _, e := range entries {
				schedule, known := "", "false"
				if e.Schedule != nil {
					schedule = e.Schedule.ID
				}
				if e.Known {
					known = "true"
				}
				name, _, _ := strings.Cut(e.Subject.ID, "@")
				got = append(got, name+" "+e.Source+"/"+schedule+" "+known)
			}
			slices.Sort(got)
			if c.fault == "" {
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("got %v, %v; want %v", got, err, c.want)
				}
				return
			}
			if !errors.Is(err, access.ErrInvalid) || !strings.Contains(err.Error(), c.fault) || entries != nil {
				t.Errorf("got %v, %v; want %q", got, err, c.fault)
			}
		})
	}
}
