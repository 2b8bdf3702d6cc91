package notice

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// How notices are shown.
const (
	width    = 4                // at once
	showIn   = 10 * time.Second // the longest that one may take
	claimFor = 2 * showIn       // then another may: it is taken to be gone
	drain    = 3 * time.Second  // how long a stop waits for what is being shown
	// betweenPosts is the rest that a channel gets after something new in it: what is
	// posted in one channel is limited to about one a second.
	betweenPosts = time.Second
)

// When a notice that failed is tried again, a messenger that is down is, and what
// came of a notice is written down.
var (
	retries  = trouble.Backoff{First: time.Second, Cap: 5 * time.Minute}
	probes   = trouble.Backoff{First: time.Second, Cap: 30 * time.Second}
	rewrites = trouble.Backoff{First: time.Second / 4, Cap: showIn}
)

// downAfter is how often in a row a messenger failed that is taken to be down: it is
// then tried with one notice at a time, not with all that wait.
const downAfter = 3

// maxTries bounds how often a change of what is shown is tried, which is of use as
// long as that is: more than a day. What was never shown has an end of its own.
const maxTries = 400

// courier shows what is due.
type courier struct {
	*Notices
	breaker trouble.Breaker

	mu      sync.Mutex
	busy    map[string]bool // readers of what is being shown by this node
	showing sync.WaitGroup
}

func (c *courier) run(ctx context.Context) {
	select {
	case <-c.begun:
	case <-ctx.Done():
		return
	}
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-c.due:
		case <-timer.C:
		}
		timer.Reset(c.round(ctx, work))
	}
	limit := time.AfterFunc(drain, cut)
	defer limit.Stop()
	c.showing.Wait()
}

// round begins to show what there is room for, and returns how long until it is
// worth looking again. Room that is freed wakes the courier before.
func (c *courier) round(ctx, work context.Context) time.Duration {
	but := c.readers()
	room, until := c.breaker.Room(width, len(but))
	if !until.IsZero() {
		return max(until.Sub(c.cfg.Now()), time.Millisecond)
	}
	if room <= 0 || ctx.Err() != nil {
		return lookEvery
	}
	claimed, err := c.cfg.Store.ClaimNotices(ctx, c.owner, claimFor, but, room)
	if err != nil && ctx.Err() == nil {
		c.unclaimed.Failed(c.cfg.Log, "notices could not be read; trying again", err)
	}
	for _, n := range claimed {
		c.begin(n.To.String())
		c.showing.Go(func() {
			defer poke(c.due)
			defer c.end(n.To.String())
			c.deliver(work, n)
		})
	}
	return lookEvery
}

func (c *courier) readers() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var readers []string
	for r := range c.busy {
		readers = append(readers, r)
	}
	return readers
}

func (c *courier) begin(reader string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy[reader] = true
}

func (c *courier) end(reader string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, reader)
}

// deliver shows a claimed notice, if it has something to tell, and writes down
// what came of it.
func (c *courier) deliver(ctx context.Context, n access.Notice) {
	r := c.try(ctx, n)
	log := c.cfg.Log.With("notice", n.ID, "kind", n.Kind, "to", n.To.String(), "error", r.Why)
	if r.Outcome == Failed {
		log.Warn("a notice could not be shown; it will be tried again", "attempt", n.Attempts+1)
	}
	if r.Outcome == Dropped {
		log.Error("a notice can not be shown, and is given up")
	}
	c.record(ctx, n, r)
}

func (c *courier) try(ctx context.Context, n access.Notice) Result {
	ctx, cancel := context.WithTimeout(ctx, showIn)
	defer cancel()
	view, err := c.cfg.Store.NoticeView(ctx, n)
	if errors.Is(err, access.ErrNotFound) {
		return Result{Outcome: Moot, Why: err.Error()}
	}
	if err != nil {
		return Result{Outcome: Failed, Why: err.Error(), Wait: retries.After(n.Attempts+1, false)}
	}
	if why := moot(view, c.cfg.Operators); why != "" {
		return Result{Outcome: Moot, Why: why}
	}
	var place access.Place
	err = trouble.Caught(func() (err error) {
		place, err = c.cfg.Messenger.Show(ctx, view)
		return err
	})
	if err != nil {
		return c.failure(n, err)
	}
	c.breaker.Answered()
	if n.Shown > 0 {
		return Result{Outcome: Changed, Place: place}
	}
	r := Result{Outcome: Shown, Place: place}
	if n.To.Subject == nil {
		r.Rest = betweenPosts
	}
	return r
}

// failure is what is to be done about an error of the messenger.
func (c *courier) failure(n access.Notice, err error) Result {
	r := Result{Outcome: Failed, Why: err.Error(), Wait: retries.After(n.Attempts+1, false)}
	var told *access.DeliveryError
	switch {
	case access.IsPermanent(err):
		c.breaker.Answered()
		r.Outcome = Dropped
	case errors.As(err, &told) && told.RetryAfter > 0:
		r.Outcome, r.Rest = Held, min(told.RetryAfter, retries.Longest())
		c.breaker.Held(r.Rest)
		r.Wait = r.Rest
	case n.Shown > 0 && n.Attempts+1 >= maxTries:
		c.breaker.Failed()
		r.Outcome = Dropped
	default:
		c.breaker.Failed()
	}
	return r
}

// record writes down what came of a notice, and goes on trying: a notice that was
// shown and is not known to have been is shown again.
func (c *courier) record(ctx context.Context, n access.Notice, r Result) {
	for failures := 1; ; failures++ {
		err := c.cfg.Store.RecordNotice(context.WithoutCancel(ctx), c.owner, n, r)
		switch {
		case err == nil:
			c.count(r.Outcome)
			return
		case errors.Is(err, access.ErrConflict):
			c.cfg.Log.Warn("a notice was taken by another node before what came of it was written down; it may be shown twice", "notice", n.ID, "outcome", r.Outcome)
			return
		}
		c.unrecorded.Failed(c.cfg.Log, "what came of a notice could not be written down; trying again", err)
		select {
		case <-ctx.Done(): // the claim lapses
			return
		case <-time.After(rewrites.After(failures, false)):
		}
	}
}
