package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// bindingQuery reads the filter of the list of bindings.
func bindingQuery(in *incoming) (f engine.BindingFilter, err error) {
	values, err := in.query("limit", "cursor", "state", "target", "subject", "resource")
	if err != nil {
		return f, err
	}
	f.State, f.Target = access.BindingState(values.Get("state")), values.Get("target")
	var faults [4]error
	if f.State != "" && !slices.Contains(access.BindingStates(), f.State) {
		faults[0] = access.Invalid("invalid_state", "", "state is one of %s, not %q", bindingStates(), f.State)
	}
	f.Paging, faults[1] = pagingOf(values)
	f.Subject, faults[2] = subjectOf(values, "subject")
	f.Resource, faults[3] = resourceOf(values)
	return f, errors.Join(faults[:]...)
}

func bindingStates() string {
	var names []string
	for _, s := range access.BindingStates() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// forcing is the body of force-close.
type forcing struct {
	Reason string `json:"reason"`
}

// reasoned reads the id in the path and the body, which must be there.
func reasoned(in *incoming) (object[forcing], error) {
	b, err := body[forcing](in)
	return object[forcing]{id: in.param("id"), body: b}, err
}

// forced fits force-close to its reader.
func forced(do func(context.Context, engine.Call, string, string) (engine.TaskItem, error)) useCase[object[forcing], engine.TaskItem] {
	return func(ctx context.Context, call engine.Call, o object[forcing]) (engine.TaskItem, error) {
		return do(ctx, call, o.id, o.body.Reason)
	}
}
