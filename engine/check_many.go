package engine

import (
	"context"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Semantic says how far a batch of evaluations is taken, by AuthZEN's names.
type Semantic string

// The semantics.
const (
	ExecuteAll          Semantic = "execute_all"
	DenyOnFirstDeny     Semantic = "deny_on_first_deny"
	PermitOnFirstPermit Semantic = "permit_on_first_permit"
)

// ends reports whether an answer ends the batch.
func (s Semantic) ends(decision bool) bool {
	return s == DenyOnFirstDeny && !decision || s == PermitOnFirstPermit && decision
}

// batchPatience is how long a batch may take in all.
const batchPatience = 10 * time.Second

// CheckAll answers evaluations in their order, all by one revision of the policy,
// until the semantic ends it. An evaluation with a fault is a no. About others
// than the caller it takes the scope of all.
func (e *Engine) CheckAll(ctx context.Context, call Call, asked []Evaluation, s Semantic) ([]CheckView, error) {
	asking, cancel := context.WithTimeout(ctx, batchPatience)
	defer cancel()
	b := newBatch(asked, s)
	if err := e.mayCheck(asking, call, opCheck, b.scope(call)); err != nil {
		return nil, err
	}
	if err := e.decideAll(asking, b); err != nil {
		return nil, err
	}
	views := make([]CheckView, 0, len(asked))
	for i := range b.items {
		v := CheckView{Fault: b.items[i].Fault}
		if v.Fault == nil {
			if b.judged[i] == nil {
				break // what follows was not asked
			}
			v = e.noted(call, *b.judged[i])
		}
		if views = append(views, v); s.ends(v.Decision) {
			break
		}
	}
	return views, nil
}

// batch is evaluations on their way to an answer.
type batch struct {
	semantic Semantic
	items    []Evaluation
	ours     []bool    // the stores can know of it
	judged   []*judged // nil: it was not asked
}

// newBatch takes in what can be asked: where the first no ends it, nothing is
// after a fault.
func newBatch(asked []Evaluation, s Semantic) *batch {
	b := &batch{semantic: s, items: make([]Evaluation, 0, len(asked)), ours: make([]bool, len(asked)), judged: make([]*judged, len(asked))}
	var who canonical // most batches are about one subject
	for i, x := range asked {
		if x.Fault == nil {
			x, b.ours[i] = x.knownAs(&who)
		}
		b.items = append(b.items, x)
		if x.Fault != nil && s.ends(false) {
			break
		}
	}
	return b
}

// scope is what it takes to ask about all of them.
func (b *batch) scope(call Call) string {
	for i := range b.items {
		if b.items[i].Fault == nil && b.items[i].Subject != call.Caller {
			return ScopeAll
		}
	}
	return ScopeOwn
}

// about lists what the stores are asked, each once.
func (b *batch) about() []access.Entitled {
	seen := make(map[access.Entitled]struct{}, len(b.items))
	list := make([]access.Entitled, 0, len(b.items))
	for i := range b.items {
		x := b.items[i].Entitled
		if _, known := seen[x]; !b.ours[i] || known {
			continue
		}
		seen[x] = struct{}{}
		list = append(list, x)
	}
	return list
}

// decideAll puts the batch to policy. What no store can say is a no, of which
// policy is not asked.
func (e *Engine) decideAll(ctx context.Context, b *batch) error {
	live, known := e.untilAll(ctx, b.about())
	now := e.ledger.Now()
	var inputs []access.CheckInput
	var places []int
	for i, x := range b.items {
		switch {
		case x.Fault != nil:
			continue
		case b.ours[i] && !known(x.Entitled):
			b.judged[i] = new(e.unavailable(x))
			continue
		}
		inputs, places = append(inputs, x.input(live[x.Entitled], now)), append(places, i)
	}
	return e.decideSome(ctx, b, inputs, places)
}

// decideSome puts inputs to policy, which are of the items at the places.
func (e *Engine) decideSome(ctx context.Context, b *batch, inputs []access.CheckInput, places []int) error {
	if len(inputs) == 0 {
		return nil
	}
	answers, err := e.ask(ctx, inputs, func(a access.CheckAnswer) bool { return b.semantic.ends(a.Decision) })
	if err != nil {
		return err
	}
	for i, a := range answers {
		b.judged[places[i]] = &judged{inputs[i], a}
	}
	return nil
}

// untilAll is until for many: the lease of each, and of what it does not know the
// ledger together. What known does not report no store could say.
func (e *Engine) untilAll(ctx context.Context, about []access.Entitled) (live map[access.Entitled]time.Time, known func(access.Entitled) bool) {
	live = make(map[access.Entitled]time.Time, len(about))
	var left []access.Entitled
	for i, found := range e.leaseAll(ctx, about) {
		if !found.known {
			left = append(left, about[i])
			continue
		}
		e.observer.Checked("lease")
		live[about[i]] = found.until
	}
	all := func(access.Entitled) bool { return true }
	if len(left) == 0 {
		return live, all
	}
	byLease := make(map[access.Entitled]bool, len(live))
	for x := range live {
		byLease[x] = true
	}
	found, answered := e.untilByLedger(ctx, left...)
	for x, until := range found {
		live[x] = until
	}
	if answered {
		return live, all
	}
	return live, func(x access.Entitled) bool { return byLease[x] }
}

type byLease struct {
	until time.Time
	known bool
}

// atOnce is how many questions of one batch are put to a lease elsewhere at once.
const atOnce = 16

// leaseAll asks the lease about each. One that is elsewhere is asked many things
// at once: each waits for the network.
func (e *Engine) leaseAll(ctx context.Context, about []access.Entitled) []byLease {
	found := make([]byLease, len(about))
	one := func(i int) { found[i].until, found[i].known = e.untilByLease(ctx, about[i]) }
	if !e.leaseShared || len(about) == 1 {
		for i := range about {
			one(i)
		}
		return found
	}
	var asking sync.WaitGroup
	for first := range min(atOnce, len(about)) {
		asking.Go(func() {
			for i := first; i < len(about); i += atOnce {
				one(i)
			}
		})
	}
	asking.Wait()
	return found
}
