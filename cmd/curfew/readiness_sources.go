package main

import (
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
)

// sourcesCheck says degraded when what a source of facts said last is too old, and
// while one can not be asked: nobody gets access by what is not known, and what
// was given keeps its end.
func sourcesCheck(states []access.SourceState) api.Check {
	c := api.Check{Name: "sources", Status: api.StatusOK}
	stale, failing := 0, 0
	for _, s := range states {
		switch {
		case !s.Known:
			stale++
		case s.FailedSince != nil:
			failing++
		}
	}
	if stale > 0 {
		c.Status = api.StatusDegraded
		c.Detail = counted(stale, "source of facts is", "sources of facts are") + " too old to count; nothing is given or moved by that"
	}
	if failing > 0 {
		if c.Status = api.StatusDegraded; c.Detail != "" {
			c.Detail += "; "
		}
		c.Detail += counted(failing, "source of facts does", "sources of facts do") + " not answer; what was said last still counts"
	}
	return c
}
