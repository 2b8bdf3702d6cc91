package e2e_test

import (
	"net/http"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/pagerduty"
	"github.com/curfew-access/curfew/tests/fake/target"
)

const (
	soon    = 3 * time.Second  // later than something is due, on a busy machine
	onePoll = 10 * time.Second // between two polls there are five seconds
)

// The shift of Alice ends as was known, and Bob's begins.
func handOver(s *scene) {
	end := inSeconds(20)
	s.shift(s.primary, s.alice, inSeconds(-3600), end)
	s.shift(s.primary, s.bob, end, inSeconds(3600))
	s.poll()
	s.known(s.alice)
	s.refused(s.bob, "not_on_call")
	g := s.granted(s.alice)
	if !g.ExpiresAt.Equal(end) {
		s.Errorf("it ends at %s; want %s, as the shift", g.ExpiresAt, end)
	}
	s.open(s.alice)
	roster := s.w.run(s.T, s.alice, "oncall", "--at", end.Add(time.Minute).UTC().Format(time.RFC3339), "--schedule", s.primary)
	if !strings.Contains(roster, s.bob) || strings.Contains(roster, s.alice) || !strings.Contains(roster, "pagerduty") {
		s.Errorf("a minute after the hand-over is on call, as `curfew oncall` has it:\n%s", roster)
	}

	g = s.ended(g, access.EndExpired)
	s.inTime("it ended", g.EndedAt, end, soon)
	h := s.granted(s.bob) // at once: nothing is waited for
	if cap := h.StartsAt.Add(longest); !h.ExpiresAt.Equal(cap) {
		s.Errorf("that of Bob ends at %s; want the cap %s", h.ExpiresAt, cap)
	}
	s.open(s.bob)
	s.toldTarget(s.alice, 1, 1)
	s.toldTarget(s.bob, 1, 0)
}

// Somebody edits the schedule, so that the shift of Alice is over now.
func earlyHandOver(s *scene) {
	s.onCall(s.primary, s.alice)
	g := s.granted(s.alice)
	s.open(s.alice)
	begun := time.Now()
	s.shift(s.primary, s.bob, inSeconds(0), inSeconds(3600))
	edited := time.Now()
	s.poll()
	g = s.ended(g, access.EndOffCall)
	s.inTime("it ended", g.EndedAt, begun, onePoll)
	if n := polls(s.w.pd.State(), edited, *g.EndedAt); n > 1 {
		s.Errorf("it ended with poll %d that began after the edit; want the first", n)
	}
	s.granted(s.bob)
	s.refused(s.alice, "not_on_call")
	s.toldTarget(s.alice, 1, 1)
}

// polls counts how often everybody was asked for between two times.
func polls(seen pagerduty.State, from, to time.Time) (n int) {
	for _, c := range seen.Calls {
		if c.Path == "/oncalls" && !c.Query.Has("user_ids[]") && c.At.After(from) && c.At.Before(to) {
			n++
		}
	}
	return n
}

// Bob takes the shift over for a while. When that is taken back nothing comes back
// by itself.
func override(s *scene) {
	s.onCall(s.primary, s.alice)
	g := s.granted(s.alice)
	s.open(s.alice)
	edited := time.Now()
	over := s.w.pd.Override(s.primary, s.accounts[s.bob], inSeconds(0), inSeconds(1800))
	s.poll()
	g = s.ended(g, access.EndOffCall)
	s.inTime("that of Alice ended", g.EndedAt, edited, onePoll)
	h := s.granted(s.bob)
	s.open(s.bob)

	s.w.pd.RemoveOverride(s.primary, over)
	s.poll()
	s.ended(h, access.EndOffCall) // by the poll that puts Alice back on call
	s.known(s.alice)
	if now := s.sees(g); now.State != access.GrantEnded || s.may(s.alice) {
		s.Errorf("that of Alice came back: %+v", now)
	}
	s.toldTarget(s.alice, 1, 1)
	s.toldTarget(s.bob, 1, 1)
	s.granted(s.alice) // she may ask again
}

// The shift is made longer, and then much longer than policy gives.
func extendedShift(s *scene) {
	end := inSeconds(20)
	s.shift(s.primary, s.alice, inSeconds(-3600), end)
	s.poll()
	s.known(s.alice)
	g := s.granted(s.alice)
	if !g.ExpiresAt.Equal(end) {
		s.Fatalf("it ends at %s; want %s, as the shift", g.ExpiresAt, end)
	}
	later := end.Add(8 * time.Second)
	s.shift(s.primary, s.alice, end, later)
	s.poll()
	s.expires(g, later)
	s.event("grant.moved", g, "why", "shift_moved")
	s.passes(end.Add(time.Second))
	if !s.may(s.alice) {
		s.Error("a check says no after the end that was moved")
	}

	s.shift(s.primary, s.alice, later, inSeconds(3600))
	s.poll()
	s.expires(g, g.StartsAt.Add(longest))
	s.toldTarget(s.alice, 1, 0)
}

// Alice gives her access up. Polls that say that she is on call change nothing.
func revokedWhileOnCall(s *scene) {
	end := inSeconds(120)
	s.shift(s.primary, s.alice, inSeconds(-3600), end)
	s.poll()
	s.known(s.alice)
	g := s.granted(s.alice)
	s.open(s.alice)
	other := s.granted(s.alice, map[string]any{"action": access.Action{Name: "admin"}})
	s.must(s.alice, http.MethodPost, "/v1/grants/"+g.ID+"/revoke", map[string]any{}, nil)
	s.ended(g, access.EndRevoked)

	later := end.Add(time.Minute)
	s.shift(s.primary, s.alice, end, later)
	s.poll()
	s.expires(other, later) // so the poll was followed
	if now := s.sees(g); now.State != access.GrantEnded || *now.EndReason != access.EndRevoked || s.may(s.alice) {
		s.Errorf("it came back: %+v", now)
	}
	s.toldTarget(s.alice, 1, 1)
}

// Alice leaves, and her account is removed from PagerDuty.
func personRemoved(s *scene) {
	s.onCall(s.primary, s.alice)
	g := s.granted(s.alice)
	s.open(s.alice)
	removed := time.Now()
	s.w.pd.RemoveUser(s.accounts[s.alice])
	s.poll()
	g = s.ended(g, access.EndOffCall)
	s.inTime("it ended", g.EndedAt, removed, onePoll)
	s.refused(s.alice, "not_on_call")
	s.toldTarget(s.alice, 1, 1)
}

// Alice is on two schedules of her team. Her access ends with the later shift.
func overlappingSchedules(s *scene) {
	first, last := inSeconds(20), inSeconds(26)
	s.shift(s.secondary, s.alice, inSeconds(-60), last)
	s.shift(s.primary, s.alice, inSeconds(-3600), first)
	s.poll()
	s.known(s.alice)
	g := s.granted(s.alice)
	if !g.ExpiresAt.Equal(last) {
		s.Errorf("it ends at %s; want %s, as the later shift", g.ExpiresAt, last)
	}
	s.passes(first.Add(time.Second))
	if !s.may(s.alice) {
		s.Error("a check says no while one of the shifts lasts")
	}
	g = s.ended(g, access.EndExpired)
	s.inTime("it ended", g.EndedAt, last, soon)
	s.toldTarget(s.alice, 1, 1)
}

// Alice asks for her next shift. It is moved, and her access with it.
func nextShift(s *scene) {
	start := inSeconds(20)
	s.shift(s.primary, s.bob, inSeconds(-3600), start)
	s.shift(s.primary, s.alice, start, inSeconds(3600))
	s.poll()
	s.known(s.alice, start.Add(time.Minute))
	g := s.granted(s.alice, map[string]any{"starts_at": "next_shift"})
	if g.State != access.GrantScheduled || !g.StartsAt.Equal(start) {
		s.Fatalf("it is %s and starts at %s; want it scheduled for %s", g.State, g.StartsAt, start)
	}
	later := start.Add(6 * time.Second)
	s.shift(s.primary, s.bob, start, later)
	s.poll()
	s.w.until(s.T, "the start moves", func() error { return s.startsAt(g, later) })
	s.passes(start.Add(time.Second))
	if s.may(s.alice) {
		s.Error("a check says yes before the shift begins")
	}
	s.toldTarget(s.alice, 0, 0)

	s.w.target.Await(s.T, "access is open", target.Open(s.entitled(s.alice)))
	if now := time.Now(); now.Before(later) || now.Sub(later) > soon {
		s.Errorf("it was opened at %s; want it at %s", now, later)
	}
	s.open(s.alice)
	if now := s.sees(g); now.State != access.GrantActive || !now.ExpiresAt.Equal(later.Add(longest)) {
		s.Errorf("it is %s until %s; want it active until the cap %s", now.State, now.ExpiresAt, later.Add(longest))
	}
	s.shift(s.primary, s.bob, inSeconds(0), inSeconds(3600))
	s.poll()
	s.ended(s.sees(g).Grant, access.EndOffCall)
	s.toldTarget(s.alice, 1, 1)
}

// Carol is named in the escalation policy: nobody knows until when. Her access is
// renewed in steps.
func noEndKnown(s *scene) {
	s.poll()
	s.known(s.carol)
	g := s.granted(s.carol)
	if length := g.ExpiresAt.Sub(g.StartsAt); length != renewed {
		s.Errorf("it lasts %s at first; want %s", length, renewed)
	}
	s.open(s.carol)
	s.passes(g.ExpiresAt.Add(-renewed / 2).Add(time.Second)) // half of it is over
	s.poll()
	s.event("grant.moved", g, "why", "renewed")
	now := s.sees(g)
	if by := now.ExpiresAt.Sub(g.ExpiresAt); by < renewed/3 || by > renewed || now.Bound.EndsBy != g.Bound.EndsBy {
		s.Errorf("it was renewed by %s, and the cap is %s; want about half of %s, and %s", by, now.Bound.EndsBy, renewed, g.Bound.EndsBy)
	}
	s.toldTarget(s.carol, 1, 0)

	removed := time.Now()
	s.w.pd.RemoveUser(s.accounts[s.carol])
	s.poll()
	ended := s.ended(g, access.EndOffCall)
	s.inTime("it ended", ended.EndedAt, removed, onePoll)
}
