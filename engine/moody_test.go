package engine_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
)

// moody is a lease in memory, as if it were shared: a test makes it fail.
type moody struct {
	*lease.Memory
	mu        sync.Mutex
	writes    error         // what writing answers
	uncertain bool          // what is written is not certain to be seen
	deaf      bool          // nothing is known
	slow      time.Duration // how long telling it takes
}

func (f *moody) set(change func(*moody)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

var errDown = errors.New("the lease is down")

func (f *moody) broken() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

func (f *moody) Hold(ctx context.Context, holds ...access.Hold) error {
	if err := f.broken(); err != nil {
		return err
	}
	return f.Memory.Hold(ctx, holds...)
}

func (f *moody) Drop(ctx context.Context, ids ...string) error {
	if err := f.broken(); err != nil {
		return err
	}
	return f.Memory.Drop(ctx, ids...)
}

func (f *moody) Stand(ctx context.Context, s ...access.Standing) error {
	if err := f.broken(); err != nil {
		return err
	}
	f.mu.Lock()
	uncertain, slow := f.uncertain, f.slow
	f.mu.Unlock()
	time.Sleep(slow) // fake: the bubble's clock
	err := f.Memory.Stand(ctx, s...)
	if err == nil && uncertain {
		err = access.ErrPropagating
	}
	return err
}

func (f *moody) Standing(ctx context.Context, x access.Entitled) (access.Standing, bool) {
	f.mu.Lock()
	deaf := f.deaf
	f.mu.Unlock()
	if deaf {
		return access.Standing{}, false
	}
	return f.Memory.Standing(ctx, x)
}

func (f *moody) Mend(ctx context.Context, h []access.Hold, s []access.Standing) (access.Mended, []access.Ahead, error) {
	if err := f.broken(); err != nil {
		return access.Mended{}, nil, err
	}
	return f.Memory.Mend(ctx, h, s)
}

// counted is what an operator would see.
type counted struct {
	mu      sync.Mutex
	heard   int
	unheard int
	late    time.Duration // the latest end
	mended  access.Mended
	checks  map[string]int
	asked   map[access.Asked]int
}

func (c *counted) Ended(late time.Duration, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late = max(c.late, late); heard {
		c.heard++
		return
	}
	c.unheard++
}

func (c *counted) Confirmed(time.Duration) {}

func (c *counted) Mended(m access.Mended) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mended.Missing += m.Missing
	c.mended.Extra += m.Extra
	c.mended.Wrong += m.Wrong
}

func (c *counted) Checked(by string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checks == nil {
		c.checks = map[string]int{}
	}
	c.checks[by]++
}

func (c *counted) Asked(what access.Asked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked == nil {
		c.asked = map[access.Asked]int{}
	}
	c.asked[what]++
}

func (c *counted) of(what access.Asked) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[what]
}

func (c *counted) by(by string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.checks[by]
}

func (c *counted) repaired() access.Mended {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mended
}
