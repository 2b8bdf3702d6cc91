package decisions

import (
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// batch is lines that will be one chunk.
type batch struct {
	lines           []byte
	firstID, lastID string // the least and the greatest: lines stand as they were recorded
	firstAt, lastAt time.Time
	count           int
}

// The bounds of a chunk.
const (
	chunkBytes = 1 << 20
	maxSpares  = 4
	maxSpan    = access.DecisionChunkSpan
)

// add notes a decision whose line is about to be appended.
func (b *batch) add(id string, at time.Time) {
	b.count++
	if b.count == 1 {
		b.firstID, b.lastID, b.firstAt, b.lastAt = id, id, at, at
		return
	}
	b.firstID, b.lastID = min(b.firstID, id), max(b.lastID, id)
	if at.Before(b.firstAt) {
		b.firstAt = at
	}
	if at.After(b.lastAt) {
		b.lastAt = at
	}
}

// spans reports whether the batch would span too long a time with one more.
func (b *batch) spans(at time.Time) bool {
	return b.count > 0 && (at.Sub(b.firstAt) > maxSpan || b.lastAt.Sub(at) > maxSpan)
}

// buffer holds what is not in the ledger yet, within a bound.
type buffer struct {
	limit int

	mu      sync.Mutex
	current batch
	full    []batch
	spares  [][]byte
	usual   int // how long batches become here
	bytes   int // of everything that waits, packed or not

	logged  int64
	dropped int64
	untold  int64     // of those that were dropped
	since   time.Time // when the first of those was
}

// add appends a line, which append renders, and reports whether a batch is full.
// What has no room is dropped.
func (b *buffer) add(id string, at time.Time, size int, appendLine func([]byte) []byte) (full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes+size > b.limit {
		b.drop(1, at)
		return false
	}
	if b.current.spans(at) {
		b.close()
		full = true
	}
	if b.current.lines == nil {
		b.current.lines = b.spare()
	}
	before := len(b.current.lines)
	b.current.add(id, at)
	b.current.lines = append(appendLine(b.current.lines), '\n')
	b.bytes += len(b.current.lines) - before
	b.logged++
	if len(b.current.lines) >= chunkBytes {
		b.close()
		full = true
	}
	return full
}

// drop counts what is lost.
func (b *buffer) drop(n int64, at time.Time) {
	if b.untold == 0 {
		b.since = at
	}
	b.dropped += n
	b.untold += n
}

// close ends the current batch.
func (b *buffer) close() {
	if b.current.count > 0 {
		b.usual = max(min(len(b.current.lines)+len(b.current.lines)/8, 2*chunkBytes), b.usual/2)
		b.full = append(b.full, b.current)
		b.current = batch{}
	}
}

func (b *buffer) spare() []byte {
	if n := len(b.spares); n > 0 {
		spare := b.spares[n-1]
		b.spares = b.spares[:n-1]
		return spare
	}
	return make([]byte, 0, max(b.usual, 64<<10))
}

// seal ends the current batch, however short it is.
func (b *buffer) seal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.close()
}

// take hands out the oldest batch that is full. packed must be called with it.
func (b *buffer) take() (batch, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.full) == 0 {
		return batch{}, false
	}
	oldest := b.full[0]
	b.full = b.full[1:]
	return oldest, true
}

// packed says that a batch now takes so much less.
func (b *buffer) packed(taken batch, size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes += size - len(taken.lines)
	if len(b.spares) < maxSpares && cap(taken.lines) <= 2*chunkBytes {
		b.spares = append(b.spares, taken.lines[:0])
	}
}

// written says that so much waits no longer.
func (b *buffer) written(size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= size
}

// lost says how many were dropped that nobody was told of, and since when.
func (b *buffer) lost() (n int64, since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.untold, b.since
}

// told says that so many are no longer untold.
func (b *buffer) told(n int64, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.untold -= n
	b.since = now
}

// Figures counts for operators.
type Figures struct {
	Logged  int64 // taken into the buffer
	Dropped int64 // of all that were to be recorded, for want of room
	Bytes   int   // that wait for the ledger
}

func (b *buffer) figures() Figures {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Figures{Logged: b.logged, Dropped: b.dropped, Bytes: b.bytes}
}
