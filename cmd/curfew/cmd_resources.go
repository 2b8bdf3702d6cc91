package main

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

func (c *cli) resourcesCommand() *cobra.Command {
	cmd := c.resourcesListCommand("resources")
	cmd.AddCommand(c.resourcesListCommand("list"), c.resourcesShowCommand(), c.resourcesSyncCommand(), c.resourcesDiffCommand())
	return cmd
}

func (c *cli) resourcesListCommand(use string) *cobra.Command {
	var limit int
	var cursor, search string
	cmd := &cobra.Command{
		Use:   use,
		Short: "List what may be asked for, and what policy would answer you",
		Args:  cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			narrow(q, map[string]string{"search": search, "cursor": cursor})
			return show(c, cmd, "/v1/resources", q, c.printResources)
		}),
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", engine.DefaultLimit, "how many at most")
	cmd.Flags().StringVar(&search, "search", "", "only those with the `text` in their name, type or id")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a list ended")
	return cmd
}

func (c *cli) resourcesShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show TYPE/ID",
		Short: "Show a resource, and why policy would answer you so",
		Args:  cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			ref, err := resourceArg(args[0])
			if err != nil {
				return err
			}
			return show(c, cmd, client.Path("v1", "resources", ref.Type, ref.ID), nil, c.printResource)
		}),
	}
}

func (c *cli) printResources(page engine.Page[engine.ResourceView]) error {
	var rows [][]string
	for _, r := range page.Items {
		for _, e := range r.Entitlements {
			rows = append(rows, []string{r.Type + "/" + r.ID, r.Name, e.Action, offered(e), string(e.Effect)})
		}
	}
	if err := c.table("RESOURCE NAME ACTION OFFERED ANSWER", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

func (c *cli) printResource(r engine.ResourceView) error {
	pairs := []string{"resource", r.Type + "/" + r.ID, "name", r.Name}
	for _, e := range r.Entitlements {
		pairs = append(pairs, "action", e.Action, "offered", offered(e), "answer", string(e.Effect))
		for _, reason := range e.Reasons {
			pairs = append(pairs, "because", strings.TrimSuffix(reason.Code+": "+reason.Title+". "+reason.Detail, " "))
		}
	}
	return c.facts(pairs...)
}

func offered(e engine.EntitlementView) string {
	var all []string
	for _, d := range e.Durations {
		all = append(all, d.String())
	}
	for _, w := range e.While {
		all = append(all, "while "+w)
	}
	return strings.Join(all, ", ")
}
