package e2e_test

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/slack"
)

const minutesPass = "minutes pass"

// later is how far ahead the ledger's time jumps: far enough that nobody answered,
// and less than makes a message of Slack's one of another time.
const later = 4 * time.Minute

// escalation is what policy says of a team's requests that nobody answers: its Bob
// may then answer too.
func (s *scene) escalation() any {
	return map[string]any{
		"after_seconds": 60, "subjects": []any{map[string]any{"type": "user", "id": subject(s.bob).ID}}, "channels": []string{"#" + s.leads()},
	}
}

func (s *scene) leads() string { return s.name + "-leads" }

// Nobody answers an emergency for minutes, and Carol's time is nearly over. Those
// who were asked are asked again, others too, and she can ask for more.
func timePasses(s *scene) {
	r := s.asksInSlack(s.dan, "10m emergency: it can not wait")
	asked := s.shown(s.name, "EMERGENCY", r.ID)
	g := s.asksInSlack(s.carol, "5m five minutes will do").Grant
	s.shown(s.carol, "Access granted", g.ID)
	s.open(s.carol)
	s.in(s.bob).Click(asked, approve)
	s.in(s.bob).AwaitTold("Only the reviewers") // may, later
	s.jump(later)

	again := s.shown(s.name, "Access request still waits", r.ID)
	escalated := s.shown(s.leads(), "Nobody answered this access request", r.ID)
	ending := s.shown(s.carol, "Access is about to end", g.ID)
	s.in(s.bob).Click(escalated, approve)
	for _, m := range []slack.Message{asked, again, escalated} {
		s.noButtons(s.changes(m, "Request approved", s.bob))
	}
	s.is(r.ID, access.RequestApproved)
	s.shown(s.dan, "Access granted", r.ID)

	s.in(s.carol).Click(ending, extend)
	form := s.in(s.carol).View()
	form.AwaitText("Allowed at once")
	form.Submit()
	more := s.is(requestID.FindString(form.AwaitText("Granted").Visible()), access.RequestApproved)
	if more.Reason != "five minutes will do" || !more.Grant.ExpiresAt.After(g.ExpiresAt) {
		s.Errorf("she extended to %+v", more)
	}
	s.in(s.carol).Click(ending, endNow)
	s.w.until(s.T, "hers ends", func() error {
		if now := s.sees(*g); now.State != access.GrantEnded {
			return errNotYet
		}
		return nil
	})
	s.changes(ending, "Access ended")
	for where, want := range map[string]int{s.name: 2, s.leads(): 1} {
		if n := s.count(where, "", r.ID); n != want {
			s.Errorf("%s has %d messages about it; want %d", where, n, want)
		}
	}
}

// jump stops the gateway and starts it again with the ledger's time so far ahead:
// as after a clock was set, and set back.
func (s *scene) jump(by time.Duration) {
	s.Helper()
	if err := s.w.node(0).End(); err != nil {
		s.Fatal(err)
	}
	db := s.w.file(s.T)
	_, err := db.Exec(`UPDATE clock SET high_water = $1`, time.Now().Add(by).UnixMicro())
	if err := db.Close(); err != nil {
		s.Error(err)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.w.start(s.T, 0)
}
