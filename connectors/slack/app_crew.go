package slack

import (
	"sync"
	"time"
)

// closeIn bounds how long Close waits for what is at work.
const closeIn = 10 * time.Second

// crew bounds how much is at work at once, and can be waited for.
type crew struct {
	most int

	mu     sync.Mutex
	busy   int
	closed bool
	idle   chan struct{} // closed when nobody is at work any more; set by close
}

// enter begins something, unless too much is at work or nothing may begin any
// more. Whoever may must leave.
func (c *crew) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.busy >= c.most {
		return false
	}
	c.busy++
	return true
}

func (c *crew) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy--; c.busy == 0 && c.closed {
		close(c.idle)
	}
}

// close lets nothing begin any more. The channel is closed when all is done.
func (c *crew) close() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed, c.idle = true, make(chan struct{})
		if c.busy == 0 {
			close(c.idle)
		}
	}
	return c.idle
}

// Close takes no more messages and waits for what is at work, for ten seconds at
// most. What is not done by then goes on until its process ends: it is committed
// or it is not, and nobody was told that it is.
func (a *App) Close() {
	timeout := time.NewTimer(closeIn)
	defer timeout.Stop()
	for _, c := range []*crew{&a.handling, &a.settling} { // those who handle may still settle
		select {
		case <-c.close():
		case <-timeout.C:
			a.settling.close()
			a.cfg.Log.Warn("messages of Slack's are still at work; nobody waits for them any more")
			return
		}
	}
}
