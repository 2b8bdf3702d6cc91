package api

import (
	"errors"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// onCallQuery reads the filter of the list of who is on call.
func onCallQuery(in *incoming) (f engine.OnCallFilter, err error) {
	values, err := in.query("at", "subject", "schedule", "limit", "cursor")
	if err != nil {
		return f, err
	}
	f.Schedule = values.Get("schedule")
	var faults [3]error
	f.At, faults[0] = timeOf(values, "at")
	f.Paging, faults[1] = pagingOf(values)
	if text := values.Get("subject"); text != "" {
		who, err := access.ParseSubject(text)
		f.Subject, faults[2] = &who, inParameter("subject", err)
	}
	return f, errors.Join(faults[:]...)
}
