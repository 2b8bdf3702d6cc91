package slack

import (
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// caseText says what became of a request, to whoever asked, in mrkdwn.
func caseText(c access.Case, who Caller, now time.Time) string {
	s := scribe{now: now, loc: who.TimeZone, reader: who.Subject}
	lines := []string{s.cameOf(&c)}
	switch c.State { //nolint:exhaustive // of the others there is no more to say
	case access.RequestDenied, access.RequestPending:
		lines = append(lines, policy(c.Decision))
	case access.RequestApproved:
		lines = append(lines, besides(c.Decision.Obligations)...)
	}
	return nonEmpty(append(lines, "Request `"+c.ID+"`"))
}

// nonEmpty joins the lines that say something.
func nonEmpty(lines []string) string {
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "\n")
}

// cameOf says where a request stands.
func (s scribe) cameOf(c *access.Case) string {
	what := thing(c.Entitled, c.ResourceName)
	switch c.State {
	case access.RequestApproved:
		return "✅ *Granted*: " + what + s.lasts(c.Grant) + "."
	case access.RequestPending:
		text := "👀 *Waits for a review*" + byReviewers(c.Reviewers) + ": " + what + ", " + lengthText(c.For, c.While) + ". You will hear."
		if c.LapsesAt != nil {
			text += " If nobody answers, it lapses " + s.at(*c.LapsesAt) + "."
		}
		return text
	case access.RequestDenied:
		return "⛔ *Denied*: " + what + ", " + lengthText(c.For, c.While) + "."
	case access.RequestWithdrawn, access.RequestLapsed:
		return s.became(c) + ": " + what + "."
	}
	return "What became of it is not known: " + what + "."
}

// lasts says from when and until when.
func (s scribe) lasts(g *access.Grant) string {
	switch {
	case g == nil:
		return ""
	case g.State == access.GrantEnded:
		return ", and it has ended: " + why(*g)
	case g.State == access.GrantScheduled:
		return ", from " + s.at(g.StartsAt) + ", " + s.ends(*g)
	}
	return ", " + s.ends(*g)
}
