package pagerduty_test

import (
	"testing"
	"time"

	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

const hour = time.Hour

// staffed is a policy with a schedule.
func (s *scene) staffed() (schedule string) {
	schedule = s.AddSchedule("Primary")
	s.AddPolicy("Payments", []fake.Target{fake.OfSchedule(schedule)})
	return schedule
}

func TestShiftsAreToldAsTheyAre(t *testing.T) {
	cases := map[string]struct {
		build func(s *scene, now time.Time)
		want  []string
	}{
		"a shift that covers now": {func(s *scene, now time.Time) {
			s.Shift(s.staffed(), s.AddUser("alice@example.com"), now.Add(-hour), now.Add(hour))
		}, []string{"alice Primary/Payments 1 -1h0m0s 1h0m0s"}},
		"one that begins later": {func(s *scene, now time.Time) {
			s.Shift(s.staffed(), s.AddUser("alice@example.com"), now.Add(2*hour), now.Add(3*hour))
		}, []string{"alice Primary/Payments 1 2h0m0s 3h0m0s"}},
		"one that is over is not": {func(s *scene, now time.Time) {
			s.Shift(s.staffed(), s.AddUser("alice@example.com"), now.Add(-hour), now)
		}, nil},
		"somebody named in the policy is on call for ever": {func(s *scene, _ time.Time) {
			s.AddPolicy("Payments", []fake.Target{fake.OfUser(s.AddUser("alice@example.com"))})
		}, []string{"alice -/Payments 1 - -"}},
		"a shift without an end has none": {func(s *scene, now time.Time) {
			s.Shift(s.staffed(), s.AddUser("alice@example.com"), now.Add(-hour), time.Time{})
		}, []string{"alice Primary/Payments 1 -1h0m0s -"}},
		"an end beyond the look-ahead is not known": {func(s *scene, now time.Time) {
			s.Shift(s.staffed(), s.AddUser("alice@example.com"), now.Add(-hour), now.Add(8*24*hour))
		}, []string{"alice Primary/Payments 1 -1h0m0s -"}},
		"every level is told": {func(s *scene, _ time.Time) {
			alice := s.AddUser("alice@example.com")
			s.AddPolicy("Payments", []fake.Target{fake.OfUser(alice)}, nil, []fake.Target{fake.OfUser(alice)})
		}, []string{"alice -/Payments 1 - -", "alice -/Payments 3 - -"}},
		"a schedule in two policies is two shifts": {func(s *scene, now time.Time) {
			schedule := s.staffed()
			s.AddPolicy("Search", []fake.Target{fake.OfSchedule(schedule)})
			s.Shift(schedule, s.AddUser("alice@example.com"), now.Add(-hour), now.Add(hour))
		}, []string{"alice Primary/Payments 1 -1h0m0s 1h0m0s", "alice Primary/Search 1 -1h0m0s 1h0m0s"}},
		"a schedule named twice in a level is one": {func(s *scene, now time.Time) {
			schedule := s.AddSchedule("Primary")
			s.AddPolicy("Payments", []fake.Target{fake.OfSchedule(schedule), fake.OfSchedule(schedule)})
			s.Shift(schedule, s.AddUser("alice@example.com"), now.Add(-hour), now.Add(hour))
		}, []string{"alice Primary/Payments 1 -1h0m0s 1h0m0s"}},
		"a schedule without a policy is not told": {func(s *scene, now time.Time) {
			s.Shift(s.AddSchedule("Alone"), s.AddUser("alice@example.com"), now.Add(-hour), now.Add(hour))
		}, nil},
		"an override takes the place, and gives it back": {func(s *scene, now time.Time) {
			schedule := s.staffed()
			s.Shift(schedule, s.AddUser("alice@example.com"), now.Add(-hour), now.Add(3*hour))
			s.Override(schedule, s.AddUser("bob@example.com"), now.Add(hour), now.Add(2*hour))
		}, []string{"alice Primary/Payments 1 -1h0m0s 1h0m0s", "alice Primary/Payments 1 2h0m0s 3h0m0s", "bob Primary/Payments 1 1h0m0s 2h0m0s"}},
		"several at once on a schedule of shifts": {func(s *scene, now time.Time) {
			schedule := s.AddScheduleV3("Flexible")
			s.AddPolicy("Payments", []fake.Target{fake.OfSchedule(schedule)})
			s.Shift(schedule, s.AddUser("alice@example.com"), now.Add(-hour), now.Add(hour))
			s.Shift(schedule, s.AddUser("bob@example.com"), now.Add(-hour), now.Add(2*hour))
		}, []string{"alice Flexible/Payments 1 -1h0m0s 1h0m0s", "bob Flexible/Payments 1 -1h0m0s 2h0m0s"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				c.build(s, time.Now())
				got := s.onCall(s.open().OnCall())
				s.want(got, c.want...)
				if len(got.Faults)+len(got.Unclear) > 0 || got.Source != "pagerduty" || !got.FetchedAt.Equal(time.Now()) || !got.Until.Equal(time.Now().Add(7*24*hour)) {
					s.t.Errorf("snapshot = %+v", got)
				}
			})
		})
	}
}
