package lease

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Memory is the lease of one process: deadlines in their order and one timer.
// Its methods are safe for concurrent use.
type Memory struct {
	now    func() time.Time
	checks bool
	wake   chan struct{}

	mu        sync.Mutex
	running   bool
	grants    deadlines[struct{}]
	grantIDs  ids
	standings deadlines[memoryStanding] // by the time until which they are kept
	bindings  ids
}

// NewMemory returns an empty lease that goes by the clock now. With checks it
// keeps standings too, which is right where one process has the ledger to itself.
func NewMemory(now func() time.Time, checks bool) *Memory {
	return &Memory{
		now: now, checks: checks, wake: make(chan struct{}, 1),
		grantIDs: ids{kind: access.KindGrant}, bindings: ids{kind: access.KindBinding},
	}
}

// Checks reports whether standings are kept.
func (m *Memory) Checks() bool { return m.checks }

// Hold expects the end of each grant at its time, instead of any that it expected
// before. One that is past is announced at once.
func (m *Memory) Hold(_ context.Context, holds ...access.Hold) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range holds {
		m.hold(h)
	}
	return nil
}

func (m *Memory) hold(h access.Hold) {
	key := m.grantIDs.pack(h.GrantID)
	m.grants.put(key, h.Until.UnixMicro(), struct{}{})
	if first, ok := m.grants.first(); ok && first.key == key {
		m.signal()
	}
}

// Drop expects the grants' ends no longer.
func (m *Memory) Drop(_ context.Context, grantIDs ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range grantIDs {
		key, _ := m.grantIDs.key(id)
		m.drop(key)
	}
	return nil
}

func (m *Memory) drop(key [16]byte) {
	m.grants.drop(key)
	m.grantIDs.forget(key)
}

// Poke makes Run look what is over. An announcement comes if it runs.
func (m *Memory) Poke(context.Context, ...string) (announced bool) {
	m.signal()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

// Len returns how many grants are held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.grants.len()
}

// Skew is nil: the clock is the ledger's.
func (m *Memory) Skew() time.Duration { return 0 }

// State says that all is well: there is nothing to be connected to.
func (m *Memory) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return State{Kind: "memory", Connected: true, Announced: m.running}
}

// Run announces each grant whose deadline has come, once, and forgets it. It
// returns when ctx ends. A process begins with nothing held, and Run says so.
func (m *Memory) Run(ctx context.Context, events Events) error {
	m.run(true)
	defer m.run(false)
	events.Connected()
	events.Emptied()
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
			events.Expired(id)
		}
		timer.Reset(wait)
	}
}

func (m *Memory) run(running bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = running
}

// idle is how long Run sleeps when nothing is held: Hold wakes it.
const idle = time.Hour

// take removes what is due and returns how long it is until the next.
func (m *Memory) take() (due []string, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.forget(now)
	for {
		next, ok := m.grants.first()
		if !ok {
			return due, idle
		}
		if until := time.UnixMicro(next.due); until.After(now) {
			return due, min(idle, until.Sub(now))
		}
		due = append(due, m.grantIDs.unpack(next.key))
		m.drop(next.key)
	}
}

func (m *Memory) signal() {
	select {
	case m.wake <- struct{}{}:
	default: // already signalled
	}
}

// errCursor says that a cursor is not one that Page returned.
var errCursor = errors.New("the cursor is not of a page of this lease")

// pageSize is how many of what is held are on a page.
const pageSize = 1000

// Page lists some of what is held. What is held throughout is on some page.
func (m *Memory) Page(_ context.Context, cursor string) (page access.LeasePage, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kind, place, _ := strings.Cut(cursor, ":")
	from := 0
	if cursor != "" {
		if from, err = strconv.Atoi(place); err != nil || from < 0 {
			return page, errCursor
		}
	}
	switch kind {
	case "", "g":
		next := m.grants.page(from, pageSize, func(d deadline[struct{}]) {
			page.Grants = append(page.Grants, m.grantIDs.unpack(d.key))
		})
		page.Next = "g:" + strconv.Itoa(next)
		if next < 0 {
			page.Next = "s:0"
		}
	case "s":
		next := m.standings.page(from, pageSize, func(d deadline[memoryStanding]) {
			page.Bindings = append(page.Bindings, m.bindings.unpack(d.held.binding))
		})
		if next >= 0 {
			page.Next = "s:" + strconv.Itoa(next)
		}
	default:
		return page, errCursor
	}
	return page, nil
}

// DropUnknown has nothing to drop: what is held can be read.
func (m *Memory) DropUnknown(context.Context, ...string) error { return nil }
