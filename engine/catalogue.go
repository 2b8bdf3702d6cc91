package engine

import (
	"context"
	"errors"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// SyncResult counts what a snapshot of a source changed.
type SyncResult struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Archived  int `json:"archived"`
}

// SyncResources makes the catalogue of a source what the snapshot says, all of
// it or nothing. A resource that is no longer in it is archived, and its grants
// end.
func (e *Engine) SyncResources(ctx context.Context, source string, snapshot access.Catalogue) (SyncResult, error) {
	var result SyncResult
	var fx effects
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		result, fx = SyncResult{}, effects{}
		gone, err := tx.ResourcesOf(source)
		if err != nil {
			return err
		}
		leaving := map[access.ResourceRef]bool{}
		for _, r := range gone {
			leaving[r.Ref()] = true
		}
		for _, r := range snapshot.Resources {
			change, err := tx.PutResource(source, r)
			if err != nil {
				return err
			}
			result.count(change)
			delete(leaving, r.Ref())
		}
		for _, r := range gone {
			if !leaving[r.Ref()] {
				continue
			}
			result.Archived++
			if err := e.archive(tx, source, r.Ref(), &fx); err != nil {
				return err
			}
		}
		if result.Created+result.Updated+result.Archived == 0 {
			return nil
		}
		return tx.Append(audit.Event{Type: audit.ResourcesSynced, Data: map[string]any{
			"source": source, "created": result.Created, "updated": result.Updated,
			"unchanged": result.Unchanged, "archived": result.Archived,
		}})
	})
	if err == nil {
		e.apply(ctx, fx)
	}
	return result, err
}

func (r *SyncResult) count(c ledger.Change) {
	switch c {
	case ledger.Created:
		r.Created++
	case ledger.Updated:
		r.Updated++
	case ledger.Unchanged:
		r.Unchanged++
	}
}

func (e *Engine) archive(tx *ledger.Tx, source string, ref access.ResourceRef, fx *effects) error {
	grants, err := tx.UnendedGrantsFor(ref)
	if err != nil {
		return err
	}
	gone := func(access.Grant) access.EndReason { return access.EndResourceGone }
	return errors.Join(
		e.endAll(tx, Call{}, grants, gone, fx),
		tx.ArchiveResource(ref),
		tx.Append(audit.Event{Type: audit.ResourceArchived, Resource: &ref, Data: map[string]any{"source": source}}))
}

// LoadPeople makes persons all that a source says of people.
func (e *Engine) LoadPeople(ctx context.Context, source string, persons []access.Person) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		changed, err := tx.ReplacePeople(source, persons)
		if err != nil || !changed {
			return err
		}
		return tx.Append(audit.Event{Type: audit.PeopleLoaded, Data: map[string]any{"source": source, "people": len(persons)}})
	})
}

// ResourceView is a resource with what the caller may request of it, and why
// not.
type ResourceView struct {
	access.Resource
	Entitlements []EntitlementView `json:"entitlements"`
}

// EntitlementView is an entitlement with what policy would answer the caller for
// its shortest duration, given a reason.
type EntitlementView struct {
	access.Entitlement
	Effect  access.Effect   `json:"effect"`
	Reasons []access.Reason `json:"reasons"`
}

// Resource returns a resource of the catalogue.
func (e *Engine) Resource(ctx context.Context, call Call, ref access.ResourceRef) (ResourceView, error) {
	if err := e.authorize(ctx, call, opResource, access.APIObject{Resource: &ref}); err != nil {
		return ResourceView{}, err
	}
	var r access.Resource
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		r, err = tx.Resource(ref)
		return err
	})
	if err != nil {
		return ResourceView{}, err
	}
	return e.explain(ctx, call, r)
}

// explain asks policy what it would answer the caller for each entitlement.
func (e *Engine) explain(ctx context.Context, call Call, r access.Resource) (ResourceView, error) {
	v := ResourceView{Resource: r, Entitlements: []EntitlementView{}}
	for _, entitlement := range r.Entitlements {
		a := asked{Request: access.Request{
			Entitled:  access.Entitled{Subject: call.Caller, Action: access.Action{Name: entitlement.Action}, Resource: r.Ref()},
			Requester: call.Caller, Reason: "what may be requested", Channel: call.Channel,
		}, resource: r, entitlement: entitlement}
		a.For, a.While = shortestOf(entitlement)
		d, err := e.decide(ctx, a, access.PhaseRequest)
		if err != nil {
			return v, err
		}
		v.Entitlements = append(v.Entitlements, EntitlementView{
			Entitlement: entitlement, Effect: d.Decision.Effect, Reasons: d.Decision.Reasons,
		})
	}
	return v, nil
}

// shortestOf is the least that can be asked of an entitlement.
func shortestOf(e access.Entitlement) (*access.Duration, *string) {
	if len(e.Durations) == 0 {
		if len(e.While) == 0 {
			return nil, nil
		}
		return nil, &e.While[0]
	}
	least := e.Durations[0]
	for _, d := range e.Durations {
		least = min(least, d)
	}
	return &least, nil
}
