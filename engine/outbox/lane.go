package outbox

import (
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// A lane is what is claimed for one target. A target that answers quickly gets
// more claimed at once than is sent at once, so that one commit claims many; one
// that is slow or failing only as much as is being sent, so that no claim waits.
type lane struct {
	target Deliverer
	width  int
	ahead  int
	queue  chan access.Delivery

	mu      sync.Mutex
	claimed int           // waiting or being sent
	pace    time.Duration // of an answer, of late
	quick   bool
	over    bool
}

// quickAnswer is the pace of a target that is claimed ahead for, and maxQueued
// how long what was claimed may wait: less than a claim outlasts its attempt.
const (
	quickAnswer = 50 * time.Millisecond
	maxQueued   = 5 * time.Second
)

func (l *lane) room() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quick {
		return l.ahead - l.claimed
	}
	return l.width - l.claimed
}

func (l *lane) took(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claimed += n
}

// answered learns the target's pace: an eighth of each answer's.
func (l *lane) answered(in time.Duration, confirmed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace += (in - l.pace) / 8
	l.quick = confirmed && l.pace < quickAnswer
}

// close makes what still waits be handed back.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

func (l *lane) closed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}
