// Package leasesuite is what every lease must do, as an ordinary package: a
// lease's test is a factory and one call.
package leasesuite

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// Lease is a lease under test.
type Lease interface {
	Hold(ctx context.Context, grantID string, until time.Time) error
	Drop(ctx context.Context, grantID string) error
	Run(ctx context.Context, expired func(grantID string)) error
}

// World is a lease with its clock.
type World struct {
	Lease Lease
	Now   func() time.Time
	// Pass lets time pass and waits until what it brings about has happened.
	Pass func(time.Duration)
}

// Run runs the suite. in calls story with a fresh world.
func Run(t *testing.T, in func(t *testing.T, story func(*testing.T, World))) {
	for name, story := range map[string]func(*testing.T, *scene){
		"a grant is announced when it is due, and not before": func(t *testing.T, s *scene) {
			s.hold("a", time.Minute)
			s.want(t, time.Minute-time.Millisecond)
			s.want(t, time.Millisecond, "a")
			s.want(t, time.Hour, "a")
		},
		"grants are announced in the order of their ends": func(t *testing.T, s *scene) {
			s.hold("c", 3*time.Second)
			s.hold("a", time.Second)
			s.hold("b", 2*time.Second)
			s.want(t, 10*time.Second, "a", "b", "c")
		},
		"a sooner end wakes a lease that sleeps to a later one": func(t *testing.T, s *scene) {
			s.hold("late", time.Hour)
			s.want(t, time.Second)
			s.hold("soon", time.Second)
			s.want(t, time.Second, "soon")
		},
		"a dropped grant is not announced": func(t *testing.T, s *scene) {
			s.hold("a", time.Second)
			s.drop("a")
			s.drop("never held")
			s.want(t, time.Minute)
		},
		"a grant held again has its new end only": func(t *testing.T, s *scene) {
			s.hold("later", time.Second)
			s.hold("later", time.Minute)
			s.hold("sooner", time.Minute)
			s.hold("sooner", time.Second)
			s.want(t, time.Second, "sooner")
			s.want(t, time.Minute, "sooner", "later")
		},
		"an end that is past is announced at once": func(t *testing.T, s *scene) {
			s.hold("a", -time.Hour)
			s.want(t, 0, "a")
		},
		"ten thousand ends at once are all announced": func(t *testing.T, s *scene) {
			for i := range 10_000 {
				s.hold(string(rune('a'+i%26))+time.Duration(i).String(), time.Second)
			}
			s.world.Pass(time.Second)
			if n := len(s.heard()); n != 10_000 {
				t.Fatalf("%d were announced", n)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, w World) {
				s := &scene{t: t, world: w}
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { _ = w.Lease.Run(ctx, s.hear) })
				defer running.Wait()
				defer cancel()
				story(t, s)
			})
		})
	}
}

type scene struct {
	t     *testing.T
	world World
	mu    sync.Mutex
	ids   []string
}

func (s *scene) hear(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, id)
}

func (s *scene) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ids)
}

func (s *scene) hold(id string, in time.Duration) {
	s.t.Helper()
	if err := s.world.Lease.Hold(s.t.Context(), id, s.world.Now().Add(in)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) drop(id string) {
	s.t.Helper()
	if err := s.world.Lease.Drop(s.t.Context(), id); err != nil {
		s.t.Fatal(err)
	}
}

// want lets time pass and then holds all that was ever announced against ids.
func (s *scene) want(t *testing.T, after time.Duration, ids ...string) {
	t.Helper()
	s.world.Pass(after)
	if got := s.heard(); !slices.Equal(got, ids) {
		t.Fatalf("announced %v, want %v", got, ids)
	}
}
