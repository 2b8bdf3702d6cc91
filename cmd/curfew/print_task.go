package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

func (c *cli) printTasks(page engine.Page[engine.TaskItem]) error {
	var rows [][]string
	for _, t := range page.Items {
		subject, resource := "", ""
		if t.Subject != nil && t.Resource != nil {
			subject, resource = t.Subject.String(), t.Resource.Type+"/"+t.Resource.ID
		}
		rows = append(rows, []string{t.ID, string(t.Kind), string(t.State), subject, resource, instant(t.OpenedAt), oneLine(t.Reason)})
	}
	if err := c.table("TASK KIND STATE SUBJECT RESOURCE OPENED REASON", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

// printTask prints a task with what it says, and what it is about.
func (c *cli) printTask(t engine.TaskItem) error {
	pairs := []string{
		"task", t.ID, "kind", string(t.Kind), "state", string(t.State), "reason", t.Reason,
		"opened by", t.OpenedBy.String(), "opened at", exact(t.OpenedAt),
	}
	pairs = append(pairs, taskPairs(t)...)
	if t.ClosedBy != nil {
		pairs = append(pairs, "closed by", t.ClosedBy.String())
	}
	pairs = append(pairs, "closed at", exactOrNone(t.ClosedAt), "comment", t.Comment)
	if t.Grant != nil {
		pairs = append(pairs, grantFacts(*t.Grant)...)
	}
	if t.Binding != nil {
		pairs = append(pairs, bindingPairs(*t.Binding)...)
	}
	if t.State == access.TaskOpen {
		pairs = append(pairs, "next", "a second person runs: curfew tasks "+nextOf(t.Kind)+" "+t.ID)
	}
	return c.facts(pairs...)
}

// taskPairs is what a task of its kind says.
func taskPairs(t engine.TaskItem) (pairs []string) {
	switch t.Kind {
	case access.TaskFlag:
		var data access.FlagData
		if json.Unmarshal(t.Data, &data) != nil {
			return nil
		}
		for _, r := range data.Rechecks {
			for _, reason := range r.Reasons {
				pairs = append(pairs, "because", fmt.Sprintf("%s changed: %s: %s (policies %s)", r.Cause, reason.Code, reason.Title, short(r.Revision)))
			}
		}
	case access.TaskBulkEnd:
		var data access.BulkEndData
		if json.Unmarshal(t.Data, &data) != nil {
			return nil
		}
		pairs = append(pairs, "policies", short(data.Revision), "would end", fmt.Sprintf("%d of %d live grants", data.Ends, data.Evaluated),
			"flagged", strconv.FormatInt(data.Flags, 10), "such as", strings.Join(data.Sample, "\n"))
	case access.TaskForceClose:
		pairs = append(pairs, "would mean", "nobody asks the target again: make sure that the access is gone there before you approve")
	case access.TaskAfterReview:
	}
	return pairs
}

func nextOf(kind access.TaskKind) string {
	if kind == access.TaskBulkEnd || kind == access.TaskForceClose {
		return "approve|reject"
	}
	return "close"
}
