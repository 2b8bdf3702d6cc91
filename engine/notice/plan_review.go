package notice

import (
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// maxAsked bounds how many people are asked about one request by themselves. More
// than that have a channel.
const maxAsked = 50

// submitted asks the reviewers of a request that waits for them.
func (p Planner) submitted(l Ledger, e audit.Event) (Plan, error) {
	r, err := l.Request(string(e.RequestID))
	if err != nil || r.State != access.RequestPending {
		return Plan{}, err
	}
	d, err := l.Decision(string(e.DecisionID))
	if err != nil || d.Decision.Reviewers == nil {
		return Plan{}, err
	}
	v := d.Decision.Reviewers
	return p.ask(l, forReview(e, r, access.NoticeReview), r, v.Channels, v.Groups, v.Subjects)
}

// escalated asks whom policy names for requests that nobody answers. The event
// says who that is: the decision that it is of may not be the first.
func (p Planner) escalated(l Ledger, e audit.Event) (Plan, error) {
	r, err := l.Request(string(e.RequestID))
	if err != nil || r.State != access.RequestPending {
		return Plan{}, err
	}
	var subjects []access.Subject
	for _, text := range texts(e.Data["subjects"]) {
		if s, err := access.ParseSubject(text); err == nil {
			subjects = append(subjects, s)
		}
	}
	return p.ask(l, forReview(e, r, access.NoticeEscalate), r, texts(e.Data["channels"]), texts(e.Data["groups"]), subjects)
}

// texts reads a list of texts out of an event's data.
func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, item := range list {
		if text, is := item.(string); is {
			out = append(out, text)
		}
	}
	return out
}

// reminded asks those again who were asked, but for people who have answered. When
// nobody was, because their channel could not be told or nobody was told anything
// yet, each is asked by themselves.
func (p Planner) reminded(l Ledger, e audit.Event) (Plan, error) {
	r, err := l.Request(string(e.RequestID))
	if err != nil || r.State != access.RequestPending {
		return Plan{}, err
	}
	asked, err := l.Asked(r.ID)
	if err != nil {
		return Plan{}, err
	}
	n := forReview(e, r, access.NoticeReminder)
	plan := Plan{Notices: to(n, asked)}
	if len(asked) == 0 {
		d, err := l.Decision(r.DecisionID)
		if err != nil || d.Decision.Reviewers == nil {
			return Plan{}, err
		}
		if plan, err = p.ask(l, n, r, nil, d.Decision.Reviewers.Groups, d.Decision.Reviewers.Subjects); err != nil {
			return Plan{}, err
		}
	}
	reviews, err := l.Reviews(r.ID)
	plan.Notices = slices.DeleteFunc(plan.Notices, func(n access.Notice) bool {
		return n.To.Subject != nil && slices.ContainsFunc(reviews, func(v access.ReviewRecord) bool { return v.Reviewer == *n.To.Subject })
	})
	return plan, err
}

// forReview starts a notice that asks for an answer, which is of use until the
// request lapses.
func forReview(e audit.Event, r access.Request, kind access.NoticeKind) access.Notice {
	n := about(e, kind)
	n.Until = r.LapsesAt
	return n
}

// ask asks the channels; or, if there are none, each person, but never whose
// access it is nor who asked for it. Operators are told if nobody can be asked, or
// not everybody.
func (p Planner) ask(
	l Ledger, n access.Notice, r access.Request, channels, groups []string, subjects []access.Subject,
) (Plan, error) {
	if readers := named(channels); len(readers) > 0 {
		return Plan{Notices: to(n, readers)}, nil
	}
	people, err := l.PeopleOf(maxAsked+3, groups...) // two of them are not asked, and one is too many
	if err != nil {
		return Plan{}, err
	}
	people = slices.DeleteFunc(append(slices.Clone(subjects), people...), func(s access.Subject) bool {
		return s == r.Subject || s == r.Requester
	})
	slices.SortFunc(people, func(a, b access.Subject) int { return strings.Compare(a.String(), b.String()) })
	all := toPeople(n, people...)
	switch {
	case len(all) > maxAsked:
		return Plan{Notices: append(all[:maxAsked], to(n, p.operators())...)}, nil
	case len(all) == 0:
		operators := to(n, p.operators())
		return Plan{Notices: operators, Unasked: len(operators) == 0}, nil
	}
	return Plan{Notices: all}, nil
}
