package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// printSync prints what a snapshot came to.
func (c *cli) printSync(r engine.SyncReport, file string) error {
	ended, n := "grants ended", strconv.Itoa
	if r.DryRun {
		ended = "grants that would end"
	}
	err := c.facts("source", r.Source, "run", r.RunID, "received", n(r.Received), "created", n(r.Created), "updated", n(r.Updated),
		"unchanged", n(r.Unchanged), "archived", n(r.Archived), "skipped", n(r.Skipped), ended, n(r.GrantsEnded))
	if err == nil && r.DryRun {
		err = c.say("A dry run: nothing has changed.")
	}
	if err == nil {
		c.tellRefusal(r, file)
	}
	return err
}

// printDiff prints a dry run, a resource a line.
func (c *cli) printDiff(r engine.SyncReport, file string) error {
	for _, change := range r.Changes {
		if err := c.say("%s", diffLine(change)); err != nil {
			return err
		}
	}
	if r.ChangesOmitted > 0 {
		if err := c.say("and %d more", r.ChangesOmitted); err != nil {
			return err
		}
	}
	c.tellRefusal(r, file)
	if r.Created+r.Updated+r.Archived == 0 {
		return c.say("%s is what the catalogue has: %s", clean(r.Source), counted(r.Unchanged, "resource", "resources"))
	}
	return c.say("%d to create, %d to update, %d to archive, which would end %s",
		r.Created, r.Updated, r.Archived, counted(r.GrantsEnded, "grant", "grants"))
}

func diffLine(change engine.SyncChange) string {
	sign := map[string]string{access.ResourceCreated: "+", access.ResourceUpdated: "~", access.ResourceArchived: "-"}[change.Change]
	line := cmp.Or(sign, "?") + " " + inLine(change.Type+"/"+change.ID)
	if len(change.Fields) > 0 {
		line += " (" + inLine(strings.Join(change.Fields, ", ")) + ")"
	}
	return line
}

// tellRefusal says why the run itself would not be taken.
func (c *cli) tellRefusal(r engine.SyncReport, file string) {
	if r.Refusal != nil {
		_, _ = fmt.Fprintf(c.Err, "curfew: a sync of %s would be refused: %s (%s)\n", file, clean(r.Refusal.Detail), clean(r.Refusal.Code))
	}
}

// tellFaults prints what is wrong with items, each with its place in the file and in
// the order of the file.
func (c *cli) tellFaults(s *snapshot, faults []client.ItemError, all int) {
	slices.SortStableFunc(faults, func(a, b client.ItemError) int { return cmp.Compare(a.Index, b.Index) })
	for _, f := range faults {
		what := f.Detail
		if f.Pointer != "" {
			what = f.Pointer + ": " + what
		}
		if f.Resource != nil {
			what = f.Resource.Type + "/" + f.Resource.ID + " " + what
		}
		_, _ = fmt.Fprintf(c.Err, "%s:%d: %s: %s\n", s.name, s.line(f.Line, f.Index), inLine(f.Code), inLine(what))
	}
	if more := all - len(faults); more > 0 && len(faults) > 0 {
		_, _ = fmt.Fprintf(c.Err, "%s: and %s\n", s.name, counted(more, "fault more", "faults more"))
	}
}

// inLine is a text of others that is a part of a line.
func inLine(text string) string { return clean(oneLine(text)) }

// itemErrors are a report's faults as the client reads them of a refusal.
func itemErrors(faults []engine.SyncError) []client.ItemError {
	out := make([]client.ItemError, len(faults))
	for i, f := range faults {
		out[i] = client.ItemError{Line: f.Line, Index: f.Index, Pointer: f.Pointer, Code: f.Code, Detail: f.Detail}
		if f.Resource != nil {
			out[i].Resource = &struct{ Type, ID string }{f.Resource.Type, f.Resource.ID}
		}
	}
	return out
}
