package trouble

import (
	"math/rand/v2"
	"time"
)

// Backoff is a schedule between attempts: First, doubled after each,
// up to Cap, each with jitter of up to a half in both directions so that what
// failed together does not come back together. At the cap it goes on for ever.
type Backoff struct {
	First time.Duration // default 1 s
	Cap   time.Duration // default 5 min
}

// After returns how long to wait after so many attempts. One whose failure looks
// permanent goes to the cap at once.
func (b Backoff) After(attempts int, permanent bool) time.Duration {
	wait := b.First
	if wait <= 0 {
		wait = time.Second
	}
	for i := 1; i < attempts && wait < b.Longest(); i++ {
		wait *= 2
	}
	if permanent || wait > b.Longest() {
		wait = b.Longest()
	}
	return wait/2 + rand.N(wait) //nolint:gosec // jitter is not a secret
}

// Longest returns the longest wait, without jitter.
func (b Backoff) Longest() time.Duration {
	if b.Cap <= 0 {
		return 5 * time.Minute
	}
	return b.Cap
}
