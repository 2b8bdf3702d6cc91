package notice

import (
	"slices"

	"github.com/curfew-access/curfew/engine/access"
)

// moot is why a notice that was never shown has nothing to tell any more; "" when
// it has. It waited, and what it is about went on. Operators are asked for answers
// that they need not be able to give.
func moot(v access.NoticeView, operators []string) string {
	if v.Shown > 0 {
		return "" // it is changed to say so
	}
	if v.Until != nil && !v.Until.After(v.Now) {
		return "its time is over"
	}
	switch v.Kind {
	case access.NoticeReview, access.NoticeEscalate:
		return unasked(v, operators)
	case access.NoticeReminder:
		if why := unasked(v, operators); why != "" {
			return why
		}
		if v.To.Subject != nil && slices.ContainsFunc(v.Case.Reviews, func(r access.ReviewRecord) bool { return r.Reviewer == *v.To.Subject }) {
			return "its reader has answered"
		}
	case access.NoticeGranted:
		if v.Grant == nil || v.Grant.State == access.GrantEnded {
			return "access has ended" // and that is told by another
		}
	case access.NoticeEnding:
		return extended(v)
	case access.NoticeAlarm:
		if v.Alarm == nil || v.Alarm.ResolvedAt != nil {
			return "the alarm is over"
		}
	case access.NoticeTask:
		if v.Task == nil || v.Task.State != access.TaskOpen {
			return "the task is closed"
		}
	case access.NoticeDenied, access.NoticeLapsed, access.NoticeEnded, access.NoticeObliged: // these stay true
	}
	return ""
}

// unasked is why there is nothing for a reader to answer: it was, or they are no
// reviewer any more. Who stands where channels do is told as one is.
func unasked(v access.NoticeView, operators []string) string {
	if v.Case == nil || v.Case.State != access.RequestPending {
		return "the request is closed"
	}
	if v.To.Subject == nil || v.Reader == nil || v.Case.Reviewers == nil || v.Case.Reviewers.Includes(*v.To.Subject, v.Reader.Groups) {
		return ""
	}
	instead := slices.Concat(operators, v.Case.Reviewers.Channels)
	if esc := v.Case.Reviewers.Escalate; esc != nil {
		instead = append(instead, esc.Channels...)
	}
	if slices.Contains(instead, v.To.String()) {
		return ""
	}
	return "its reader may not answer any more"
}

// extended is why access is not about to end as it was to be told: its end was
// then until when that was of use.
func extended(v access.NoticeView) string {
	switch {
	case v.Grant == nil || v.Grant.State == access.GrantEnded:
		return "access has ended"
	case v.Until != nil && v.Grant.ExpiresAt.After(*v.Until):
		return "access ends later"
	}
	return ""
}
