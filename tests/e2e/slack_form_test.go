package e2e_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/slack"
)

// The fields of the request form.
const (
	fieldResource  = "form.resource"
	fieldAction    = "form.action"
	fieldLength    = "form.length"
	fieldReason    = "form.reason"
	fieldEmergency = "form.emergency"
)

// opensForm has somebody open the empty form.
func (s *scene) opensForm(who string) *slack.View {
	s.Helper()
	p := s.in(who)
	p.Type("/access")
	return p.View()
}

// choose fills in a form up to what policy then says of it.
func (s *scene) choose(form *slack.View, length, reason string) {
	s.Helper()
	form.Pick(fieldResource, s.name)
	form.Await("the actions are there", func(now slack.Sheet) bool { return now.Has(fieldAction) })
	form.Pick(fieldAction, "debug")
	form.Await("the lengths are there", func(now slack.Sheet) bool { return now.Has(fieldLength) })
	form.Write(fieldReason, reason)
	form.Pick(fieldLength, length)
}

// fillsIn has somebody who is on call ask by the form, from nothing.
func (s *scene) fillsIn(who string) engine.RequestView {
	s.Helper()
	form := s.opensForm(who)
	s.choose(form, "While I'm on call", "the queue is stuck")
	form.AwaitText("Allowed at once")
	form.Submit()
	said := form.AwaitText("Granted").Visible()
	r := s.request(requestID.FindString(said))
	if r.State != access.RequestApproved || deref(r.While) != "oncall" || r.Channel != access.ChannelSlack || r.Reason != "the queue is stuck" {
		s.Fatalf("the request is %+v", r)
	}
	s.open(who)
	s.shown(who, "Access granted", r.ID)
	return r
}

// Carol, who is on call, has never done this before.
func fromNothingToAccess(s *scene) {
	form := s.opensForm(s.carol)
	if found := form.Search(fieldResource, strings.ToUpper(s.name)); len(found) != 1 {
		s.Errorf("her search finds %v", found)
	}
	if found := form.Search(fieldResource, "no such thing"); len(found) != 0 {
		s.Errorf("a search for nothing finds %v", found)
	}
	form.Close()
	r := s.fillsIn(s.carol)

	mine := s.types(s.carol, "mine")
	if !strings.Contains(mine.Visible(), s.name) {
		s.Errorf("what she has is not listed:\n%s", mine)
	}
	s.in(s.carol).Click(mine, extend)
	again := s.in(s.carol).View()
	filled := again.Await("the form is filled in", func(now slack.Sheet) bool { return now.Has(fieldLength) })
	if got := filled.Value(fieldReason); got != r.Reason {
		s.Errorf("the form is filled in with %q", got)
	}
	again.AwaitText("Allowed at once")
	again.Submit()
	second := s.request(requestID.FindString(again.AwaitText("Granted").Visible()))
	if second.ID == r.ID || second.Grant.BindingID != r.Grant.BindingID {
		s.Errorf("she extended to %+v; want another grant on the same binding", second)
	}
	for _, g := range []*access.Grant{r.Grant, second.Grant} {
		mine = s.types(s.carol, "mine")
		s.in(s.carol).Click(s.only(mine, g.ID), endNow)
		s.shown(s.carol, "Access ended", g.ID)
	}
	s.ended(*second.Grant, access.EndRevoked)
	if mine = s.types(s.carol, "mine"); !strings.Contains(mine.Visible(), "no access") {
		s.Errorf("what she has not is listed:\n%s", mine)
	}
	s.toldTarget(s.carol, 1, 1)
}

// only is a message with the buttons of one grant alone.
func (s *scene) only(m slack.Message, grant string) slack.Message {
	s.Helper()
	var left []any
	for _, b := range m.Blocks {
		if strings.Contains(fmt.Sprint(b), grant) {
			left = append(left, b)
		}
	}
	if m.Blocks = left; len(left) != 1 {
		s.Fatalf("there is no button for %s: %s", grant, m)
	}
	return m
}

// Before anything is submitted, the form says what policy would answer: to each
// person another thing, and what it then does.
func formSaysWhatPolicySays(s *scene) {
	form := s.opensForm(s.dan)
	s.choose(form, "10 min", "have a look")
	form.AwaitText("*Needs a review* by security")
	for _, o := range form.Sheet().Options(fieldLength) {
		if strings.Contains(o.Text, "on call") {
			s.Errorf("who is not on call is offered %q", o.Text)
		}
	}
	form.Submit()
	r := s.is(requestID.FindString(form.AwaitText("Waits for a review").Visible()), access.RequestPending)
	s.shown(s.name, "Access request", r.ID)

	form = s.opensForm(s.alice)
	s.choose(form, "10 min", "have a look")
	form.AwaitText("Neither on call nor in the owner's group")
	form.Pick(fieldEmergency, "yes")
	form.AwaitText("Allowed at once")
	form.Pick(fieldEmergency, "yes") // which takes it back
	form.AwaitText("Neither on call nor in the owner's group")
	form.Submit()
	said := form.AwaitText("Denied")
	if !strings.Contains(said.Visible(), "Neither on call nor in the owner's group") || said.CanSubmit() {
		s.Errorf("she is told\n%s", said.Visible())
	}
	r = s.is(requestID.FindString(said.Visible()), access.RequestDenied)
	s.shown(s.alice, "Access denied", r.ID)

	form = s.opensForm(s.carol)
	s.choose(form, "5 min", "have a look")
	form.AwaitText("Allowed at once")
	s.toldTarget(s.carol, 0, 0) // asking for an opinion is not asking for access
}

// Carol asks in one line, and it ends by itself. What is not clear is asked back.
func askedDirectly(s *scene) {
	for words, want := range map[string]string{
		"nowhere debug 10m lost": "no resource", s.name + " dance 10m why not": "no action", s.name + " 10m which?": "several actions",
		"help": "Ask for access",
	} {
		if said := s.types(s.carol, words).Visible(); !strings.Contains(said, want) {
			s.Errorf("she is answered %q to %q; want something of %q", said, words, want)
		}
	}
	s.in(s.carol).Type("/access " + s.name + " admin")
	form := s.in(s.carol).View()
	form.Await("the form has what was said", func(now slack.Sheet) bool { return now.Value(fieldAction) == "admin" })
	form.Close()
	s.asksNothing()

	r := s.asksInSlack(s.carol, "4s <quick> & *loud*")
	if r.State != access.RequestApproved || r.Reason != "<quick> & *loud*" {
		s.Errorf("the request is %s: %q", r.State, r.Reason)
	}
	ended := s.ended(*r.Grant, access.EndExpired)
	s.inTime("it ended", ended.EndedAt, r.Grant.ExpiresAt, soon)
	told := s.shown(s.carol, "Access ended", r.Grant.ID)
	if !strings.Contains(told.Visible(), "its time was over") {
		s.Errorf("she is not told why:\n%s", told)
	}
	r = s.asksInSlack(s.carol, "oncall a whole shift")
	if r.Grant == nil || deref(r.While) != "oncall" {
		s.Errorf("while on call she got %+v", r)
	}
	if r = s.asksInSlack(s.bob, "10m please"); r.State != access.RequestDenied {
		s.Errorf("bob's is %s", r.State)
	}
	s.shown(s.bob, "Access denied", r.ID)
}

// An incident that Alice works on is offered in the form, and ends her access.
func untilResolved(s *scene) {
	id := s.w.pd.Trigger("The disk is full", s.policy, s.accounts[s.alice])
	s.w.until(s.T, "the incident is known", func() error {
		return s.decides(s.alice, map[string]any{"while": "incident:" + id}, access.Allow)
	})
	form := s.opensForm(s.alice)
	s.choose(form, "The disk is full", "I clean up")
	form.AwaitText("Allowed at once")
	form.Submit()
	r := s.is(requestID.FindString(form.AwaitText("Granted").Visible()), access.RequestApproved)
	s.open(s.alice)
	s.w.pd.Resolve(id)
	s.ended(*r.Grant, access.EndIncidentResolved)
	told := s.shown(s.alice, "Access ended", r.Grant.ID)
	if !strings.Contains(told.Visible(), "incident that it was bound to is resolved") {
		s.Errorf("she is not told why:\n%s", told)
	}
	s.toldTarget(s.alice, 1, 1)
}

// Slack sends the same submission, command and click twice: each has one effect.
func submittedTwice(s *scene) {
	carol := s.in(s.carol)
	carol.Type("/access")
	form := carol.View()
	s.choose(form, "10 min", "once is enough")
	form.Submit()
	first := requestID.FindString(form.AwaitText("Granted").Visible())
	if again := carol.Again(); !strings.Contains(string(again.Body), first) {
		s.Errorf("the second is answered %s; want %s again", again.Body, first)
	}
	carol.Type("/access " + s.name + " debug 5m by a command")
	second := requestID.FindString(carol.AwaitTold("Granted").Visible())
	if again := carol.Again(); !strings.Contains(string(again.Body), second) {
		s.Errorf("the second is answered %s; want %s again", again.Body, second)
	}
	waits := s.asksInSlack(s.dan, "10m by a click")
	reviewer := s.in(s.erin)
	reviewer.Click(s.shown(s.name, "Access request", waits.ID), approve)
	reviewer.Again()
	if waits = s.is(waits.ID, access.RequestApproved); len(waits.Reviews) != 1 {
		s.Errorf("the click counted %d times", len(waits.Reviews))
	}
	var page engine.Page[engine.RequestView]
	s.must(operator, http.MethodGet, "/v1/requests?scope=all&limit=500", nil, &page)
	var made []string
	for _, r := range page.Items {
		if r.Resource.ID == s.name {
			made = append(made, r.ID)
		}
	}
	if len(made) != 3 {
		s.Errorf("there are %d requests: %v; want 3", len(made), made)
	}
}
