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

// The reasons of an answer that are not policy's.
const (
	checkNone        = "no_live_grant"
	checkUnavailable = "unavailable" // no store can say
)

// maxUncertainty is how far the clock may be off for the lease to be believed.
const maxUncertainty = 500 * time.Millisecond

// Check asks policy whether the subject may do this now, with the access that it
// has by live grants. The lease knows of that if it can, the ledger if the lease
// can not, and when neither can the answer is no. The error is of the caller's
// (it may not ask) or that nothing was decided.
func (e *Engine) Check(ctx context.Context, call Call, x Evaluation) (CheckView, error) {
	asking, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	x, ours := x.known()
	if err := e.mayCheck(asking, call, opCheck, scopeOf(call, x.Subject)); err != nil {
		return CheckView{}, err
	}
	shown := e.approvalShown(asking, x) // before the decision: a yes must not wait for anything
	j, err := e.check1(asking, x, ours)
	if err != nil {
		return CheckView{}, err
	}
	v := e.noted(call, j)
	v.Extra = e.extra(asking, call, x, v, shown)
	return v, nil
}

// check1 decides one evaluation.
func (e *Engine) check1(ctx context.Context, x Evaluation, ours bool) (j judged, err error) {
	var until time.Time
	known := true
	if ours {
		until, known = e.until(ctx, x.Entitled)
	}
	if !known {
		return e.unavailable(x), nil
	}
	inputs := []access.CheckInput{x.input(until, e.ledger.Now())}
	answers, err := e.ask(ctx, inputs, func(access.CheckAnswer) bool { return true })
	if err != nil {
		return j, err
	}
	return judged{inputs[0], answers[0]}, nil
}

// unavailable is the no to what no store can say. Policy is not asked: it would
// take unknown access for none.
func (e *Engine) unavailable(x Evaluation) judged {
	in := x.input(time.Time{}, e.ledger.Now())
	return judged{in, access.CheckAnswer{Reason: checkUnavailable, Input: raw(in)}}
}

// scopeOf is what it takes to ask about the subject.
func scopeOf(call Call, subject access.Subject) string {
	if subject == call.Caller {
		return ScopeOwn
	}
	return ScopeAll
}

// until is when the live access ends, all grants together: the zero time when
// there is none. Whoever answered is counted.
func (e *Engine) until(ctx context.Context, x access.Entitled) (until time.Time, known bool) {
	if until, known := e.untilByLease(ctx, x); known {
		e.observer.Checked("lease")
		return until, true
	}
	found, known := e.untilByLedger(ctx, x)
	return found[x], known
}

// untilByLease asks the lease. A yes is the value's own end against the ledger's
// clock, and a no is a tombstone; everything else is not known.
func (e *Engine) untilByLease(ctx context.Context, x access.Entitled) (until time.Time, known bool) {
	if e.unsaid.has(x) || e.ledger.Uncertainty() > maxUncertainty {
		return until, false
	}
	s, known := e.lease.Standing(ctx, x)
	if !known || !s.Until.IsZero() && !s.LiveAt(e.ledger.Now()) {
		return until, false
	}
	return s.Until, true
}

// untilByLedger asks the truth, about all in one question. A clock that is not
// certain is taken to be late.
func (e *Engine) untilByLedger(ctx context.Context, about ...access.Entitled) (map[access.Entitled]time.Time, bool) {
	live := make(map[access.Entitled]time.Time, len(about))
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		found, err := tx.StandingsAbout(about...)
		at := tx.Now().Add(min(e.ledger.Uncertainty(), time.Minute))
		for _, s := range found {
			if s.LiveAt(at) {
				live[s.Entitled] = s.Until
			}
		}
		return err
	})
	by := "ledger"
	if err != nil {
		by = "none"
		if e.refused.first("check unavailable", e.ledger.Now()) {
			e.log.Error("checks are refused: neither the lease nor the ledger answers", "error", err)
		}
	}
	for range about {
		e.observer.Checked(by)
	}
	return live, err == nil
}

// permittedFor is how long it is remembered that a caller may check, or query: what it
// may is asked of policy and the ledger, which an answer should not wait for.
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

// permitted remembers who may check, and query.
type permitted struct {
	mu sync.RWMutex
	at map[permission]remembered
}

// remembered is when it was last learned that a caller may, and last asked.
type remembered struct{ learned, asked time.Time }

type permission struct {
	caller    access.Subject
	operation string
	about     string // a scope, or a path
	revision  string // of the policy that gave it
}

// mayCheck asks policy, or remembers, whether the caller may ask that in the scope.
func (e *Engine) mayCheck(ctx context.Context, call Call, operation, scope string) error {
	return e.mayAsk(ctx, call, operation, scope, access.APIObject{Scope: scope})
}

// mayAsk asks policy, or remembers, whether the caller may ask about the object.
// about is all that tells one object of the operation from another.
func (e *Engine) mayAsk(ctx context.Context, call Call, operation, about string, object access.APIObject) error {
	p := permission{call.Caller, operation, about, e.policy.Revision()}
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
	err := e.authorize(asking, call, operation, object)
	switch {
	case err == nil:
		e.permitted.learn(p, remembered{now, now})
	case isDenied(err):
		e.permitted.forget(p)
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

// forget keeps nothing of a refusal: of those a caller can have as many as it likes,
// and they would push out what is remembered of others.
func (p *permitted) forget(who permission) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.at, who)
}
