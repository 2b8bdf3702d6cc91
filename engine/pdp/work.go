package pdp

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/curfew-access/curfew/engine/access"
)

// workersEach is how many evaluations are at work for each processor, those that
// were given up included: a built-in does not hear that its time is over. More
// would only take turns.
const workersEach = 8

// maxWaiting bounds the evaluations that wait for their turn. Beyond it the
// answer is at once that there is too much to do.
const maxWaiting = 1024

// idleWorker is how long a worker waits for more. One that is kept has a stack
// that has grown already, which saves a third of an evaluation.
const idleWorker = 10 * time.Second

// workers evaluate beside their askers, so that an asker is answered when its
// time is over, whatever the policy does.
type workers struct {
	jobs    chan job
	places  chan struct{}
	waiting atomic.Int64
}

// job is work that ends when it is told to, or a little later.
type job struct {
	do   func(topdown.Cancel)
	stop topdown.Cancel
	done chan struct{} // closed by whoever did it
}

func newWorkers() *workers {
	return &workers{jobs: make(chan job), places: make(chan struct{}, workersEach*runtime.GOMAXPROCS(0))}
}

// run has work done under the time limit. When that is over or the asker leaves,
// it returns at once, and what do does then must reach nobody. A panic is do's own
// to catch.
func (p *PDP) run(ctx context.Context, do func(topdown.Cancel)) error {
	began := time.Now()
	return p.runWhile(ctx, func() time.Duration { return p.timeout - time.Since(began) }, do)
}

// runWhile is run for work of several parts: spare says how much time the one that
// is under way still has.
func (p *PDP) runWhile(ctx context.Context, spare func() time.Duration, do func(topdown.Cancel)) error {
	if ctx.Err() != nil {
		return failure{policyTimeout, context.Cause(ctx)}
	}
	limit := time.NewTimer(p.timeout)
	defer limit.Stop()
	j := job{do: do, stop: topdown.NewCancel(), done: make(chan struct{})}
	if err := p.workers.give(ctx, limit, j); err != nil {
		return err
	}
	for {
		select {
		case <-j.done:
			return nil
		case <-limit.C:
			if left := spare(); left > 0 {
				limit.Reset(left)
				continue
			}
			j.stop.Cancel()
			return failure{policyTimeout, fmt.Errorf("it takes longer than %s", p.timeout)}
		case <-ctx.Done():
			j.stop.Cancel()
			return failure{policyTimeout, context.Cause(ctx)}
		}
	}
}

// give hands a job to an idle worker, or to a new one, or waits for one. A job
// whose time is over before it began was not decided.
func (w *workers) give(ctx context.Context, limit *time.Timer, j job) error {
	select {
	case w.jobs <- j:
		return nil
	default:
	}
	select {
	case w.places <- struct{}{}:
		go w.work(j)
		return nil
	default:
	}
	defer w.waiting.Add(-1)
	if w.waiting.Add(1) > maxWaiting {
		return fmt.Errorf("%d evaluations wait for their turn: %w", maxWaiting, access.ErrBusy)
	}
	select {
	case w.jobs <- j:
		return nil
	case w.places <- struct{}{}:
		go w.work(j)
		return nil
	case <-limit.C:
	case <-ctx.Done():
	}
	return fmt.Errorf("its time was over before its turn: %w", access.ErrBusy)
}

func (w *workers) work(j job) {
	defer func() { <-w.places }()
	idle := time.NewTimer(idleWorker)
	defer idle.Stop()
	for {
		j.do(j.stop)
		close(j.done)
		idle.Reset(idleWorker)
		select {
		case j = <-w.jobs:
		case <-idle.C:
			return
		}
	}
}
