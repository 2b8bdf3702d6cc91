package slack

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// who names somebody in mrkdwn.
func (s scribe) who(p access.Subject) string {
	if s.person == nil {
		return plainly(p)
	}
	return s.person(p)
}

// plainly names somebody without a mention: nobody is called by it.
func plainly(p access.Subject) string {
	if p.Type == access.TypeUser {
		return inline(p.ID, maxName)
	}
	return inline(p.String(), maxName)
}

// people names several, and how many more there are.
func (s scribe) people(list []access.Subject) string {
	return listed(len(list), func(i int) string { return s.who(list[i]) })
}

// listed joins n things, and says how many more there are than can be shown.
func listed(n int, thing func(i int) string) string {
	var parts []string
	for i := range min(n, maxListed) {
		parts = append(parts, thing(i))
	}
	if n > maxListed {
		parts = append(parts, fmt.Sprintf("and %d more", n-maxListed))
	}
	return strings.Join(parts, ", ")
}

// at is a moment in mrkdwn.
func (s scribe) at(t time.Time) string { return moment(t, s.loc) }

// clock is a moment where there is no markup.
func (s scribe) clock(t time.Time) string {
	return local(t, s.loc).Format("Mon 2 Jan 15:04 MST")
}

// spell is a length of time in words, to the second below a minute and to the
// minute above.
func spell(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d >= 2*day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	}
	var parts []string
	if h := d / time.Hour; h > 0 {
		parts = append(parts, fmt.Sprintf("%d h", h))
	}
	if m := d % time.Hour / time.Minute; m > 0 {
		parts = append(parts, fmt.Sprintf("%d min", m))
	}
	if sec := d % time.Minute / time.Second; sec > 0 && d < time.Hour {
		parts = append(parts, fmt.Sprintf("%d s", sec))
	}
	return strings.Join(parts, " ")
}

// thing is what access is to, in mrkdwn.
func thing(e access.Entitled, name string) string {
	ref := inline(e.Resource.String(), maxRef)
	if name == "" || name == e.Resource.ID {
		return fmt.Sprintf("*%s* on *%s*", inline(e.Action.Name, maxName), ref)
	}
	return fmt.Sprintf("*%s* on *%s* (%s)", inline(e.Action.Name, maxName), inline(name, maxName), ref)
}

// bare is what access is to, without markup.
func bare(e access.Entitled, name string) string {
	if name == "" {
		name = e.Resource.String()
	}
	return inline(e.Action.Name, maxName) + " on " + inline(name, maxRef)
}

// nameOf is what the catalogue calls the resource of a request; "": it is not known.
func nameOf(c *access.Case) string {
	if c == nil {
		return ""
	}
	return c.ResourceName
}

// endings says why access ended.
var endings = map[access.EndReason]string{
	access.EndExpired:          "its time was over",
	access.EndRevoked:          "a person ended it",
	access.EndOffCall:          "the shift that it was bound to ended",
	access.EndIncidentResolved: "the incident that it was bound to is resolved",
	access.EndResourceGone:     "the resource left the catalogue",
	access.EndPolicyChanged:    "policy would not give it any more",
	access.EndNotStarted:       "its time was over before it could start",
	access.EndDeniedAtStart:    "policy said no when it was to start",
}

// why says why a grant ended.
func why(g access.Grant) string {
	if g.EndReason == nil {
		return "it is over"
	}
	if words, known := endings[*g.EndReason]; known {
		return words
	}
	return inline(string(*g.EndReason), maxName)
}

// times counts something: "1 attempt", "3 attempts".
func times(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}
