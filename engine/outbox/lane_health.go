package outbox

import (
	"errors"
	"net/http"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// downAfter is how often in a row a target did not answer, or said that it can not,
// that is taken to be down.
const downAfter = 3

// restFirst and restCap bound the rests between what is tried at a target that is
// down: with jitter none is longer than half a minute, so that a removal is never
// further away from a target that is up again.
const (
	restFirst = time.Second
	restCap   = 20 * time.Second
	restAsked = 30 * time.Second // the longest that the target may ask for
)

// health is what a lane knows of its target beside the breaker.
type health struct {
	blamed  blame
	owed    bool      // it was down, and has confirmed nothing since
	revive  bool      // it was, and has: what waits for a better time has it now
	polite  bool      // it asked for the rest that it gets
	brought time.Time // the probe for which a delivery was brought forward
}

func newBreaker(retry trouble.Backoff) *trouble.Breaker {
	first := restFirst
	if retry.First > 0 {
		first = min(first, retry.First)
	}
	return &trouble.Breaker{After: downAfter, Rests: trouble.Backoff{First: first, Cap: min(restCap, retry.Longest())}, Now: time.Now}
}

// blame is which bindings a row of failures was at.
type blame struct {
	binding string
	several bool
}

func (b *blame) add(binding string) {
	b.several = b.several || b.binding != "" && b.binding != binding
	b.binding = binding
}

// one reports whether all of them were at one: then it may be the binding's fault.
func (b blame) one() bool { return b.binding != "" && !b.several }

// downTold reports whether a failure says that the target is down, and not only that
// it does not do this; and for how long it wants to be left alone.
func downTold(failure error) (down bool, rest time.Duration) {
	var told *access.DeliveryError
	if !errors.As(failure, &told) {
		return true, 0
	}
	switch {
	case told.Status == 0:
		return !access.IsPermanent(failure), 0
	case told.Status == http.StatusTooManyRequests, told.Status >= http.StatusInternalServerError:
		return true, min(told.RetryAfter, restAsked)
	}
	return false, 0
}

// judge learns of an attempt at the binding whether the target is up.
func (l *lane) judge(binding string, failure error) {
	if failure == nil {
		l.up(true)
		return
	}
	down, rest := downTold(failure)
	if !down {
		l.up(false)
		return
	}
	l.down(binding, rest)
}

// up notes that the target answered; confirmed: that it did what it was told.
func (l *lane) up(confirmed bool) {
	closed := l.breaker.Answered()
	l.mu.Lock()
	l.blamed = blame{}
	if confirmed && l.owed {
		l.owed, l.polite, l.revive = false, false, true
	}
	l.mu.Unlock()
	if closed {
		l.log.Info("the target answers again", "target", l.target.Name)
	}
}

// down notes that the target did not answer, at a binding, and for how long it wants
// to be left alone.
func (l *lane) down(binding string, rest time.Duration) {
	var opened bool
	if rest > 0 {
		opened = l.breaker.Held(rest)
	} else {
		opened = l.breaker.Failed()
	}
	l.mu.Lock()
	l.blamed.add(binding)
	if opened {
		l.owed, l.revive = true, false
	}
	l.polite = rest > 0
	l.mu.Unlock()
	if opened {
		l.log.Error("the target is down: it is tried with one message at a time until it answers", "target", l.target.Name)
	}
}

// revival is how many deliveries that wait for a better time are to have it now: once
// the target is up again all, so many at a time; and one for each probe that nothing is
// due for, so that what waits longest is not the only one that could find out.
func (l *lane) revival() (n int) {
	probe, _ := l.breaker.Open()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.revive:
		l.revive = false
		return revivedAtOnce
	case l.owed && !l.polite && l.claimed == 0 && !l.brought.Equal(probe) && !time.Now().Before(probe):
		l.brought = probe
		return 1
	}
	return 0
}

// revivedAtOnce is how many deliveries one transaction makes due. Between two of them
// what is due is claimed, at every target: after a long outage they are many.
const revivedAtOnce = 512

// reviveAgain undoes a revival that the ledger did not take.
func (l *lane) reviveAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owed, l.brought = true, time.Time{}
}

// reviveMore notes that there may be more than were made due at once.
func (l *lane) reviveMore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revive = true
}
