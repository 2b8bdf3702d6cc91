package pagerduty_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

// crowd puts n people on one level of a policy, by name.
func (s *scene) crowd(n int) (ids []string) {
	targets := make([]fake.Target, 0, n)
	for i := range n {
		id := s.AddUser(fmt.Sprintf("p%05d@example.com", i))
		ids, targets = append(ids, id), append(targets, fake.OfUser(id))
	}
	s.AddPolicy("Payments", targets)
	return ids
}

func TestEveryPageIsRead(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.crowd(n)
				if got := s.onCall(s.open().OnCall()); len(got.Shifts) != n {
					s.t.Errorf("%d shifts; want %d", len(got.Shifts), n)
				}
				if calls, want := s.State().To("/oncalls"), max((n+99)/100, 1); calls != want {
					s.t.Errorf("%d requests; want %d", calls, want)
				}
			})
		})
	}
}

func TestTenThousandRowsAreReadWhole(t *testing.T) {
	cases := map[string]struct{ people, levels int }{
		"as many as can be paged":           {10_000, 1},
		"more than can be paged, by people": {2_100, 5},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.config.Transport = s.Transport() // compared elsewhere; here it takes minutes
				var level []fake.Target
				for i := range c.people {
					level = append(level, fake.OfUser(s.AddUser(fmt.Sprintf("p%05d@example.com", i))))
				}
				levels := make([][]fake.Target, c.levels)
				for i := range levels {
					levels[i] = level
				}
				s.AddPolicy("Payments", levels...)
				source := s.open().OnCall()
				before := 0
				for poll := range 2 { // the second knows how long the list is
					before = s.State().To("/oncalls")
					if got := s.onCall(source); len(got.Shifts) != c.people*c.levels || len(got.Faults) > 0 {
						s.t.Fatalf("poll %d: %d shifts, faults %q; want %d shifts", poll, len(got.Shifts), got.Faults, c.people*c.levels)
					}
				}
				if s.State().To("/users") == 0 {
					s.t.Error("a list as long as can be paged was not asked for by people")
				}
				if asked := s.State().To("/oncalls") - before; asked > c.people*c.levels/100+c.people/100 {
					s.t.Errorf("%d requests for on-calls in the second poll", asked)
				}
			})
		})
	}
}

func TestMoreAccountsThanCanBePagedFailTheFetch(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		for range 101 {
			s.Script(fake.Saying(`{"oncalls":[],"limit":100,"offset":0,"more":true}`).On("/oncalls"))
		}
		_, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
		if !errors.Is(err, pagerduty.ErrMalformed) || !strings.Contains(err.Error(), "page from 0; 100 was asked for") {
			s.t.Errorf("error = %v; want that the wrong page came", err)
		}
	})
}

// A row that moves over a page's edge while the list is read is lost. Who was on
// call before is asked for again.
func TestRowsLostBetweenPagesAreFoundAgain(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		ids := s.crowd(150)
		source := s.open().OnCall()
		if got := s.onCall(source); len(got.Shifts) != 150 {
			s.t.Fatalf("%d shifts", len(got.Shifts))
		}
		// The answer to the next poll is a first page that lost three people.
		s.Script(fake.Saying(`{"oncalls":[],"limit":100,"offset":0,"more":false}`).On("/oncalls"))
		if got := s.onCall(source); len(got.Shifts) != 150 {
			s.t.Errorf("%d shifts after a poll that lost everybody; want 150", len(got.Shifts))
		}
		s.RemoveUser(ids[7])
		if got := s.onCall(source); len(got.Shifts) != 149 {
			s.t.Errorf("%d shifts after one person left; want 149", len(got.Shifts))
		}
		calls := s.Calls()
		if last := calls[len(calls)-1]; len(last.Query["user_ids[]"]) != 1 || last.Query.Get("user_ids[]") != ids[7] {
			s.t.Errorf("the last request is %s; want one for %s alone", last, ids[7])
		}
		before := len(s.Calls())
		s.onCall(source)
		if again := len(s.Calls()) - before; again != 2 {
			s.t.Errorf("%d requests once it was believed; want 2", again)
		}
	})
}

// A process that was just started, or has just taken over, knows what was said
// last, and by which account nobody.
func TestRowsLostByTheFirstFetchAreFoundAgain(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		alice, bob, schedule, now := s.AddUser("alice@example.com"), s.AddUser("bob@example.com"), s.staffed(), time.Now()
		s.Shift(schedule, alice, now, now.Add(8*hour))
		before := s.onCall(s.open().OnCall())
		next := func(o *pagerduty.OnCall) access.Snapshot {
			time.Sleep(time.Minute)
			got, err := o.Fetch(s.t.Context(), access.SourceAsk{Now: time.Now(), Before: before})
			if err != nil {
				s.t.Fatal(err)
			}
			return got
		}
		const nobody = `{"oncalls":[],"limit":100,"offset":0,"more":false}`

		s.Script(fake.Saying(nobody).On("/oncalls"))
		fresh := s.open().OnCall()
		s.want(next(fresh), "alice Primary/Payments 1 -1m0s 7h59m0s")
		if calls := s.State().To("/oncalls"); calls != 3 {
			s.t.Errorf("%d requests; want 3: the list is asked for once more", calls)
		}
		s.Override(schedule, bob, now, now.Add(8*hour))
		s.want(next(s.open().OnCall()), "bob Primary/Payments 1 -2m0s 7h58m0s") // what is missing twice is believed
		if calls := s.State().To("/oncalls"); calls != 5 {
			s.t.Errorf("%d requests; want 5", calls)
		}
	})
}

// What this process fetched itself it compares by accounts, which costs less.
func TestOwnFetchIsNotRepeatedWhole(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		alice, bob, schedule, now := s.AddUser("alice@example.com"), s.AddUser("bob@example.com"), s.staffed(), time.Now()
		s.Shift(schedule, alice, now, now.Add(8*hour))
		source := s.open().OnCall()
		before := s.onCall(source)
		s.Override(schedule, bob, now, now.Add(8*hour))
		if _, err := source.Fetch(s.t.Context(), access.SourceAsk{Now: time.Now(), Before: before}); err != nil {
			s.t.Fatal(err)
		}
		calls := s.Calls()
		if last := calls[len(calls)-1]; s.State().To("/oncalls") != 3 || last.Query.Get("user_ids[]") != alice {
			s.t.Errorf("the last of %d requests is %s; want the third, for alice alone", len(calls), last)
		}
	})
}

func TestWhoIsNotFoundAgainForWantOfAnAnswerFailsTheFetch(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		schedule := s.staffed()
		s.Shift(schedule, s.AddUser("alice@example.com"), time.Now(), time.Now().Add(8*hour))
		source := s.open().OnCall()
		s.onCall(source)
		s.ClearShifts(schedule)
		s.Script(fake.Serve(), fake.Status(500).Times(10))
		_, err := source.Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
		if !errors.Is(err, pagerduty.ErrUnreachable) {
			s.t.Errorf("error = %v; want ErrUnreachable", err)
		}
		s.Script() // the rest of the script is used up by the next poll
	})
}

func TestEarlyEndAndHandOverAreBelieved(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		alice, bob, schedule, now := s.AddUser("alice@example.com"), s.AddUser("bob@example.com"), s.staffed(), time.Now()
		s.Shift(schedule, alice, now, now.Add(8*hour))
		source := s.open().OnCall()
		s.onCall(source)
		s.Override(schedule, bob, now, now.Add(8*hour))
		s.want(s.onCall(source), "bob Primary/Payments 1 0s 8h0m0s")
		if calls := s.State().To("/oncalls"); calls != 3 {
			s.t.Errorf("%d requests; want 3: alice is asked for once more", calls)
		}
		time.Sleep(8 * hour) // a shift that ends by itself surprises nobody
		s.want(s.onCall(source))
		if calls := s.State().To("/oncalls"); calls != 4 {
			s.t.Errorf("%d requests; want 4", calls)
		}
	})
}
