package outbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// A lane is the way to one target: how much of it may be under way, what is claimed
// for it, and whether it is up. Lanes share nothing, so that one that is blocked
// holds up no other.
//
// More is claimed than is sent at once, so that one commit claims many, but only
// what the target's pace of late promises to be sent soon: what is claimed waits,
// and while it waits nobody knows its state.
type lane struct {
	target  Target
	width   int
	ahead   int // the most that is claimed
	queue   chan queued
	slots   chan struct{} // one is held by each message under way, and by each question
	asking  chan struct{} // one is held by each question as well
	pacing  chan struct{} // held by the one question that waits for the limit
	limit   limit
	breaker *trouble.Breaker
	log     *slog.Logger
	over    chan struct{} // closed when no more is to be begun

	mu      sync.Mutex
	claimed int           // waiting or being sent
	sending int           // of them, being sent
	pace    time.Duration // of an answer, of late
	known   bool          // the pace is
	stuck   bool          // what was claimed waited too long, and there was no answer since
	health
}

// queued is a delivery that waits, and since when.
type queued struct {
	access.Delivery
	since time.Time
}

// aheadFor is how long what is claimed is to wait by the target's pace, and
// maxQueued how long it waits when the pace was another: then it is handed back. So
// it is when the claiming took so long that the claim may lapse under the attempt:
// claimedFor is less than it outlasts one.
const (
	aheadFor   = 250 * time.Millisecond
	maxQueued  = 500 * time.Millisecond
	claimedFor = 5 * time.Second
)

// asked is the part of a target's width that questions may use: deliveries come
// first.
const asked = 4

func newLane(target Target, width, ahead int, log *slog.Logger) *lane {
	if target.Width > 0 {
		width = target.Width
	}
	ahead = max(ahead, 2*width)
	return &lane{
		target: target, width: width, ahead: ahead, queue: make(chan queued, ahead),
		slots: make(chan struct{}, width), asking: make(chan struct{}, max(1, width/asked)), pacing: make(chan struct{}, 1),
		limit: newLimit(target.PerSecond), breaker: newBreaker(target.Retry), over: make(chan struct{}), log: log,
	}
}

// room is how many deliveries may be claimed now, and when that is worth asking
// again if it is none; zero: when one ends.
func (l *lane) room() (room int, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	room, until = l.limit.room(aheadFor, l.claimed-l.sending, l.ahead)
	trusted, rest := l.trusted(l.promised(), l.claimed)
	return max(min(room, trusted), 0), later(until, rest)
}

// trusted is how many of so many the target's health admits, beside those there are,
// and until when none if it is none.
func (l *lane) trusted(width, busy int) (room int, until time.Time) {
	if _, open := l.breaker.Open(); open && l.blamed.one() {
		return 1 - busy, time.Time{} // it may be that one's own fault: what else is due need not rest
	}
	return l.breaker.Room(width, busy)
}

// promised is how much would be sent, and begun soon, at the pace of late.
func (l *lane) promised() int {
	if !l.known || l.stuck {
		return l.width
	}
	soon := float64(l.width) * (1 + aheadFor.Seconds()/max(l.pace, time.Microsecond).Seconds())
	return int(min(soon, float64(l.ahead)))
}

// enqueue puts a claimed delivery into the queue. There is room: nobody else fills it.
func (l *lane) enqueue(d access.Delivery) {
	l.mu.Lock()
	l.claimed++
	l.mu.Unlock()
	l.queue <- queued{d, time.Now()}
}

// enter takes a slot and a turn for a delivery that waits; false: not within the
// time, or no more is begun.
func (l *lane) enter(ctx context.Context, within time.Duration) bool {
	if l.closed() || within <= 0 || !l.slot(ctx, within) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if l.limit.wait(ctx) && l.sends() {
		return true
	}
	<-l.slots
	return false
}

// sends notes that one more is being sent, unless the target has gone down since it
// was claimed.
func (l *lane) sends() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if room, _ := l.trusted(l.width, l.sending); room <= 0 {
		return false
	}
	l.sending++
	return true
}

// slot takes a slot within the time.
func (l *lane) slot(ctx context.Context, within time.Duration) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case l.slots <- struct{}{}:
		return true
	case <-timer.C:
	case <-l.over:
	case <-ctx.Done():
	}
	return false
}

// left notes that an attempt ended, and how long the target took.
func (l *lane) left(took time.Duration) {
	<-l.slots
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claimed--
	l.sending--
	if !l.known {
		l.pace, l.known = took, true
	}
	l.pace += (took - l.pace) / 8 // an eighth of each
	l.stuck = false
}

// handedBack notes that a delivery was not begun.
func (l *lane) handedBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claimed--
	l.stuck = true
}

// begin takes a slot and a turn for a question, and waits for them until ctx ends.
// ok says that it may be asked; end is then to be called. A target that is down is
// asked nothing while it rests. What comes of a question does not say whether it is: questions may go
// elsewhere, and no answer to one may hold up a delivery.
func (l *lane) begin(ctx context.Context) (end func(), ok bool) {
	if l.rests() || l.closed() || !l.take(ctx, l.asking) {
		return nil, false
	}
	if !l.take(ctx, l.slots) {
		<-l.asking
		return nil, false
	}
	if !l.turn(ctx) {
		<-l.slots
		<-l.asking
		return nil, false
	}
	return func() {
		<-l.slots
		<-l.asking
	}, true
}

// rests reports whether the target is down, and it is not time to try it.
func (l *lane) rests() bool {
	probe, open := l.breaker.Open()
	return open && time.Now().Before(probe)
}

func (l *lane) take(ctx context.Context, from chan struct{}) bool {
	select {
	case from <- struct{}{}:
		return true
	case <-l.over:
	case <-ctx.Done():
	}
	return false
}

// turn waits for the limit. One question does at a time: the turns that others
// would reserve are the deliveries'.
func (l *lane) turn(ctx context.Context) bool {
	if !l.take(ctx, l.pacing) {
		return false
	}
	defer func() { <-l.pacing }()
	return l.limit.wait(ctx)
}

// close makes what still waits be handed back.
func (l *lane) close() { close(l.over) }

func (l *lane) closed() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
