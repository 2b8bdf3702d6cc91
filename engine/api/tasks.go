package api

import (
	"errors"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// The states and kinds that a list of tasks can be narrowed to.
var (
	taskStates = []string{string(access.TaskOpen), string(access.TaskDone), string(access.TaskRejected)}
	taskKinds  = []string{
		string(access.TaskAfterReview), string(access.TaskFlag), string(access.TaskBulkEnd), string(access.TaskForceClose),
	}
)

// taskQuery reads the filter of the list of tasks.
func taskQuery(in *incoming) (f engine.TaskFilter, err error) {
	values, err := in.query("limit", "cursor", "state", "kind")
	if err != nil {
		return f, err
	}
	f.State, f.Kind = values.Get("state"), values.Get("kind")
	var faults [3]error
	f.Paging, faults[0] = pagingOf(values)
	if f.State != "" && !slices.Contains(taskStates, f.State) {
		faults[1] = access.Invalid("invalid_state", "", "state is one of %s, not %q", strings.Join(taskStates, ", "), f.State)
	}
	if f.Kind != "" && !slices.Contains(taskKinds, f.Kind) {
		faults[2] = access.Invalid("invalid_kind", "", "kind is one of %s, not %q", strings.Join(taskKinds, ", "), f.Kind)
	}
	return f, errors.Join(faults[:]...)
}
