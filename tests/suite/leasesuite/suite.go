// Package leasesuite is what every lease must do, as an ordinary package: a
// lease's test is a factory and one call.
package leasesuite

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
)

// Lease is a lease under test.
type Lease interface {
	Hold(ctx context.Context, holds ...access.Hold) error
	Drop(ctx context.Context, grantIDs ...string) error
	Poke(ctx context.Context, grantIDs ...string) (announced bool)
	Stand(ctx context.Context, standings ...access.Standing) error
	Standing(ctx context.Context, x access.Entitled) (access.Standing, bool)
	Mend(ctx context.Context, holds []access.Hold, standings []access.Standing) (access.Mended, []access.Ahead, error)
	Force(ctx context.Context, seen []access.Ahead, right []access.Standing) (int, error)
	Page(ctx context.Context, cursor string) (access.LeasePage, error)
	DropUnknown(ctx context.Context, keys ...string) error
	Skew() time.Duration
	Run(ctx context.Context, events lease.Events) error
	State() lease.State
}

// World is a lease with its clock.
type World struct {
	Lease Lease
	Now   func() time.Time
	// Unit is a short time by which the stories count: a minute of fake time, part
	// of a second of real time.
	Unit time.Duration
	// Many is how many grants are many.
	Many int
}

// Run runs the suite. in calls story with a fresh world.
func Run(t *testing.T, in func(t *testing.T, story func(*testing.T, World))) {
	stories := map[string]func(*Scene){}
	for _, some := range []map[string]func(*Scene){announcing, standing, mending} {
		maps.Copy(stories, some)
	}
	for _, name := range slices.Sorted(maps.Keys(stories)) {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, w World) {
				s := NewScene(t, w.Lease)
				defer s.End()
				s.World = w
				stories[name](s)
			})
		})
	}
}
