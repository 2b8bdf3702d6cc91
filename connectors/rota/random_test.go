package rota_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

// TestRandomRotas compares the joined shifts of random files, at random
// instants, with the rule for one instant written down in the plainest way.
func TestRandomRotas(t *testing.T) {
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 1))
		f := randomFile(random)
		s := source(t, f)
		for range 20 {
			now := base.Add(time.Duration(random.IntN(40*24*60)) * time.Minute)
			for _, who := range []access.Subject{alice, bob, carol} {
				checkShifts(t, seed, f, who, now, shifts(t, s, who, now), random)
			}
		}
	}
}

func checkShifts(t *testing.T, seed uint64, f rota.File, who access.Subject, now time.Time, got []access.Shift, random *rand.Rand) {
	t.Helper()
	covered := func(instant time.Time) bool {
		for _, shift := range got {
			if shift.Covers(instant) {
				return true
			}
		}
		return false
	}
	for i, shift := range got {
		if shift.Start != nil && isOnCall(t, f, who, shift.Start.Add(-1)) {
			t.Fatalf("seed %d: %s is on call before the start of %s", seed, who, render(got[i:i+1]))
		}
		if shift.End != nil && isOnCall(t, f, who, *shift.End) {
			t.Fatalf("seed %d: %s is on call after the end of %s", seed, who, render(got[i:i+1]))
		}
		if shift.End != nil && !shift.End.After(now) {
			t.Fatalf("seed %d: at %s, %s is over", seed, now, render(got[i:i+1]))
		}
	}
	for _, instant := range append([]time.Time{now, now.Add(rota.LookAhead)}, sample(random, now)...) {
		if want := isOnCall(t, f, who, instant); covered(instant) != want {
			t.Fatalf("seed %d: asked at %s, %s on call at %s = %v, want %v\n%s", seed, now, who, instant, !want, want, render(got))
		}
	}
}

func sample(random *rand.Rand, now time.Time) []time.Time {
	instants := make([]time.Time, 20)
	for i := range instants {
		instants[i] = now.Add(time.Duration(random.Int64N(int64(rota.LookAhead))))
	}
	return instants
}

// base is before all that randomFile makes, which fits in some 40 days.
var base = time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)

func randomFile(random *rand.Rand) rota.File {
	people := []string{alice.String(), bob.String(), carol.String()}
	who := func() string { return people[random.IntN(3)] }
	stamp := func(hours int) *string { return new(base.Add(time.Duration(hours) * time.Hour).Format(time.RFC3339)) }
	s := rota.Schedule{ID: "primary"}
	for range random.IntN(5) {
		from := random.IntN(40 * 24)
		shift := rota.Shift{Subject: who(), Start: stamp(from), End: stamp(from + 1 + random.IntN(200))}
		if random.IntN(10) == 0 {
			shift.Start = nil
		}
		if random.IntN(10) == 0 {
			shift.End = nil
		}
		s.Shifts = append(s.Shifts, shift)
	}
	for range random.IntN(5) {
		from := random.IntN(40 * 24)
		s.Overrides = append(s.Overrides, rota.Override{Subject: who(), Start: *stamp(from), End: *stamp(from + 1 + random.IntN(100))})
	}
	if random.IntN(4) > 0 {
		s.Rotation = &rota.Rotation{
			TimeZone: "UTC", Start: base.AddDate(0, 0, random.IntN(60)-40).Format(time.DateOnly),
			Handoff: "09:00", Every: fmt.Sprintf("%d days", 1+random.IntN(4)),
		}
		for range 1 + random.IntN(4) {
			s.Rotation.Members = append(s.Rotation.Members, who())
		}
	}
	return rota.File{Schedules: []rota.Schedule{s}}
}

// isOnCall is the rule for one instant: the last override that covers it, or
// else any shift, or the member whose turn it is.
func isOnCall(t *testing.T, f rota.File, who access.Subject, instant time.Time) bool {
	t.Helper()
	s := f.Schedules[0]
	for i := len(s.Overrides) - 1; i >= 0; i-- {
		o := s.Overrides[i]
		if !instant.Before(at(t, o.Start)) && instant.Before(at(t, o.End)) {
			return o.Subject == who.String()
		}
	}
	for _, shift := range s.Shifts {
		if shift.Subject == who.String() && (shift.Start == nil || !instant.Before(at(t, *shift.Start))) && (shift.End == nil || instant.Before(at(t, *shift.End))) {
			return true
		}
	}
	if s.Rotation == nil {
		return false
	}
	since := instant.Sub(at(t, s.Rotation.Start+"T09:00:00Z"))
	var days int
	_, _ = fmt.Sscanf(s.Rotation.Every, "%d days", &days)
	turn := int(since / (time.Duration(days) * 24 * time.Hour))
	return since >= 0 && s.Rotation.Members[turn%len(s.Rotation.Members)] == who.String()
}
