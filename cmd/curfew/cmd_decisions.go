package main

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

func (c *cli) decisionsCommand() *cobra.Command {
	return group("decisions", "Read the decision log", c.decisionsListCommand(), c.decisionsShowCommand(), c.decisionsExportCommand())
}

// decisionsFilter is the flags that say which decisions.
type decisionsFilter struct{ from, to, path, cursor string }

func (f *decisionsFilter) flags(cmd *cobra.Command, since string) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", since, "not before this `time`, or so long ago: 2026-01-31T09:00:00Z, 15m, 7d")
	flags.StringVar(&f.to, "to", "", "before this `time`, or so long ago (default now)")
	flags.StringVar(&f.path, "path", "", "only of this entry `point`, such as check/decision")
	flags.StringVar(&f.cursor, "cursor", "", "go on where a list or an export ended")
}

// query is the filter at the time. It has an end, so that a list has one too.
func (f *decisionsFilter) query(limit int, now time.Time) (url.Values, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}, "to": {exact(now)}}
	for name, text := range map[string]string{"from": f.from, "to": f.to} {
		if text == "" {
			continue
		}
		at, err := timeOrAgo(text, now)
		if err != nil {
			return nil, usage("--%s: %v", name, err)
		}
		q.Set(name, exact(at))
	}
	narrow(q, map[string]string{"path": f.path, "cursor": f.cursor})
	return q, nil
}

func timeOrAgo(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ago, err := parseDays(text)
	if err != nil {
		return now, usage("%q is neither a time such as 2026-01-31T09:00:00Z nor so long ago, such as 15m or 7d", text)
	}
	return now.Add(-ago), nil
}

func (c *cli) decisionsListCommand() *cobra.Command {
	f := &decisionsFilter{}
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List decisions, oldest first: those of the last hour, if you do not say from when",
		Args:  cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			q, err := f.query(limit, time.Now().Add(time.Second)) // what was just decided, too
			if err != nil {
				return err
			}
			return show(c, cmd, "/v1/decisions", q, c.printDecisions)
		}),
	}
	f.flags(cmd, "1h")
	cmd.Flags().IntVarP(&limit, "limit", "n", engine.DefaultLimit, "how many at most")
	return cmd
}

func (c *cli) decisionsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a decision: all that policy saw, and all that it answered",
		Args:  cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, client.Path("v1", "decisions", args[0]), nil, func(d loggedDecision) error { return c.printLogged(d) })
		}),
	}
}

func (c *cli) printDecisions(page engine.Page[json.RawMessage]) error {
	var rows [][]string
	for _, raw := range page.Items {
		d, err := readDecision(raw)
		if err != nil {
			return err
		}
		rows = append(rows, []string{d.ID, instant(d.Timestamp), d.Path, d.Custom.Caller, d.answer(), d.took()})
	}
	if err := c.table("DECISION TIME PATH CALLER ANSWER TOOK", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}
