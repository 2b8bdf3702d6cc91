package notice

import (
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// keep is how long it is worth telling somebody of what happened.
const keep = 7 * 24 * time.Hour

// Planner says who is to be told what of an event.
type Planner struct {
	Operators []string // channels, or users
}

// Plan is what an event leads to. Planning the same again leads to the same.
func (p Planner) Plan(l Ledger, e audit.Event) (Plan, error) {
	plan, err := p.tell(l, e)
	if err != nil {
		return Plan{}, err
	}
	if changesRequest(e.Type) && e.RequestID != "" {
		plan.Requests = []string{string(e.RequestID)}
	}
	if changesGrant(e.Type) && e.GrantID != "" {
		plan.Grants = []string{string(e.GrantID)}
	}
	if id, is := e.Data["task_id"].(string); is && changesTask(e.Type) {
		plan.Tasks = []string{id}
	}
	if id, is := e.Data["alarm_id"].(string); is && changesAlarm(e.Type) {
		plan.Alarms = []string{id}
	}
	plan.Notices = slices.DeleteFunc(plan.Notices, func(n access.Notice) bool { return n.Until != nil && !n.Until.After(l.Now()) })
	return plan, nil
}

// changesRequest reports whether what reviewers are shown of a request differs
// after the event. That they were reminded is not shown.
func changesRequest(typ string) bool {
	switch typ {
	case audit.RequestReviewed, audit.RequestApproved, audit.RequestDenied, audit.RequestWithdrawn, audit.RequestLapsed,
		audit.RequestEscalated, audit.GrantScheduled, audit.GrantStarted, audit.GrantMoved, audit.GrantEnded,
		audit.TaskOpened, audit.TaskClosed:
		return true
	}
	return false
}

// changesGrant is the same for what is shown of a grant.
func changesGrant(typ string) bool {
	return typ == audit.GrantStarted || typ == audit.GrantMoved || typ == audit.GrantEnded
}

// changesTask is the same for what is shown of a task.
func changesTask(typ string) bool {
	switch typ {
	case audit.TaskUpdated, audit.TaskClosed, audit.TaskApproved, audit.TaskRejected:
		return true
	}
	return false
}

// changesAlarm is the same for what is shown of an alarm.
func changesAlarm(typ string) bool {
	return typ == audit.AlarmChanged || typ == audit.AlarmResolved
}

func (p Planner) tell(l Ledger, e audit.Event) (Plan, error) {
	switch e.Type {
	case audit.RequestSubmitted:
		return p.submitted(l, e)
	case audit.RequestReminded:
		return p.reminded(l, e)
	case audit.RequestEscalated:
		return p.escalated(l, e)
	case audit.RequestDenied:
		return refused(l, e, access.NoticeDenied)
	case audit.RequestLapsed:
		return refused(l, e, access.NoticeLapsed)
	case audit.GrantScheduled, audit.GrantStarted:
		return given(l, e)
	case audit.GrantEnding:
		return ending(l, e)
	case audit.GrantEnded:
		return Plan{Notices: toPeople(about(e, access.NoticeEnded), *e.Subject)}, nil
	case audit.AlarmRaised:
		return p.alarm(e), nil
	case audit.TaskOpened, audit.TaskReminded:
		return p.task(l, e)
	case audit.NoticeDropped:
		return p.dropped(l, e)
	}
	return Plan{}, nil
}

// about starts a notice of an event.
func about(e audit.Event, kind access.NoticeKind) access.Notice {
	until := e.Time.Add(keep)
	return access.Notice{
		Kind: kind, EventID: e.ID, CreatedAt: e.Time, Until: &until, Version: 1,
		RequestID: string(e.RequestID), GrantID: string(e.GrantID), BindingID: string(e.BindingID),
	}
}

// to is the notice for each of the readers, once.
func to(n access.Notice, readers []access.Recipient) []access.Notice {
	var out []access.Notice
	told := map[string]bool{}
	for _, r := range readers {
		if key := r.String(); !told[key] {
			told[key] = true
			n.ID, n.To = access.NewID(access.KindNotice, n.CreatedAt), r
			out = append(out, n)
		}
	}
	return out
}

// toPeople is the notice for those of the subjects who are people.
func toPeople(n access.Notice, subjects ...access.Subject) []access.Notice {
	var readers []access.Recipient
	for _, s := range subjects {
		if s.Type == access.TypeUser {
			readers = append(readers, access.Recipient{Subject: &s})
		}
	}
	return to(n, readers)
}

// named reads readers as policy or the configuration names them.
func named(texts []string) []access.Recipient {
	var readers []access.Recipient
	for _, text := range texts {
		if text != "" {
			readers = append(readers, access.ParseRecipient(text))
		}
	}
	return readers
}

func (p Planner) operators() []access.Recipient { return named(p.Operators) }

// refused tells who asked, and for whom, that there is no access.
func refused(l Ledger, e audit.Event, kind access.NoticeKind) (Plan, error) {
	r, err := l.Request(string(e.RequestID))
	return Plan{Notices: toPeople(about(e, kind), r.Subject, r.Requester)}, err
}

// given tells who holds access that they do, or will, and who asked for it; and
// those whom policy obliges to tell, once: not again when what was scheduled
// begins.
func given(l Ledger, e audit.Event) (Plan, error) {
	g, err := l.Grant(string(e.GrantID))
	if err != nil {
		return Plan{}, err
	}
	r, err := l.Request(g.RequestID)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Notices: toPeople(about(e, access.NoticeGranted), g.Subject, r.Requester)}
	if e.Type == audit.GrantStarted && g.StartsAt.After(g.CreatedAt) {
		return plan, nil
	}
	d, err := l.Decision(string(e.DecisionID))
	plan.Notices = append(plan.Notices, to(about(e, access.NoticeObliged), named(d.Decision.Obligations.Notify))...)
	return plan, err
}

// ending tells the holder until there is nothing to tell any more.
func ending(l Ledger, e audit.Event) (Plan, error) {
	g, err := l.Grant(string(e.GrantID))
	n := about(e, access.NoticeEnding)
	n.Until = &g.ExpiresAt
	return Plan{Notices: toPeople(n, g.Subject)}, err
}

// task asks for a second person: one who looks at what policy wants to be looked
// at where policy wants that to be known, and operators for all else.
func (p Planner) task(l Ledger, e audit.Event) (Plan, error) {
	n := about(e, access.NoticeTask)
	n.TaskID, _ = e.Data["task_id"].(string)
	t, err := l.Task(n.TaskID)
	if err != nil || t.State != access.TaskOpen {
		return Plan{}, err
	}
	var readers []access.Recipient
	if t.Kind == access.TaskAfterReview && t.GrantID != "" {
		if readers, err = obliged(l, t.GrantID); err != nil {
			return Plan{}, err
		}
	}
	if len(readers) == 0 {
		readers = p.operators()
	}
	return Plan{Notices: to(n, readers)}, nil
}

func obliged(l Ledger, grantID string) ([]access.Recipient, error) {
	g, err := l.Grant(grantID)
	if err != nil {
		return nil, err
	}
	d, err := l.Decision(g.DecisionID)
	return named(d.Decision.Obligations.Notify), err
}

// alarm tells operators, in one message for all that it is about. It is of use as
// long as it holds.
func (p Planner) alarm(e audit.Event) Plan {
	n := about(e, access.NoticeAlarm)
	n.AlarmID, _ = e.Data["alarm_id"].(string)
	n.Until = nil
	return Plan{Notices: to(n, p.operators())}
}
