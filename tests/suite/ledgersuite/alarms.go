package ledgersuite

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// condition is one at a target.
func condition(target string, severity access.Severity) access.Condition {
	since := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return access.Condition{
		Kind: access.AlarmOverdue, About: target, Severity: severity, Count: 2, Removals: 1, Oldest: &since,
		Class: access.ClassRefused, Error: "answered 500", Bindings: []string{"bnd_1", "bnd_2"},
	}
}

func (f *fixture) raise(id string, c access.Condition) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error { return tx.RaiseAlarm(id, c) })
}

func (f *fixture) resolve(id string) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error { return tx.ResolveAlarm(id) })
}

// untold checks which alarms a pager is to be told of: "alm_1", or "alm_1 over".
func (f *fixture) untold(what string, want ...string) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		alarms, err := tx.AlarmsToPage()
		var got []string
		for _, a := range alarms {
			name := a.ID
			if a.ResolvedAt != nil {
				name += " over"
			}
			got = append(got, name)
		}
		if !slices.Equal(got, want) {
			f.t.Errorf("%s: to be told are %v, want %v", what, got, want)
		}
		figures, figuresErr := tx.Figures()
		if figures.Alarms.Untold != int64(len(want)) {
			f.t.Errorf("%s: counted are %d, want %d", what, figures.Alarms.Untold, len(want))
		}
		return errors.Join(err, figuresErr)
	})
}

// told notes that the pager took an alarm as it is now.
func (f *fixture) told(id string) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error {
		a, err := tx.Alarm(id)
		return errors.Join(err, tx.PutPaging(a))
	})
}

// alarmsOnce: an alarm is kept as it was raised, there is one open of a key, and it
// ends once.
func alarmsOnce(t *testing.T, f *fixture) {
	c := condition("okta", access.SeverityError)
	f.raise("alm_1", c)
	never := access.Condition{Kind: access.AlarmSyncStale, About: "okta", Severity: access.SeverityWarning}
	f.raise("alm_2", never)
	if err := f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.RaiseAlarm("alm_3", c) }); err == nil {
		t.Error("a second alarm of a key was raised")
	}
	f.view(func(tx *ledger.Tx) error {
		open, err := tx.OpenAlarms()
		if len(open) != 2 || fmt.Sprint(open[0].Key(), open[0].Bindings, open[0].Class, open[0].Error, open[0].Count, open[0].Removals) !=
			fmt.Sprint(c.Key(), c.Bindings, c.Class, c.Error, 2, 1) || !open[0].Oldest.Equal(*c.Oldest) || open[1].Oldest != nil || open[0].ResolvedAt != nil {
			t.Errorf("open are %+v", open)
		}
		figures, figuresErr := tx.Figures()
		if figures.Alarms != (access.AlarmCounts{Overdue: 1, SyncStale: 1, Untold: 2}) {
			t.Errorf("counted are %+v", figures.Alarms)
		}
		return errors.Join(err, figuresErr)
	})
	graver := c
	graver.Severity, graver.Count = access.SeverityCritical, 9
	f.update(func(tx *ledger.Tx) error { return tx.ChangeAlarm("alm_1", graver) })
	f.resolve("alm_1")
	for name, change := range map[string]func(*ledger.Tx) error{
		"resolved": func(tx *ledger.Tx) error { return tx.ResolveAlarm("alm_1") },
		"changed":  func(tx *ledger.Tx) error { return tx.ChangeAlarm("alm_1", c) },
	} {
		if err := f.l.Update(t.Context(), change); !errors.Is(err, access.ErrConflict) {
			t.Errorf("one that is over is %s: %v", name, err)
		}
	}
	f.raise("alm_4", c) // the next spell
	f.view(func(tx *ledger.Tx) error {
		a, err := tx.Alarm("alm_1")
		if a.Severity != access.SeverityCritical || a.Count != 9 || a.ResolvedAt == nil || a.ChangedAt.Before(a.RaisedAt) {
			t.Errorf("the first is %+v", a)
		}
		return err
	})
}

// alarmsTold: a pager is told what differs from what it was told last.
func alarmsTold(_ *testing.T, f *fixture) {
	f.untold("at first")
	f.raise("alm_1", condition("okta", access.SeverityError))
	f.raise("alm_2", condition("vpn", access.SeverityError))
	f.untold("raised", "alm_1", "alm_2")
	f.told("alm_1")
	f.resolve("alm_2")
	f.untold("one told, one over before it was")
	f.update(func(tx *ledger.Tx) error { return tx.ChangeAlarm("alm_1", condition("okta", access.SeverityCritical)) })
	f.untold("graver", "alm_1")
	f.told("alm_1")
	f.untold("that told")
	f.resolve("alm_1")
	f.untold("over", "alm_1 over")
	f.raise("alm_3", condition("okta", access.SeverityCritical))
	f.untold("again, before it was told to be over: its incident is open still")
	f.resolve("alm_3")
	f.untold("over again", "alm_1 over")
	f.told("alm_1")
	f.untold("all told")
	f.raise("alm_4", condition("okta", access.SeverityCritical))
	f.untold("a new spell", "alm_4")
	f.told("alm_4")
	f.resolve("alm_4")
	f.update(func(tx *ledger.Tx) error { return tx.ForgetAlarms(tx.Now().Add(time.Hour)) })
	f.untold("what is to be told is not forgotten", "alm_4 over")
	f.view(func(tx *ledger.Tx) error {
		if _, err := tx.Alarm("alm_3"); !errors.Is(err, access.ErrNotFound) {
			f.t.Errorf("one that is over is kept: %v", err)
		}
		return nil
	})
}

// overdueCounted: what is overdue is counted by target, as access.Binding.OverdueAt
// has it, and listed.
func overdueCounted(t *testing.T, f *fixture) {
	now := f.l.Now()
	late := now.Add(-access.OverdueAfter - time.Minute)
	for i, b := range []struct {
		target  string
		desired access.Presence
		due     *time.Time
		class   access.Class
		error   string
	}{
		{"box", access.Absent, &late, access.ClassRefused, "answered 500"},
		{"box", access.Present, &now, access.ClassTargetMissing, "it left"},
		{"box", access.Present, &now, access.ClassRefused, "not for long"},
		{"box", access.Absent, nil, access.ClassConfirmed, ""},
		{"safe", access.Absent, &late, "", ""},
	} {
		f.update(func(tx *ledger.Tx) error {
			c, err := tx.TakeBinding(fmt.Sprintf("bnd_%d", i), entitled(i), b.target, b.target+"-1")
			c.Desired, c.DueAt, c.LastClass, c.LastError, c.NextAt = b.desired, b.due, b.class, b.error, b.due
			if b.class != "" {
				at := now.Add(time.Duration(-i) * time.Minute)
				c.ReportedAt = &at
			}
			return errors.Join(err, tx.PutBindings(c))
		})
	}
	f.view(func(tx *ledger.Tx) error {
		found, err := tx.OverdueByTarget()
		var got []string
		for _, c := range found {
			got = append(got, fmt.Sprintf("%s %d %d %t", c.Key(), c.Count, c.Removals, c.Oldest.Equal(late)))
		}
		if want := []string{"overdue:box 2 1 true", "overdue:safe 1 1 true"}; !slices.Equal(got, want) {
			t.Errorf("overdue are %v, want %v", got, want)
		}
		some, listErr := tx.OverdueAt("box", 5)
		if len(some) != 2 || some[0].BindingID != "bnd_0" || some[0].Entitled != entitled(0) || !some[0].Since.Equal(late) ||
			some[0].Error != "answered 500" || some[1].BindingID != "bnd_1" || some[1].Desired != access.Present {
			t.Errorf("at box are %+v", some)
		}
		first, firstErr := tx.OverdueAt("box", 1)
		class, text, classErr := tx.OverdueError("box")
		if len(first) != 1 || class != access.ClassRefused || text != "answered 500" {
			t.Errorf("first %+v; newest failure %s, %s", first, class, text)
		}
		class, text, noneErr := tx.OverdueError("safe")
		if class != "" || text != "" {
			t.Errorf("never tried: %s, %s", class, text)
		}
		drifted, driftErr := tx.DriftedAt("box", 5)
		if len(drifted) != 0 {
			t.Errorf("drifted are %+v", drifted)
		}
		return errors.Join(err, listErr, firstErr, classErr, noneErr, driftErr)
	})
}

// alarmNotices: what is shown of an alarm follows it, and is not forgotten before it
// is over.
func alarmNotices(t *testing.T, f *fixture) {
	now := f.l.Now()
	f.raise("alm_1", condition("okta", access.SeverityError))
	n := access.Notice{ID: "ntc_1", Kind: access.NoticeAlarm, EventID: "evt_1", To: access.ParseRecipient("#ops"), AlarmID: "alm_1", CreatedAt: now, Version: 1}
	f.plan(ledger.NoticeChanges{}, n)
	f.plan(ledger.NoticeChanges{Alarms: []string{"alm_2"}}) // of another
	claimed := f.claimed("evt_1")
	if claimed[0].AlarmID != "alm_1" || claimed[0].Until != nil {
		t.Errorf("it is %+v", claimed[0])
	}
	f.showed(claimed[0])
	f.plan(ledger.NoticeChanges{Alarms: []string{"alm_2", "alm_1"}})
	f.showed(f.claimed("evt_1")[0])
	old := func(want bool) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			page, err := tx.OldNotices(now.Add(time.Hour), ledger.OldNotice{}, 5)
			if len(page) != 1 || page[0].Over != want {
				t.Errorf("old are %+v, want one that is over: %t", page, want)
			}
			return err
		})
	}
	old(false)
	f.resolve("alm_1")
	old(true)
}
