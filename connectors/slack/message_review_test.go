package slack

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

func TestReviewMessages(t *testing.T) {
	quorum := func(c *access.Case) {
		c.Reviewers.Quorum, c.Counted = 2, []access.Subject{bobS}
		c.Reviews = []access.ReviewRecord{says(bobS, access.VerdictApprove, "knows the system")}
	}
	for name, tc := range map[string]struct {
		kind access.NoticeKind
		c    *access.Case
		want string
		text string
	}{
		"a request that waits shows all that a reviewer needs": {access.NoticeReview, with(pending()), `
# 🔑 Access request
alice@example.com asks for *debug* on *Acme Corp* (customer:acme)
*How long:* 2 h from the approval
*On call:* not on call
*Why*
> disk full
> on db-3
*Policy*
• *Not on call* – Somebody of security must agree.
*0 of 1 approval*
*May answer:* the group security, bob@example.com
~ Lapses 2026-11-23 16:00 UTC · req_1
[Approve] [Approve shorter…] [Deny…]`,
			"alice@example.com asks for debug on Acme Corp, 2 h, answer by Mon 23 Nov 16:00 UTC"},
		"a quorum shows who has agreed, and what they wrote": {access.NoticeReview, with(pending(), quorum), `
# 🔑 Access request
alice@example.com asks for *debug* on *Acme Corp* (customer:acme)
*How long:* 2 h from the approval
*On call:* not on call
*Why*
> disk full
> on db-3
*Policy*
• *Not on call* – Somebody of security must agree.
*1 of 2 approvals*: bob@example.com
*May answer:* the group security, bob@example.com
bob@example.com wrote:
> knows the system
~ Lapses 2026-11-23 16:00 UTC · req_1
[Approve] [Approve shorter…] [Deny…]`,
			"alice@example.com asks for debug on Acme Corp, 2 h, answer by Mon 23 Nov 16:00 UTC"},
		"an emergency is loud, and nothing shorter is offered when there is nothing": {access.NoticeReminder, with(pending(), func(c *access.Case) {
			c.Emergency, c.Shorter, c.Reason, c.Decision.Reasons = true, nil, "", nil
		}), `
# 🚨 EMERGENCY · ⏰ Access request still waits
🚨 *EMERGENCY* – the asker says that this can not wait.
alice@example.com asks for *debug* on *Acme Corp* (customer:acme)
*How long:* 2 h from the approval
*On call:* not on call
*0 of 1 approval*
*May answer:* the group security, bob@example.com
~ Lapses 2026-11-23 16:00 UTC · req_1
[Approve] [Deny…]`,
			"🚨 EMERGENCY: alice@example.com asks for debug on Acme Corp, 2 h, answer by Mon 23 Nov 16:00 UTC"},
		"one that is escalated says so, and for whom somebody else asked": {access.NoticeEscalate, with(pending(), func(c *access.Case) {
			c.Escalated, c.Requester, c.Reason, c.Decision.Reasons = true, carolS, "", nil
			c.OnCall = access.OnCall{}
		}), `
# 📣 Nobody answered this access request
carol@example.com asks for *debug* on *Acme Corp* (customer:acme), for alice@example.com
*How long:* 2 h from the approval
*On call:* not known
*0 of 1 approval*
*May answer:* the group security, bob@example.com
~ Lapses 2026-11-23 16:00 UTC · escalated · req_1
[Approve] [Approve shorter…] [Deny…]`,
			"carol@example.com asks for debug on Acme Corp for alice@example.com, 2 h, answer by Mon 23 Nov 16:00 UTC, nobody has answered"},
		"one that is approved has no buttons, but who said yes": {access.NoticeReview, with(pending(), func(c *access.Case) {
			c.Reason, c.Decision.Reasons = "", nil
		}, closed(access.RequestApproved, access.ReviewRecord{Reviewer: bobS, Verdict: access.VerdictApprove, For: ptr(access.Duration(time.Hour)), Comment: "fine"})), `
# ✅ Request approved
alice@example.com asks for *debug* on *Acme Corp* (customer:acme)
*How long:* 2 h from the approval
*On call:* not on call
✅ *Approved* by bob@example.com (for 1 h) · 2026-11-23 12:01 UTC
Access until 2026-11-23 14:00 UTC
bob@example.com wrote:
> fine
~ req_1`,
			"alice@example.com asks for debug on Acme Corp: approved"},
		"one that is denied says by whom and why": {access.NoticeReview, with(pending(), func(c *access.Case) {
			c.Reason, c.Decision.Reasons = "", nil
		}, closed(access.RequestDenied, says(bobS, access.VerdictDeny, "use the replica"))), `
# ⛔ Request denied
alice@example.com asks for *debug* on *Acme Corp* (customer:acme)
*How long:* 2 h from the approval
*On call:* not on call
⛔ *Denied* by bob@example.com · 2026-11-23 12:01 UTC
bob@example.com wrote:
> use the replica
~ req_1`,
			"alice@example.com asks for debug on Acme Corp: denied"},
	} {
		t.Run(name, func(t *testing.T) {
			m := rendered(t, scribe{}, access.NoticeView{Notice: access.Notice{Kind: tc.kind}, Case: tc.c})
			shows(t, m, tc.want)
			if m.Text != tc.text {
				t.Errorf("the text is %q, want %q", m.Text, tc.text)
			}
		})
	}
}

func TestClosedRequestsSayWhatBecameOfThem(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*access.Case)
		want   string
	}{
		"one that is withdrawn":  {closed(access.RequestWithdrawn), "↩️ *Withdrawn*: the asker took it back · 2026-11-23 12:01 UTC"},
		"one that has lapsed":    {closed(access.RequestLapsed), "⌛ *Lapsed*: nobody answered in time · 2026-11-23 12:01 UTC"},
		"one that policy denied": {closed(access.RequestDenied), "⛔ *Denied* by policy · 2026-11-23 12:01 UTC"},
		"one that two approved": {closed(access.RequestApproved, says(bobS, access.VerdictApprove, ""), says(carolS, access.VerdictApprove, "")),
			"✅ *Approved* by bob@example.com, carol@example.com · 2026-11-23 12:01 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			c := with(pending(), tc.change)
			if got := dates.ReplaceAllString(scribe{}.became(c), "$1"); got != tc.want {
				t.Errorf("it says %q, want %q", got, tc.want)
			}
			for _, kind := range []access.NoticeKind{access.NoticeReview, access.NoticeReminder, access.NoticeEscalate} {
				if m := rendered(t, scribe{}, access.NoticeView{Notice: access.Notice{Kind: kind}, Case: c}); len(buttonsOf(m.Blocks)) != 0 {
					t.Errorf("a %s still has buttons", kind)
				}
			}
		})
	}
}

func TestLengthSaysWhatItMeans(t *testing.T) {
	payments := &access.Ref{ID: "SCHED1", Name: "Payments"}
	shift := access.Shift{Schedule: payments, Level: 1, End: ptr(noon.Add(6 * time.Hour))}
	onCall := func(shifts ...access.Shift) func(*access.Case) {
		return func(c *access.Case) {
			c.For, c.While = nil, ptr(access.WhileOnCall)
			c.OnCall = access.OnCall{Known: true, Shifts: shifts}
			c.Decision.Until = &access.Until{OnCall: []access.ShiftRef{{Schedule: "SCHED1", Level: 1}}}
			c.Decision.MaxSeconds = ptr(int64(8 * 3600))
		}
	}
	other := access.Shift{Schedule: &access.Ref{ID: "SCHED2"}, Level: 1, End: ptr(noon.Add(9 * time.Hour))}
	for name, tc := range map[string]struct {
		change         func(*access.Case)
		length, onCall string
	}{
		"while on call names the end of the shift that policy matched, and the cap": {onCall(shift, other),
			"while on call, until 2026-11-23 18:00 UTC, 8 h at most",
			"on call for Payments L1 until 2026-11-23 18:00 UTC, SCHED2 L1 until 2026-11-23 21:00 UTC"},
		"a shift with no end has none that is known": {onCall(access.Shift{Schedule: payments, Level: 1}),
			"while on call, with no end that is known, 8 h at most", "on call for Payments L1"},
		"a shift of later is not one of now": {onCall(access.Shift{Schedule: payments, Level: 1, Start: ptr(noon.Add(time.Hour))}),
			"while on call, 8 h at most", "not on call"},
		"an incident is named, as a text": {func(c *access.Case) { c.For, c.While = nil, ptr("incident:<PD-123>") },
			"until the incident &lt;PD-123&gt; is resolved", "not on call"},
		"a start that is ahead":              {func(c *access.Case) { c.StartsAt = ptr(noon.Add(time.Hour)) }, "2 h from 2026-11-23 13:00 UTC", "not on call"},
		"the start of a shift moves":         {func(c *access.Case) { c.NextShift, c.StartsAt = true, ptr(noon) }, "2 h from the start of the next shift", "not on call"},
		"days, and what is not a whole hour": {func(c *access.Case) { c.For = ptr(access.Duration(75 * time.Minute)) }, "1 h 15 min from the approval", "not on call"},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := scribe{now: noon}, with(pending(), tc.change)
			if got := dates.ReplaceAllString(s.length(c), "$1"); got != tc.length {
				t.Errorf("the length is %q, want %q", got, tc.length)
			}
			if got := dates.ReplaceAllString(s.onCall(c), "$1"); got != tc.onCall {
				t.Errorf("on call is %q, want %q", got, tc.onCall)
			}
		})
	}
}
