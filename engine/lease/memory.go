// Package lease makes the end of grants prompt: it holds one entry per live
// grant and wakes the engine the moment the first of them is due.
//
// It is a hint and a clock, never an authority: it makes no access, ends none,
// and may forget everything. The ledger's sweep is behind it.
package lease

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Memory is the lease of one process: an ordered set of deadlines and one timer.
// Its methods are safe for concurrent use.
type Memory struct {
	now func() time.Time

	mu    sync.Mutex
	queue queue
	held  map[string]*entry
	wake  chan struct{}
}

// NewMemory returns an empty lease that goes by the clock now.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, held: map[string]*entry{}, wake: make(chan struct{}, 1)}
}

// Hold expects the grant's end at the time, instead of any that it expected
// before. One that is past is announced at once.
func (m *Memory) Hold(_ context.Context, grantID string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(grantID)
	e := &entry{id: grantID, until: until}
	m.held[grantID] = e
	heap.Push(&m.queue, e)
	if e.at == 0 {
		m.poke()
	}
	return nil
}

// Drop expects the grant's end no longer.
func (m *Memory) Drop(_ context.Context, grantID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(grantID)
	return nil
}

func (m *Memory) drop(grantID string) {
	if e, ok := m.held[grantID]; ok {
		heap.Remove(&m.queue, e.at)
		delete(m.held, grantID)
	}
}

// Len returns how many grants are held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.held)
}

// Run announces each grant whose deadline has come, once, and forgets it. It
// returns when ctx ends.
func (m *Memory) Run(ctx context.Context, expired func(grantID string)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
		case <-timer.C:
		}
		due, wait := m.take()
		for _, id := range due {
			expired(id)
		}
		timer.Reset(wait)
	}
}

// idle is how long Run sleeps when nothing is held: Hold wakes it.
const idle = time.Hour

// take removes what is due and returns how long it is until the next.
func (m *Memory) take() (due []string, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for len(m.queue) > 0 {
		next := m.queue[0]
		if next.until.After(now) {
			return due, next.until.Sub(now)
		}
		m.drop(next.id)
		due = append(due, next.id)
	}
	return due, idle
}

func (m *Memory) poke() {
	select {
	case m.wake <- struct{}{}:
	default: // already signalled
	}
}

type entry struct {
	id    string
	until time.Time
	at    int // index in the queue
}

// queue is a container/heap of entries, soonest first.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *queue) Push(x any) {
	e := x.(*entry)
	e.at = len(*q)
	*q = append(*q, e)
}

func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}
