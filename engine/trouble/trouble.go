// Package trouble is what loops do when their work fails: they try again, ever
// later, a panic ends none of them, and none fills the log. While a store is away a
// loop fails ten times a second, each time for the same reason; what an operator
// needs is the first line, and now and then that it still goes on.
package trouble

import (
	"log/slog"
	"sync"
	"time"
)

// again is how often a trouble that goes on is told.
const again = time.Minute

// Line is one line of the log about one thing that a loop does. The zero value
// is ready. It is safe for concurrent use.
type Line struct {
	mu    sync.Mutex
	told  time.Time
	times int // since it was told
}

// Failed logs the error if nothing was said in the last minute, with how often
// it came since. Errors of one trouble differ (each connection has a port of its
// own), and a store that comes and goes fails anew each time, so neither makes
// it a new one.
func (l *Line) Failed(log *slog.Logger, what string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times++
	if now := time.Now(); l.told.IsZero() || now.Sub(l.told) >= again {
		log.Error(what, "error", err, "times", l.times)
		l.told, l.times = now, 0
	}
}
