package notice

import (
	"slices"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// dropped tells operators what a channel could not be told and somebody must know:
// that a request waits, that access was given which must not be quiet, that a task
// is open. A channel that is misspelt, or that the app is not in, is theirs to mend.
// Of what several channels could not be told they hear once.
func (p Planner) dropped(l Ledger, e audit.Event) (Plan, error) {
	kind, _ := e.Data["kind"].(string)
	reader, _ := e.Data["recipient"].(string)
	if shown, _ := e.Data["shown"].(bool); shown || access.ParseRecipient(reader).Subject != nil || slices.Contains(p.Operators, reader) {
		return Plan{}, nil
	}
	n := about(e, access.NoticeKind(kind))
	n.EventID, _ = e.Data["event_id"].(string)
	switch n.Kind {
	case access.NoticeReview, access.NoticeReminder, access.NoticeEscalate:
		r, err := l.Request(n.RequestID)
		if err != nil || r.State != access.RequestPending {
			return Plan{}, err
		}
		n.Until = r.LapsesAt
	case access.NoticeTask:
		n.TaskID, _ = e.Data["task_id"].(string)
		if t, err := l.Task(n.TaskID); err != nil || t.State != access.TaskOpen {
			return Plan{}, err
		}
	case access.NoticeObliged:
	case access.NoticeGranted, access.NoticeDenied, access.NoticeLapsed, access.NoticeEnding, access.NoticeEnded, access.NoticeAlarm:
		return Plan{}, nil // those are for people, or for operators
	default:
		return Plan{}, nil
	}
	return Plan{Notices: to(n, p.operators())}, nil
}
