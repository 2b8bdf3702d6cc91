// Package bubble runs a test in a synctest bubble, where time passes only when
// everything in it waits.
//
// It does so on one processor. The race detector keeps one context for all of a
// bubble's timers, and two threads that fire timers of one bubble at the same
// moment use it at once, which ends the process with a SIGSEGV inside
// ThreadSanitizer (golang/go#78156; Go 1.26). On one processor they take turns.
// The detector goes by happens-before, and so still sees the races.
package bubble

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// processors counts the bubbles under way, and remembers how many processors
// there were before the first of them.
var processors struct {
	sync.Mutex
	bubbles int
	before  int
}

// Test is synctest.Test on one processor.
func Test(t *testing.T, f func(*testing.T)) {
	t.Helper()
	enter()
	defer leave()
	synctest.Test(t, f) //nolint:forbidigo // this is its home
}

// Run lets a loop run, which is to end without an error when it is stopped. Whoever
// stops it again waits for nothing.
func Run(t *testing.T, loop func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- loop(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

func enter() {
	processors.Lock()
	defer processors.Unlock()
	if processors.bubbles++; processors.bubbles == 1 {
		processors.before = runtime.GOMAXPROCS(1)
	}
}

func leave() {
	processors.Lock()
	defer processors.Unlock()
	if processors.bubbles--; processors.bubbles == 0 {
		runtime.GOMAXPROCS(processors.before)
	}
}
