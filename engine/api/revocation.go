package api

import (
	"context"
	"net/http"

	"github.com/curfew-access/curfew/engine"
)

// revocation is a grant that was ended.
type revocation struct {
	engine.GrantView
	Propagating bool `json:"propagating,omitzero"`
}

// revocations fits Revoke to its route.
func revocations(
	revoke func(context.Context, engine.Call, string, string) (engine.Revocation, error),
) func(context.Context, engine.Call, string, string) (revocation, error) {
	return func(ctx context.Context, call engine.Call, id, comment string) (revocation, error) {
		r, err := revoke(ctx, call, id, comment)
		return revocation{r.GrantView, r.Propagating}, err
	}
}

// status is 202 while a check somewhere may not know of the end: 200 is a
// promise that none says yes any more.
func (r revocation) status(usual int) int {
	if r.Propagating {
		return http.StatusAccepted
	}
	return usual
}
