package main

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

func TestTheProbeNamesSinksThatAreNotAsTheyShouldBe(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	since, old := now.Add(-time.Minute), now.Add(-time.Hour)
	for name, tc := range map[string]struct {
		state access.SinkState
		want  string
	}{
		"one that has all":                 {access.SinkState{}, ""},
		"one that is a little behind":      {access.SinkState{Oldest: &since}, ""},
		"one that is far behind":           {access.SinkState{Oldest: &old}, "splunk is behind, by 1h0m0s"},
		"one that fails":                   {access.SinkState{Oldest: &since, FailingSince: &since}, "splunk is failing, by 1m0s"},
		"one that nobody has mended":       {access.SinkState{Oldest: &old, FailingSince: &old, Misconfigured: true}, "splunk is misconfigured, by 1h0m0s"},
		"one that is not configured now":   {access.SinkState{Oldest: &old, FailingSince: &old, RetiredAt: &since}, ""},
		"one that took a clock for slower": {access.SinkState{Oldest: new(now.Add(time.Minute)), FailingSince: &since}, "splunk is failing, by 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.state.Name = "splunk"
			if got := troubled([]access.SinkState{tc.state}, now); got != tc.want {
				t.Errorf("it says %q, want %q", got, tc.want)
			}
		})
	}
}
