package pagerduty

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"

	"github.com/curfew-access/curfew/engine/access"
)

// The actions of events.
const (
	actTrigger = "trigger"
	actResolve = "resolve"
)

// maxSummary is PagerDuty's limit of an event's summary, in characters.
// https://developer.pagerduty.com/docs/events-api-v2-overview
const maxSummary = 1024

// event is what PagerDuty is told of an alarm. It names no person: who is on call
// for the gateway need not be allowed to know who has which access.
func (e *Events) event(a access.Alarm) pd.V2Event {
	event := pd.V2Event{RoutingKey: e.cfg.RoutingKey, Action: actTrigger, DedupKey: e.dedupKey(a)}
	if a.ResolvedAt != nil {
		event.Action = actResolve
		return event
	}
	event.Client, event.ClientURL = "Curfew", e.cfg.ExternalURL
	event.Links = []any{map[string]string{"href": e.link(a), "text": "What it is about"}}
	event.Payload = &pd.V2Payload{
		Summary: cut(e.summary(a), maxSummary), Source: e.gateway, Severity: e.severity(a), Timestamp: a.RaisedAt.UTC().Format(time.RFC3339Nano),
		Component: a.About, Group: "curfew", Class: string(a.Kind), Details: details(a),
	}
	return event
}

// dedupKey is the same for each spell of a condition, on every node and after each
// restart, and another for another gateway.
func (e *Events) dedupKey(a access.Alarm) string {
	sum := sha256.Sum256([]byte(e.cfg.ExternalURL + "\n" + a.Key()))
	return "curfew-" + hex.EncodeToString(sum[:16])
}

func (e *Events) severity(a access.Alarm) string {
	if e.cfg.Severity != "" {
		return e.cfg.Severity
	}
	return string(a.Severity)
}

// link is where the gateway lists what the alarm is about.
func (e *Events) link(a access.Alarm) string {
	switch a.Kind {
	case access.AlarmSyncStale:
		return e.cfg.ExternalURL + "/v1/sources/" + url.PathEscape(a.About) + "/runs"
	case access.AlarmSinkBehind:
		return e.cfg.ExternalURL + "/v1/audit/sinks/" + url.PathEscape(a.About)
	case access.AlarmAuditBroken:
		return e.cfg.ExternalURL + "/v1/audit/checkpoint"
	case access.AlarmOverdue, access.AlarmDrifted:
	}
	return e.cfg.ExternalURL + "/v1/bindings?" + url.Values{"state": {string(a.Kind)}, "target": {a.About}}.Encode()
}

// summary is what somebody is woken with.
func (e *Events) summary(a access.Alarm) string {
	since := ""
	if a.Oldest != nil {
		since = ", oldest since " + a.Oldest.UTC().Format("2006-01-02 15:04 MST")
	}
	switch a.Kind {
	case access.AlarmOverdue:
		return fmt.Sprintf("%s at target %s%s%s", late(a), a.About, since, newest(a.Class))
	case access.AlarmDrifted:
		return fmt.Sprintf("%s by the word of target %s%s", astray(a), a.About, since)
	case access.AlarmSyncStale:
		if a.Oldest == nil {
			return fmt.Sprintf("Source %s has never brought its catalogue", a.About)
		}
		return fmt.Sprintf("Source %s has not brought its catalogue since %s: what it offers may be old, and what it lost is not taken away",
			a.About, a.Oldest.UTC().Format("2006-01-02 15:04 MST"))
	case access.AlarmSinkBehind:
		return fmt.Sprintf("Sink %s %s%s: what happens is not seen there", a.About, behind(a), since)
	case access.AlarmAuditBroken:
		return "The audit log is not what was sealed" + since + ": somebody may have changed it, and nothing is sealed onto it"
	}
	return a.Key()
}

// behind is what is wrong with a sink.
func behind(a access.Alarm) string {
	if a.Severity.GraverThan(access.SeverityWarning) {
		return "takes no audit events before somebody mends something"
	}
	return "has not had audit events for too long"
}

// late counts what a target has not confirmed.
func late(a access.Alarm) string {
	opened := a.Count - a.Removals
	switch {
	case a.Removals == 0:
		return counted(opened) + " not confirmed open"
	case opened == 0:
		return counted(a.Removals) + " not confirmed gone"
	}
	return fmt.Sprintf("%s not confirmed gone, and %d not confirmed open,", counted(a.Removals), opened)
}

// astray counts what is not as it should be.
func astray(a access.Alarm) string {
	missing := a.Count - a.Removals
	switch {
	case a.Removals == 0:
		return counted(missing) + " missing"
	case missing == 0:
		return counted(a.Removals) + " still there"
	}
	return fmt.Sprintf("%s still there, and %d missing,", counted(a.Removals), missing)
}

func counted(n int64) string {
	if n == 1 {
		return "1 access"
	}
	return fmt.Sprintf("%d accesses", n)
}

// failures is what became of the newest attempt, in words that hold nothing of
// the target's own: they may name people.
var failures = map[access.Class]string{
	access.ClassRefused:       "it answers with an error",
	access.ClassUnreachable:   "it does not answer",
	access.ClassNoCallback:    "it accepted, and its word did not come",
	access.ClassCalledBack:    "it accepted, and said that it failed",
	access.ClassTargetMissing: "it, or its secret, is not in the configuration",
}

func newest(class access.Class) string {
	words, known := failures[class]
	if !known {
		return ""
	}
	return ": " + words
}

// details are the numbers, for people and for PagerDuty's own rules.
func details(a access.Alarm) map[string]any {
	d := map[string]any{"alarm": a.ID, "kind": string(a.Kind)}
	switch a.Kind {
	case access.AlarmSyncStale:
		d["source"] = a.About
	case access.AlarmSinkBehind:
		d["sink"] = a.About
	case access.AlarmAuditBroken:
	case access.AlarmOverdue, access.AlarmDrifted:
		d["target"], d["count"], d["removals"], d["bindings"] = a.About, a.Count, a.Removals, a.Bindings
	}
	if a.Oldest != nil {
		d["since"] = a.Oldest.UTC().Format(time.RFC3339)
	}
	if a.Class != "" {
		d["newest_failure"] = string(a.Class)
	}
	return d
}

// cut shortens a text to so many characters.
func cut(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
