package slack

import (
	"fmt"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// denied tells the asker that the answer is no, and why.
func (s scribe) denied(v access.NoticeView) *draft {
	c := v.Case
	d := open("⛔ Access denied", "Access denied: "+bare(c.Entitled, c.ResourceName))
	d.lines(s.asked(c), s.became(c))
	if c.Comment != "" {
		d.cite("Comment", c.Comment, maxReason)
	}
	if reasons := policy(c.Decision); reasons != "" {
		d.say("*Policy*\n%s", reasons)
	}
	d.small(c.ID)
	return d
}

// lapsed tells the asker that nobody answered.
func (s scribe) lapsed(v access.NoticeView) *draft {
	c := v.Case
	d := open("⌛ Nobody answered", "Nobody answered in time: "+bare(c.Entitled, c.ResourceName))
	d.lines(s.asked(c), s.became(c))
	d.buttons("mine/"+v.ID, button(actExtend, c.ID, "Ask again…", slackapi.StyleDefault))
	d.small(c.ID)
	return d
}

// asked says what somebody asked for, and how long.
func (s scribe) asked(c *access.Case) string {
	text := fmt.Sprintf("%s %s", s.has(c.Requester, "asked for", "asked for"), thing(c.Entitled, c.ResourceName))
	if c.Requester != c.Subject {
		text += ", for " + s.who(c.Subject)
	}
	if length := s.length(c); length != "" {
		text += ": " + length
	}
	return text
}
