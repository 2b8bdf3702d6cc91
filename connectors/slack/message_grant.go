package slack

import (
	"fmt"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// The buttons of a grant.
const (
	actExtend = ofMine + "extend" // asks for the same again; its value is the request's id
	actEnd    = ofMine + "end"    // its value is the grant's id
)

// ends says exactly when a grant that has not ended will.
func (s scribe) ends(g access.Grant) string {
	if g.Bound == nil || g.While == nil {
		return "until " + s.at(g.ExpiresAt)
	}
	until := "until what it is bound to is over"
	switch {
	case *g.While == access.WhileOnCall:
		until = "until the shift ends"
	case strings.HasPrefix(*g.While, access.WhileIncident):
		until = while(*g.While)
	}
	if !g.Bound.EndsBy.After(g.ExpiresAt) {
		return fmt.Sprintf("%s, at the latest %s", until, s.at(g.Bound.EndsBy))
	}
	return fmt.Sprintf("%s: %s as things stand, at the latest %s", until, s.at(g.ExpiresAt), s.at(g.Bound.EndsBy))
}

// has names the holder: "You have", "<@U1> has".
func (s scribe) has(p access.Subject, you, other string) string {
	if p == s.reader {
		return "You " + you
	}
	return s.who(p) + " " + other
}

// granted tells the holder, and who asked for them, that there is access, or
// will be.
func (s scribe) granted(v access.NoticeView) *draft {
	g, what := *v.Grant, bare(v.Grant.Entitled, nameOf(v.Case))
	if g.State == access.GrantEnded {
		return s.ended(v)
	}
	heading, text := "✅ Access granted", "Access granted: "+what+" until "+s.clock(g.ExpiresAt)
	verb := [2]string{"have", "has"}
	if g.State == access.GrantScheduled {
		heading, verb = "🗓️ Access scheduled", [2]string{"will have", "will have"}
		text = fmt.Sprintf("Access scheduled: %s from %s until %s", what, s.clock(g.StartsAt), s.clock(g.ExpiresAt))
	}
	if breakGlass(v.Case) {
		heading = "🚨 Break-glass · " + heading
	}
	d := open(heading, text)
	begins := ""
	if g.State == access.GrantScheduled {
		begins = "From " + s.at(g.StartsAt) + "; policy is asked again then."
	}
	d.lines(
		s.has(g.Subject, verb[0], verb[1])+" "+thing(g.Entitled, nameOf(v.Case))+", "+s.ends(g)+".",
		begins,
		s.approvedBy(v.Case),
		s.target(v, wanted(g)),
	)
	if breakGlass(v.Case) {
		d.say("🚨 This is break-glass access: it is told to others, and a second person will review it afterwards.")
	}
	d.small(g.RequestID, g.ID)
	return d
}

func (s scribe) approvedBy(c *access.Case) string {
	if c == nil {
		return ""
	}
	if by := s.by(c.Reviews, access.VerdictApprove); by != "" {
		return "Approved" + by + "."
	}
	return ""
}

// wanted is what a target should be at for a grant; "": it has not begun.
func wanted(g access.Grant) access.Presence {
	switch g.State {
	case access.GrantActive:
		return access.Present
	case access.GrantEnded:
		return access.Absent
	default:
		return ""
	}
}

// target says what the target has said so far.
func (s scribe) target(v access.NoticeView, want access.Presence) string {
	b := v.Binding
	if b == nil || want == "" {
		return ""
	}
	name, word := inline(b.Target, maxName), "closed"
	if want == access.Present {
		word = "open"
	}
	switch {
	case b.Desired != want && want == access.Present:
		return ""
	case b.Desired != want:
		return name + " stays open: other access to the same is live."
	case b.Observed == want && b.ConfirmedAt != nil:
		return fmt.Sprintf("%s confirmed that it is %s, %s.", name, word, s.at(*b.ConfirmedAt))
	case b.Observed == want:
		return fmt.Sprintf("%s confirmed that it is %s.", name, word)
	case b.OverdueAt(v.Now):
		return fmt.Sprintf("⚠️ %s has not confirmed that it is %s, and is overdue; the operators are told.", name, word)
	}
	return fmt.Sprintf("%s has not confirmed yet that it is %s.", name, word)
}

// ending tells the holder that access is about to end.
func (s scribe) ending(v access.NoticeView) *draft {
	g := *v.Grant
	if !g.LiveAt(v.Now) {
		return s.ended(v)
	}
	d := open("⏳ Access is about to end", fmt.Sprintf("About to end, %s: %s", s.clock(g.ExpiresAt), bare(g.Entitled, nameOf(v.Case))))
	d.say("%s %s until %s.", s.has(g.Subject, "have", "has"), thing(g.Entitled, nameOf(v.Case)), s.at(g.ExpiresAt))
	d.buttons("mine/"+v.ID,
		button(actExtend, g.RequestID, "Extend…", slackapi.StylePrimary),
		button(actEnd, g.ID, "End now", slackapi.StyleDanger).WithConfirm(sure()))
	d.small("Extend asks for it again, and policy answers again", g.ID)
	return d
}

func sure() *slackapi.ConfirmationBlockObject {
	return slackapi.NewConfirmationBlockObject(plain("End this access?", maxConfirmTitle),
		plain("It ends now. You can ask for it again.", maxConfirmText), plain("End now", maxConfirmButton), plain("Keep it", maxConfirmButton))
}

// ended tells the holder that access is over, and why.
func (s scribe) ended(v access.NoticeView) *draft {
	g := *v.Grant
	when := g.ExpiresAt
	if g.EndedAt != nil {
		when = *g.EndedAt
	}
	reason := why(g)
	if g.EndReason == nil { // the clock ends it, whether or not the ledger has come to it
		reason = endings[access.EndExpired]
	}
	d := open("🔒 Access ended", fmt.Sprintf("Access ended %s: %s: %s", s.clock(when), bare(g.Entitled, nameOf(v.Case)), reason))
	d.lines(
		fmt.Sprintf("%s %s until %s: %s.", s.has(g.Subject, "had", "had"), thing(g.Entitled, nameOf(v.Case)), s.at(when), reason),
		s.target(v, access.Absent),
	)
	d.small(g.RequestID, g.ID)
	return d
}

// obliged tells those whom policy names that access was given.
func (s scribe) obliged(v access.NoticeView) *draft {
	g, c := *v.Grant, v.Case
	heading, text := "📢 Access given", fmt.Sprintf("%s has %s until %s", plainly(g.Subject), bare(g.Entitled, nameOf(c)), s.clock(g.ExpiresAt))
	if breakGlass(c) {
		heading, text = "🚨 BREAK-GLASS access used", "🚨 BREAK-GLASS: "+text
	}
	d := open(heading, text)
	verbs := map[access.GrantState]string{access.GrantScheduled: "will have", access.GrantActive: "has", access.GrantEnded: "had"}
	d.lines(
		fmt.Sprintf("%s %s %s.", s.who(g.Subject), verbs[g.State], thing(g.Entitled, nameOf(c))),
		s.stands(&g)+".",
		s.approvedBy(c),
		s.target(v, wanted(g)),
	)
	if c != nil {
		d.cite("Why", c.Reason, maxReason)
		if reasons := policy(c.Decision); reasons != "" {
			d.say("*Policy*\n%s", reasons)
		}
		s.afterwards(d, c)
	}
	d.small(g.RequestID, g.ID)
	return d
}

// afterwards says whether somebody has looked at access that was used first.
func (s scribe) afterwards(d *draft, c *access.Case) {
	switch t := c.AfterReview; {
	case t != nil && t.State != access.TaskOpen:
		d.lines(s.closed(*t))
	case t != nil:
		d.say("👀 A second person must review this: %s.", t.ID)
	case c.Decision.Obligations.AfterReview:
		d.say("👀 A second person must review this.")
	}
}
