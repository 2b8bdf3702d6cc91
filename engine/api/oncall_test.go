package api_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// onCall lets two sources say who is on call, and returns when.
func (w *world) onCall() time.Time {
	w.t.Helper()
	now := w.ledger.Now()
	soon, late := now.Add(time.Hour), now.Add(2*time.Hour)
	db, boss := &access.Ref{ID: "db", Name: "Database"}, &access.Ref{ID: "boss"}
	w.roster.Put(access.Snapshot{
		Source: "pagerduty", Kind: access.SourceOnCall, FetchedAt: now, Until: now.Add(24 * time.Hour), Faults: []string{"two accounts have one address"},
		Shifts: []access.HeldShift{
			{Subject: bob, Shift: access.Shift{Schedule: db, Policy: boss, Level: 2, Start: &now}},
			{Subject: alice, Shift: access.Shift{Schedule: db, Policy: boss, Level: 1, Start: &now, End: &soon}},
			{Subject: carol, Shift: access.Shift{Schedule: db, Policy: boss, Level: 1, Start: &soon, End: &late}},
			{Subject: carol, Shift: access.Shift{Policy: boss, Level: 10}},
		},
	})
	since := now.Add(-time.Minute)
	w.roster.Failing("rota", &since, "it can not be read")
	return now
}

// whose lists the subjects of a page, in order.
func whose(page engine.OnCallPage) (names []string) {
	for _, e := range page.Items {
		name, _, _ := strings.Cut(e.Subject.ID, "@")
		names = append(names, name)
	}
	return names
}

func TestWhoIsOnCallIsListed(t *testing.T) {
	w := newWorld(t)
	now := w.onCall()
	later := url.QueryEscape(now.Add(time.Hour).Format(time.RFC3339Nano))
	cases := map[string]struct {
		query string
		want  []string
	}{
		"now, by schedule, policy and level":   {"", []string{"carol", "alice", "bob"}},
		"an hour later":                        {"?at=" + later, []string{"carol", "carol", "bob"}},
		"one subject":                          {"?subject=user:ALICE@example.com", []string{"alice"}},
		"one subject, when it is not any more": {"?subject=user:alice@example.com&at=" + later, nil},
		"one schedule":                         {"?schedule=db", []string{"alice", "bob"}},
		"a schedule that there is not":         {"?schedule=x", nil},
		"a page of two":                        {"?limit=2", []string{"carol", "alice"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rec := w.get("/v1/oncall" + c.query)
			conforms(t, "GET", "/v1/oncall", rec)
			page := want[engine.OnCallPage](t, rec, 200)
			if !slices.Equal(whose(page), c.want) || page.Items == nil || (page.NextCursor != nil) != strings.Contains(c.query, "limit") {
				t.Errorf("got %v, cursor %v; want %v", whose(page), page.NextCursor, c.want)
			}
			if len(page.Sources) != 2 || !page.Sources[0].Known || page.Sources[1].Known || page.Sources[1].Error != "it can not be read" || len(page.Sources[0].Faults) != 1 {
				t.Errorf("sources are %+v", page.Sources)
			}
		})
	}
}

func TestWhoIsOnCallComesInPages(t *testing.T) {
	w := newWorld(t)
	w.onCall()
	var got []string
	for next := ""; ; {
		page := want[engine.OnCallPage](t, w.get("/v1/oncall?limit=1"+next), 200)
		got = append(got, whose(page)...)
		if page.NextCursor == nil {
			break
		}
		next = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
	if want := []string{"carol", "alice", "bob"}; !slices.Equal(got, want) {
		t.Errorf("pages of one are %v, want %v", got, want)
	}
}

func TestWhatIsAskedAboutWhoIsOnCallIsChecked(t *testing.T) {
	w := newWorld(t)
	now := w.onCall()
	at := func(d time.Duration) string {
		return "?at=" + url.QueryEscape(now.Add(d).Format(time.RFC3339))
	}
	for query, wanted := range map[string]struct{ code, says string }{
		at(25 * time.Hour):    {"time_not_known", "known from"},
		at(-time.Hour):        {"time_not_known", "known from"},
		"?at=tomorrow":        {"invalid_time", "at:"},
		"?subject=alice":      {"invalid_subject", "subject:"},
		"?subject=user:alice": {"invalid_subject", "subject:"},
		"?limit=0":            {"invalid_limit", "limit"},
		"?cursor=x":           {"invalid_cursor", "cursor"},
		"?scope=all":          {"unknown_parameter", "at, subject, schedule, limit, cursor"},
	} {
		rec := w.get("/v1/oncall" + query)
		conforms(t, "GET", "/v1/oncall", rec)
		wantProblem(t, rec, 422, wanted.code, "")
		if !strings.Contains(rec.Body.String(), wanted.says) {
			t.Errorf("%s: %s does not say %q", query, rec.Body, wanted.says)
		}
	}
	if page := want[engine.OnCallPage](t, newWorld(t).get("/v1/oncall"), 200); len(page.Items) != 0 || page.Sources[0].FetchedAt != nil {
		t.Errorf("before any source has answered: %+v", page)
	}
}

func TestPolicySaysWhoMaySeeWhoIsOnCall(t *testing.T) {
	w := newWorld(t)
	w.onCall()
	w.policy.refuse = "oncall.list"
	wantProblem(t, w.get("/v1/oncall"), 403, "not_allowed", "")
}
