package outbox

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// limit is how many messages to a target may be begun in a second: evenly, so that
// a burst of them is never more than a twentieth of a second's. The zero value has
// no limit.
type limit struct{ at *rate.Limiter }

func newLimit(perSecond float64) limit {
	if perSecond <= 0 {
		return limit{}
	}
	return limit{rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/20)))}
}

// wait waits until one more may begin; false: not before ctx ends.
func (l limit) wait(ctx context.Context) bool {
	return l.at == nil || l.at.Allow() || l.at.Wait(ctx) == nil
}

// room is how many may begin within the time, beside those that wait for it
// already, and when there is room for one if there is none; without a limit it is
// most.
func (l limit) room(within time.Duration, waiting, most int) (room int, until time.Time) {
	if l.at == nil {
		return most, time.Time{}
	}
	now, perSecond := time.Now(), float64(l.at.Limit())
	tokens := l.at.TokensAt(now) + perSecond*within.Seconds() - float64(waiting)
	if tokens >= 1 {
		return int(min(tokens, float64(most))), time.Time{}
	}
	return 0, now.Add(time.Duration((1 - tokens) / perSecond * float64(time.Second)))
}
