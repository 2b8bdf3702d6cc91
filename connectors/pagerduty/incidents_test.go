package pagerduty_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

func TestIncidentIsToldWithItsPeople(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		alice, bob, carol, dave := s.AddUser("alice@example.com"), s.AddUser("bob@example.com"), s.AddUser("carol@example.com"), s.AddUser("dave@example.com")
		policy := s.AddPolicy("Payments", []fake.Target{fake.OfUser(alice)})
		id := s.Trigger("The database is slow", policy, alice)
		s.Acknowledge(id, bob)
		s.AcknowledgeByService(id, "PSERVICE")
		for user, reply := range map[string]string{carol: "joined", dave: "declined"} {
			s.AskResponder(id, user)
			s.Reply(id, user, reply)
		}
		s.AskResponder(id, alice) // pending
		got := s.incidents()
		if len(got.Incidents) != 1 || got.Source != "pagerduty.incidents" || got.Kind != access.SourceIncidents || !got.Until.IsZero() || len(got.Faults) > 0 {
			s.t.Fatalf("snapshot = %+v", got)
		}
		i := got.Incidents[0]
		if i.ID != id || i.Number != 1 || i.Title != "The database is slow" || i.Status != "acknowledged" || i.Urgency != "high" ||
			i.Service != (access.Ref{ID: "PSERVICE", Name: "API"}) || i.EscalationPolicy != (access.Ref{ID: policy, Name: "Payments"}) || i.Roles != nil {
			s.t.Errorf("incident = %+v", i.Incident)
		}
		var parts []string
		for _, p := range i.Parts {
			parts = append(parts, p.Role+" "+p.Subject.ID)
		}
		if want := []string{"assignee alice@example.com", "acknowledger bob@example.com", "responder carol@example.com"}; !slices.Equal(parts, want) {
			s.t.Errorf("parts = %q; want %q", parts, want)
		}
	})
}

func TestOldIncidentsAreOpenToo(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.Trigger("old", "PP", s.AddUser("alice@example.com"))
		time.Sleep(300 * 24 * hour)
		if got := s.incidents(); len(got.Incidents) != 1 {
			s.t.Errorf("%d incidents; want 1", len(got.Incidents))
		}
	})
}

func TestClosedIsOnlyWhatPagerDutySaysIsClosed(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		alice := s.AddUser("alice@example.com")
		open, resolved, reopened, gone := s.Trigger("a", "PP", alice), s.Trigger("b", "PP", alice), s.Trigger("c", "PP", alice), s.Trigger("d", "PP", alice)
		s.Resolve(resolved)
		s.Resolve(reopened)
		s.Reopen(reopened)
		s.Forget(gone)
		cases := map[string]struct {
			script []fake.Step
			ask    []string
			open   []string
			closed []string
			fault  string
		}{
			"nothing is asked for":               {nil, nil, []string{open, reopened}, nil, ""},
			"one that is open":                   {nil, []string{open}, []string{open, reopened}, nil, ""},
			"one that is resolved":               {nil, []string{resolved}, []string{open, reopened}, []string{resolved}, ""},
			"one that is gone":                   {nil, []string{gone}, []string{open, reopened}, []string{gone}, ""},
			"what can be no id":                  {nil, []string{"../users"}, []string{open, reopened}, []string{"../users"}, ""},
			"one that a page lost":               {[]fake.Step{fake.Saying(none)}, []string{open, resolved}, []string{open}, []string{resolved}, ""},
			"one that can not be asked for":      {[]fake.Step{fake.Serve(), fake.Status(403)}, []string{resolved, gone}, []string{open, reopened}, nil, "whether the incident " + resolved + " is closed is not known"},
			"an answer about another incident":   {[]fake.Step{fake.Serve(), fake.Saying(`{"incident":{"id":"POTHER","status":"resolved"}}`)}, []string{resolved, gone}, []string{open, reopened}, []string{gone}, `it is the incident "POTHER"`},
			"a state that nobody knows yet":      {[]fake.Step{fake.Serve(), fake.Saying(`{"incident":{"id":"` + resolved + `","status":"snoozed"}}`)}, []string{resolved}, []string{open, reopened}, nil, `is "snoozed"`},
			"an outage while each is asked for":  {[]fake.Step{fake.Serve(), fake.Status(500).Times(6)}, []string{resolved, gone}, []string{open, reopened}, nil, "is not known"},
			"an answer that holds no incident":   {[]fake.Step{fake.Serve(), fake.Saying(`{}`)}, []string{resolved}, []string{open, reopened}, nil, "can not be read"},
			"several, of which each is answered": {nil, []string{gone, resolved, open}, []string{open, reopened}, []string{resolved, gone}, ""},
		}
		s.incidents() // learns who alice is
		for name, c := range cases {
			s.Script(c.script...)
			got := s.incidents(c.ask...)
			var ids []string
			for _, i := range got.Incidents {
				ids = append(ids, i.ID)
			}
			slices.Sort(c.closed)
			if !slices.Equal(ids, c.open) || !slices.Equal(got.Closed, c.closed) {
				s.t.Errorf("%s: open %q, closed %q; want %q and %q", name, ids, got.Closed, c.open, c.closed)
			}
			if c.fault == "" && len(got.Faults) > 0 || c.fault != "" && !strings.Contains(strings.Join(got.Faults, " "), c.fault) {
				s.t.Errorf("%s: faults %q; want %q", name, got.Faults, c.fault)
			}
		}
	})
}

const none = `{"incidents":[],"limit":100,"offset":0,"more":false,"total":null}`

func TestIncidentThatIsOpenIsNotAskedForAgain(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		id := s.Trigger("a", "PP")
		s.incidents(id)
		if calls := s.Calls(); len(calls) != 1 {
			s.t.Errorf("%d requests; want the list alone", len(calls))
		}
	})
}

func TestIncidentListThatFailsIsNoSnapshot(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.Script(fake.Status(403))
		_, err := s.open().Incidents().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
		if !errors.Is(err, pagerduty.ErrForbidden) {
			s.t.Errorf("error = %v; want ErrForbidden", err)
		}
	})
}

func TestAddressesAreAskedForOnceAnHour(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		alice, bob := s.AddUser("alice@example.com"), s.AddUser("bob@example.com")
		policy := s.AddPolicy("Payments", []fake.Target{fake.OfUser(bob)})
		s.Trigger("a", policy, alice, bob)
		s.onCall(s.open().OnCall()) // tells bob's address
		for range 3 {
			s.incidents()
		}
		if asked := s.State().To("/users/"+alice) + s.State().To("/users/"+bob); asked != 1 {
			s.t.Errorf("%d accounts were asked for; want 1, alice", asked)
		}
		time.Sleep(hour)
		s.incidents()
		if asked := s.State().To("/users/" + alice); asked != 2 {
			s.t.Errorf("alice was asked for %d times; want 2, once an hour", asked)
		}
	})
}

func TestManyUnknownPeopleAreListedAtOnce(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		var ids []string
		for i := range 120 {
			ids = append(ids, s.AddUser(fmt.Sprintf("p%d@example.com", i)))
		}
		s.Trigger("a", "PP", append(ids, "PGONE")...)
		got := s.incidents()
		if len(got.Incidents[0].Parts) != 120 {
			s.t.Errorf("%d parts; want 120", len(got.Incidents[0].Parts))
		}
		s.fault(got, "the account PGONE is not known")
		if calls := len(s.Calls()); calls != 4 {
			s.t.Errorf("%d requests; want 4: one list, two pages of accounts, one that is gone", calls)
		}
	})
}

func TestPeopleThatCanNotBeLearnedAreSaid(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.Trigger("a", "PP", s.AddUser("alice@example.com"), s.AddUser("bob@example.com"))
		s.Script(fake.Serve(), fake.Status(403))
		got := s.incidents()
		if len(got.Incidents) != 1 || len(got.Incidents[0].Parts) != 0 {
			s.t.Errorf("incidents = %+v", got.Incidents)
		}
		s.fault(got, "does not allow it")
	})
}
