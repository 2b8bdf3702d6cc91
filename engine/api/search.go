package api

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// searchWants is what each search must name: not what it is for.
func searchWants(what engine.Searched) want {
	return want{what != engine.SearchSubjects, what != engine.SearchResources, what != engine.SearchActions}
}

// readSearch is the reader of a search.
func (e *evaluations) readSearch(what engine.Searched) reader[engine.Search] {
	return func(in *incoming) (engine.Search, error) {
		var x slip
		q := engine.Search{What: what}
		err := e.scan(in, MaxBody, func(s *scan) error {
			err := s.slip(&x, func(name []byte) error {
				if string(name) == "page" {
					return s.page(&x, &q)
				}
				return s.skip()
			})
			q.Digest = digestOf(what, s.body)
			return err
		})
		if err != nil {
			return q, err
		}
		q.Evaluation = x.evaluation().Evaluation
		return q, x.check(searchWants(what))
	}
}

// page reads where a page begins and how long it is.
func (s *scan) page(x *slip, q *engine.Search) error {
	if s.dec.PeekKind() != '{' {
		return s.optional(x, "/page")
	}
	return s.members(func(name []byte) error {
		switch string(name) {
		case "token":
			return s.string(x, "/page", "token", &q.Token)
		case "limit":
			return s.limit(x, &q.Limit)
		}
		return s.skip()
	})
}

// limit reads how many results are wanted at the most. More than there can be is
// what there can be.
func (s *scan) limit(x *slip, into *int) error {
	kind := s.dec.PeekKind()
	value, err := s.dec.ReadValue()
	if err != nil {
		return err
	}
	n, notWhole := strconv.ParseUint(string(value), 10, 63)
	switch {
	case kind != '0':
		x.blame(wrongType(kind, "/page/limit", "a number"))
	case notWhole != nil || n == 0:
		x.blame(access.Invalid(codeInvalidEvaluation, "/page/limit", "it is not a whole number of at least 1"))
	}
	*into = int(min(n, engine.MaxFound))
	return nil
}

// digestOf is the same for two spellings of one search, whichever page of it is
// asked for.
func digestOf(what engine.Searched, body []byte) []byte {
	var members, page map[string]jsontext.Value
	if json.Unmarshal(body, &members) != nil {
		return nil // it is refused
	}
	if json.Unmarshal(members["page"], &page) == nil {
		delete(page, "token")
		delete(page, "limit")
		delete(members, "page")
		if len(page) > 0 {
			members["page"], _ = json.Marshal(page)
		}
	}
	canonical, _ := json.Marshal(members, jsontext.CanonicalizeRawInts(true), jsontext.CanonicalizeRawFloats(true), json.Deterministic(true))
	value := jsontext.Value(canonical)
	_ = value.Canonicalize() // it is I-JSON already
	sum := sha256.Sum256(append([]byte(what+" "), value...))
	return sum[:16]
}

// found is a page of what was searched for.
type found struct{ engine.Found }

// searches fits a search to its reader.
func searches(search func(context.Context, engine.Call, engine.Search) (engine.Found, error)) useCase[engine.Search, found] {
	return func(ctx context.Context, call engine.Call, q engine.Search) (found, error) {
		page, err := search(ctx, call, q)
		return found{page}, err
	}
}

func (f found) render(w http.ResponseWriter, status int) error {
	type page struct {
		NextToken string `json:"next_token"`
		Count     int    `json:"count"`
	}
	raw, err := encode(struct {
		Page    page  `json:"page"`
		Results []any `json:"results"`
	}{page{f.Next, len(f.Results)}, f.Results})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(raw)
	return err
}
