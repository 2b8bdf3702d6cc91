package slack

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// alarm is one to be told to operators, about a target with two accesses named.
func alarm(kind access.AlarmKind, count, removals int64, changes ...func(*access.AlarmView)) access.NoticeView {
	since := noon.Add(-20 * time.Minute)
	a := access.AlarmView{Alarm: access.Alarm{ID: "alm_1", RaisedAt: noon.Add(-5 * time.Minute), Condition: access.Condition{
		Kind: kind, About: "okta", Count: count, Removals: removals, Oldest: &since}}}
	for i, desired := range []access.Presence{access.Absent, access.Present} {
		if int64(i) < count {
			a.Accesses = append(a.Accesses, access.AlarmedAccess{Entitled: debugs, BindingID: "bnd_" + string(rune('1'+i)), Desired: desired, Since: since})
		}
	}
	a.Accesses[0].Error = "answered 503:\n<okta> is *down*"
	for _, change := range changes {
		change(&a)
	}
	return access.NoticeView{Notice: access.Notice{Kind: access.NoticeAlarm}, Alarm: &a}
}

func TestMessagesOfAlarms(t *testing.T) {
	silent := func(last *time.Time) func(*access.AlarmView) {
		return func(a *access.AlarmView) { a.About, a.Oldest, a.Accesses = "aws", last, nil }
	}
	sink := func(severity access.Severity) func(*access.AlarmView) {
		return func(a *access.AlarmView) {
			a.About, a.Severity, a.Error, a.Accesses = "splunk", severity, "answered 503: <busy>", nil
		}
	}
	over := func(a *access.AlarmView) { a.ResolvedAt, a.Accesses = ptr(noon), nil }
	for name, tc := range map[string]struct {
		view access.NoticeView
		want string
		text string
	}{
		"a target that does not confirm": {alarm(access.AlarmOverdue, 12, 11), `
# 🚨 Overdue at okta
*okta* has not confirmed that 11 accesses are closed, and that 1 is open.
🚨 *Access may still exist* for which no grant is live. Curfew goes on trying.
• *debug* on *customer:acme* of alice@example.com, to be closed since 2026-11-23 11:40 UTC (20 min) · bnd_1
> answered 503:
> &lt;okta&gt; is *down*
• *debug* on *customer:acme* of alice@example.com, to be open since 2026-11-23 11:40 UTC (20 min) · bnd_2
and 10 more
Look: ` + "`curfew bindings list --state overdue --target okta`" + `
~ Since 2026-11-23 11:55 UTC · alm_1`, "Overdue: okta has not confirmed that 11 accesses are closed, and that 1 is open"},
		"a target that is gone, and is to open": {alarm(access.AlarmOverdue, 2, 0, func(a *access.AlarmView) {
			a.Class, a.Accesses = access.ClassTargetMissing, nil
		}), `
# ⚠️ Overdue at okta
*okta* has not confirmed that 2 accesses are open.
Access that was granted may not work yet. Curfew goes on trying.
The target, or its secret, is not in the configuration: nobody can be told.
Look: ` + "`curfew bindings list --state overdue --target okta`" + `
~ Since 2026-11-23 11:55 UTC · alm_1`, "Overdue: okta has not confirmed that 2 accesses are open"},
		"one access that came back": {alarm(access.AlarmDrifted, 1, 1, func(a *access.AlarmView) { a.Accesses[0].Error = "" }), `
# 🚨 Not as it should be at okta
Asked, *okta* says that 1 access is still there.
🚨 *Somebody may have access that nobody granted*: it was added by hand, or its removal had no effect.
• *debug* on *customer:acme* of alice@example.com, should be gone since 2026-11-23 11:40 UTC (20 min) · bnd_1
Look: ` + "`curfew bindings list --state drifted --target okta`" + `
~ Since 2026-11-23 11:55 UTC · alm_1`, "Not as it should be: okta says that 1 access is still there"},
		"a source that is silent": {alarm(access.AlarmSyncStale, 1, 0, silent(ptr(noon.Add(-72*time.Hour)))), `
# ⚠️ Silent: aws
The source *aws* has not brought its catalogue since 2026-11-20 12:00 UTC (3 days).
What it offers may be old, and access to what it has lost is not taken away.
Look: ` + "`curfew sources`" + `
~ Since 2026-11-23 11:55 UTC · alm_1`, "Source aws has not brought its catalogue in time"},
		"a source that never spoke": {alarm(access.AlarmSyncStale, 1, 0, silent(nil)), `
# ⚠️ Silent: aws
The source *aws* has never brought its catalogue.
What it offers may be old, and access to what it has lost is not taken away.
Look: ` + "`curfew sources`" + `
~ Since 2026-11-23 11:55 UTC · alm_1`, "Source aws has not brought its catalogue in time"},
		"a sink that is behind": {alarm(access.AlarmSinkBehind, 1, 0, sink(access.SeverityWarning)), `
# ⚠️ Behind: splunk
The sink *splunk* has not had audit events for too long.
The first that it has not is of 2026-11-23 11:40 UTC (20 min).
> answered 503: &lt;busy&gt;
Nothing is lost: what it has not is kept for it, and sent when it takes it.
Look: ` + "`curfew audit sinks splunk`" + `
~ Since 2026-11-23 11:55 UTC · alm_1`, "Sink splunk does not have what happened"},
		"a sink that is to be mended": {alarm(access.AlarmSinkBehind, 1, 0, sink(access.SeverityError), func(a *access.AlarmView) { a.Oldest = nil }), `
# ⚠️ Behind: splunk
The sink *splunk* takes no audit events before somebody mends something.
> answered 503: &lt;busy&gt;
Nothing is lost: what it has not is kept for it, and sent when it takes it.
Look: ` + "`curfew audit sinks splunk`" + `
~ Since 2026-11-23 11:55 UTC · alm_1`, "Sink splunk does not have what happened"},
		"a log that was changed": {alarm(access.AlarmAuditBroken, 1, 0, func(a *access.AlarmView) {
			a.About, a.Error, a.Accesses = "audit", "event 7 is not what was sealed", nil
		}), `
# 🚨 The audit log was changed
🚨 *The audit log is not what was sealed*: somebody may have changed it in the database. Nothing is sealed onto it any more.
> event 7 is not what was sealed
Keep the database as it is, and compare it with what was exported: ` + "`curfew audit verify`" + `
~ Since 2026-11-23 11:55 UTC · alm_1`, "The audit log is not what was sealed"},
		"a sink that has all": {alarm(access.AlarmSinkBehind, 1, 0, sink(access.SeverityError), over), `
# ✅ Over: splunk
The sink *splunk* takes what happens again, and is not behind any more.
~ From 2026-11-23 11:55 UTC to 2026-11-23 12:00 UTC (5 min) · alm_1`, "Over: sink_behind at splunk"},
		"a target that has confirmed": {alarm(access.AlarmOverdue, 2, 2, over), `
# ✅ Over: okta
*okta* has confirmed all that was overdue there.
~ From 2026-11-23 11:55 UTC to 2026-11-23 12:00 UTC (5 min) · alm_1`, "Over: overdue at okta"},
		"a target where all is well again": {alarm(access.AlarmDrifted, 2, 2, over), `
# ✅ Over: okta
At *okta* all is as it should be again.
~ From 2026-11-23 11:55 UTC to 2026-11-23 12:00 UTC (5 min) · alm_1`, "Over: drifted at okta"},
	} {
		t.Run(name, func(t *testing.T) {
			m := rendered(t, scribe{}, tc.view)
			shows(t, m, tc.want)
			if m.Text != tc.text {
				t.Errorf("the text is %q, want %q", m.Text, tc.text)
			}
		})
	}
}
