package alarm

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Store keeps what holds, and what was told. The engine is one.
type Store interface {
	// Alarms raises and resolves alarms as what holds begins and ends, and returns
	// those that the pager is to be told of: that they are open, or over. On a node
	// that another one does it for there are none.
	Alarms(ctx context.Context) ([]access.Alarm, error)
	// AlarmTold records that the pager took an alarm, as it was told of.
	AlarmTold(ctx context.Context, a access.Alarm) error
}

// Pager calls somebody. An error that wraps access.Permanent says that trying
// again will not help before somebody mends something: it is tried all the same,
// rarely.
type Pager interface {
	// Page opens an incident for the alarm's key, or changes the one that is open;
	// for an alarm that is over it resolves it. The same again has no effect. It ends
	// soon after ctx does.
	Page(ctx context.Context, a access.Alarm) error
}

// The times of the loop. Who has the duty keeps it for longer than a turn can
// take, so that no two nodes tell the pager at once.
const (
	every  = 5 * time.Second
	turnIn = 20 * time.Second
)

// retries is when the pager is tried again with what it did not take.
var retries = trouble.Backoff{First: 5 * time.Second, Cap: time.Minute}

// Loop keeps alarms, and tells a pager of them.
type Loop struct {
	Store Store
	Pager Pager // nil: alarms are kept, and nobody is called
	Log   *slog.Logger

	unread, untold trouble.Line
	failed         map[string]failure // by key
}

// failure is what the pager did not take.
type failure struct {
	times int
	again time.Time // not before then, by this node's clock
}

// Run keeps alarms until ctx ends.
func (l *Loop) Run(ctx context.Context) error {
	l.failed = map[string]failure{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		err := trouble.Caught(func() error { return l.turn(ctx) })
		if err != nil && ctx.Err() == nil {
			l.unread.Failed(l.Log, "alarms could not be kept; trying again", err)
		}
		timer.Reset(every)
	}
}

// turn looks once, and tells what is to be told.
func (l *Loop) turn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, turnIn)
	defer cancel()
	alarms, err := l.Store.Alarms(ctx)
	if err != nil || l.Pager == nil {
		return err
	}
	l.forget(alarms)
	slices.SortStableFunc(alarms, func(a, b access.Alarm) int { return l.failed[a.Key()].again.Compare(l.failed[b.Key()].again) })
	for _, a := range alarms {
		if ctx.Err() == nil && !time.Now().Before(l.failed[a.Key()].again) {
			l.tell(ctx, a)
		}
	}
	return nil
}

// forget drops the failures of what is not to be told any more.
func (l *Loop) forget(alarms []access.Alarm) {
	for key := range l.failed {
		if !slices.ContainsFunc(alarms, func(a access.Alarm) bool { return a.Key() == key }) {
			delete(l.failed, key)
		}
	}
}

// tell tells the pager of an alarm, and writes that down. What could not be
// written is told again: the pager knows it by its key.
func (l *Loop) tell(ctx context.Context, a access.Alarm) {
	err := trouble.Caught(func() error { return l.Pager.Page(ctx, a) })
	if err == nil {
		err = l.Store.AlarmTold(ctx, a)
	}
	if err == nil {
		delete(l.failed, a.Key())
		return
	}
	f := failure{times: l.failed[a.Key()].times + 1}
	f.again = time.Now().Add(retries.After(f.times, access.IsPermanent(err)))
	l.failed[a.Key()] = f
	l.untold.Failed(l.Log.With("alarm", a.Key(), "over", a.ResolvedAt != nil), "the pager could not be told of an alarm; trying again", err)
}
