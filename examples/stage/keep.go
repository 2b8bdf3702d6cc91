package stage

import (
	"context"
	"sync"
	"time"
)

// startAgain is how long a program that ended stays down: long enough to see what
// happens without it.
const startAgain = 5 * time.Second

// Keep starts each program again that ends by itself, or that somebody killed,
// until ctx ends.
func (s *Stage) Keep(ctx context.Context) {
	var keeping sync.WaitGroup
	for i, p := range s.Processes() {
		select {
		case <-p.Ended(): // it was meant to
		default:
			keeping.Go(func() { s.keep(ctx, i, p) })
		}
	}
	keeping.Wait()
}

func (s *Stage) keep(ctx context.Context, i int, p *Process) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.Ended():
		}
		Say(p.Name, "it ended, and is started again in %s", startAgain)
		select {
		case <-ctx.Done():
			return
		case <-time.After(startAgain):
		}
		again, err := Start(ctx, p.Program)
		if err != nil {
			Say(p.Name, "%v", err)
			return
		}
		p = again
		s.mu.Lock()
		s.processes[i] = p
		s.mu.Unlock()
	}
}
