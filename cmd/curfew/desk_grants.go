package main

import (
	"context"
	"slices"

	"github.com/curfew-access/curfew/connectors/slack"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// maxCases is of how many grants in a list the whole case is read. Nobody reads
// more of them than that in a message.
const maxCases = 25

// Live lists the caller's own grants that are live or scheduled, the next to end
// first. Of those behind the first few there is the grant alone.
func (d *desk) Live(ctx context.Context, who slack.Caller) ([]access.Case, error) {
	var grants []engine.GrantView
	for _, state := range []access.GrantState{access.GrantActive, access.GrantScheduled} {
		page, err := d.engine.Grants(ctx, call(who), engine.ListFilter{
			Subject: who.Subject.String(), State: string(state), Paging: engine.Paging{Limit: engine.MaxLimit},
		})
		if err != nil {
			return nil, err
		}
		grants = append(grants, page.Items...)
	}
	grants = slices.DeleteFunc(grants, func(g engine.GrantView) bool {
		return g.State == access.GrantActive && !g.Live // its time is over, and it is about to be ended
	})
	slices.SortStableFunc(grants, func(a, b engine.GrantView) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
	list := make([]access.Case, len(grants))
	for i, g := range grants {
		list[i] = grantAlone(g.Grant)
		if i >= maxCases {
			continue
		}
		c, err := d.cases.Case(ctx, call(who), g.RequestID)
		if err != nil {
			return nil, err
		}
		list[i] = c
	}
	return list, nil
}

// grantAlone is a case of which the grant alone is known.
func grantAlone(g access.Grant) access.Case {
	return access.Case{
		Request:      access.Request{ID: g.RequestID, Entitled: g.Entitled, Requester: g.Subject, While: g.While, State: access.RequestApproved},
		ResourceName: g.Resource.ID, Grant: &g,
	}
}

// Revoke ends a grant. Checks on other nodes may know it a moment later.
func (d *desk) Revoke(ctx context.Context, who slack.Caller, key, grantID string) (access.Grant, error) {
	v, err := d.engine.Revoke(ctx, changes(who, "revoke", key, grantID), grantID, "")
	return v.Grant, err
}
