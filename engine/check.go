package engine

import (
	"context"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// opCheck is what data.api.allow is asked about: may the actor ask whether
// somebody has access. The object has a scope only, "own" or "all", so that the
// answer holds for every check of the caller.
const opCheck = "access.evaluate"

// CheckView is the answer to a check: may this subject do this, now.
type CheckView struct {
	Decision bool
	Reason   string // "live_grant", "no_live_grant" or "unavailable"
}

// The reasons of a check's answer.
const (
	checkLive        = "live_grant"
	checkNone        = "no_live_grant"
	checkUnavailable = "unavailable"
)

// maxUncertainty is how far the clock may be off for the lease to be believed.
const maxUncertainty = 500 * time.Millisecond

// Check says whether the subject has live access now. The lease answers if it
// can, the ledger if the lease can not, and when neither can the answer is no.
// The error is of the caller's: its input, or that it may not ask.
func (e *Engine) Check(ctx context.Context, call Call, x access.Entitled) (CheckView, error) {
	subject, err := x.Subject.Canonical()
	if err != nil {
		return CheckView{}, err
	}
	x.Subject = subject
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	if err := e.mayCheck(ctx, call, subject); err != nil {
		return CheckView{}, err
	}
	if live, known := e.checkLease(ctx, x); known {
		e.observer.Checked("lease")
		return answer(live), nil
	}
	live, err := e.checkLedger(ctx, x)
	if err != nil {
		e.observer.Checked("none")
		if e.refused.first("check unavailable", e.ledger.Now()) {
			e.log.Error("checks are refused: neither the lease nor the ledger answers", "error", err)
		}
		return CheckView{Reason: checkUnavailable}, nil
	}
	e.observer.Checked("ledger")
	return answer(live), nil
}

func answer(live bool) CheckView {
	if live {
		return CheckView{Decision: true, Reason: checkLive}
	}
	return CheckView{Reason: checkNone}
}

// checkLease asks the lease. A yes is the value's own end against the ledger's
// clock, and a no is a tombstone; everything else is not known.
func (e *Engine) checkLease(ctx context.Context, x access.Entitled) (live, known bool) {
	if e.unsaid.has(x) || e.ledger.Uncertainty() > maxUncertainty {
		return false, false
	}
	s, known := e.lease.Standing(ctx, x)
	if !known || !s.Until.IsZero() && !s.LiveAt(e.ledger.Now()) {
		return false, false
	}
	return !s.Until.IsZero(), true
}

// checkLedger asks the truth. A clock that is not certain is taken to be late.
func (e *Engine) checkLedger(ctx context.Context, x access.Entitled) (live bool, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		s, err := tx.Standing(x)
		live = s.LiveAt(tx.Now().Add(min(e.ledger.Uncertainty(), time.Minute)))
		return err
	})
	return live, err
}

// permittedFor is how long it is remembered that a caller may check: what it may
// is asked of policy and the ledger, which a check should not wait for.
// permittedStale is how long that holds while they do not answer.
const (
	permittedFor   = 5 * time.Second
	permittedStale = 10 * time.Minute
)

// askAgain is how long a check waits to learn anew what is remembered, and
// checkPatience how long in all.
const (
	askAgain      = 200 * time.Millisecond
	checkPatience = 2 * time.Second
)

// permitted remembers who may check.
type permitted struct {
	mu sync.RWMutex
	at map[permission]remembered
}

// remembered is when it was last learned that a caller may, and last asked.
type remembered struct{ learned, asked time.Time }

type permission struct {
	caller access.Subject
	scope  string
}

// mayCheck asks policy, or remembers, whether the caller may check.
func (e *Engine) mayCheck(ctx context.Context, call Call, subject access.Subject) error {
	p := permission{call.Caller, ScopeAll}
	if subject == call.Caller {
		p.scope = ScopeOwn
	}
	e.permitted.mu.RLock()
	known := e.permitted.at[p]
	e.permitted.mu.RUnlock()
	now := time.Now()
	stale := now.Sub(known.learned) < permittedStale
	if stale && now.Sub(known.asked) < permittedFor {
		return nil
	}
	asking, cancel := ctx, func() {}
	if stale {
		asking, cancel = context.WithTimeout(ctx, askAgain)
	}
	defer cancel()
	err := e.authorize(asking, call, opCheck, access.APIObject{Scope: p.scope})
	switch {
	case err == nil:
		e.permitted.learn(p, remembered{now, now})
	case isDenied(err):
		e.permitted.learn(p, remembered{})
	case stale: // the ledger does not answer; the lease may
		e.permitted.learn(p, remembered{known.learned, now})
		return nil
	}
	return err
}

func (p *permitted) learn(who permission, what remembered) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil || len(p.at) > maxHeard {
		p.at = map[permission]remembered{}
	}
	p.at[who] = what
}
