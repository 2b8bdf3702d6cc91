package slack

import (
	"fmt"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// review asks somebody to answer a request, and later says what became of it.
func (s scribe) review(v access.NoticeView) *draft {
	c := v.Case
	d := open(reviewHeading(v.Kind, c), s.reviewText(v.Kind, c))
	if c.Emergency {
		d.say("🚨 *EMERGENCY* – the asker says that this can not wait.")
	}
	d.lines(
		s.asks(c),
		"*How long:* "+s.length(c),
		"*On call:* "+s.onCall(c),
	)
	d.cite("Why", c.Reason, maxReason)
	if reasons := policy(c.Decision); reasons != "" {
		d.say("*Policy*\n%s", reasons)
	}
	if c.State != access.RequestPending {
		s.outcome(d, c)
		d.small(c.ID)
		return d
	}
	s.progress(d, c)
	s.waits(d, c)
	d.buttons(reviewBlock(v.Kind, v.ID), answers(c)...)
	return d
}

// reviewHeadings are those of requests that are pending, and closedHeadings those
// of others.
var (
	reviewHeadings = map[access.NoticeKind]string{
		access.NoticeReview:   "🔑 Access request",
		access.NoticeReminder: "⏰ Access request still waits",
		access.NoticeEscalate: "📣 Nobody answered this access request",
	}
	closedHeadings = map[access.RequestState]string{
		access.RequestApproved:  "✅ Request approved",
		access.RequestDenied:    "⛔ Request denied",
		access.RequestWithdrawn: "↩️ Request withdrawn",
		access.RequestLapsed:    "⌛ Request lapsed",
	}
)

func reviewHeading(kind access.NoticeKind, c *access.Case) string {
	if heading, closed := closedHeadings[c.State]; closed {
		return heading
	}
	if c.Emergency {
		return "🚨 EMERGENCY · " + reviewHeadings[kind]
	}
	return reviewHeadings[kind]
}

// reviewText is what a telephone shows.
func (s scribe) reviewText(kind access.NoticeKind, c *access.Case) string {
	asked := fmt.Sprintf("%s asks for %s", plainly(c.Requester), bare(c.Entitled, c.ResourceName))
	if c.Requester != c.Subject {
		asked += " for " + plainly(c.Subject)
	}
	if c.State != access.RequestPending {
		return asked + ": " + string(c.State)
	}
	var more []string
	if c.For != nil {
		more = append(more, spell(time.Duration(*c.For)))
	}
	if c.While != nil {
		more = append(more, while(*c.While))
	}
	if c.LapsesAt != nil {
		more = append(more, "answer by "+s.clock(*c.LapsesAt))
	}
	if kind == access.NoticeEscalate {
		more = append(more, "nobody has answered")
	}
	if c.Emergency {
		asked = "🚨 EMERGENCY: " + asked
	}
	return strings.Join(append([]string{asked}, more...), ", ")
}

// progress says how many have said yes, and who may.
func (s scribe) progress(d *draft, c *access.Case) {
	if c.Reviewers == nil {
		return
	}
	approvals := fmt.Sprintf("*%d of %s*", len(c.Counted), times(c.Reviewers.Quorum, "approval"))
	if len(c.Counted) > 0 {
		approvals += ": " + s.people(c.Counted)
	}
	d.lines(approvals, "*May answer:* "+s.reviewers(c.Reviewers))
	s.comments(d, c.Reviews)
}

func (s scribe) reviewers(r *access.Reviewers) string {
	return listed(len(r.Groups)+len(r.Subjects), func(i int) string {
		if i < len(r.Groups) {
			return "the group " + inline(r.Groups[i], maxName)
		}
		return plainly(r.Subjects[i-len(r.Groups)]) // a mention would call each of them, each time
	})
}

func (s scribe) waits(d *draft, c *access.Case) {
	var parts []string
	if c.LapsesAt != nil {
		parts = append(parts, "Lapses "+s.at(*c.LapsesAt))
	}
	if c.Escalated {
		parts = append(parts, "escalated")
	}
	d.small(append(parts, c.ID)...)
}

// answers are what a reviewer can say. Only the first acts at once.
func answers(c *access.Case) []slackapi.BlockElement {
	elements := []slackapi.BlockElement{button(actApprove, c.ID, "Approve", slackapi.StylePrimary)}
	if len(c.Shorter) > 0 {
		elements = append(elements, button(actShorten, c.ID, "Approve shorter…", slackapi.StyleDefault))
	}
	return append(elements, button(actDeny, c.ID, "Deny…", slackapi.StyleDanger))
}

// outcome says what became of a request.
func (s scribe) outcome(d *draft, c *access.Case) {
	d.lines(s.became(c), s.stands(c.Grant))
	s.comments(d, c.Reviews)
}

// became says in one line what became of a request, by whom and when.
func (s scribe) became(c *access.Case) string {
	when := ""
	if c.ClosedAt != nil {
		when = " · " + s.at(*c.ClosedAt)
	}
	switch c.State {
	case access.RequestPending:
		return "It waits for an answer"
	case access.RequestApproved:
		return "✅ *Approved*" + s.by(c.Reviews, access.VerdictApprove) + when
	case access.RequestDenied:
		by := s.by(c.Reviews, access.VerdictDeny)
		if by == "" {
			by = " by policy"
		}
		return "⛔ *Denied*" + by + when
	case access.RequestWithdrawn:
		return "↩️ *Withdrawn*: the asker took it back" + when
	case access.RequestLapsed:
		return "⌛ *Lapsed*: nobody answered in time" + when
	}
	return inline(string(c.State), maxName) + when
}

// by names those who answered so; "": nobody did.
func (s scribe) by(reviews []access.ReviewRecord, verdict access.Verdict) string {
	var answered []access.ReviewRecord
	for _, r := range reviews {
		if r.Verdict == verdict {
			answered = append(answered, r)
		}
	}
	if len(answered) == 0 {
		return ""
	}
	return " by " + listed(len(answered), func(i int) string {
		name := s.who(answered[i].Reviewer)
		if answered[i].For != nil {
			name += fmt.Sprintf(" (for %s)", spell(time.Duration(*answered[i].For)))
		}
		return name
	})
}

// comments cites what the reviewers wrote: the last of them, if there are many.
func (s scribe) comments(d *draft, reviews []access.ReviewRecord) {
	var written []access.ReviewRecord
	for _, r := range reviews {
		if strings.TrimSpace(r.Comment) != "" {
			written = append(written, r)
		}
	}
	if n := len(written); n > maxCited {
		written = written[n-maxCited:]
	}
	for _, r := range written {
		d.say("%s wrote:\n%s", s.who(r.Reviewer), quote(r.Comment, maxComment))
	}
}

// stands says in one line where a grant is; "": there is none.
func (s scribe) stands(g *access.Grant) string {
	switch {
	case g == nil:
		return ""
	case g.State == access.GrantEnded && g.EndedAt != nil:
		return fmt.Sprintf("Access ended %s: %s", s.at(*g.EndedAt), why(*g))
	case g.State == access.GrantEnded:
		return "Access ended: " + why(*g)
	case g.State == access.GrantScheduled:
		return fmt.Sprintf("Access begins %s, %s", s.at(g.StartsAt), s.ends(*g))
	}
	return "Access " + s.ends(*g)
}
