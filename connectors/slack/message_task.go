package slack

import (
	"fmt"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// taskWords is what a second person is asked for, and what that is called.
var taskWords = map[access.TaskKind]struct{ heading, name string }{
	access.TaskAfterReview: {"👀 Review access that was used first", "review of access that was used first"},
	access.TaskFlag:        {"🚩 Policy would not give this access any more", "look at access that policy would not give any more"},
	access.TaskBulkEnd:     {"🛑 Many grants would end at once", "end of many grants at once"},
	access.TaskForceClose:  {"✂️ Give up on a binding?", "giving up on a binding"},
}

// task asks a second person to close something, and later says who did.
func (s scribe) task(v access.NoticeView) *draft {
	t := *v.Task
	d := open(taskHeading(t, v.Case), s.taskText(t, v.Case))
	s.taskAbout(d, v)
	if t.Reason != "" && t.Reason != reasonOf(v.Case) {
		d.cite("About this task", t.Reason, maxReason)
	}
	if t.State != access.TaskOpen {
		d.lines(s.closed(t))
		d.cite("Comment", t.Comment, maxComment)
		d.small(t.ID)
		return d
	}
	switch t.Kind {
	case access.TaskAfterReview:
		d.say("Somebody who neither held nor asked for it says here what they found.")
		d.buttons("task/"+v.ID, button(actClose, t.ID, "Close review…", slackapi.StylePrimary))
	case access.TaskFlag:
		d.buttons("task/"+v.ID, button(actClose, t.ID, "Close…", slackapi.StylePrimary))
	default:
		if t.Kind == access.TaskForceClose {
			d.lines(s.who(t.OpenedBy) + " asks to declare it gone without its target's word.")
		}
		d.say("A second person runs `curfew tasks approve %s` or `curfew tasks reject %s`.", t.ID, t.ID)
	}
	d.small("Opened "+s.at(t.OpenedAt), t.ID)
	return d
}

func taskHeading(t access.Task, c *access.Case) string {
	if t.State != access.TaskOpen {
		return "☑️ Closed: " + taskName(t)
	}
	heading := "👀 A second person is asked: " + string(t.Kind)
	if words, known := taskWords[t.Kind]; known {
		heading = words.heading
	}
	if breakGlass(c) {
		heading = "🚨 Break-glass · " + heading
	}
	return heading
}

func taskName(t access.Task) string {
	if words, known := taskWords[t.Kind]; known {
		return words.name
	}
	return string(t.Kind)
}

func (s scribe) taskText(t access.Task, c *access.Case) string {
	text := "Waits for a second person: " + taskName(t)
	if t.State != access.TaskOpen {
		text = "Closed: " + taskName(t)
	}
	if t.About != nil {
		text += fmt.Sprintf(": %s, %s", plainly(t.About.Subject), bare(*t.About, nameOf(c)))
	}
	return text
}

// taskAbout says who had what, when and why.
func (s scribe) taskAbout(d *draft, v access.NoticeView) {
	t := *v.Task
	if t.About != nil {
		when := ""
		if g := v.Grant; g != nil {
			when = fmt.Sprintf("From %s. %s.", s.at(g.StartsAt), s.stands(g))
		}
		d.lines(fmt.Sprintf("%s: %s", s.who(t.About.Subject), thing(*t.About, nameOf(v.Case))), when)
	}
	if v.Case != nil {
		d.cite("Why", v.Case.Reason, maxReason)
	}
}

func reasonOf(c *access.Case) string {
	if c == nil {
		return ""
	}
	return c.Reason
}

// closed says who closed a task, and when.
func (s scribe) closed(t access.Task) string {
	by, when := "the gateway itself", ""
	if t.ClosedBy != nil {
		by = s.who(*t.ClosedBy)
	}
	if t.ClosedAt != nil {
		when = " · " + s.at(*t.ClosedAt)
	}
	word := "Closed"
	if t.State == access.TaskRejected {
		word = "Rejected"
	}
	return fmt.Sprintf("☑️ *%s* by %s%s", word, by, when)
}
