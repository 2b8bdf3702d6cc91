package main

import (
	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

func (c *cli) requestsCommand() *cobra.Command {
	p := &paging{}
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "List requests: yours, and those that you may review",
		Args:  cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "/v1/requests", p.query(), c.printRequests)
		}),
	}
	p.flags(cmd, "pending", "approved", "denied", "withdrawn", "lapsed")
	cmd.AddCommand(&cobra.Command{
		Use:   "show ID",
		Short: "Show a request",
		Args:  cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, client.Path("v1", "requests", args[0]), nil, c.printRequest)
		}),
	})
	return cmd
}

func (c *cli) printRequests(page engine.Page[engine.RequestView]) error {
	var rows [][]string
	for _, r := range page.Items {
		rows = append(rows, []string{
			r.ID, string(r.State), r.Subject.String(), r.Resource.Type + "/" + r.Resource.ID, r.Action.Name,
			forOrWhile(r.For, r.While), instant(r.CreatedAt), oneLine(r.Reason),
		})
	}
	if err := c.table("REQUEST STATE SUBJECT RESOURCE ACTION FOR ASKED REASON", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}
