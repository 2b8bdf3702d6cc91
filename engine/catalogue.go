package engine

import (
	"cmp"
	"context"
	"io"
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

// SyncResources makes the catalogue of a source what the snapshot says, all of it
// or nothing, however much of it that archives: it is the catalogue of whoever
// runs the gateway, and is checked already. A run that changes nothing leaves no
// trace.
func (e *Engine) SyncResources(ctx context.Context, source string, snapshot access.Catalogue) (SyncResult, error) {
	order := SyncOrder{Source: source, AllowShrink: true, Items: &inMemory{resources: snapshot.Resources}}
	report, err := e.sync(ctx, Call{}, order, true)
	return SyncResult{
		Created: report.Created, Updated: report.Updated, Unchanged: report.Unchanged, Archived: report.Archived,
	}, err
}

// inMemory is a snapshot that is.
type inMemory struct {
	resources []access.Resource
	next      int
}

// Next returns the next resource. Its line is its number.
func (m *inMemory) Next() (SyncItem, error) {
	if m.next == len(m.resources) {
		return SyncItem{}, io.EOF
	}
	m.next++
	return SyncItem{Line: m.next, Index: m.next - 1, Resource: m.resources[m.next-1]}, nil
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
