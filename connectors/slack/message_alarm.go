package slack

import (
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// alarm tells the operators, in one message for all that it is about, and later
// that it is over.
func (s scribe) alarm(v access.NoticeView) *draft {
	a := *v.Alarm
	if a.ResolvedAt != nil {
		return s.alarmOver(a)
	}
	switch a.Kind {
	case access.AlarmOverdue:
		return s.alarmOverdue(a)
	case access.AlarmDrifted:
		return s.alarmDrifted(a)
	case access.AlarmSyncStale:
		return s.alarmStale(a)
	case access.AlarmSinkBehind:
		return s.alarmSink(a)
	case access.AlarmAuditBroken:
		return s.alarmBroken(a)
	}
	name := inline(string(a.Kind)+" "+a.About, maxName)
	d := open("⚠️ "+name, "Alarm: "+name)
	d.small(a.ID)
	return d
}

// alarmOverdue is a target that has not confirmed what it was told.
func (s scribe) alarmOverdue(a access.AlarmView) *draft {
	target, opened := inline(a.About, maxName), a.Count-a.Removals
	d := open(grave(a)+" Overdue at "+target, fmt.Sprintf("Overdue: %s has not confirmed that %s", target, both(a.Removals, "closed", opened, "open")))
	d.say("*%s* has not confirmed that %s.", target, both(a.Removals, "closed", opened, "open"))
	if a.Removals > 0 {
		d.say("🚨 *Access may still exist* for which no grant is live. Curfew goes on trying.")
	} else {
		d.say("Access that was granted may not work yet. Curfew goes on trying.")
	}
	if a.Class == access.ClassTargetMissing {
		d.say("The target, or its secret, is not in the configuration: nobody can be told.")
	}
	s.alarmed(d, a, map[access.Presence]string{access.Absent: "to be closed", access.Present: "to be open"})
	return d
}

// alarmDrifted is a target that says that access is not as it should be.
func (s scribe) alarmDrifted(a access.AlarmView) *draft {
	target, missing := inline(a.About, maxName), a.Count-a.Removals
	d := open(grave(a)+" Not as it should be at "+target, fmt.Sprintf("Not as it should be: %s says that %s", target, both(a.Removals, "still there", missing, "missing")))
	d.say("Asked, *%s* says that %s.", target, both(a.Removals, "still there", missing, "missing"))
	if a.Removals > 0 {
		d.say("🚨 *Somebody may have access that nobody granted*: it was added by hand, or its removal had no effect.")
	}
	s.alarmed(d, a, map[access.Presence]string{access.Absent: "should be gone", access.Present: "should be there"})
	return d
}

// alarmed lists some of the accesses that an alarm is about, and says where the
// others are.
func (s scribe) alarmed(d *draft, a access.AlarmView, should map[access.Presence]string) {
	for _, x := range a.Accesses[:min(len(a.Accesses), access.MaxAlarmed)] {
		line := fmt.Sprintf("• %s of %s, %s since %s (%s) · %s", thing(x.Entitled, ""), s.who(x.Subject), should[x.Desired], s.at(x.Since),
			spell(s.now.Sub(x.Since)), x.BindingID)
		if x.Error != "" {
			line += "\n" + quote(x.Error, maxComment)
		}
		d.say("%s", line)
	}
	if more := a.Count - int64(len(a.Accesses)); more > 0 && len(a.Accesses) > 0 {
		d.say("and %d more", more)
	}
	d.say("Look: `curfew bindings list --state %s --target %s`", a.Kind, inline(a.About, maxName))
	d.small("Since "+s.at(a.RaisedAt), a.ID)
}

// alarmStale is a source that has not brought its catalogue for too long.
func (s scribe) alarmStale(a access.AlarmView) *draft {
	source, last := inline(a.About, maxName), "never brought its catalogue"
	if a.Oldest != nil {
		last = fmt.Sprintf("not brought its catalogue since %s (%s)", s.at(*a.Oldest), spell(s.now.Sub(*a.Oldest)))
	}
	d := open("⚠️ Silent: "+source, fmt.Sprintf("Source %s has not brought its catalogue in time", source))
	d.say("The source *%s* has %s.", source, last)
	d.say("What it offers may be old, and access to what it has lost is not taken away.")
	d.say("Look: `curfew sources`")
	d.small("Since "+s.at(a.RaisedAt), a.ID)
	return d
}

// alarmSink is a sink that has not had audit events for too long.
func (s scribe) alarmSink(a access.AlarmView) *draft {
	sink := inline(a.About, maxName)
	d := open("⚠️ Behind: "+sink, fmt.Sprintf("Sink %s does not have what happened", sink))
	if a.Severity.GraverThan(access.SeverityWarning) {
		d.say("The sink *%s* takes no audit events before somebody mends something.", sink)
	} else {
		d.say("The sink *%s* has not had audit events for too long.", sink)
	}
	if a.Oldest != nil {
		d.say("The first that it has not is of %s (%s).", s.at(*a.Oldest), spell(s.now.Sub(*a.Oldest)))
	}
	if a.Error != "" {
		d.say("%s", quote(a.Error, maxComment))
	}
	d.say("Nothing is lost: what it has not is kept for it, and sent when it takes it.")
	d.say("Look: `curfew audit sinks %s`", sink)
	d.small("Since "+s.at(a.RaisedAt), a.ID)
	return d
}

// alarmBroken is an audit log that is not what was sealed.
func (s scribe) alarmBroken(a access.AlarmView) *draft {
	d := open("🚨 The audit log was changed", "The audit log is not what was sealed")
	d.say("🚨 *The audit log is not what was sealed*: somebody may have changed it in the database. Nothing is sealed onto it any more.")
	if a.Error != "" {
		d.say("%s", quote(a.Error, maxComment))
	}
	d.say("Keep the database as it is, and compare it with what was exported: `curfew audit verify`")
	d.small("Since "+s.at(a.RaisedAt), a.ID)
	return d
}

// alarmOver is an alarm that is over.
func (s scribe) alarmOver(a access.AlarmView) *draft {
	name := inline(a.About, maxName)
	words := map[access.AlarmKind]string{
		access.AlarmOverdue:     "*%s* has confirmed all that was overdue there.",
		access.AlarmDrifted:     "At *%s* all is as it should be again.",
		access.AlarmSyncStale:   "The source *%s* has brought its catalogue.",
		access.AlarmSinkBehind:  "The sink *%s* takes what happens again, and is not behind any more.",
		access.AlarmAuditBroken: "The *%s* log is sealed again.",
	}[a.Kind]
	if words == "" {
		words = "*%s*: it does not hold any more."
	}
	d := open("✅ Over: "+name, "Over: "+inline(string(a.Kind), maxName)+" at "+name)
	d.say(words, name)
	d.small(fmt.Sprintf("From %s to %s (%s)", s.at(a.RaisedAt), s.at(*a.ResolvedAt), spell(max(a.ResolvedAt.Sub(a.RaisedAt), time.Second))), a.ID)
	return d
}

// grave marks that somebody may have what they should not.
func grave(a access.AlarmView) string {
	if a.Removals > 0 {
		return "🚨"
	}
	return "⚠️"
}

// both counts accesses of two kinds: "3 accesses are closed, and 1 is open".
func both(first int64, firstly string, second int64, secondly string) string {
	switch {
	case second == 0:
		return accesses(first) + " " + firstly
	case first == 0:
		return accesses(second) + " " + secondly
	}
	verb := "are"
	if second == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%s %s, and that %d %s %s", accesses(first), firstly, second, verb, secondly)
}

// accesses counts them, as the subject of a sentence.
func accesses(n int64) string {
	if n == 1 {
		return "1 access is"
	}
	return fmt.Sprintf("%d accesses are", n)
}
