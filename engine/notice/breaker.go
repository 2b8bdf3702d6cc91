package notice

import (
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/trouble"
)

// A messenger that failed so often in a row is taken to be down, and one that as
// often asked for a rest to want one of everybody: from then on it is tried with one
// notice at a time, not with all that wait.
const downAfter = 3

var probes = trouble.Backoff{First: time.Second, Cap: 30 * time.Second}

// breaker knows whether a messenger is down.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int // in a row
	probe    time.Time
}

// answered notes that the messenger did, whatever it said.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = 0
}

// failed notes that it did not.
func (b *breaker) failed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.probe = b.now().Add(probes.After(b.failures-downAfter+1, false))
}

// held notes that it asked for a rest.
func (b *breaker) held(rest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.probe = b.now().Add(rest)
}

// room is how many of so many may be tried now, beside those under way, and until
// when none may; zero: some may.
func (b *breaker) room(width, busy int) (room int, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures < downAfter:
		return width - busy, time.Time{}
	case b.now().Before(b.probe):
		return 0, b.probe
	}
	return 1 - busy, time.Time{}
}
