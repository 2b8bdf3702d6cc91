package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"

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
// end. Each change is an event.
func (e *Engine) SyncResources(ctx context.Context, source string, snapshot access.Catalogue) (SyncResult, error) {
	var result SyncResult
	var fx effects
	arriving := slices.SortedFunc(slices.Values(snapshot.Resources), func(a, b access.Resource) int {
		return cmp.Compare(a.Ref().String(), b.Ref().String()) // whoever changes several rows does it in one order
	})
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		result, fx = SyncResult{}, effects{}
		if err := tx.LockSource("catalogue", source); err != nil {
			return err
		}
		leaving, err := tx.ResourcesOf(source)
		if err != nil {
			return err
		}
		for _, r := range arriving {
			if err := result.put(tx, source, r); err != nil {
				return err
			}
			leaving = slices.DeleteFunc(leaving, func(old access.Resource) bool { return old.Ref() == r.Ref() })
		}
		result.Archived = len(leaving)
		return e.archive(tx, source, leaving, &fx)
	})
	if err == nil {
		e.apply(ctx, fx)
		poke(e.recheckWake)
	}
	return result, err
}

// put stores a resource, counts what that changed, tells of it, and has the live
// grants on it evaluated again.
func (r *SyncResult) put(tx *ledger.Tx, source string, resource access.Resource) error {
	change, err := tx.PutResource(source, resource)
	if err != nil {
		return err
	}
	r.count(change)
	if change == ledger.Unchanged {
		return nil
	}
	ref := resource.Ref()
	if change == ledger.Updated {
		if _, err := tx.RecheckResource(ref); err != nil {
			return err
		}
	}
	return tx.Append(audit.Event{Type: "resource." + string(change), Resource: &ref, Data: map[string]any{
		"source": source, "properties": resource.Properties, "entitlements": resource.Entitlements,
	}})
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

// archive takes resources out of the catalogue first, and then ends the grants
// on them: none can be added in between.
func (e *Engine) archive(tx *ledger.Tx, source string, leaving []access.Resource, fx *effects) error {
	var grants []access.Grant
	for _, r := range leaving {
		ref := r.Ref()
		event := audit.Event{Type: audit.ResourceArchived, Resource: &ref, Data: map[string]any{"source": source}}
		if err := errors.Join(tx.LockResource(ref), tx.ArchiveResource(ref), tx.Append(event)); err != nil {
			return err
		}
		held, err := tx.UnendedGrantsFor(ref)
		if err != nil {
			return err
		}
		grants = append(grants, held...)
	}
	return e.endAll(tx, Call{}, grants, func(access.Grant) access.EndReason { return access.EndResourceGone }, fx)
}

// LoadPeople makes persons all that a source says of people. Each person whose
// groups or addresses that changes is an event, and their live grants are
// evaluated again.
func (e *Engine) LoadPeople(ctx context.Context, source string, persons []access.Person) error {
	defer poke(e.recheckWake)
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.LockSource("people", source); err != nil {
			return err
		}
		changed, err := tx.ReplacePeople(source, persons)
		if err == nil {
			err = recheckPeople(tx, changed)
		}
		for _, p := range changed {
			if err != nil {
				break
			}
			err = tx.Append(audit.Event{Type: audit.PersonChanged, Subject: &p.Subject, Data: map[string]any{
				"source": source, "groups": p.Groups, "emails": p.Emails, "slack": p.Slack, "time_zone": p.TimeZone,
			}})
		}
		return err
	})
}

func recheckPeople(tx *ledger.Tx, changed []access.Person) error {
	subjects := make([]access.Subject, len(changed))
	for i, p := range changed {
		subjects[i] = p.Subject
	}
	slices.SortFunc(subjects, func(a, b access.Subject) int { return cmp.Compare(a.String(), b.String()) })
	_, err := tx.RecheckSubjects(subjects, ledger.Stirred{Cause: access.CauseGroups})
	return err
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
	if err := ref.Validate(); err != nil {
		return ResourceView{}, access.NotFound("resource", ref.String())
	}
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
	k, err := e.learn(ctx, call.Caller)
	if err != nil {
		return ResourceView{}, err
	}
	return e.explain(ctx, call, r, k)
}

// explain asks policy what it would answer the caller for each entitlement.
func (e *Engine) explain(ctx context.Context, call Call, r access.Resource, k known) (ResourceView, error) {
	v := ResourceView{Resource: r, Entitlements: []EntitlementView{}}
	for _, entitlement := range r.Entitlements {
		a := asked{Request: access.Request{
			Entitled:  access.Entitled{Subject: call.Caller, Action: access.Action{Name: entitlement.Action}, Resource: r.Ref()},
			Requester: call.Caller, Reason: "what may be requested", Channel: call.Channel,
		}, resource: r, entitlement: entitlement}
		a.For, a.While = shortestOf(entitlement)
		d, err := e.judge(ctx, a, access.PhaseRequest, k)
		if err != nil {
			return ResourceView{}, err
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
