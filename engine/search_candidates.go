package engine

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// spot is where in the candidates a search is. They come in two parts, each in
// its own order: those that are known at once, by their bytes, and then those of
// the ledger, by the order of its database, that are none of the first.
type spot struct {
	stored bool   // in the part of the ledger
	after  string // the candidate before; "" at the beginning of the part
}

// The byte by which a token says the part.
const (
	spotKnown  = 'k'
	spotStored = 's'
)

// token is the spot as a caller carries it to the next page of the same search.
func (s spot) token(q Search) string {
	part := byte(spotKnown)
	if s.stored {
		part = spotStored
	}
	return base64.RawURLEncoding.EncodeToString(append(append(slices.Clone(q.Digest), part), s.after...))
}

// spotOf reads the token. One of another search is refused: its pages would not
// fit together.
func spotOf(q Search) (spot, error) {
	if q.Token == "" {
		return spot{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(q.Token)
	rest, ours := bytes.CutPrefix(text, q.Digest)
	if err != nil || !ours || len(rest) < 1 || rest[0] != spotKnown && rest[0] != spotStored || !utf8.Valid(rest) || !nameable(string(rest)) {
		return spot{}, access.Invalid("invalid_page_token", "/page/token",
			"it is not a token of this search; repeat the first page's request with the token, or begin again without one")
	}
	return spot{rest[0] == spotStored, string(rest[1:])}, nil
}

// candidates are some of those that may be what is searched for, from a spot on.
type candidates struct {
	names []string
	known int  // so many of them are of the first part
	more  bool // there are others
	end   spot // behind them all
}

// behind is the spot behind the first n.
func (c candidates) behind(n int) spot {
	if n == len(c.names) {
		return c.end
	}
	return spot{n > c.known, c.names[n-1]}
}

// candidates gathers those from the spot on, and no more than a page may decide.
func (e *Engine) candidates(ctx context.Context, q Search, said suggestions, from spot) (c candidates, err error) {
	first, err := e.firstPart(ctx, q, said)
	if err != nil {
		return c, err
	}
	if !from.stored {
		at, found := slices.BinarySearch(first, from.after)
		if found {
			at++
		}
		c.names = slices.Clone(first[at:])
		from = spot{stored: true}
	}
	stored := q.What != SearchActions && q.searchable()
	if len(c.names) >= maxCandidates {
		c.more = stored || len(c.names) > maxCandidates
		c.names = c.names[:maxCandidates]
		c.known, c.end = maxCandidates, spot{after: c.names[maxCandidates-1]}
		return c, nil
	}
	c.known = len(c.names)
	if stored {
		err = e.secondPart(ctx, q, first, from, &c)
	}
	return c, err
}

// firstPart is those that are known at once: what the policy suggests and, of
// actions, what the catalogue and the subject's live grants name.
func (e *Engine) firstPart(ctx context.Context, q Search, said suggestions) ([]string, error) {
	names := said.of(q)
	if q.What == SearchActions && q.searchable() {
		err := e.ledger.View(ctx, func(tx *ledger.Tx) error {
			more, err := tx.ActionsOn(q.Subject, q.Resource)
			names = append(names, more...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// secondPart adds those that are read from the ledger, in its order.
func (e *Engine) secondPart(ctx context.Context, q Search, first []string, from spot, c *candidates) error {
	room := maxCandidates - len(c.names)
	var names []string
	err := e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		if q.What == SearchSubjects {
			names, err = tx.SubjectsOn(q.Subject.Type, q.Action, q.Resource, from.after, room+1)
		} else {
			names, err = tx.ResourcesFor(q.Subject, q.Action, q.Resource.Type, from.after, room+1)
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.more = len(names) > room; c.more {
		names = names[:room]
	}
	for _, name := range names {
		if _, known := slices.BinarySearch(first, name); !known {
			c.names = append(c.names, name)
		}
		from.after = name
	}
	c.end = from
	return nil
}

// searchable reports whether the ledger can be asked: it holds no NUL, and a type
// has no colon, which ends it there.
func (q Search) searchable() bool {
	typ := q.Subject.Type
	if q.What == SearchResources {
		typ = q.Resource.Type
	}
	return nameable(q.Subject.Type, q.Resource.Type, q.Resource.ID, q.Action.Name) && !strings.Contains(typ, ":")
}

// suggestions is what data.check.candidates has.
type suggestions struct {
	Subjects  []access.Subject     `json:"subjects"`
	Resources []access.ResourceRef `json:"resources"`
	Actions   []access.Action      `json:"actions"`
}

// of lists the names of those that can be what is searched for.
func (s suggestions) of(q Search) (names []string) {
	switch q.What {
	case SearchSubjects:
		for _, x := range s.Subjects {
			if x.Type == q.Subject.Type {
				names = append(names, x.ID)
			}
		}
	case SearchResources:
		for _, x := range s.Resources {
			if x.Type == q.Resource.Type {
				names = append(names, x.ID)
			}
		}
	case SearchActions:
		for _, x := range s.Actions {
			names = append(names, x.Name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// candidatesPath is the rule by which a policy says what a search should try. It
// need not be there.
var candidatesPath = []string{"check", "candidates"}

// suggested asks the policy which it knows of, by the revision that is returned.
func (e *Engine) suggested(ctx context.Context, q Search) (said suggestions, revision string, err error) {
	input, err := json.Marshal(q.input(e.ledger.Now()))
	if err != nil {
		return said, "", err
	}
	answer, err := e.policy.Query(ctx, access.Query{Path: candidatesPath, Input: input})
	if err != nil {
		return said, "", fmt.Errorf("data.check.candidates: %w", err)
	}
	if answer.Result == nil {
		return said, answer.Revision, nil
	}
	if err := json.Unmarshal(answer.Result, &said); err != nil {
		return said, "", fmt.Errorf("data.check.candidates: want an object of lists of subjects, resources and actions: %w", err)
	}
	return said, answer.Revision, nil
}

// searchInput is the search as policy sees it: an evaluation that lacks the name
// of what is searched for.
type searchInput struct {
	Subject  json.RawMessage `json:"subject,omitempty"`
	Resource json.RawMessage `json:"resource,omitempty"`
	Action   json.RawMessage `json:"action,omitempty"`
	Context  json.RawMessage `json:"context,omitempty"`
	Now      time.Time       `json:"now"`
}

func (q Search) input(now time.Time) searchInput {
	in := searchInput{q.Sent.Subject, q.Sent.Resource, q.Sent.Action, q.Sent.Context, now}
	typed := func(typ string) json.RawMessage { return raw(map[string]string{"type": typ}) }
	switch q.What {
	case SearchSubjects:
		in.Subject = typed(q.Subject.Type)
	case SearchResources:
		in.Resource = typed(q.Resource.Type)
	case SearchActions:
		in.Action = nil
	}
	return in
}
