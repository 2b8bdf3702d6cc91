package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/curfew-access/curfew/engine/access"
)

// opSearch is what data.api.allow is asked about: may the actor ask who has
// access to what. The object has a scope only: "own" is what the actor has.
const opSearch = "access.search"

// Searched is what a search is for.
type Searched string

// What can be searched for.
const (
	SearchSubjects  Searched = "subject"
	SearchResources Searched = "resource"
	SearchActions   Searched = "action"
)

// The bounds of a page of a search.
const (
	defaultFound = 100
	// MaxFound is how many results a page has at the most.
	MaxFound = 1000
	// maxCandidates is how many are decided for a page at the most: it may end
	// before it is full.
	maxCandidates = 1000
)

// Search asks who may do this, on what, or which. What it is for has no name in
// the evaluation, and of subjects and resources a type.
type Search struct {
	Evaluation
	What  Searched
	Limit int    // 0: defaultFound
	Token string // of the page before; "" begins
	// Digest is the same for every page of a search and for no other one's.
	Digest []byte
}

// Found is a page of what was searched for.
type Found struct {
	Results  []any  // access.Subject, access.ResourceRef or access.Action, in their order
	Next     string // token of the next page; "" at the end
	Revision string // of the policy that decided
}

// PolicyRevision is that of the policy that decided.
func (f Found) PolicyRevision() string { return f.Revision }

// Search decides candidates: of the catalogue, of the live grants, and of the
// policy's own rule data.check.candidates. All of a page are decided by one
// revision, as checks are, and what a page finds a check of it allows.
func (e *Engine) Search(ctx context.Context, call Call, q Search) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, batchPatience)
	defer cancel()
	scope := ScopeAll
	if q.What != SearchSubjects {
		q.Evaluation, _ = q.known()
		scope = scopeOf(call, q.Subject)
	}
	if err := e.mayCheck(ctx, call, opSearch, scope); err != nil {
		return Found{}, err
	}
	from, err := spotOf(q)
	if err != nil {
		return Found{}, err
	}
	for range maxSwaps {
		page, err := e.searchOnce(ctx, call, q, from)
		if !errors.Is(err, errSwapped) {
			return page, err
		}
	}
	return Found{}, fmt.Errorf("%w: %w", errSwapped, access.ErrBusy)
}

// maxSwaps is how often a page is begun again because the policy was swapped
// while it was made.
const maxSwaps = 4

var errSwapped = errors.New("the policy was swapped during the search")

// searchOnce makes a page.
func (e *Engine) searchOnce(ctx context.Context, call Call, q Search, from spot) (Found, error) {
	said, revision, err := e.suggested(ctx, q)
	if err != nil {
		return Found{}, err
	}
	c, err := e.candidates(ctx, q, said, from)
	if err != nil {
		return Found{}, err
	}
	done, err := e.decideCandidates(ctx, q, c.names)
	if err != nil {
		return Found{}, err
	}
	page := Found{Results: []any{}, Revision: revision}
	for i, j := range done {
		if j.answer.Revision != revision {
			return Found{}, errSwapped
		}
		if e.noted(call, j).Decision {
			page.Results = append(page.Results, q.result(c.names[i]))
		}
	}
	if c.more || len(done) < len(c.names) {
		page.Next = c.behind(len(done)).token(q)
	}
	return page, nil
}

// named is the evaluation of a candidate: what a client makes of a result.
func (q Search) named(name string) Evaluation {
	x := q.Evaluation
	switch q.What {
	case SearchSubjects:
		x.Subject.ID = name
		x.Sent.Subject = raw(x.Subject)
	case SearchResources:
		x.Resource.ID = name
		x.Sent.Resource = raw(x.Resource)
	case SearchActions:
		x.Action.Name = name
		x.Sent.Action = raw(x.Action)
	}
	return x
}

func (q Search) result(name string) any {
	switch q.What {
	case SearchSubjects:
		return access.Subject{Type: q.Subject.Type, ID: name}
	case SearchResources:
		return access.ResourceRef{Type: q.Resource.Type, ID: name}
	case SearchActions:
	}
	return access.Action{Name: name}
}

// decideCandidates puts candidates to policy until the page is full. The ledger
// says what access each has: they are its own, and a page is worth one question
// more.
func (e *Engine) decideCandidates(ctx context.Context, q Search, names []string) ([]judged, error) {
	asked, about := make([]Evaluation, len(names)), make([]access.Entitled, 0, len(names))
	for i, name := range names {
		x, ours := q.named(name).known()
		if asked[i] = x; ours {
			about = append(about, x.Entitled)
		}
	}
	live, known := e.untilByLedger(ctx, about...)
	if !known {
		return nil, errors.New("search: the ledger does not answer")
	}
	now, inputs := e.ledger.Now(), make([]access.CheckInput, len(asked))
	for i, x := range asked {
		inputs[i] = x.input(live[x.Entitled], now)
	}
	left := min(cmp.Or(q.Limit, defaultFound), MaxFound)
	answers, err := e.ask(ctx, inputs, func(a access.CheckAnswer) bool {
		if a.Decision {
			left--
		}
		return left == 0
	})
	done := make([]judged, len(answers))
	for i := range answers {
		done[i] = judged{inputs[i], answers[i]}
	}
	return done, err
}
