package e2e_test

import (
	"net/http"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/pagerduty"
)

// An incident of the team, which Alice works on, is resolved, and PagerDuty tells.
func incidentResolved(s *scene) {
	s.resolves(s.w.pd.Resolve, soon, false)
}

// The same, and PagerDuty's word is lost: a poll finds out.
func incidentResolvedUntold(s *scene) {
	s.resolves(func(id string) {
		s.w.pd.ResolveUntold(id)
		s.poll()
	}, onePoll, true)
}

func (s *scene) resolves(resolve func(id string), within time.Duration, byPoll bool) {
	s.Helper()
	s.poll()
	s.known(s.carol) // so PagerDuty was asked
	id := s.w.pd.Trigger(s.told, s.policy, s.accounts[s.alice])
	while := map[string]any{"while": "incident:" + id}
	s.w.until(s.T, "the incident is known", func() error { return s.decides(s.alice, while, access.Allow) })
	s.refused(s.bob, "incident_not_open", while) // of his there is none
	g := s.granted(s.alice, while)
	if length := g.ExpiresAt.Sub(g.StartsAt); length != renewed {
		s.Errorf("it lasts %s at first; want %s", length, renewed)
	}
	s.open(s.alice)

	resolved := time.Now()
	resolve(id)
	g = s.ended(g, access.EndIncidentResolved)
	s.inTime("it ended", g.EndedAt, resolved, within)
	if asked := s.askedAbout(id, *g.EndedAt); asked != byPoll {
		s.Errorf("PagerDuty was asked about the incident before it ended: %t; want %t", asked, byPoll)
	}
	s.w.until(s.T, "nobody gets it any more", func() error { return s.decides(s.alice, while, access.Deny) })
	s.refused(s.alice, "incident_not_open", while)
	s.toldTarget(s.alice, 1, 1)

	s.w.pd.Reopen(id)
	s.w.pd.Reassign(id, s.accounts[s.alice])
	s.poll()
	s.w.event(s.T, "type=incident.reopened", "incident", id)
	s.w.until(s.T, "it is known to be open again", func() error { return s.decides(s.alice, while, access.Allow) })
	h := s.granted(s.alice, while)
	s.open(s.alice)
	if now := s.sees(g); now.State != access.GrantEnded {
		s.Errorf("the first came back: %+v", now)
	}
	s.must(s.alice, http.MethodPost, "/v1/grants/"+h.ID+"/revoke", map[string]any{}, nil)
	s.ended(h, access.EndRevoked)
	if now := s.sees(g); now.State != access.GrantEnded || *now.EndReason != access.EndIncidentResolved {
		s.Errorf("the first came back: %+v", now)
	}
	s.toldTarget(s.alice, 2, 2)
}

// askedAbout reports whether PagerDuty was asked before a time whether an incident
// is closed.
func (s *scene) askedAbout(id string, before time.Time) bool {
	return slices.ContainsFunc(s.w.pd.Calls(), func(c pagerduty.Call) bool { return c.Path == "/incidents/"+id && c.At.Before(before) })
}
