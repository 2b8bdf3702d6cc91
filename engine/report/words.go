package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// period is what a document reports on, in words.
func period(d Document) string {
	if d.At != nil {
		return "at " + instant(d.At)
	}
	return "from " + instant(d.From) + " to " + instant(d.To)
}

// filters is what a document is narrowed to, in words.
func filters(d Document) string {
	var parts []string
	if d.Subject != "" {
		parts = append(parts, "of "+d.Subject)
	}
	if d.Resource != "" {
		parts = append(parts, "to "+d.Resource)
	}
	if d.Granted {
		parts = append(parts, "only while a grant gave it")
	}
	if len(parts) == 0 {
		return "everybody’s access to everything"
	}
	return "access " + strings.Join(parts, ", ")
}

// removal says what became of an access after its grant.
func removal(a engine.AccessItem) string {
	switch a.RemovalState {
	case engine.RemovalNotDue:
		return "The grant has not ended."
	case engine.RemovalConfirmed:
		return fmt.Sprintf("Removed: confirmed by the target’s %s at %s, %s after the end.", confirmer(a), instant(a.RemovedAt), took(a))
	case engine.RemovalForced:
		return fmt.Sprintf("Declared gone by two persons at %s, without the target’s word.", instant(a.RemovedAt))
	case engine.RemovalContinued:
		return "Another grant went on giving it: see that one."
	case engine.RemovalReopened:
		return fmt.Sprintf("NOT REMOVED before another grant gave it again at %s.", instant(a.UsableUntil))
	case engine.RemovalNeedless:
		return "Nothing to remove: the target never had it."
	case engine.RemovalOpen:
		return "NOT PROVEN GONE: the target has not confirmed its removal."
	case engine.RemovalUnknown:
	}
	return "Not known: the events of its removal are not kept any more."
}

// confirmer is by what the target confirmed.
func confirmer(a engine.AccessItem) string {
	if a.Removal != nil && a.Removal.ConfirmedBy != nil && *a.Removal.ConfirmedBy == engine.ByCallback {
		return "callback"
	}
	return "response"
}

// took is how long after its end an access was removed.
func took(a engine.AccessItem) string {
	if a.Removal == nil || a.Removal.Seconds == nil {
		return ""
	}
	return time.Duration(*a.Removal.Seconds * float64(time.Second)).Round(time.Millisecond).String()
}

// asked is for how long access was asked for.
func asked(r engine.AccessRequested) string {
	switch {
	case r.For != nil:
		return r.For.String()
	case r.While != nil:
		return "while " + *r.While
	}
	return ""
}

// reasons is why policy decided as it did.
func reasons(list []access.Reason) string {
	parts := make([]string, len(list))
	for i, r := range list {
		parts[i] = r.Code
		if r.Title != "" {
			parts[i] += " (" + r.Title + ")"
		}
	}
	return strings.Join(parts, ", ")
}

// review is a person's answer. The comment stands last, quoted so that nothing in it,
// such as a line end, looks like the answer of somebody else.
func review(v engine.AccessReview) string {
	text := fmt.Sprintf("%s: %s at %s, under policy revision %s", v.Reviewer, v.Verdict, instant(&v.At), v.Revision)
	if v.Comment != "" {
		text += ": " + strconv.Quote(v.Comment)
	}
	return text
}

// agrees says whether the audit log tells the same.
func agrees(p engine.AccessProof) string {
	switch {
	case p.Agrees == nil:
		return "Not known: its events are not kept any more."
	case *p.Agrees:
		return "The audit log says the same."
	}
	var parts []string
	for _, d := range p.Differs {
		parts = append(parts, fmt.Sprintf("%s is %q, and the log says %q", d.What, d.Row, d.Log))
	}
	return "DOES NOT AGREE with the audit log: " + strings.Join(parts, "; ") + "."
}

// attempts is how often something was tried.
func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

// state is by what access could be used.
func state(a engine.AccessItem) string {
	if a.State == engine.AccessUnremoved {
		return "NOT REMOVED after its grant"
	}
	return "granted"
}
