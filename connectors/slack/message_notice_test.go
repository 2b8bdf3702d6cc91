package slack

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// toAlice is a notice for the asker.
func toAlice(kind access.NoticeKind, change func(*access.NoticeView)) access.NoticeView {
	v := access.NoticeView{Notice: access.Notice{ID: "ntc_1", Kind: kind, To: access.Recipient{Subject: &aliceS}}, Now: noon}
	change(&v)
	return v
}

func TestMessagesToTheAsker(t *testing.T) {
	approved := with(pending(), closed(access.RequestApproved, says(bobS, access.VerdictApprove, "")))
	shift := func(g access.Grant, endsBy time.Time) *access.Grant {
		g.While, g.Bound = ptr(access.WhileOnCall), &access.Bound{EndsBy: endsBy}
		return &g
	}
	scheduled := grant()
	scheduled.State, scheduled.StartsAt = access.GrantScheduled, noon.Add(time.Hour)
	confirmed := binding(access.Present, access.Present)
	confirmed.ConfirmedAt = ptr(noon.Add(time.Second))
	late := binding(access.Present, access.Unknown)
	late.DueAt = ptr(noon.Add(-access.OverdueAfter - time.Minute))
	glass := with(pending(), closed(access.RequestApproved), func(c *access.Case) {
		c.Emergency, c.Decision.Obligations.AfterReview = true, true
	})
	for name, tc := range map[string]struct {
		kind   access.NoticeKind
		change func(*access.NoticeView)
		want   string
		text   string
	}{
		"granted": {access.NoticeGranted, func(v *access.NoticeView) {
			v.Case, v.Grant, v.Binding = approved, ptr(grant()), confirmed
		}, `
# ✅ Access granted
You have *debug* on *Acme Corp* (customer:acme), until 2026-11-23 14:00 UTC.
Approved by bob@example.com.
okta confirmed that it is open, 2026-11-23 12:00 UTC.
~ req_1 · grt_1`, "Access granted: debug on Acme Corp until Mon 23 Nov 14:00 UTC"},
		"granted while on call, and the target is late": {access.NoticeGranted, func(v *access.NoticeView) {
			v.Grant, v.Binding = shift(grant(), noon.Add(8*time.Hour)), late
		}, `
# ✅ Access granted
You have *debug* on *customer:acme*, until the shift ends: 2026-11-23 14:00 UTC as things stand, at the latest 2026-11-23 20:00 UTC.
⚠️ okta has not confirmed that it is open, and is overdue; the operators are told.
~ req_1 · grt_1`, "Access granted: debug on customer:acme until Mon 23 Nov 14:00 UTC"},
		"granted to its cap": {access.NoticeGranted, func(v *access.NoticeView) {
			v.Grant, v.Binding = shift(grant(), noon.Add(2*time.Hour)), binding(access.Present, access.Absent)
		}, `
# ✅ Access granted
You have *debug* on *customer:acme*, until the shift ends, at the latest 2026-11-23 14:00 UTC.
okta has not confirmed yet that it is open.
~ req_1 · grt_1`, "Access granted: debug on customer:acme until Mon 23 Nov 14:00 UTC"},
		"granted by break-glass": {access.NoticeGranted, func(v *access.NoticeView) { v.Case = glass }, `
# 🚨 Break-glass · ✅ Access granted
You have *debug* on *Acme Corp* (customer:acme), until 2026-11-23 14:00 UTC.
🚨 This is break-glass access: it is told to others, and a second person will review it afterwards.
~ req_1 · grt_1`, "Access granted: debug on Acme Corp until Mon 23 Nov 14:00 UTC"},
		"scheduled": {access.NoticeGranted, func(v *access.NoticeView) { v.Grant, v.Binding = &scheduled, binding(access.Absent, access.Absent) }, `
# 🗓️ Access scheduled
You will have *debug* on *customer:acme*, until 2026-11-23 14:00 UTC.
From 2026-11-23 13:00 UTC; policy is asked again then.
~ req_1 · grt_1`, "Access scheduled: debug on customer:acme from Mon 23 Nov 13:00 UTC until Mon 23 Nov 14:00 UTC"},
		"granted, and over by now": {access.NoticeGranted, func(v *access.NoticeView) { v.Grant = over(grant(), access.EndRevoked) }, `
# 🔒 Access ended
You had *debug* on *customer:acme* until 2026-11-23 13:00 UTC: a person ended it.
~ req_1 · grt_1`, "Access ended Mon 23 Nov 13:00 UTC: debug on customer:acme: a person ended it"},
		"denied by a reviewer": {access.NoticeDenied, func(v *access.NoticeView) {
			v.Case = with(pending(), closed(access.RequestDenied, says(bobS, access.VerdictDeny, "use the replica")), func(c *access.Case) { c.Comment = "use the replica" })
		}, `
# ⛔ Access denied
You asked for *debug* on *Acme Corp* (customer:acme): 2 h from the approval
⛔ *Denied* by bob@example.com · 2026-11-23 12:01 UTC
*Comment*
> use the replica
*Policy*
• *Not on call* – Somebody of security must agree.
~ req_1`, "Access denied: debug on Acme Corp"},
		"lapsed": {access.NoticeLapsed, func(v *access.NoticeView) { v.Case = with(pending(), closed(access.RequestLapsed)) }, `
# ⌛ Nobody answered
You asked for *debug* on *Acme Corp* (customer:acme): 2 h from the approval
⌛ *Lapsed*: nobody answered in time · 2026-11-23 12:01 UTC
[Ask again…]
~ req_1`, "Nobody answered in time: debug on Acme Corp"},
		"about to end": {access.NoticeEnding, func(v *access.NoticeView) { v.Case, v.Grant = approved, ptr(grant()) }, `
# ⏳ Access is about to end
You have *debug* on *Acme Corp* (customer:acme) until 2026-11-23 14:00 UTC.
[Extend…] [End now]
~ Extend asks for it again, and policy answers again · grt_1`, "About to end, Mon 23 Nov 14:00 UTC: debug on Acme Corp"},
		"about to end, and over by the clock": {access.NoticeEnding, func(v *access.NoticeView) { v.Grant, v.Now = ptr(grant()), noon.Add(3*time.Hour) }, `
# 🔒 Access ended
You had *debug* on *customer:acme* until 2026-11-23 14:00 UTC: its time was over.
~ req_1 · grt_1`, "Access ended Mon 23 Nov 14:00 UTC: debug on customer:acme: its time was over"},
		"ended, and the target has not said so": {access.NoticeEnded, func(v *access.NoticeView) {
			v.Grant, v.Binding = over(grant(), access.EndOffCall), binding(access.Absent, access.Unknown)
		}, `
# 🔒 Access ended
You had *debug* on *customer:acme* until 2026-11-23 13:00 UTC: the shift that it was bound to ended.
okta has not confirmed yet that it is closed.
~ req_1 · grt_1`, "Access ended Mon 23 Nov 13:00 UTC: debug on customer:acme: the shift that it was bound to ended"},
		"ended, beside other access to the same": {access.NoticeEnded, func(v *access.NoticeView) {
			v.Grant, v.Binding = over(grant(), access.EndExpired), binding(access.Present, access.Present)
		}, `
# 🔒 Access ended
You had *debug* on *customer:acme* until 2026-11-23 13:00 UTC: its time was over.
okta stays open: other access to the same is live.
~ req_1 · grt_1`, "Access ended Mon 23 Nov 13:00 UTC: debug on customer:acme: its time was over"},
	} {
		t.Run(name, func(t *testing.T) {
			m := rendered(t, scribe{reader: aliceS}, toAlice(tc.kind, tc.change))
			shows(t, m, tc.want)
			if m.Text != tc.text {
				t.Errorf("the text is %q, want %q", m.Text, tc.text)
			}
		})
	}
}

func TestEachEndHasItsWords(t *testing.T) {
	said := map[string]bool{}
	for _, reason := range []access.EndReason{access.EndExpired, access.EndRevoked, access.EndOffCall, access.EndIncidentResolved,
		access.EndResourceGone, access.EndPolicyChanged, access.EndNotStarted, access.EndDeniedAtStart} {
		words := why(*over(grant(), reason))
		if words == string(reason) || said[words] {
			t.Errorf("%s is said as %q", reason, words)
		}
		said[words] = true
	}
}

func TestMessagesToOthers(t *testing.T) {
	open := access.Task{ID: "tsk_1", Kind: access.TaskAfterReview, State: access.TaskOpen, OpenedAt: noon, About: &debugs, GrantID: "grt_1", Reason: "break-glass"}
	done := open
	done.State, done.ClosedBy, done.ClosedAt, done.Comment = access.TaskDone, &bobS, ptr(noon.Add(time.Hour)), "was right"
	glass := with(pending(), closed(access.RequestApproved), func(c *access.Case) {
		c.Emergency, c.Decision.Obligations.AfterReview, c.AfterReview = true, true, &open
	})
	for name, tc := range map[string]struct {
		view access.NoticeView
		want string
	}{
		"access that policy wants to be known": {access.NoticeView{Notice: access.Notice{Kind: access.NoticeObliged}, Case: with(pending(),
			closed(access.RequestApproved, says(bobS, access.VerdictApprove, "")))}, `
# 📢 Access given
alice@example.com has *debug* on *Acme Corp* (customer:acme).
Access until 2026-11-23 14:00 UTC.
Approved by bob@example.com.
*Why*
> disk full
> on db-3
*Policy*
• *Not on call* – Somebody of security must agree.
~ req_1 · grt_1`},
		"break-glass is loud, and waits for somebody to look": {access.NoticeView{Notice: access.Notice{Kind: access.NoticeObliged}, Case: glass}, `
# 🚨 BREAK-GLASS access used
alice@example.com has *debug* on *Acme Corp* (customer:acme).
Access until 2026-11-23 14:00 UTC.
*Why*
> disk full
> on db-3
*Policy*
• *Not on call* – Somebody of security must agree.
👀 A second person must review this: tsk_1.
~ req_1 · grt_1`},
		"break-glass that is over, and was looked at": {access.NoticeView{Notice: access.Notice{Kind: access.NoticeObliged}, Grant: over(grant(), access.EndExpired),
			Case: with(*glass, func(c *access.Case) { c.AfterReview, c.Reason, c.Decision.Reasons = &done, "", nil })}, `
# 🚨 BREAK-GLASS access used
alice@example.com had *debug* on *Acme Corp* (customer:acme).
Access ended 2026-11-23 13:00 UTC: its time was over.
☑️ *Closed* by bob@example.com · 2026-11-23 13:00 UTC
~ req_1 · grt_1`},
		"a review afterwards": {access.NoticeView{Notice: access.Notice{Kind: access.NoticeTask}, Task: &open, Case: glass}, `
# 🚨 Break-glass · 👀 Review access that was used first
alice@example.com: *debug* on *Acme Corp* (customer:acme)
From 2026-11-23 12:00 UTC. Access until 2026-11-23 14:00 UTC.
*Why*
> disk full
> on db-3
*About this task*
> break-glass
Somebody who neither held nor asked for it says here what they found.
[Close review…]
~ Opened 2026-11-23 12:00 UTC · tsk_1`},
		"a review afterwards that is closed": {access.NoticeView{Notice: access.Notice{Kind: access.NoticeTask}, Task: &done}, `
# ☑️ Closed: review of access that was used first
alice@example.com: *debug* on *customer:acme*
*About this task*
> break-glass
☑️ *Closed* by bob@example.com · 2026-11-23 13:00 UTC
*Comment*
> was right
~ tsk_1`},
		"a task that is approved or rejected elsewhere": {access.NoticeView{Notice: access.Notice{Kind: access.NoticeTask},
			Task: &access.Task{ID: "tsk_2", Kind: access.TaskBulkEnd, State: access.TaskOpen, OpenedAt: noon, Reason: "40 of 50 grants"}}, `
# 🛑 Many grants would end at once
*About this task*
> 40 of 50 grants
A second person runs ` + "`curfew tasks approve tsk_2` or `curfew tasks reject tsk_2`" + `.
~ Opened 2026-11-23 12:00 UTC · tsk_2`},
		"a binding that somebody wants declared gone": {access.NoticeView{Notice: access.Notice{Kind: access.NoticeTask}, Case: with(pending()),
			Task: &access.Task{
				ID: "tsk_3", Kind: access.TaskForceClose, State: access.TaskOpen, OpenedAt: noon, OpenedBy: bobS, About: &debugs, BindingID: "bnd_1",
				Reason: "the customer deleted the account",
			}}, `
# ✂️ Give up on a binding?
alice@example.com: *debug* on *Acme Corp* (customer:acme)
*Why*
> disk full
> on db-3
*About this task*
> the customer deleted the account
bob@example.com asks to declare it gone without its target's word.
A second person runs ` + "`curfew tasks approve tsk_3` or `curfew tasks reject tsk_3`" + `.
~ Opened 2026-11-23 12:00 UTC · tsk_3`},
	} {
		t.Run(name, func(t *testing.T) { shows(t, rendered(t, scribe{}, tc.view), tc.want) })
	}
}
