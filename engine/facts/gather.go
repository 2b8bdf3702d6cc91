// Package facts is the policy information point (PIP): it learns what is true
// about a request before policy decides.
//
// A Gatherer asks its sources at the same time, under one deadline. What could
// not be learned is marked as not known and never guessed; policy decides what
// that means. The package also reads the two files that seed what is known:
// the people (PeopleFile) and the catalogue (ValidateCatalogue).
//
// A Book holds what sources of on-call facts and of incidents said last, so that
// a decision waits for no vendor. Who asks them, and when, is not known here.
//
// It decides nothing, keeps nothing else between two calls, and must not import a
// connector: a source is whatever has the method.
package facts

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// OnCall tells which shifts a subject holds.
type OnCall interface {
	// Shifts returns the shifts that cover now and later ones that are known.
	Shifts(ctx context.Context, subject access.Subject, now time.Time) (access.OnCall, error)
}

// Incidents tells which open incidents concern a subject.
type Incidents interface {
	Incidents(ctx context.Context, subject access.Subject, now time.Time) (access.Incidents, error)
}

// People tells which groups a subject is in.
type People interface {
	// Groups returns the groups, in any order, and whether membership is known.
	// A subject of whom nothing was ever learned is not known; that is no error.
	Groups(ctx context.Context, subject access.Subject) (groups []string, known bool, err error)
}

// DefaultTimeout is how long a Gatherer waits when it is not told.
const DefaultTimeout = 2 * time.Second

// Gatherer asks all sources about a subject. Its zero value knows nothing. It
// may be used by several goroutines if its sources may.
type Gatherer struct {
	OnCall    OnCall        // nil: on-call is not known
	Incidents Incidents     // nil: incidents are not known
	People    People        // nil: groups are not known
	Timeout   time.Duration // for all sources together; 0: DefaultTimeout
	Log       *slog.Logger  // one warning for each source that fails; nil: none
}

// Gather returns what the sources know of the subject at now. It returns within
// Timeout, or sooner if ctx ends, and never fails: a source that is missing,
// reports an error, panics or does not answer in time leaves its facts not
// known. What such a source says later is dropped.
func (g *Gatherer) Gather(ctx context.Context, subject access.Subject, now time.Time) access.Facts {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(g.Timeout, DefaultTimeout))
	defer cancel()
	log := cmp.Or(g.Log, slog.New(slog.DiscardHandler)).With("subject", subject.String())

	onCall := ask(func() (access.OnCall, error) { return g.onCall(ctx, subject, now) })
	incidents := ask(func() (access.Incidents, error) { return g.incidents(ctx, subject, now) })
	members := ask(func() (membership, error) { return g.membership(ctx, subject) })

	var facts access.Facts
	if known := onCall.settle(ctx, log, "oncall"); known.Known {
		facts.OnCall = known
	}
	if known := incidents.settle(ctx, log, "incidents"); known.Known {
		facts.Incidents = known
	}
	if m := members.settle(ctx, log, "people"); m.known {
		facts.Groups, facts.GroupsKnown = sortedSet(m.groups), true
	}
	return facts
}

func (g *Gatherer) onCall(ctx context.Context, subject access.Subject, now time.Time) (access.OnCall, error) {
	if g.OnCall == nil {
		return access.OnCall{}, nil
	}
	return g.OnCall.Shifts(ctx, subject, now)
}

func (g *Gatherer) incidents(ctx context.Context, subject access.Subject, now time.Time) (access.Incidents, error) {
	if g.Incidents == nil {
		return access.Incidents{}, nil
	}
	return g.Incidents.Incidents(ctx, subject, now)
}

type membership struct {
	groups []string
	known  bool
}

func (g *Gatherer) membership(ctx context.Context, subject access.Subject) (m membership, err error) {
	if g.People == nil {
		return m, nil
	}
	m.groups, m.known, err = g.People.Groups(ctx, subject)
	return m, err
}

// sortedSet returns the names in order, each once, and leaves its argument as
// it is.
func sortedSet(names []string) []string {
	set := append([]string{}, names...)
	slices.Sort(set)
	return slices.Compact(set)
}
