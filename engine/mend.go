package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// The repair walks the whole ledger and then the whole lease, a page at a time,
// and begins again: slowly when all is well, as fast as it can after a start or
// when the lease has lost everything.
const (
	mendPage  = 500
	mendEvery = 100 * time.Millisecond // from page to page
	mendRest  = 10 * time.Second       // from one walk to the next
	mendDuty  = "lease.mend"
	dutyFor   = 30 * time.Second

	manyGrants = 100_000
)

// rebuildAgain is when a lease that could not be rebuilt is rebuilt again. The
// repair goes on meanwhile.
var rebuildAgain = trouble.Backoff{First: 500 * time.Millisecond, Cap: mendRest}

// Rebuild is told that the lease has lost everything.
func (e *Engine) Rebuild() { poke(e.rebuildWake) }

// mendLoop rebuilds the lease whenever it has lost everything, as one in memory
// has at the start, and otherwise repairs it for ever. One node of all repairs at
// a time; whoever saw the loss rebuilds.
func (e *Engine) mendLoop(ctx context.Context) {
	if !e.leaseShared {
		e.Rebuild()
	}
	failed := 0 // times that it could not be rebuilt, in a row
	timer := time.NewTimer(mendRest)
	defer timer.Stop()
	walk := walk{engine: e}
	for {
		select {
		case <-ctx.Done():
			e.leaveDuties(ctx)
			return
		case <-e.rebuildWake:
			walk.place = place{}
			if failed++; e.rebuild(ctx) {
				failed = 0
				break
			}
			time.AfterFunc(rebuildAgain.After(failed, false), e.Rebuild)
		case <-timer.C:
		}
		wait := mendEvery
		err := trouble.Caught(func() (err error) {
			wait, err = walk.step(ctx)
			return err
		})
		if err != nil && ctx.Err() == nil {
			e.log.Warn("the lease could not be compared with the ledger; trying again", "error", err)
			wait = mendRest
		}
		timer.Reset(wait)
	}
}

func (e *Engine) leaveDuties(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leasePatience)
	defer cancel()
	if err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.LeaveDuties(e.node) }); err != nil {
		e.log.Warn("duties were not handed back; they lapse", "after", dutyFor, "error", err)
	}
}

// rebuild tells the lease of everything that is live, and reports whether it could.
func (e *Engine) rebuild(ctx context.Context) bool {
	began, n, after := time.Now(), 0, ""
	for ctx.Err() == nil {
		grants, err := e.activeAfter(ctx, after)
		if err == nil && len(grants) > 0 {
			_, err = e.mend(ctx, grants)
		}
		if err != nil {
			e.log.Warn("the lease is not rebuilt; trying again soon", "grants", n, "error", err)
			return false
		}
		n += len(grants)
		if len(grants) < mendPage {
			break
		}
		after = grants[len(grants)-1].ID
	}
	if n >= manyGrants {
		debug.FreeOSMemory() // reading them all left more behind than holding them takes
	}
	e.log.Info("lease rebuilt from the ledger", "grants", n, "took", time.Since(began).Round(time.Millisecond))
	return true
}

func (e *Engine) activeAfter(ctx context.Context, id string) (grants []access.Grant, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		grants, err = tx.ActiveGrants(id, mendPage)
		return err
	})
	return grants, err
}

// mend holds the lease against grants that are active.
func (e *Engine) mend(ctx context.Context, grants []access.Grant) (access.Mended, error) {
	holds, ids := make([]access.Hold, 0, len(grants)), make([]string, 0, len(grants))
	now := e.ledger.Now()
	for _, g := range grants {
		if g.ExpiresAt.After(now) { // else it is about to end
			holds, ids = append(holds, access.Hold{GrantID: g.ID, Until: g.ExpiresAt}), append(ids, g.BindingID)
		}
	}
	return e.mendStandings(ctx, holds, ids)
}

func (e *Engine) mendStandings(ctx context.Context, holds []access.Hold, bindingIDs []string) (access.Mended, error) {
	var standings []access.Standing
	if e.lease.Checks() && len(bindingIDs) > 0 {
		var err error
		if standings, err = e.standings(ctx, bindingIDs); err != nil {
			return access.Mended{}, err
		}
		for i := range standings {
			standings[i].Keep = standings[i].Until // a tombstone is kept as long as it is anyway
		}
	}
	mended, ahead, err := e.lease.Mend(ctx, holds, standings)
	if err == nil && len(ahead) > 0 {
		var forced int
		forced, err = e.force(ctx, ahead)
		mended.Wrong += forced
	}
	return mended, err
}

// force puts right what the lease holds under a version that the ledger has
// never had: the lease is written after the commit, so nobody of ours did it.
func (e *Engine) force(ctx context.Context, ahead []access.Ahead) (int, error) {
	var seen []access.Ahead
	var right []access.Standing
	for _, a := range ahead {
		var s access.Standing
		err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
			s, err = tx.Standing(a.Entitled)
			return err
		})
		if err != nil {
			return 0, err
		}
		if s.Version < a.Version {
			s.Keep = later(s.Until, e.ledger.Now().Add(keepTombstones))
			seen, right = append(seen, a), append(right, s)
		}
	}
	if len(seen) == 0 {
		return 0, nil
	}
	return e.lease.Force(ctx, seen, right)
}

// walk is a repair on its way: first through the ledger, then through the lease.
type walk struct {
	engine *Engine
	place  place
	duty   time.Time // until when it is this node's to do
}

type place struct {
	after   string // in the ledger: the last grant
	cursor  string // in the lease
	inLease bool
}

// step does one page, and returns how long it is until the next.
func (w *walk) step(ctx context.Context) (time.Duration, error) {
	if mine, err := w.onDuty(ctx); err != nil || !mine {
		return dutyFor / 3, err
	}
	work := w.ledgerPage
	if w.place.inLease {
		work = w.leasePage
	}
	mended, err := work(ctx)
	if mended != (access.Mended{}) {
		w.engine.observer.Mended(mended)
		w.engine.log.Info("the lease was mended", "missing", mended.Missing, "extra", mended.Extra, "wrong", mended.Wrong)
	}
	if w.place == (place{}) {
		return mendRest, err
	}
	return mendEvery, err
}

// onDuty reports whether this node is the one that repairs. It asks again when a
// third of its time is over.
func (w *walk) onDuty(ctx context.Context) (mine bool, err error) {
	if time.Until(w.duty) > dutyFor*2/3 {
		return true, nil
	}
	began := time.Now()
	err = w.engine.ledger.Update(ctx, func(tx *ledger.Tx) error {
		mine, err = tx.TakeDuty(mendDuty, w.engine.node, tx.Now().Add(dutyFor))
		return err
	})
	if err == nil && mine {
		w.duty = began.Add(dutyFor)
	}
	return mine, err
}

func (w *walk) ledgerPage(ctx context.Context) (access.Mended, error) {
	grants, err := w.engine.activeAfter(ctx, w.place.after)
	if err != nil {
		return access.Mended{}, err
	}
	mended, err := w.engine.mend(ctx, toldOf(grants, w.engine.ledger.Now()))
	switch {
	case err != nil:
		return mended, err
	case len(grants) < mendPage:
		w.place = place{inLease: true}
	default:
		w.place.after = grants[len(grants)-1].ID
	}
	return mended, nil
}

// toldOf is the grants of which the lease has been told if it ever was: whoever
// started one tells the lease after the commit.
func toldOf(grants []access.Grant, now time.Time) []access.Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g access.Grant) bool {
		return now.Sub(later(g.CreatedAt, g.StartsAt)) < 2*leasePatience
	})
}

func (w *walk) leasePage(ctx context.Context) (mended access.Mended, err error) {
	page, err := w.engine.lease.Page(ctx, w.place.cursor)
	if err != nil {
		w.place = place{} // a cursor does not outlive what it was of
		return mended, err
	}
	if mended, err = w.engine.compare(ctx, page); err != nil {
		return mended, err
	}
	if w.place.cursor = page.Next; page.Next == "" {
		w.place = place{}
	}
	return mended, nil
}

// compare drops what the lease holds and the ledger does not.
func (e *Engine) compare(ctx context.Context, page access.LeasePage) (mended access.Mended, err error) {
	var active map[string]access.Grant
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		active, err = tx.ActiveAmong(page.Grants, time.Time{})
		return err
	})
	if err != nil {
		return mended, err
	}
	var extra []string
	for _, id := range page.Grants {
		if _, found := active[id]; !found {
			extra = append(extra, id)
		}
	}
	if len(extra) > 0 {
		if err := e.lease.Drop(ctx, extra...); err != nil {
			return mended, err
		}
	}
	unknown, err := e.foreign(ctx, page)
	if err != nil {
		return mended, err
	}
	if unknown = append(unknown, page.Unknown...); len(unknown) > 0 {
		if err := e.lease.DropUnknown(ctx, unknown...); err != nil {
			return mended, fmt.Errorf("keys that nobody of ours wrote: %w", err)
		}
	}
	mended, err = e.mendStandings(ctx, nil, page.Bindings)
	mended.Extra += len(extra) + len(unknown)
	return mended, err
}

// foreign is the keys of standings that are of no binding of the ledger, or not
// of the one that they name.
func (e *Engine) foreign(ctx context.Context, page access.LeasePage) (keys []string, err error) {
	if len(page.Keys) == 0 {
		return nil, nil
	}
	standings, err := e.standings(ctx, page.Bindings)
	if err != nil {
		return nil, err
	}
	right := map[string]string{}
	for _, s := range standings {
		right[s.BindingID] = e.lease.KeyOf(s.Entitled)
	}
	for i, key := range page.Keys {
		if right[page.Bindings[i]] != key {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
