package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/pagerduty"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// scene is one story's part of a world: a team with its schedules, its escalation
// policy and a resource, and people.
type scene struct {
	*testing.T
	w    *world
	name string // of the team, its group, and its resource
	told string // the story

	alice, bob string // on nobody's schedule yet
	carol      string // named in the escalation policy itself: on call for ever
	dan        string // in the team's group, and never on call

	erin, frank string // answer reviews, where people are in Slack

	primary, secondary, policy string            // ids at PagerDuty
	accounts                   map[string]string // the same of people
}

func subject(who string) access.Subject {
	return access.Subject{Type: "user", ID: who + "@example.com"}
}

// newScene makes a team at PagerDuty. Nobody is on its schedules yet.
func (w *world) newScene(name, story string) *scene {
	s := &scene{w: w, name: name, told: story, accounts: map[string]string{}}
	s.alice, s.bob, s.carol, s.dan = "alice-"+name, "bob-"+name, "carol-"+name, "dan-"+name
	for _, who := range s.people() {
		s.accounts[who] = w.pd.AddUser(subject(who).ID)
	}
	s.primary, s.secondary = w.pd.AddSchedule(name+" primary"), w.pd.AddSchedule(name+" secondary")
	s.policy = w.pd.AddPolicy(name, []pagerduty.Target{
		pagerduty.OfSchedule(s.primary), pagerduty.OfSchedule(s.secondary), pagerduty.OfUser(s.accounts[s.carol]),
	})
	return s
}

// scene is the part of a story, with its test.
func (w *world) scene(t *testing.T, story string) *scene {
	at := slices.IndexFunc(w.scenes, func(s *scene) bool { return s.told == story })
	s := *w.scenes[at]
	s.T = t
	return &s
}

func (s *scene) people() []string { return []string{s.alice, s.bob, s.carol, s.dan} }

func (s *scene) entitled(who string) access.Entitled {
	return access.Entitled{
		Subject: subject(who), Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: s.name},
	}
}

// inSeconds is a time as PagerDuty has it, from now on.
func inSeconds(n int) time.Time {
	return time.Now().Add(time.Duration(n) * time.Second).Truncate(time.Second)
}

// shift puts somebody on a schedule, on top of who is there.
func (s *scene) shift(on, who string, start, end time.Time) {
	s.w.pd.Shift(on, s.accounts[who], start, end)
}

// onCall puts somebody on a schedule for a long while, has PagerDuty asked, and
// waits until the gateway knows.
func (s *scene) onCall(on, who string) {
	s.Helper()
	s.shift(on, who, inSeconds(-3600), inSeconds(3600))
	s.poll()
	s.known(who)
}

// poll has PagerDuty asked. Several at once are one poll, and between two is a
// rest.
func (s *scene) poll() {
	s.Helper()
	s.w.hangUp(s.T)
}

// known waits until the gateway knows of a person's shifts, now or later.
func (s *scene) known(who string, at ...time.Time) {
	s.Helper()
	path := "/v1/oncall?subject=" + url.QueryEscape(subject(who).String())
	for _, t := range at {
		path += "&at=" + url.QueryEscape(t.UTC().Format(time.RFC3339))
	}
	s.w.until(s.T, who+" is known to be on call", func() error {
		var page engine.OnCallPage
		if err := s.try(operator, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		if len(page.Items) == 0 {
			return fmt.Errorf("nobody is; the sources are %+v", page.Sources)
		}
		return nil
	})
}

// try makes a call that must be answered 2xx.
func (s *scene) try(who, method, path string, body, answer any) error {
	return s.w.try(who, method, path, body, answer)
}

// must makes a call that must be answered 2xx.
func (s *scene) must(who, method, path string, body, answer any) {
	s.Helper()
	if err := s.try(who, method, path, body, answer); err != nil {
		s.Fatal(err)
	}
}

// ask asks for access. More is what differs from `while: oncall`.
func (s *scene) ask(who string, more ...map[string]any) engine.RequestView {
	s.Helper()
	body := map[string]any{
		"action": s.entitled(who).Action, "resource": s.entitled(who).Resource, "while": "oncall", "reason": s.told,
	}
	for _, m := range more {
		for key, value := range m {
			body[key] = value
			if value == nil {
				delete(body, key)
			}
		}
	}
	var r engine.RequestView
	s.must(who, http.MethodPost, "/v1/requests", body, &r)
	return r
}

// granted asks for access that must be given at once.
func (s *scene) granted(who string, more ...map[string]any) access.Grant {
	s.Helper()
	r := s.ask(who, more...)
	if r.Grant == nil {
		s.Fatalf("%s is %s: %+v", who, r.State, r.Decision)
	}
	return *r.Grant
}

// refused asks for access that must be denied, with a code.
func (s *scene) refused(who, code string, more ...map[string]any) {
	s.Helper()
	r := s.ask(who, more...)
	has := slices.ContainsFunc(r.Decision.Reasons, func(reason access.Reason) bool { return reason.Code == code })
	if r.State != access.RequestDenied || !has {
		s.Fatalf("%s is %s: %+v; want it denied for %s", who, r.State, r.Decision, code)
	}
}

// sees is what the holder of a grant sees of it now.
func (s *scene) sees(g access.Grant) (now engine.GrantView) {
	s.Helper()
	s.must(s.who(g.Subject), http.MethodGet, "/v1/grants/"+g.ID, nil, &now)
	return now
}

// may is what a check answers about a person now.
func (s *scene) may(who string) bool {
	s.Helper()
	var answer struct{ Decision bool }
	s.must(operator, http.MethodPost, "/access/v1/evaluation", s.entitled(who), &answer)
	return answer.Decision
}

// open waits until the target was told to open, and holds the check against that.
func (s *scene) open(who string) {
	s.Helper()
	s.w.target.Await(s.T, "access is open", target.Open(s.entitled(who)))
	if !s.may(who) {
		s.Errorf("a check says no while the access of %s is live", who)
	}
}

// ended waits until a grant has ended, and holds what everybody sees of it against
// the reason.
func (s *scene) ended(g access.Grant, why access.EndReason) access.Grant {
	s.Helper()
	who := s.who(g.Subject)
	s.w.until(s.T, fmt.Sprintf("the grant of %s ends (%s)", who, why), func() error {
		if now := s.sees(g); now.State != access.GrantEnded {
			return fmt.Errorf("it is %s until %s", now.State, now.ExpiresAt)
		}
		return nil
	})
	now := s.sees(g)
	if now.EndReason == nil || *now.EndReason != why {
		s.Fatalf("the grant of %s ended as %v at %s; want %s", who, deref(now.EndReason), now.EndedAt, why)
	}
	if why != access.EndExpired && why != access.EndRevoked { // nobody was promised the moment: the lease hears of it after the ledger
		s.w.until(s.T, fmt.Sprintf("a check knows that the access of %s ended (%s)", who, why), func() error {
			if s.may(who) {
				return errors.New("it says yes")
			}
			return nil
		})
	}
	if s.may(who) {
		s.Errorf("a check says yes after the access of %s ended", who)
	}
	if g.State == access.GrantActive {
		s.w.target.Await(s.T, "access is closed", target.Gone(s.entitled(who)))
	}
	s.event("grant.ended", g, "end_reason", string(why))
	return now.Grant
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func (s *scene) who(subject access.Subject) string {
	return strings.TrimSuffix(subject.ID, "@example.com")
}

// toldTarget holds what the target was told of a person against how often it should
// have been told to open and to close.
func (s *scene) toldTarget(who string, opened, closed int) {
	s.Helper()
	count := func(verb access.Verb) int {
		return s.w.target.State().Count(func(c target.Call) bool { return c.Type() == verb && c.Entitled() == s.entitled(who) })
	}
	if o, c := count(access.VerbProvision), count(access.VerbDeprovision); o != opened || c != closed {
		s.Errorf("the target was told to open for %s %d times and to close %d times; want %d and %d", who, o, c, opened, closed)
	}
}

// event waits for an audit event about a grant whose data has the value.
func (s *scene) event(typ string, g access.Grant, key string, want any) {
	s.Helper()
	s.w.event(s.T, "type="+typ+"&grant_id="+g.ID, key, want)
}

// event waits for an audit event that the query finds, and whose data has the
// value.
func (w *world) event(t *testing.T, query, key string, want any) map[string]any {
	t.Helper()
	var found map[string]any
	w.until(t, "there is an event "+query, func() error {
		var page engine.Page[struct{ Data map[string]any }]
		status, raw, err := w.call(operator, http.MethodGet, "/v1/audit/events?limit=500&"+query, "")
		if err == nil && status == http.StatusOK {
			err = json.Unmarshal(raw, &page)
		}
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("%d %s: %w", status, raw, err)
		}
		for _, e := range page.Items {
			if e.Data[key] == want {
				found = e.Data
				return nil
			}
		}
		return fmt.Errorf("none of %d has %s = %v: %v", len(page.Items), key, want, page.Items)
	})
	return found
}

// expires waits until a grant ends at a time.
func (s *scene) expires(g access.Grant, at time.Time) access.Grant {
	s.Helper()
	var now engine.GrantView
	s.w.until(s.T, "the end of the grant moves", func() error {
		if now = s.sees(g); !now.ExpiresAt.Equal(at) {
			return fmt.Errorf("it is %s until %s; want %s", now.State, now.ExpiresAt, at)
		}
		return nil
	})
	return now.Grant
}

// startsAt reports that a grant does not start at a time.
func (s *scene) startsAt(g access.Grant, at time.Time) error {
	if now := s.sees(g); now.State != access.GrantScheduled || !now.StartsAt.Equal(at) {
		return fmt.Errorf("it is %s and starts at %s; want it scheduled for %s", now.State, now.StartsAt, at)
	}
	return nil
}

// passes waits until a time is over.
func (s *scene) passes(at time.Time) {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	<-timer.C
}

// inTime holds when something happened against when it was due.
func (s *scene) inTime(what string, at *time.Time, due time.Time, slack time.Duration) {
	s.Helper()
	if at == nil || at.Before(due) || at.Sub(due) > slack {
		s.Errorf("%s at %v; want it at %s, and %s later at most", what, at, due, slack)
	}
}

// decides reports that policy would answer otherwise.
func (s *scene) decides(who string, more map[string]any, want access.Effect) error {
	body := map[string]any{"action": s.entitled(who).Action, "resource": s.entitled(who).Resource, "reason": s.told}
	maps.Copy(body, more)
	var d engine.DecisionView
	if err := s.try(who, http.MethodPost, "/v1/decisions", body, &d); err != nil {
		return err
	}
	if d.Effect != want {
		return fmt.Errorf("%s: %+v", d.Effect, d.Reasons)
	}
	return nil
}
