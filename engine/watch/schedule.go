package watch

import (
	"math/rand/v2"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// leadMargin is how much earlier than it takes to ask a source it is asked before
// a shift ends, at the least: an extension that was made late is seen before
// access ends. With less than MinGap the poll at the end itself would be late.
const leadMargin = 2 * time.Second

// nextPoll is when the source is asked again after it answered: after Every, or
// sooner if a shift begins or ends before; never sooner than MinGap after the last
// poll.
func (w *Watcher) nextPoll() time.Time {
	s := &w.state
	next := s.began.Add(jittered(w.Every))
	if turn, known := soonestTurn(s.kept.Shifts, s.began, s.took+max(leadMargin, w.MinGap)); known && turn.Before(next) {
		next = turn
	}
	if earliest := s.ended.Add(w.MinGap); next.Before(earliest) {
		return earliest
	}
	return next
}

// soonestTurn is the soonest time after the given one at which a shift begins or
// ends, or is so close to its end as lead says; unless that was nearly so before.
func soonestTurn(shifts []access.HeldShift, after time.Time, lead time.Duration) (soonest time.Time, known bool) {
	consider := func(at time.Time) {
		if at.After(after) && (!known || at.Before(soonest)) {
			soonest, known = at, true
		}
	}
	for _, s := range shifts {
		if s.Start != nil {
			consider(*s.Start)
		}
		if s.End != nil {
			consider(*s.End)
			if s.End.Sub(after) > lead+lead/2 {
				consider(s.End.Add(-lead))
			}
		}
	}
	return soonest, known
}

// backoff is how long to wait after so many failures in a row: from MinGap,
// doubled each time, up to Every. One that will not mend by itself waits for Every
// at once.
func (w *Watcher) backoff(permanent bool) time.Duration {
	wait := w.MinGap
	for i := 1; i < w.state.failures && wait < w.Every; i++ {
		wait *= 2
	}
	if permanent || wait > w.Every {
		wait = w.Every
	}
	return jittered(wait)
}

// jittered is the time, give or take a tenth, so that sources and nodes that began
// together do not go on together.
func jittered(d time.Duration) time.Duration {
	spread := max(d/10, 1)
	return d - spread + rand.N(2*spread) //nolint:gosec // jitter is not a secret
}
