package engine

import (
	"sync"
	"time"
)

// onceAMinute says for each key whether it is the first time in this minute, so
// that a flood of refusals is not a flood of audit events.
type onceAMinute struct {
	mu     sync.Mutex
	minute int64
	seen   map[string]bool
}

// maxKeys bounds the memory of a minute: past it, refusals share one key.
const maxKeys = 10_000

func newOnceAMinute() *onceAMinute { return &onceAMinute{seen: map[string]bool{}} }

// forget makes the next time of the key the first again.
func (o *onceAMinute) forget(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, key)
}

func (o *onceAMinute) first(key string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m := now.Unix() / 60; m != o.minute {
		o.minute = m
		clear(o.seen)
	}
	if len(o.seen) >= maxKeys {
		key = "others"
	}
	if o.seen[key] {
		return false
	}
	o.seen[key] = true
	return true
}
