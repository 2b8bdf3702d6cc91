package e2e_test

import (
	"net/http"
	"strings"
	"sync"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// Dan, who is in the team, asks by a command. The team's channel is asked, and only
// a reviewer's click counts.
func approvedByOneClick(s *scene) {
	r := s.asksInSlack(s.dan, "10m <!channel> & the disk is *full*")
	if r.State != access.RequestPending || r.Channel != access.ChannelSlack {
		s.Fatalf("the request is %s, by %s; want it to wait, by Slack", r.State, r.Channel)
	}
	asked := s.shown(s.name, "Access request", r.ID)
	for _, want := range []string{s.name, "debug", "10 min", "<!channel> & the disk is *full*", "not on call", "0 of 1"} {
		if !strings.Contains(asked.Visible(), want) {
			s.Errorf("the message does not say %q:\n%s", want, asked)
		}
	}
	for _, who := range []string{s.dan, s.bob} {
		s.in(who).Click(asked, approve)
		s.in(who).AwaitTold("Only the reviewers")
	}
	s.is(r.ID, access.RequestPending)

	s.in(s.erin).Click(asked, approve)
	now := s.changes(asked, "Request approved", s.erin)
	s.noButtons(now)
	r = s.is(r.ID, access.RequestApproved)
	if len(r.Reviews) != 1 || r.Reviews[0].Reviewer != subject(s.erin) {
		s.Errorf("the reviews are %+v", r.Reviews)
	}
	s.open(s.dan)
	s.shown(s.dan, "Access granted", r.ID)

	s.in(s.frank).Click(asked, approve) // whose screen is old
	s.in(s.frank).AwaitTold("not the first")
	if again := s.request(r.ID); len(again.Reviews) != 1 {
		s.Errorf("a stale click counted: %+v", again.Reviews)
	}
	s.toldTarget(s.dan, 1, 0)
}

// Security agrees, but for less.
func approvedShorter(s *scene) {
	r := s.asksInSlack(s.dan, "10m tidy up")
	asked := s.shown(s.name, "Access request", r.ID)
	s.in(s.erin).Click(asked, shorten)
	form := s.in(s.erin).View()
	form.Await("the lengths are there", canSubmit)
	form.Pick("length", "5 min")
	form.Write("comment", "half of it will do")
	form.Submit()
	s.changes(asked, "Request approved")
	s.shown(s.dan, "Access granted", r.ID)
	g := s.is(r.ID, access.RequestApproved).Grant
	if g == nil || g.ExpiresAt.Sub(g.StartsAt) != short {
		s.Fatalf("the grant is %+v; want %s", g, short)
	}
	s.open(s.dan)
}

// Security says no, and why.
func deniedWithComment(s *scene) {
	r := s.asksInSlack(s.dan, "10m curiosity")
	asked := s.shown(s.name, "Access request", r.ID)
	form := s.comments(s.bob, asked, deny, "I am nobody")
	form.AwaitText("Only the reviewers")
	form.Close()

	s.comments(s.erin, asked, deny, "look at the <dashboard> instead")
	s.noButtons(s.changes(asked, "Request denied", "look at the <dashboard> instead"))
	told := s.shown(s.dan, "Access denied", r.ID)
	if !strings.Contains(told.Visible(), "look at the <dashboard> instead") {
		s.Errorf("the asker is not told why:\n%s", told)
	}
	s.is(r.ID, access.RequestDenied)
	s.toldTarget(s.dan, 0, 0)
}

// Two reviewers answer at the same moment: one yes, one no.
func twoAtOnce(s *scene) {
	r := s.asksInSlack(s.dan, "10m now or never")
	asked := s.shown(s.name, "Access request", r.ID)
	s.in(s.frank).Click(asked, deny)
	form := s.in(s.frank).View()
	form.Write("comment", "never")
	var both sync.WaitGroup
	both.Go(func() { s.in(s.erin).Click(asked, approve) })
	both.Go(func() { form.Submit() })
	both.Wait()
	if r = s.request(r.ID); r.State == access.RequestApproved {
		s.noButtons(s.changes(asked, "Request approved"))
		form.AwaitText("not the first")
		s.open(s.dan)
		s.shown(s.dan, "Access granted", r.ID)
	} else {
		s.noButtons(s.changes(asked, "Request denied", "never"))
		s.in(s.erin).AwaitTold("not the first")
		s.shown(s.dan, "Access denied", r.ID)
		s.is(r.ID, access.RequestDenied)
	}
	if len(r.Reviews) != 1 {
		s.Errorf("both counted: %+v", r.Reviews)
	}
}

const askedOneByOne = "reviewers are asked one by one"

// Policy names no channel, so each reviewer is asked. Both click at once, one
// counts, and both messages say so.
func reviewersAskedOneByOne(s *scene) {
	r := s.asksInSlack(s.dan, "10m whoever is awake")
	first, second := s.shown(s.erin, "Access request", r.ID), s.shown(s.frank, "Access request", r.ID)
	if n := s.count(s.name, "Access request", r.ID); n > 0 {
		s.Errorf("a channel was asked too, %d times", n)
	}
	var both sync.WaitGroup
	both.Go(func() { s.in(s.erin).Click(first, approve) })
	both.Go(func() { s.in(s.frank).Click(second, approve) })
	both.Wait()
	s.noButtons(s.changes(first, "Request approved"))
	s.noButtons(s.changes(second, "Request approved"))
	if r = s.is(r.ID, access.RequestApproved); len(r.Reviews) != 1 {
		s.Errorf("both counted: %+v", r.Reviews)
	}
	s.shown(s.dan, "Access granted", r.ID)
	s.open(s.dan)
	s.toldTarget(s.dan, 1, 0)
}

// One rule set: what is asked for in Slack is answered by the command line, and
// what is asked for by the API is answered in Slack.
func otherChannelsAnswer(s *scene) {
	r := s.asksInSlack(s.dan, "10m answered elsewhere")
	asked := s.shown(s.name, "Access request", r.ID)
	s.w.run(s.T, security, "approve", r.ID, "--comment", "by hand")
	s.noButtons(s.changes(asked, "Request approved", "security"))
	s.shown(s.dan, "Access granted", r.ID)
	g := s.is(r.ID, access.RequestApproved).Grant
	s.must(s.dan, http.MethodPost, "/v1/grants/"+g.ID+"/revoke", map[string]any{}, nil)
	s.shown(s.dan, "Access ended", g.ID)

	r = s.ask(s.dan, map[string]any{"while": nil, "for": longest.String(), "action": access.Action{Name: "admin"}})
	asked = s.shown(s.name, "Access request", r.ID)
	s.in(s.frank).Click(asked, approve)
	s.changes(asked, "Request approved", s.frank)
	if r = s.is(r.ID, access.RequestApproved); r.Reviews[0].Reviewer != subject(s.frank) || r.Channel != access.ChannelAPI {
		s.Errorf("the request came by %s, and its reviews are %+v", r.Channel, r.Reviews)
	}
	s.shown(s.dan, "Access granted", r.ID)

	r = s.asksInSlack(s.dan, "4s taken back")
	asked = s.shown(s.name, "Access request", r.ID)
	s.must(s.dan, http.MethodPost, "/v1/requests/"+r.ID+"/withdraw", map[string]any{}, nil)
	s.noButtons(s.changes(asked, "Request withdrawn"))
}

// ruled is a team's own policy: who is in the team needs two reviewers, and a
// responder must be answered soon.
const ruled = `package access

_by(quorum) := {
	"groups": ["security"], "quorum": quorum,
	"channels": [sprintf("#%s", [input.resource.properties.owner])],
}

_reason := {"code": "ruled", "title": "Somebody must agree", "detail": "So says the team.", "max_seconds": 600}

_in_team if input.resource.properties.owner in input.subject.properties.groups

review contains object.union(_reason, {"reviewers": _by(2)}) if _in_team

_responder if "responders" in input.subject.properties.groups

review contains object.union(_reason, {"reviewers": _by(1)}) if {
	not _in_team
	not _responder
}

review contains object.union(_reason, {"reviewers": _by(1), "lapse_seconds": 3}) if _responder
`

// Two must agree, and the message counts them.
func quorumOfTwo(s *scene) {
	r := s.asksInSlack(s.dan, "10m four eyes")
	asked := s.shown(s.name, "Access request", r.ID)
	s.in(s.erin).Click(asked, approve)
	asked = s.changes(asked, "1 of 2", s.erin)
	s.is(r.ID, access.RequestPending)
	s.in(s.erin).Click(asked, approve)
	s.in(s.erin).AwaitTold("have answered this request already")
	s.is(r.ID, access.RequestPending)
	s.in(s.frank).Click(asked, approve)
	s.noButtons(s.changes(asked, "Request approved", s.erin, s.frank))
	s.is(r.ID, access.RequestApproved)
	s.shown(s.dan, "Access granted", r.ID)
	s.open(s.dan)
	s.toldTarget(s.dan, 1, 0)
}

// A reviewer may ask too, and then can not answer.
func ownRequest(s *scene) {
	r := s.asksInSlack(s.frank, "10m for myself")
	asked := s.shown(s.name, "Access request", r.ID)
	s.in(s.frank).Click(asked, approve)
	s.in(s.frank).AwaitTold("by yourself")
	s.is(r.ID, access.RequestPending)
	s.in(s.erin).Click(asked, approve)
	s.changes(asked, "Request approved")
	s.is(r.ID, access.RequestApproved)
}

// Nobody answers in time.
func nobodyAnswers(s *scene) {
	r := s.asksInSlack(s.alice, "10m is anybody there?")
	asked := s.shown(s.name, "Access request", r.ID)
	told := s.shown(s.alice, "Nobody answered", r.ID)
	s.noButtons(s.changes(asked, "Request lapsed"))
	s.is(r.ID, access.RequestLapsed)
	if !told.Has(extend) {
		s.Errorf("she can not ask again by %s", told)
	}
	s.in(s.erin).Click(asked, approve)
	s.in(s.erin).AwaitTold("not the first")
	s.is(r.ID, access.RequestLapsed)
}

// Break-glass: access at once, told of loudly, and somebody else must look at it.
func breakGlassUsed(s *scene) {
	r := s.asksInSlack(s.alice, "10m emergency: the database is on fire")
	if r.State != access.RequestApproved || !r.Emergency {
		s.Fatalf("it is %s, emergency %t: %+v", r.State, r.Emergency, r.Decision)
	}
	s.open(s.alice)
	loudly := s.shown(loud, "BREAK-GLASS", r.ID)
	if !strings.Contains(loudly.Visible(), "the database is on fire") {
		s.Errorf("it is not said why:\n%s", loudly)
	}
	s.shown(s.alice, "Access granted", r.ID)
	task := s.task(access.TaskAfterReview, r.Grant.ID)
	open := s.shown(loud, "Review access that was used first", task.ID)

	form := s.comments(s.alice, open, closeTask, "all was fine, believe me")
	form.AwaitText("closed by security")
	form.Close()

	s.comments(s.erin, open, closeTask, "seen, the fire is out")
	if now := s.changes(open, "seen, the fire is out", s.erin); now.Has(closeTask) {
		s.Errorf("it can still be closed:\n%s", now)
	}
	var closed engine.TaskItem
	s.must(security, http.MethodGet, "/v1/tasks/"+task.ID, nil, &closed)
	if closed.State != access.TaskDone {
		s.Errorf("the task is %s", closed.State)
	}

	if r := s.asksInSlack(s.bob, "10m emergency: me too"); r.State != access.RequestDenied {
		s.Errorf("the request of somebody who is no responder is %s", r.State)
	}
	if n := s.count(loud, "BREAK-GLASS", r.ID); n != 1 {
		s.Errorf("it was told of %d times", n)
	}
}
