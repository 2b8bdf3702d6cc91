package e2e_test

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/curfew-access/curfew/engine/access"
)

// Two gateways: each message comes once, whichever of them Slack talks to, and goes
// on coming when one is killed.
func twoNodes(s *scene) {
	r := s.asksInSlack(s.dan, "10m by the first")
	asked := s.shown(s.name, "Access request", r.ID)
	s.w.slack.AppAt(s.w.url(1) + "/hooks/slack/")
	s.in(s.erin).Click(asked, approve)
	s.noButtons(s.changes(asked, "Request approved"))
	s.is(r.ID, access.RequestApproved)
	s.shown(s.dan, "Access granted", r.ID)
	s.open(s.dan)

	s.w.front = 1
	if err := s.w.node(0).Kill(); err != nil {
		s.Fatal(err)
	}
	g := s.asksInSlack(s.carol, "4s by the second").Grant
	if g == nil {
		s.Fatal("Carol, who is on call, got nothing")
	}
	s.ended(*g, access.EndExpired)
	s.shown(s.carol, "Access ended", g.ID)
	for who, id := range map[string]string{s.name: r.ID, s.dan: r.ID, s.carol: g.ID} {
		if n := s.count(who, "", id); n > 2 || who == s.name && n != 1 { // Carol is told of the beginning and of the end
			s.Errorf("%s has %d messages about %s", who, n, id)
		}
	}
	s.toldTarget(s.dan, 1, 0)
}

// All of it by the socket, without an address that Slack could reach: a request, a
// form and a click.
func bySocket(s *scene) {
	s.w.slack.AwaitSocket(s.T, 1)
	s.fillsIn(s.carol)
	r := s.asksInSlack(s.dan, "10m by the socket")
	asked := s.shown(s.name, "Access request", r.ID)
	s.w.slack.DropSockets() // the network does that, and whoever clicks then clicks again
	s.w.until(s.T, "the socket is there again", func() error {
		if answer := s.in(s.erin).Click(asked, approve); answer.Status != http.StatusOK {
			return fmt.Errorf("a click is answered %d: %w", answer.Status, answer.Err)
		}
		return nil
	})
	s.noButtons(s.changes(asked, "Request approved"))
	s.is(r.ID, access.RequestApproved)
	s.open(s.dan)
}

var errNotYet = errors.New("not yet")
