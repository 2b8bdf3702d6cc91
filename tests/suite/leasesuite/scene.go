package leasesuite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
)

// Scene is a lease that runs, and what was heard of it.
type Scene struct {
	*testing.T
	World
	stop    context.CancelFunc
	running sync.WaitGroup
	change  chan struct{}

	mu        sync.Mutex
	expired   []string
	connected int
	emptied   int
}

// patience bounds every wait. Nothing that works comes near it.
const patience = 30 * time.Second

// NewScene runs the lease and waits until it is connected and announces ends.
func NewScene(t *testing.T, l Lease) *Scene {
	t.Helper()
	s := &Scene{T: t, World: World{Lease: l}, change: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	s.running.Go(func() {
		if err := l.Run(ctx, lease.Events{Expired: s.onExpired, Connected: s.onConnected, Emptied: s.onEmptied}); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	s.Await("it is connected and announces ends", func() bool {
		state := l.State()
		return state.Connected && state.Announced
	})
	return s
}

// End ends Run and waits for it.
func (s *Scene) End() {
	s.stop()
	s.running.Wait()
}

func (s *Scene) onExpired(id string) { s.note(func() { s.expired = append(s.expired, id) }) }
func (s *Scene) onConnected()        { s.note(func() { s.connected++ }) }
func (s *Scene) onEmptied()          { s.note(func() { s.emptied++ }) }

func (s *Scene) note(what func()) {
	s.mu.Lock()
	what()
	s.mu.Unlock()
	select {
	case s.change <- struct{}{}:
	default: // signalled already
	}
}

// Heard is whose ends were announced, each once, in the order of the first time.
func (s *Scene) Heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	seen := map[string]bool{}
	for _, id := range s.expired {
		if !seen[id] {
			out = append(out, id)
		}
		seen[id] = true
	}
	return out
}

// Connected counts the subscriptions, and Emptied the new epochs.
func (s *Scene) Connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected
}

// Emptied counts the epochs that were new.
func (s *Scene) Emptied() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emptied
}

// Await waits until the condition holds.
func (s *Scene) Await(what string, holds func() bool) {
	s.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-s.change:
		case <-tick.C:
		case <-deadline:
			s.Fatalf("not so in %v: %s; the state is %+v", patience, what, s.Lease.State())
		}
	}
}

// Pass waits until the lease's clock is at the time.
func (s *Scene) Pass(until time.Time) {
	for left := until.Sub(s.Now()); left > 0; left = until.Sub(s.Now()) {
		select {
		case <-time.After(left):
		case <-s.Context().Done():
			return
		}
	}
}

func (s *Scene) hold(id string, until time.Time) {
	s.Helper()
	s.must(s.Lease.Hold(s.Context(), access.Hold{GrantID: id, Until: until}))
}

func (s *Scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// announced waits until the ends of these have been announced, poking as the
// engine does when they are due, and sees that no others were.
func (s *Scene) announced(ids ...string) {
	s.Helper()
	s.Await(fmt.Sprintf("%v are announced", ids), func() bool {
		heard := s.Heard()
		for _, id := range ids {
			if !slices.Contains(heard, id) {
				s.Lease.Poke(s.Context(), ids...)
				return false
			}
		}
		return true
	})
	heard := s.Heard()
	if slices.Sort(heard); !slices.Equal(heard, slices.Sorted(slices.Values(ids))) {
		s.Fatalf("announced %v, want %v", heard, ids)
	}
}

// Of is a subject, action and resource, by a name.
func Of(name string) access.Entitled {
	return access.Entitled{
		Subject: access.Subject{Type: "user", ID: name + "@example.com"}, Action: access.Action{Name: "debug"},
		Resource: access.ResourceRef{Type: "customer", ID: "acme"},
	}
}

// Stands is a standing of the name's, which is kept as long as any before.
func (s *Scene) Stands(name string, version int64, until time.Time) access.Standing {
	return access.Standing{
		Entitled: Of(name), BindingID: "bnd_" + name, Version: version,
		Until: until, Keep: s.Now().Add(time.Hour).Truncate(time.Microsecond),
	}
}

// stand writes standings. That others may not see them yet is no fault.
func (s *Scene) stand(standings ...access.Standing) {
	s.Helper()
	if err := s.Lease.Stand(s.Context(), standings...); err != nil && !errors.Is(err, access.ErrPropagating) {
		s.Fatal(err)
	}
}

// stands sees that what is held of the name has the version and the end.
func (s *Scene) stands(name string, version int64, until time.Time) {
	s.Helper()
	got, known := s.Lease.Standing(s.Context(), Of(name))
	if !known {
		s.Fatalf("what stands of %s is not known", name)
	}
	if got.Version != version || !got.Until.Equal(until) || got.BindingID != "bnd_"+name || got.Entitled != Of(name) {
		s.Fatalf("%+v stands, want version %d until %v", got, version, until)
	}
}

// unknown sees that the ledger is to be asked of the name.
func (s *Scene) unknown(name string) {
	s.Helper()
	if got, known := s.Lease.Standing(s.Context(), Of(name)); known {
		s.Fatalf("%+v stands, want that it is not known", got)
	}
}

// soon is a time of the ledger's, which has microseconds.
func (s *Scene) soon(units int) time.Time {
	return s.Now().Add(time.Duration(units) * s.Unit).Truncate(time.Microsecond).UTC()
}

// pages is all that is held.
func (s *Scene) pages() (all access.LeasePage) {
	s.Helper()
	for cursor := ""; ; {
		page, err := s.Lease.Page(s.Context(), cursor)
		s.must(err)
		all.Grants = append(all.Grants, page.Grants...)
		all.Bindings = append(all.Bindings, page.Bindings...)
		all.Unknown = append(all.Unknown, page.Unknown...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}
