package main

import (
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

func (c *cli) sourcesCommand() *cobra.Command {
	cmd := c.sourceListCommand("sources", "List where resources come from, and how fresh they are", cobra.NoArgs,
		func(cmd *cobra.Command, _ []string, q url.Values) error {
			return show(c, cmd, "/v1/sources", q, c.printCatalogueSources)
		})
	cmd.AddCommand(c.sourceListCommand("runs NAME", "List the syncs of a source, the newest first", cobra.ExactArgs(1),
		func(cmd *cobra.Command, args []string, q url.Values) error {
			return show(c, cmd, client.Path("v1", "sources", args[0], "runs"), q, c.printSyncRuns)
		}))
	return cmd
}

func (c *cli) sourceListCommand(use, short string, args cobra.PositionalArgs, list func(*cobra.Command, []string, url.Values) error) *cobra.Command {
	var limit int
	var cursor string
	cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: c.does(func(cmd *cobra.Command, args []string) error {
		q := url.Values{"limit": {strconv.Itoa(limit)}}
		narrow(q, map[string]string{"cursor": cursor})
		return list(cmd, args, q)
	})}
	cmd.Flags().IntVarP(&limit, "limit", "n", engine.DefaultLimit, "how many at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a list ended")
	return cmd
}

func (c *cli) printCatalogueSources(page engine.Page[engine.SourceView]) error {
	var rows [][]string
	for _, s := range page.Items {
		row := []string{s.Source, strconv.Itoa(s.Resources), "", "", "fresh", ""}
		if s.EverySeconds != nil {
			row[2] = (time.Duration(*s.EverySeconds) * time.Second).String()
		}
		if s.LastSyncedAt != nil {
			row[3] = instant(*s.LastSyncedAt)
		}
		if s.Stale {
			row[4] = "stale"
		}
		if s.LastRun != nil {
			row[5] = outcomeOf(*s.LastRun)
		}
		rows = append(rows, row)
	}
	if err := c.table("SOURCE RESOURCES EVERY SYNCED STATE LAST_RUN", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

func (c *cli) printSyncRuns(page engine.Page[engine.SyncRun]) error {
	var rows [][]string
	for _, r := range page.Items {
		n := strconv.Itoa
		rows = append(rows, []string{r.ID, instant(r.StartedAt), outcomeOf(r), r.Actor, n(r.Received), n(r.Created), n(r.Updated),
			n(r.Unchanged), n(r.Archived), n(r.Skipped), n(r.GrantsEnded)})
	}
	if err := c.table("RUN STARTED OUTCOME ACTOR RECEIVED CREATED UPDATED UNCHANGED ARCHIVED SKIPPED GRANTS_ENDED", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

// outcomeOf is what became of a run, with the reason if it was refused.
func outcomeOf(r engine.SyncRun) string {
	if r.Code != "" {
		return r.Outcome + " (" + r.Code + ")"
	}
	return r.Outcome
}
