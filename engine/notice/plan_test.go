package notice_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/notice"
)

var (
	alice = access.Subject{Type: "user", ID: "alice@example.com"}
	bob   = access.Subject{Type: "user", ID: "bob@example.com"}
	carol = access.Subject{Type: "user", ID: "carol@example.com"}
	dave  = access.Subject{Type: "user", ID: "dave@example.com"}
	robot = access.Subject{Type: "service", ID: "ci"}
	acme  = access.ResourceRef{Type: "customer", ID: "acme"}
	debug = access.Action{Name: "debug"}
	about = access.Entitled{Subject: alice, Action: debug, Resource: acme}

	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// says is what a ledger says, as a value.
type says struct {
	request  access.Request
	decision access.Decision
	grant    access.Grant
	task     access.Task
	reviews  []access.ReviewRecord
	asked    []string
	people   []access.Subject
	now      time.Time
}

func found[T any](v T, id, want, kind string) (T, error) {
	if id != want {
		var none T
		return none, access.NotFound(kind, id)
	}
	return v, nil
}

func (s says) Request(id string) (access.Request, error) {
	return found(s.request, id, "req_1", "request")
}
func (s says) Grant(id string) (access.Grant, error) { return found(s.grant, id, "grt_1", "grant") }
func (s says) Task(id string) (access.Task, error)   { return found(s.task, id, "tsk_1", "task") }
func (s says) Reviews(string) ([]access.ReviewRecord, error) {
	return s.reviews, nil
}
func (s says) PeopleOf(limit int, _ ...string) ([]access.Subject, error) {
	slices.SortFunc(s.people, func(a, b access.Subject) int { return strings.Compare(a.ID, b.ID) })
	return s.people[:min(limit, len(s.people))], nil
}
func (s says) Now() time.Time { return s.now }

func (s says) Decision(id string) (access.DecisionRecord, error) {
	return found(access.DecisionRecord{ID: id, Decision: s.decision}, id, "dec_1", "decision")
}

func (s says) Asked(string) (asked []access.Recipient, err error) {
	for _, text := range s.asked {
		asked = append(asked, access.ParseRecipient(text))
	}
	return asked, nil
}

// usual is a request of alice's for which there is everything.
func usual(change func(*says)) says {
	lapses := noon.Add(time.Hour)
	s := says{
		now: noon.Add(time.Second),
		request: access.Request{
			ID: "req_1", Entitled: about, Requester: alice, State: access.RequestPending, LapsesAt: &lapses, DecisionID: "dec_1",
		},
		decision: access.Decision{
			Effect: access.Review, Reviewers: &access.Reviewers{Groups: []string{"security"}, Quorum: 1},
			Obligations: access.Obligations{Notify: []string{"#security", "#audit"}},
		},
		grant: access.Grant{
			ID: "grt_1", RequestID: "req_1", BindingID: "bnd_1", Entitled: about, DecisionID: "dec_1", State: access.GrantActive,
			CreatedAt: noon, StartsAt: noon, ExpiresAt: noon.Add(2 * time.Hour),
		},
		task:   access.Task{ID: "tsk_1", Kind: access.TaskAfterReview, State: access.TaskOpen, GrantID: "grt_1", RequestID: "req_1"},
		people: []access.Subject{dave, bob},
	}
	change(&s)
	return s
}

// event is one about the usual request, and its grant if it is of one.
func event(typ string) audit.Event {
	e := audit.Event{ID: "evt_1", Type: typ, Time: noon, RequestID: "req_1", DecisionID: "dec_1"}.About(about)
	switch typ {
	case audit.GrantScheduled, audit.GrantStarted, audit.GrantEnded, audit.GrantEnding, audit.GrantMoved:
		e.GrantID, e.BindingID = "grt_1", "bnd_1"
	case audit.TaskOpened, audit.TaskClosed, audit.TaskReminded, audit.TaskUpdated:
		e.GrantID, e.BindingID = "grt_1", "bnd_1"
		e.Data = map[string]any{"task_id": "tsk_1"}
	case audit.BindingOverdue:
		e.RequestID, e.BindingID = "", "bnd_1"
	case audit.AlarmRaised, audit.AlarmChanged, audit.AlarmResolved:
		e.RequestID, e.DecisionID, e.Data = "", "", map[string]any{"alarm_id": "alm_1", "target": "okta"}
	}
	return e
}

// lines renders a plan: who is told what, and what is shown anew.
func lines(p notice.Plan) (out []string) {
	for _, n := range p.Notices {
		out = append(out, fmt.Sprintf("%s %s", n.Kind, n.To))
	}
	for kind, ids := range map[string][]string{"request": p.Requests, "grant": p.Grants, "task": p.Tasks, "alarm": p.Alarms} {
		for _, id := range ids {
			out = append(out, "anew "+kind+" "+id)
		}
	}
	if p.Unasked {
		out = append(out, "unasked")
	}
	slices.Sort(out)
	return out
}

func TestAnEventIsToldToThoseWhomItConcerns(t *testing.T) {
	t.Parallel()
	same := func(*says) {}
	dropped := func(kind, to string) map[string]any {
		return map[string]any{"kind": kind, "recipient": to, "event_id": "evt_0", "shown": false, "task_id": "tsk_1"}
	}
	pending := func(state access.RequestState) func(*says) {
		return func(s *says) { s.request.State, s.request.LapsesAt = state, nil }
	}
	for name, c := range map[string]struct {
		typ    string
		data   map[string]any
		change func(*says)
		want   []string
	}{
		"reviewers have a channel": {typ: audit.RequestSubmitted, change: func(s *says) { s.decision.Reviewers.Channels = []string{"#security", "#leads", "#security"} },
			want: []string{"review #leads", "review #security"}},
		"reviewers have none, and are asked each": {typ: audit.RequestSubmitted, change: same,
			want: []string{"review user:bob@example.com", "review user:dave@example.com"}},
		"reviewers are named twice": {typ: audit.RequestSubmitted, change: func(s *says) { s.decision.Reviewers.Subjects = []access.Subject{carol, bob} },
			want: []string{"review user:bob@example.com", "review user:carol@example.com", "review user:dave@example.com"}},
		"whose access it is and who asked are never asked": {typ: audit.RequestSubmitted,
			change: func(s *says) { s.request.Requester, s.people = bob, []access.Subject{alice, bob, dave} },
			want:   []string{"review user:dave@example.com"}},
		"a program is never asked": {typ: audit.RequestSubmitted, change: func(s *says) { s.people = []access.Subject{robot, dave} },
			want: []string{"review user:dave@example.com"}},
		"nobody can be asked": {typ: audit.RequestSubmitted, change: func(s *says) { s.people = []access.Subject{alice} },
			want: []string{"review #ops"}},
		"a request was answered by then": {typ: audit.RequestSubmitted, change: pending(access.RequestApproved)},
		"a request was denied at once":   {typ: audit.RequestSubmitted, change: func(s *says) { s.decision.Reviewers = nil }},

		"nobody answered": {typ: audit.RequestReminded, change: func(s *says) { s.asked = []string{"#security", "user:bob@example.com"} },
			want: []string{"reminder #security", "reminder user:bob@example.com"}},
		"one answered of several": {typ: audit.RequestReminded,
			change: func(s *says) {
				s.asked = []string{"user:bob@example.com", "user:dave@example.com"}
				s.reviews = []access.ReviewRecord{{Reviewer: bob}}
			},
			want: []string{"reminder user:dave@example.com"}},
		"nobody answered, and nobody had been asked": {typ: audit.RequestReminded,
			change: func(s *says) {
				s.people, s.decision.Reviewers.Channels = []access.Subject{alice, bob, carol}, []string{"#gone"}
				s.reviews = []access.ReviewRecord{{Reviewer: carol}}
			},
			want: []string{"reminder user:bob@example.com"}},
		"nobody answered, and nobody can be asked": {typ: audit.RequestReminded, change: func(s *says) { s.people = nil }, want: []string{"reminder #ops"}},
		"it was answered before anybody was reminded": {typ: audit.RequestReminded,
			change: func(s *says) { pending(access.RequestDenied)(s); s.asked = []string{"#security"} }},

		"others may answer too, in their channel": {typ: audit.RequestEscalated, change: same, data: map[string]any{"channels": []any{"#leads"}, "groups": []any{"leads"}},
			want: []string{"anew request req_1", "escalate #leads"}},
		"others may answer too, each": {typ: audit.RequestEscalated, change: func(s *says) { s.people = []access.Subject{alice} },
			data: map[string]any{"channels": nil, "subjects": []any{"user:carol@example.com", "what"}},
			want: []string{"anew request req_1", "escalate user:carol@example.com"}},

		"a request is denied":                      {typ: audit.RequestDenied, change: same, want: []string{"anew request req_1", "denied user:alice@example.com"}},
		"a request for another is denied":          {typ: audit.RequestDenied, change: func(s *says) { s.request.Requester = bob }, want: []string{"anew request req_1", "denied user:alice@example.com", "denied user:bob@example.com"}},
		"a program's request for one is denied":    {typ: audit.RequestDenied, change: func(s *says) { s.request.Requester = robot }, want: []string{"anew request req_1", "denied user:alice@example.com"}},
		"a program's request for itself lapses":    {typ: audit.RequestLapsed, change: func(s *says) { s.request.Requester, s.request.Subject = robot, robot }, want: []string{"anew request req_1"}},
		"a request lapses":                         {typ: audit.RequestLapsed, change: same, want: []string{"anew request req_1", "lapsed user:alice@example.com"}},
		"a request is taken back":                  {typ: audit.RequestWithdrawn, change: same, want: []string{"anew request req_1"}},
		"a reviewer of several answers":            {typ: audit.RequestReviewed, change: same, want: []string{"anew request req_1"}},
		"access ends later than it was to":         {typ: audit.GrantMoved, change: same, want: []string{"anew grant grt_1", "anew request req_1"}},
		"access ends":                              {typ: audit.GrantEnded, change: same, want: []string{"anew grant grt_1", "anew request req_1", "ended user:alice@example.com"}},
		"access is about to end":                   {typ: audit.GrantEnding, change: same, want: []string{"ending user:alice@example.com"}},
		"a target does not confirm one":            {typ: audit.BindingOverdue, change: same}, // the target's alarm tells it
		"an alarm is raised":                       {typ: audit.AlarmRaised, change: same, want: []string{"alarm #ops"}},
		"an alarm is about many more":              {typ: audit.AlarmChanged, change: same, want: []string{"anew alarm alm_1"}},
		"an alarm is over":                         {typ: audit.AlarmResolved, change: same, want: []string{"anew alarm alm_1"}},
		"operators can not be told of an alarm":    {typ: audit.NoticeDropped, change: same, data: dropped("alarm", "#gone")},
		"a target confirms":                        {typ: audit.BindingProvisioned, change: same},
		"somebody can not be told":                 {typ: audit.NoticeDropped, change: same, data: dropped("review", "user:bob@example.com")},
		"a channel can not be told what is over":   {typ: audit.NoticeDropped, change: pending(access.RequestDenied), data: dropped("review", "#gone")},
		"operators can not be told":                {typ: audit.NoticeDropped, change: same, data: dropped("task", "#ops")},
		"a channel can not be asked":               {typ: audit.NoticeDropped, change: same, data: dropped("review", "#gone"), want: []string{"review #ops"}},
		"a channel can not be asked again":         {typ: audit.NoticeDropped, change: same, data: dropped("reminder", "#gone"), want: []string{"reminder #ops"}},
		"others can not be asked in their channel": {typ: audit.NoticeDropped, change: same, data: dropped("escalate", "#gone"), want: []string{"escalate #ops"}},
		"a channel can not be told of access":      {typ: audit.NoticeDropped, change: same, data: dropped("obliged", "#gone"), want: []string{"obliged #ops"}},
		"a channel can not be told of a task":      {typ: audit.NoticeDropped, change: same, data: dropped("task", "#gone"), want: []string{"task #ops"}},
		"a task is closed that could not be told":  {typ: audit.NoticeDropped, change: func(s *says) { s.task.State = access.TaskDone }, data: dropped("task", "#gone")},
		"something else happens with the request":  {typ: audit.BindingAttempted, change: same},

		"access begins": {typ: audit.GrantStarted, change: same,
			want: []string{"anew grant grt_1", "anew request req_1", "granted user:alice@example.com", "obliged #audit", "obliged #security"}},
		"access is given from later on": {typ: audit.GrantScheduled, change: func(s *says) { s.grant.StartsAt, s.grant.State = noon.Add(time.Hour), access.GrantScheduled },
			want: []string{"anew request req_1", "granted user:alice@example.com", "obliged #audit", "obliged #security"}},
		"access begins that was given before": {typ: audit.GrantStarted, change: func(s *says) { s.grant.CreatedAt = noon.Add(-time.Hour); s.request.Requester = bob },
			want: []string{"anew grant grt_1", "anew request req_1", "granted user:alice@example.com", "granted user:bob@example.com"}},

		"somebody must look at it afterwards": {typ: audit.TaskOpened, change: same, want: []string{"anew request req_1", "task #audit", "task #security"}},
		"somebody must, and policy says not where": {typ: audit.TaskOpened, change: func(s *says) { s.decision.Obligations.Notify = nil },
			want: []string{"anew request req_1", "task #ops"}},
		"nobody has for a day":          {typ: audit.TaskReminded, change: same, want: []string{"task #audit", "task #security"}},
		"somebody has by then":          {typ: audit.TaskReminded, change: func(s *says) { s.task.State = access.TaskDone }},
		"policy would not give it now":  {typ: audit.TaskOpened, change: func(s *says) { s.task.Kind = access.TaskFlag }, want: []string{"anew request req_1", "task #ops"}},
		"there is one more reason":      {typ: audit.TaskUpdated, change: same, want: []string{"anew task tsk_1"}},
		"a task is closed":              {typ: audit.TaskClosed, change: same, want: []string{"anew request req_1", "anew task tsk_1"}},
		"it is too late for all of it":  {typ: audit.GrantEnded, change: func(s *says) { s.now = noon.Add(8 * 24 * time.Hour) }, want: []string{"anew grant grt_1", "anew request req_1"}},
		"it is too late to tell an end": {typ: audit.GrantEnding, change: func(s *says) { s.now = s.grant.ExpiresAt }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := event(c.typ)
			if c.data != nil {
				e.Data = c.data
			}
			p, err := notice.Planner{Operators: []string{"#ops"}}.Plan(usual(c.change), e)
			if got := lines(p); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%v, %v\nwant %v", got, err, c.want)
			}
		})
	}
}

func TestANoticeIsOfUseAsLongAsWhatItTells(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]time.Duration{
		audit.RequestSubmitted: time.Hour, audit.GrantEnding: 2 * time.Hour,
		audit.GrantEnded: 7 * 24 * time.Hour, audit.RequestDenied: 7 * 24 * time.Hour,
	} {
		p, err := notice.Planner{Operators: []string{"#ops"}}.Plan(usual(func(*says) {}), event(typ))
		if err != nil || len(p.Notices) == 0 {
			t.Fatalf("%s: %+v, %v", typ, p, err)
		}
		n := p.Notices[0]
		if got := n.Until.Sub(noon); got != want || n.EventID != "evt_1" || n.Version != 1 || access.CheckID(access.KindNotice, n.ID) != nil {
			t.Errorf("%s: %+v, of use for %s", typ, n, got)
		}
	}
}

// An alarm is told as long as it holds, however long nobody could be told.
func TestAnAlarmIsOfUseWithoutAnEnd(t *testing.T) {
	t.Parallel()
	late := usual(func(s *says) { s.now = noon.Add(30 * 24 * time.Hour) })
	p, err := notice.Planner{Operators: []string{"#ops"}}.Plan(late, event(audit.AlarmRaised))
	if err != nil || len(p.Notices) != 1 || p.Notices[0].Until != nil || p.Notices[0].AlarmID != "alm_1" {
		t.Errorf("planned is %+v, %v", p.Notices, err)
	}
}

// Of what several channels can not be told operators hear once: the notice is of the
// event that those were to hear of. What was shown once is not told anew.
func TestOperatorsHearOnceOfWhatSeveralCannotBeTold(t *testing.T) {
	t.Parallel()
	e := event(audit.NoticeDropped)
	e.GrantID, e.BindingID = "grt_1", "bnd_1"
	e.Data = map[string]any{"kind": "obliged", "recipient": "#gone", "event_id": "evt_0", "shown": false}
	plan := func() notice.Plan {
		p, err := notice.Planner{Operators: []string{"#ops"}}.Plan(usual(func(*says) {}), e)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := plan(); len(p.Notices) != 1 || p.Notices[0].EventID != "evt_0" || p.Notices[0].GrantID != "grt_1" || p.Notices[0].BindingID != "bnd_1" {
		t.Errorf("planned is %+v", p.Notices)
	}
	e.Data["shown"] = true
	if p := plan(); len(p.Notices) != 0 {
		t.Errorf("planned is %+v, of what is shown", p.Notices)
	}
}

func TestOperatorsHearOfReviewersWhoAreTooMany(t *testing.T) {
	t.Parallel()
	crowd := usual(func(s *says) {
		s.people = nil
		for i := range 60 {
			s.people = append(s.people, access.Subject{Type: "user", ID: fmt.Sprintf("p%02d@example.com", 59-i)})
		}
	})
	p, err := notice.Planner{Operators: []string{"#ops"}}.Plan(crowd, event(audit.RequestSubmitted))
	if err != nil || len(p.Notices) != 51 || p.Notices[0].To.String() != "user:p00@example.com" ||
		p.Notices[49].To.String() != "user:p49@example.com" || p.Notices[50].To.Channel != "#ops" {
		t.Errorf("%v, %v", lines(p), err)
	}
	nobody := usual(func(s *says) { s.people = nil })
	p, err = notice.Planner{}.Plan(nobody, event(audit.RequestSubmitted))
	if err != nil || !p.Unasked || len(p.Notices) > 0 {
		t.Errorf("nobody to ask nor to tell: %v, %v", lines(p), err)
	}
}

func TestWhatTheLedgerDoesNotHaveIsAnError(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{
		audit.RequestSubmitted, audit.RequestReminded, audit.RequestEscalated, audit.RequestDenied, audit.GrantStarted, audit.GrantEnding,
		audit.TaskOpened,
	} {
		e := event(typ)
		e.RequestID, e.GrantID, e.Data = "req_2", "grt_2", nil
		if p, err := (notice.Planner{}).Plan(usual(func(*says) {}), e); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("%s: %v, %v", typ, lines(p), err)
		}
	}
}
