package engine

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// maxSearch bounds the text that resources are searched by, in characters.
const maxSearch = 256

// ResourceFilter narrows a list of the catalogue.
type ResourceFilter struct {
	Paging
	// Search is a text in the name, the type or the id, in any case; "": any.
	// What it is the name or id of comes first, and then what begins with it.
	Search string
}

// Resources lists the catalogue with what the caller may request.
func (e *Engine) Resources(ctx context.Context, call Call, f ResourceFilter) (page Page[ResourceView], err error) {
	found, err := e.find(ctx, call, f, false)
	if err != nil {
		return page, err
	}
	k, err := e.learn(ctx, call.Caller)
	if err != nil {
		return page, err
	}
	page = Page[ResourceView]{Items: []ResourceView{}, NextCursor: found.NextCursor}
	for _, r := range found.Items {
		v, err := e.explain(ctx, call, r.Resource, k)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, v)
	}
	return page, nil
}

// Offers lists what somebody can ask for something of, without what policy would
// answer: for one who types a name and waits.
func (e *Engine) Offers(ctx context.Context, call Call, f ResourceFilter) (page Page[access.Resource], err error) {
	found, err := e.find(ctx, call, f, true)
	if err != nil {
		return page, err
	}
	page = Page[access.Resource]{Items: []access.Resource{}, NextCursor: found.NextCursor}
	for _, r := range found.Items {
		page.Items = append(page.Items, r.Resource)
	}
	return page, nil
}

// Offer returns a resource of the catalogue, without what policy would answer.
func (e *Engine) Offer(ctx context.Context, call Call, ref access.ResourceRef) (access.Resource, error) {
	if err := ref.Validate(); err != nil {
		return access.Resource{}, access.NotFound("resource", ref.String())
	}
	if err := e.authorize(ctx, call, opResource, access.APIObject{Resource: &ref}); err != nil {
		return access.Resource{}, err
	}
	return e.ledger.Resource(ctx, ref)
}

// find reads a page of the catalogue.
func (e *Engine) find(ctx context.Context, call Call, f ResourceFilter, offering bool) (page Page[ledger.FoundResource], err error) {
	after, limit, err := f.page()
	if err != nil {
		return page, err
	}
	if utf8.RuneCountInString(f.Search) > maxSearch {
		return page, access.Invalid("invalid_search", "", "search has %d characters at most", maxSearch)
	}
	lf := ledger.ResourceFilter{Text: f.Search, Offering: offering, Limit: limit + 1}
	lf.After = strings.TrimLeft(after, rankMark)
	lf.AfterRank = len(after) - len(lf.After)
	if err := e.authorize(ctx, call, opCatalog, access.APIObject{}); err != nil {
		return page, err
	}
	var found []ledger.FoundResource
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		found, err = tx.FindResources(lf)
		return err
	})
	return cutPage(found, limit, placeOf), err
}

// rankMark stands once for each rank before the resource in a cursor. No type of a
// resource begins with it.
const rankMark = "~"

func placeOf(r ledger.FoundResource) string {
	return strings.Repeat(rankMark, r.Rank) + r.Ref().String()
}
