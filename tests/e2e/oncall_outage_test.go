package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// staleSoon is for how long what PagerDuty said counts in the world where it goes
// down: the least that can be configured.
const staleSoon = 30 * time.Second

// PagerDuty goes down while Alice is on call, and comes back long after her shift.
// The gateway is started anew meanwhile.
func pagerDutyDown(s *scene) {
	end := inSeconds(20)
	s.shift(s.primary, s.alice, inSeconds(-3600), end)
	s.shift(s.primary, s.bob, end, inSeconds(3600))
	s.poll()
	s.known(s.alice)
	g := s.granted(s.alice)
	if !g.ExpiresAt.Equal(end) {
		s.Fatalf("it ends at %s; want %s, as the shift", g.ExpiresAt, end)
	}
	s.open(s.alice)
	late := end.Add(25 * time.Second) // when nothing is known any more
	s.shift(s.secondary, s.dan, late, inSeconds(3600))
	s.poll()
	s.known(s.dan, late.Add(time.Minute))
	next := s.granted(s.dan, map[string]any{"starts_at": "next_shift", "action": access.Action{Name: "admin"}})
	s.w.pd.Down()
	asked := s.source().FetchedAt
	s.shift(s.primary, s.alice, end, inSeconds(3600)) // which nobody can know
	s.w.restart(s.T, 0)
	if !s.may(s.alice) {
		s.Error("a check says no after the gateway was started anew")
	}
	s.granted(s.carol) // what was known is known still

	g = s.ended(g, access.EndExpired)
	s.inTime("it ended", g.EndedAt, end, soon)
	s.granted(s.bob) // his shift was known ahead
	s.w.event(s.T, "type=source.failed", "source", "pagerduty")
	if failing := s.source(); failing.FailedSince == nil || failing.Error == "" {
		s.Errorf("the source is %+v; want it failing", failing)
	}

	s.passes(asked.Add(staleSoon))
	s.w.event(s.T, "type=source.stale", "source", "pagerduty")
	s.saysStale()
	s.refused(s.carol, "oncall_unknown")
	s.reviewed()
	s.passes(late.Add(time.Second))
	if now := s.sees(next); now.State != access.GrantScheduled {
		s.Errorf("what begins with a shift is %s (%v); want it to wait until that is known", now.State, deref(now.EndReason))
	}

	if err := s.w.pd.Up(); err != nil {
		s.Fatal(err)
	}
	s.poll()
	back := s.w.event(s.T, "type=source.recovered", "source", "pagerduty")
	s.w.event(s.T, "type=source.recovered", "source", "pagerduty.incidents")
	if back["since"] == nil || back["until"] == nil {
		s.Errorf("the event of the recovery has no gap: %v", back)
	}
	s.known(s.alice)
	s.granted(s.alice) // she is on call, and asks again
	s.w.until(s.T, "what waited begins", func() error {
		if now := s.sees(next); now.State != access.GrantActive {
			return fmt.Errorf("it is %s (%v)", now.State, deref(now.EndReason))
		}
		return nil
	})
	if now := s.sees(g); !now.ExpiresAt.Equal(end) {
		s.Errorf("the end of the first moved: %s", now.ExpiresAt)
	}
}

// reviewed has access without any fact of PagerDuty's.
func (s *scene) reviewed() {
	s.Helper()
	r := s.ask(s.dan, map[string]any{"while": nil, "for": longest.String()})
	if r.State != access.RequestPending {
		s.Fatalf("it is %s: %+v; want it to wait for a reviewer", r.State, r.Decision)
	}
	s.must(security, http.MethodPost, "/v1/requests/"+r.ID+"/approve", map[string]any{}, nil)
	s.open(s.dan)
}

// saysStale holds what operators are told against what they must be told of a
// source that is silent for too long.
func (s *scene) saysStale() {
	s.Helper()
	if now := s.source(); now.Known {
		s.Errorf("the source is %+v; want it not known", now)
	}
	s.w.until(s.T, "the gateway says that it is degraded", func() error {
		said, err := s.w.readiness(0)
		if err == nil && (!strings.Contains(said, "degraded") || !strings.Contains(said, "too old")) {
			err = errors.New(said)
		}
		return err
	})
	_, figures, err := s.w.call(operator, http.MethodGet, "/metrics", "")
	if err != nil || !bytes.Contains(figures, []byte(`curfew_source_failed{source="pagerduty"} 1`)) {
		s.Errorf("the metrics do not say that the source fails: %v", err)
	}
	said, err := os.ReadFile(s.w.log(0))
	if err != nil || !strings.Contains(string(said), "level=ERROR") || !strings.Contains(string(said), "too old") {
		s.Errorf("the log has no error that says that the facts are too old: %v", err)
	}
}

// source is how the on-call facts of PagerDuty are.
func (s *scene) source() access.SourceState {
	s.Helper()
	var page engine.OnCallPage
	s.must(operator, http.MethodGet, "/v1/oncall?limit=1", nil, &page)
	for _, source := range page.Sources {
		if source.Name == "pagerduty" {
			return source
		}
	}
	s.Fatalf("there is no source pagerduty: %+v", page.Sources)
	return access.SourceState{}
}
