package slack

import (
	"fmt"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// asks says who asks for what.
func (s scribe) asks(c *access.Case) string {
	if c.Requester != c.Subject {
		return fmt.Sprintf("%s asks for %s, for %s", s.who(c.Requester), thing(c.Entitled, c.ResourceName), s.who(c.Subject))
	}
	return fmt.Sprintf("%s asks for %s", s.who(c.Subject), thing(c.Entitled, c.ResourceName))
}

// length says how long a request is for, and what that means. All of it is ours,
// but for the name of an incident.
func (s scribe) length(c *access.Case) string {
	from := "the approval"
	switch {
	case c.NextShift:
		from = "the start of the next shift"
	case c.StartsAt != nil:
		from = s.at(*c.StartsAt)
	}
	if c.While == nil {
		if c.For == nil {
			return ""
		}
		return fmt.Sprintf("%s from %s", spell(time.Duration(*c.For)), from)
	}
	text := while(*c.While) + s.shiftsEnd(c)
	if c.NextShift || c.StartsAt != nil {
		text += ", from " + from
	}
	if most := c.Decision.MaxSeconds; most != nil {
		text += fmt.Sprintf(", %s at most", spell(time.Duration(*most)*time.Second))
	}
	return text
}

// while says what access is to last as long as.
func while(text string) string {
	if id, bound := strings.CutPrefix(text, access.WhileIncident+":"); bound {
		return "until the incident " + inline(id, maxName) + " is resolved"
	}
	if text == access.WhileOnCall {
		return "while on call"
	}
	return "while " + inline(text, maxName)
}

// shiftsEnd says when the shifts that policy matched end, as they are known.
func (s scribe) shiftsEnd(c *access.Case) string {
	if c.While == nil || *c.While != access.WhileOnCall || c.Decision.Until == nil {
		return ""
	}
	var last *time.Time
	for _, shift := range access.PickedShifts(current(c.OnCall, s.now), c.Decision.Until.OnCall) {
		if shift.End == nil {
			return ", with no end that is known"
		}
		if last == nil || shift.End.After(*last) {
			last = shift.End
		}
	}
	if last == nil {
		return ""
	}
	return ", until " + s.at(last.Add(time.Duration(c.Decision.Until.GraceSeconds)*time.Second))
}

// current is the shifts that somebody holds at t.
func current(o access.OnCall, t time.Time) (shifts []access.Shift) {
	for _, shift := range o.Shifts {
		if shift.Covers(t) {
			shifts = append(shifts, shift)
		}
	}
	return shifts
}

// onCall says whether the asker is on call, and for what.
func (s scribe) onCall(c *access.Case) string {
	if !c.OnCall.Known {
		return "not known"
	}
	shifts := current(c.OnCall, s.now)
	if len(shifts) == 0 {
		return "not on call"
	}
	const shown = 3
	text := "on call for " + listed(min(len(shifts), shown), func(i int) string { return s.shift(shifts[i]) })
	if more := len(shifts) - shown; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

func (s scribe) shift(shift access.Shift) string {
	text := fmt.Sprintf("%s L%d", shiftName(shift), shift.Level)
	if shift.End != nil {
		text += " until " + s.at(*shift.End)
	}
	return text
}

func shiftName(shift access.Shift) string {
	for _, ref := range []*access.Ref{shift.Schedule, shift.Policy} {
		if ref == nil {
			continue
		}
		if ref.Name != "" {
			return inline(ref.Name, maxName)
		}
		return inline(ref.ID, maxName)
	}
	return "a schedule without a name"
}

// policy says why policy answered as it did.
func policy(d access.Decision) string {
	var lines []string
	for i, r := range d.Reasons {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("• and %d more", len(d.Reasons)-maxListed))
			break
		}
		line := "• *" + inline(r.Title, maxName) + "*"
		if r.Detail != "" {
			line += " – " + inline(r.Detail, maxDetail)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// breakGlass reports whether access is given before anybody looked, because the
// asker said that it could not wait.
func breakGlass(c *access.Case) bool {
	return c != nil && c.Emergency && (c.AfterReview != nil || c.Decision.Obligations.AfterReview)
}
