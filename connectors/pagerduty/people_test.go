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

// subjects are who holds a shift, in order.
func subjects(got access.Snapshot) string {
	var ids []string
	for _, s := range got.Shifts {
		ids = append(ids, strings.TrimSuffix(s.Subject.ID, "@example.com"))
	}
	return strings.Join(slices.Compact(ids), " ")
}

func TestAccountsAreTheirPeople(t *testing.T) {
	person := func(id, email string) fake.User { return fake.User{ID: id, Name: "N", Email: email} }
	cases := map[string]struct {
		accounts []fake.User
		users    map[string]string
		want     string
		unclear  []string
		fault    string
	}{
		"an address is its person":                {[]fake.User{person("PA", "alice@example.com")}, nil, "alice", nil, ""},
		"whatever its case":                       {[]fake.User{person("PA", "Alice@Example.COM")}, nil, "alice", nil, ""},
		"an address can be mapped":                {[]fake.User{person("PA", "Al@old.example.net")}, map[string]string{"al@OLD.example.net": "user:alice@example.com"}, "alice", nil, ""},
		"an id can be mapped":                     {[]fake.User{person("PA", "al@old.example.net")}, map[string]string{"PA": "user:alice@example.com"}, "alice", nil, ""},
		"what folds into a mapped one is not it":  {[]fake.User{person("PA", "\u212aim@example.net"), person("PB", "bob@example.com")}, map[string]string{"kim@example.net": "user:alice@example.com"}, "bob", nil, "can be no user's id"},
		"a mapped id wins over its address":       {[]fake.User{person("PA", "bob@example.com")}, map[string]string{"PA": "user:alice@example.com", "bob@example.com": "user:carol@example.com"}, "alice", nil, ""},
		"a mapped id needs no address":            {[]fake.User{person("PA", "")}, map[string]string{"PA": "user:alice@example.com"}, "alice", nil, ""},
		"an alias is its person":                  {[]fake.User{person("PA", "alias@example.com")}, nil, "alice", nil, ""},
		"no address is nobody":                    {[]fake.User{person("PA", ""), person("PB", "bob@example.com")}, nil, "bob", nil, "the account PA has no email address and is not mapped"},
		"what is no address is nobody":            {[]fake.User{person("PA", "not an address"), person("PB", "bob@example.com")}, nil, "bob", nil, `the account PA has the address "not an address"`},
		"two accounts of one address are neither": {[]fake.User{person("PA", "alice@example.com"), person("PB", "ALICE@example.com"), person("PC", "bob@example.com")}, nil, "bob", []string{"alice@example.com"}, "the accounts PA and PB are all alice@example.com"},
		"two accounts by a mapping too":           {[]fake.User{person("PA", "alice@example.com"), person("PB", "b@example.com")}, map[string]string{"PB": "user:alice@example.com"}, "", []string{"alice@example.com"}, "PA and PB"},
		"and by an alias":                         {[]fake.User{person("PA", "alice@example.com"), person("PB", "alias@example.com")}, nil, "", []string{"alice@example.com"}, "PA and PB"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.config.Users = c.users
				s.config.Canonical = func(p access.Subject) access.Subject {
					if p.ID == "alias@example.com" {
						p.ID = "alice@example.com"
					}
					return p
				}
				var targets []fake.Target
				for _, a := range c.accounts {
					targets = append(targets, fake.OfUser(s.PutUser(a)))
				}
				policy := s.AddPolicy("Payments", targets, targets) // twice, and said once
				got := s.onCall(s.open().OnCall())
				if subjects(got) != c.want {
					s.t.Errorf("on call: %s; want %s", subjects(got), c.want)
				}
				checkPeople(s.t, got, c.unclear, c.fault)

				for _, a := range c.accounts {
					s.Trigger("fire", policy, a.ID)
				}
				got = s.incidents()
				var held []string
				for _, i := range got.Incidents {
					for _, p := range i.Parts {
						held = append(held, strings.TrimSuffix(p.Subject.ID, "@example.com"))
					}
				}
				if text := strings.Join(held, " "); text != c.want {
					s.t.Errorf("incidents of: %s; want %s", text, c.want)
				}
				checkPeople(s.t, got, c.unclear, c.fault)
			})
		})
	}
}

func checkPeople(t *testing.T, got access.Snapshot, unclear []string, fault string) {
	t.Helper()
	var ids []string
	for _, u := range got.Unclear {
		ids = append(ids, u.ID)
	}
	if !slices.Equal(ids, unclear) {
		t.Errorf("unclear: %q; want %q", ids, unclear)
	}
	if want := fault != ""; len(got.Faults) != map[bool]int{true: 1}[want] || want && !strings.Contains(got.Faults[0], fault) {
		t.Errorf("faults = %q; want one that says %q", got.Faults, fault)
	}
}

// A key that may not read accounts is told of shifts, and of nobody's address: that
// is not the same as that nobody is on call.
func TestOnCallsWithoutAnyAddressAreNoSnapshot(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		a, b := s.PutUser(fake.User{Name: "A"}), s.PutUser(fake.User{Name: "B"})
		s.AddPolicy("Payments", []fake.Target{fake.OfUser(a), fake.OfUser(b)})
		_, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
		if !errors.Is(err, pagerduty.ErrForbidden) || !strings.Contains(err.Error(), "users.read") {
			s.t.Errorf("error = %v; want one that names the scope", err)
		}
	})
}

func TestAddressThatIsLeftOutOnceIsRemembered(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		alice := s.AddUser("alice@example.com")
		s.AddPolicy("Payments", []fake.Target{fake.OfUser(alice)})
		source := s.open().OnCall()
		s.onCall(source)
		s.PutUser(fake.User{ID: alice, Name: "Alice"})
		if got := s.onCall(source); subjects(got) != "alice" || len(got.Faults) > 0 {
			s.t.Errorf("on call: %s, faults %q; want alice", subjects(got), got.Faults)
		}
	})
}

func TestRowThatCanNotBeReadMakesItsPersonUnclear(t *testing.T) {
	row := func(user, rest string) string {
		return `{"user":{"id":"` + user + `","type":"user","email":"` + strings.ToLower(user) + `@example.com"},` + rest + `}`
	}
	const good = `"escalation_policy":{"id":"PP","summary":"Payments"},"escalation_level":1,"schedule":null,"start":null,"end":null`
	swap := func(old, other string) string { return strings.Replace(good, old, other, 1) }
	cases := map[string]struct{ rest, says string }{
		"a start that is no time":   {swap(`"start":null`, `"start":"yesterday"`), `its start "yesterday" is no time`},
		"an end that is no time":    {swap(`"end":null`, `"end":"2026-13-01T00:00:00Z"`), `its end "2026-13-01T00:00:00Z" is no time`},
		"a time without an offset":  {swap(`"end":null`, `"end":"2026-12-01T00:00:00"`), "is no time"},
		"an end before its start":   {swap(`"start":null,"end":null`, `"start":"2026-12-02T00:00:00Z","end":"2026-12-01T00:00:00Z"`), "it ends before it starts"},
		"no escalation policy":      {swap(`{"id":"PP","summary":"Payments"}`, `null`), "it has no escalation policy"},
		"no level":                  {swap(`"escalation_level":1`, `"escalation_level":null`), "its level is 0"},
		"a level beyond all levels": {swap(`"escalation_level":1`, `"escalation_level":4294967297`), "its level is 4294967297"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.Script(fake.Saying(`{"oncalls":[` + row("ALICE", c.rest) + `,` + row("ALICE", good) + `,` + row("BOB", good) + `],"limit":100,"offset":0,"more":false}`))
				got := s.onCall(s.open().OnCall())
				s.fault(got, c.says)
				if subjects(got) != "bob" || len(got.Unclear) != 1 || got.Unclear[0].ID != "alice@example.com" {
					s.t.Errorf("on call: %s, unclear %v; want bob, and alice unclear", subjects(got), got.Unclear)
				}
			})
		})
	}
}

func TestRowsOfNullAreSaid(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.Script(fake.Saying(`{"oncalls":[null,{},{"user":null,"schedule":null,"escalation_policy":null,"escalation_level":null,"start":null,"end":null}],"limit":null,"offset":null,"more":false,"total":null}`))
		got := s.onCall(s.open().OnCall())
		s.fault(got, "names no user")
		if len(got.Shifts) != 0 {
			s.t.Errorf("shifts = %v", got.Shifts)
		}
	})
}

func TestFaultsAreBounded(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		targets := []fake.Target{fake.OfUser(s.AddUser("alice@example.com"))}
		for range 80 {
			targets = append(targets, fake.OfUser(s.PutUser(fake.User{Name: "N"})))
		}
		s.AddPolicy("Payments", targets)
		got := s.onCall(s.open().OnCall())
		if n := len(got.Faults); n != 51 || got.Faults[50] != "and 30 more" {
			s.t.Errorf("%d faults, the last %q", n, got.Faults[n-1])
		}
	})
}

func TestUserByEmailComparesExactly(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		for i := range 130 { // the search finds them all
			s.PutUser(fake.User{Name: "alice", Email: fmt.Sprintf("alice%d@example.com", i)})
		}
		want := s.AddUser("Alice@example.com")
		s.AddUser("twice@example.com")
		s.AddUser("TWICE@example.com")
		if got, err := s.open().UserByEmail(s.t.Context(), "alice@EXAMPLE.com"); err != nil || got.ID != want {
			s.t.Errorf("UserByEmail = %+v, %v; want %s", got, err, want)
		}
		if _, err := s.open().UserByEmail(s.t.Context(), "ali@example.com"); !errors.Is(err, pagerduty.ErrNotFound) {
			s.t.Errorf("error = %v; want ErrNotFound", err)
		}
		if _, err := s.open().UserByEmail(s.t.Context(), "twice@example.com"); err == nil || !strings.Contains(err.Error(), " and ") {
			s.t.Errorf("error = %v; want both accounts named", err)
		}
	})
}

// The clocks go back while alice is on call, and forward in the other half of the
// year: PagerDuty's offsets differ between a shift's ends.
func TestOffsetsOfDaylightSavingAreTaken(t *testing.T) {
	cases := map[string]struct {
		start, end string
		want       time.Duration
	}{
		"back":    {"2026-10-25T00:00:00+02:00", "2026-10-25T08:00:00+01:00", 9 * hour},
		"forward": {"2026-03-29T00:00:00+01:00", "2026-03-29T08:00:00+02:00", 7 * hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.Script(fake.Saying(`{"oncalls":[{"user":{"id":"PA","email":"alice@example.com"},"schedule":{"id":"PS"},"escalation_policy":{"id":"PP"},"escalation_level":1,"start":"` +
					c.start + `","end":"` + c.end + `"}],"limit":100,"offset":0,"more":false}`))
				start, err := time.Parse(time.RFC3339, c.start)
				if err != nil {
					s.t.Fatal(err)
				}
				got, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: start.Add(hour)})
				if err != nil || len(got.Shifts) != 1 {
					s.t.Fatalf("%+v, %v", got, err)
				}
				if held := got.Shifts[0].End.Sub(*got.Shifts[0].Start); held != c.want || got.Shifts[0].End.Location() != time.UTC {
					s.t.Errorf("the shift lasts %s; want %s", held, c.want)
				}
			})
		})
	}
}

func TestSpansOfOnePlaceAreJoined(t *testing.T) {
	base := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(h int) string { return `"` + base.Add(time.Duration(h)*hour).Format(time.RFC3339) + `"` }
	cases := map[string]struct {
		spans [][2]string
		want  string
	}{
		"that touch":                 {[][2]string{{at(2), at(4)}, {at(0), at(2)}}, "0s 4h0m0s"},
		"that overlap":               {[][2]string{{at(0), at(3)}, {at(1), at(2)}}, "0s 3h0m0s"},
		"that are the same":          {[][2]string{{at(0), at(3)}, {at(0), at(3)}}, "0s 3h0m0s"},
		"not those with a gap":       {[][2]string{{at(0), at(1)}, {at(2), at(3)}}, "0s 1h0m0s/2h0m0s 3h0m0s"},
		"one without an end wins":    {[][2]string{{at(0), "null"}, {at(1), at(2)}}, "0s -"},
		"one without a start too":    {[][2]string{{at(0), at(2)}, {"null", at(1)}}, "- 2h0m0s"},
		"one that is over is none":   {[][2]string{{at(-2), at(0)}}, ""},
		"one that is over continues": {[][2]string{{at(-2), at(0)}, {at(0), at(2)}}, "-2h0m0s 2h0m0s"},
		"beyond the look-ahead":      {[][2]string{{at(0), at(100)}, {at(100), at(168)}}, "0s -"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				var rows []string
				for _, span := range c.spans {
					rows = append(rows, `{"user":{"id":"PA","email":"alice@example.com"},"schedule":{"id":"PS","summary":"S"},"escalation_policy":{"id":"PP","summary":"P"},"escalation_level":1,"start":`+span[0]+`,"end":`+span[1]+`}`)
				}
				s.Script(fake.Saying(`{"oncalls":[` + strings.Join(rows, ",") + `],"limit":100,"offset":0,"more":false}`))
				got, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: base})
				if err != nil {
					s.t.Fatal(err)
				}
				if text := strings.ReplaceAll(strings.ReplaceAll(told(got), "alice S/P 1 ", ""), "\n", "/"); text != c.want {
					s.t.Errorf("shifts %s; want %s", text, c.want)
				}
			})
		})
	}
}
