package pdp

import (
	"context"
	"fmt"
	"time"
)

// source is where a team's policies come from. One goroutine uses it.
type source interface {
	// look returns what is there, or nil when it was returned before or is still
	// being written; now says not to wait for that. An error says that nothing can
	// be read, and not that what was read is wrong.
	look(ctx context.Context, now bool) (*candidate, error)
	// pause is how long to wait before the next look; 0: there is nothing to wait
	// for.
	pause() time.Duration
	// name tells people where it is. It holds no secret.
	name() string
}

// candidate is a team's policies as they were read: whole, and not compiled yet.
type candidate struct {
	identity string // digest of what was read
	team     set
	bundle   string // what their author calls them
	fault    error  // why they can not be used
	raw      []byte // of a bundle
}

// compile puts a team's files over the library's. What panics in it is a fault
// of what it was given, and not the end of the gateway.
func (p *PDP) compile(ctx context.Context, team set, bundle string) (r *Revision, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			r, err = nil, fmt.Errorf("policies: they can not be compiled: %v", problem)
		}
	}()
	files, err := lay(p.library, team)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	return newRevision(ctx, files, bundle)
}

// load compiles what was read.
func (c *candidate) load(ctx context.Context, p *PDP) (*Revision, error) {
	if c.fault != nil {
		return nil, fmt.Errorf("policies: %w", c.fault)
	}
	return p.compile(ctx, c.team, c.bundle)
}

// shipped is the source of a gateway that has no policies but the library's.
type shipped struct{ read bool }

func (s *shipped) look(context.Context, bool) (*candidate, error) {
	if s.read {
		return nil, nil
	}
	s.read = true
	return &candidate{identity: s.name(), team: set{data: map[string]any{}}}, nil
}

func (*shipped) pause() time.Duration { return 0 }
func (*shipped) name() string         { return "library" }
