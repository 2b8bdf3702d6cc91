package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
)

func TestFreshnessAndFaultsOfSourcesStandBelowWhoIsOnCall(t *testing.T) {
	at := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	age := int64(75)
	var out, errs bytes.Buffer
	c := &cli{stdio: stdio{Out: &out, Err: &errs}}
	page := engine.OnCallPage{
		Page: engine.Page[access.RosterEntry]{
			Items: []access.RosterEntry{
				{Subject: access.Subject{Type: "user", ID: "alice@example.com"}, Source: "pagerduty", Policy: &access.Ref{ID: "PX", Name: "Payments"}, Level: 3, Start: &at},
			},
			NextCursor: new("c1"),
		},
		Sources: []access.SourceState{
			{Name: "pagerduty", Kind: access.SourceOnCall, FetchedAt: &at, AgeSeconds: &age, Until: &at, FailedSince: &at, Error: "it is\x1b[2J down", Faults: []string{"two accounts have one address"}},
			{Name: "ops", Kind: access.SourceOnCall, Known: true, FetchedAt: &at, AgeSeconds: &age},
			{Name: "rota", Kind: access.SourceOnCall},
		},
	}
	if err := c.printOnCall(page); err != nil {
		t.Fatal(err)
	}
	want := `SCHEDULE  POLICY         LEVEL  SUBJECT                 SINCE                 UNTIL  SOURCE
-         Payments (PX)  3      user:alice@example.com  2026-01-31T09:00:00Z  open   pagerduty

SOURCE     TELLS   ASKED                          KNOWS-UNTIL
pagerduty  oncall  1m15s ago: too old, not known  2026-01-31T09:00:00Z
ops        oncall  1m15s ago                      -
rota       oncall  never: not known               -
pagerduty: not answering since 2026-01-31T09:00:00Z: it is` + "\uFFFD" + `[2J down
pagerduty: two accounts have one address
`
	if out.String() != want || !strings.Contains(errs.String(), "--cursor c1") {
		t.Errorf("printed\n%swant\n%s%s", &out, want, &errs)
	}
}

func TestSourcesThatAreNotWellAreDegradedAndNeverUnavailable(t *testing.T) {
	at := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	well, failing, stale := access.SourceState{Name: "a", Known: true}, access.SourceState{Name: "b", Known: true, FailedSince: &at}, access.SourceState{Name: "c", FailedSince: &at}
	for name, c := range map[string]struct {
		states []access.SourceState
		status string
		says   []string
	}{
		"there are none":      {nil, api.StatusOK, nil},
		"all are well":        {[]access.SourceState{well, well}, api.StatusOK, nil},
		"one does not answer": {[]access.SourceState{well, failing}, api.StatusDegraded, []string{"1 source of facts does not answer"}},
		"two are too old":     {[]access.SourceState{stale, well, stale}, api.StatusDegraded, []string{"2 sources of facts are too old to count"}},
		"one is each":         {[]access.SourceState{stale, failing}, api.StatusDegraded, []string{"1 source of facts is too old", "; 1 source of facts does not answer"}},
	} {
		got := sourcesCheck(c.states)
		if got.Name != "sources" || got.Status != c.status || (len(c.says) == 0) != (got.Detail == "") {
			t.Errorf("%s: %+v", name, got)
		}
		for _, says := range c.says {
			if !strings.Contains(got.Detail, says) {
				t.Errorf("%s: %q does not say %q", name, got.Detail, says)
			}
		}
	}
}
