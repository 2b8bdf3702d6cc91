package metrics

import (
	"context"
	"sync"
	"time"
)

// The bounds of counting in the ledger. However often somebody asks, it takes a
// twentieth of the time or little more, one at a time, and nobody waits long.
const (
	keptFor   = 10 * time.Second
	keptMost  = 2 * time.Minute
	costs     = 20
	waitFor   = time.Second
	readUntil = 30 * time.Second
)

// figures are the ledger's, kept for a while.
type figures struct {
	read func(context.Context) (counted, error)

	mu      sync.Mutex
	kept    counted
	until   time.Time     // how long kept holds
	reading chan struct{} // closed when the reading under way ends; nil for none
}

// get returns the figures, if they are known in time.
func (f *figures) get() (counted, bool) {
	kept, fresh, reading := f.begin()
	if fresh {
		return kept, true
	}
	patience := time.NewTimer(waitFor)
	defer patience.Stop()
	select {
	case <-reading:
	case <-patience.C:
		return counted{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept, time.Now().Before(f.until)
}

// begin returns what is kept, or else the reading that is under way.
func (f *figures) begin() (kept counted, fresh bool, reading <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Now().Before(f.until) {
		return f.kept, true, nil
	}
	if f.reading == nil {
		f.reading = make(chan struct{})
		go f.learn(f.reading)
	}
	return counted{}, false, f.reading
}

// learn reads the figures. It outlives who asked first: others wait for it too.
func (f *figures) learn(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), readUntil)
	defer cancel()
	began := time.Now()
	got, err := f.read(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = nil
	if now := time.Now(); err == nil {
		f.kept, f.until = got, now.Add(min(max(keptFor, costs*now.Sub(began)), keptMost))
	}
	close(done)
}
