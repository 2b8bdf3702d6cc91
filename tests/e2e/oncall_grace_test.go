package e2e_test

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// grace is how long access outlasts a shift in the world where policy says so:
// long enough for a poll or two.
const grace = 14 * time.Second

// The shift of Alice ends as was known, and her access a while later.
func handOverWithGrace(s *scene) {
	end := inSeconds(16)
	s.shift(s.primary, s.alice, inSeconds(-3600), end)
	s.shift(s.primary, s.bob, end, inSeconds(3600))
	s.poll()
	s.known(s.alice)
	g := s.granted(s.alice)
	if over := end.Add(grace); !g.ExpiresAt.Equal(over) {
		s.Errorf("it ends at %s; want %s, a while after the shift", g.ExpiresAt, over)
	}
	s.passes(end.Add(time.Second))
	if !s.may(s.alice) {
		s.Error("a check says no in the grace")
	}
	s.refused(s.alice, "not_on_call") // nothing new
	s.granted(s.bob)
	s.poll()
	g = s.ended(g, access.EndExpired)
	s.inTime("it ended", g.EndedAt, end.Add(grace), soon)
	s.toldTarget(s.alice, 1, 1)
}

// The shift is taken over. The grace counts from when that was learned, and polls
// in it do not prolong it.
func offCallAfterGrace(s *scene) {
	s.onCall(s.primary, s.alice)
	g := s.granted(s.alice)
	s.open(s.alice)
	edited := time.Now()
	s.shift(s.primary, s.bob, inSeconds(0), inSeconds(3600))
	s.poll()
	s.event("grant.moved", g, "why", "off_call")
	over := s.sees(g).ExpiresAt
	s.inTime("its end", &over, edited.Add(grace), onePoll)
	if !s.may(s.alice) {
		s.Error("a check says no in the grace")
	}
	s.poll()
	g = s.ended(g, access.EndOffCall)
	s.inTime("it ended", g.EndedAt, over, soon)
	s.toldTarget(s.alice, 1, 1)
}

// Somebody takes the shift over, and gives it back before the grace is over.
func onCallAgainInGrace(s *scene) {
	s.onCall(s.primary, s.alice)
	g := s.granted(s.alice)
	s.open(s.alice)
	over := s.w.pd.Override(s.primary, s.accounts[s.bob], inSeconds(0), inSeconds(1800))
	s.poll()
	s.event("grant.moved", g, "why", "off_call")
	s.w.pd.RemoveOverride(s.primary, over)
	s.poll()
	s.event("grant.moved", g, "why", "shift_again")
	if now := s.sees(g); !now.ExpiresAt.Equal(g.ExpiresAt) || now.State != access.GrantActive {
		s.Errorf("it is %s until %s; want it active until %s as at first", now.State, now.ExpiresAt, g.ExpiresAt)
	}
	s.toldTarget(s.alice, 1, 0)
}
