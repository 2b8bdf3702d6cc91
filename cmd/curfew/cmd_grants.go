package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

func (c *cli) grantsCommand() *cobra.Command {
	p := &paging{}
	cmd := &cobra.Command{
		Use:   "grants",
		Short: "List grants: those that you hold or asked for",
		Args:  cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "/v1/grants", p.query(), c.printGrants)
		}),
	}
	p.flags(cmd, "scheduled", "active", "ended")
	cmd.AddCommand(&cobra.Command{
		Use:   "show ID",
		Short: "Show a grant, and what its target confirmed",
		Args:  cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, client.Path("v1", "grants", args[0]), nil, c.printGrant)
		}),
	})
	return cmd
}

func (c *cli) printGrants(page engine.Page[engine.GrantView]) error {
	var rows [][]string
	for _, g := range page.Items {
		rows = append(rows, []string{
			g.ID, string(g.State), g.Subject.String(), g.Resource.Type + "/" + g.Resource.ID, g.Action.Name,
			instant(g.StartsAt), instant(g.ExpiresAt), atTarget(g.Binding),
		})
	}
	if err := c.table("GRANT STATE SUBJECT RESOURCE ACTION FROM UNTIL TARGET", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

func (c *cli) printGrant(g engine.GrantView) error {
	return c.facts(append(grantFacts(g), "more", "what was delivered, and when it was confirmed: curfew bindings show "+g.Binding.ID)...)
}

// printRevocation prints a grant that was ended. It has ended in any case.
func (c *cli) printRevocation(r engine.Revocation) error {
	facts := grantFacts(r.GrantView)
	if r.Propagating {
		facts = append(facts, "propagating", "a check may say yes until each node has read the ledger, which it does within a second")
	}
	return c.facts(facts...)
}

func grantFacts(g engine.GrantView) []string {
	return append(grantPairs(g.Grant),
		"live", strconv.FormatBool(g.Live),
		"subject", g.Subject.String(),
		"access", g.Action.Name+" on "+g.Resource.Type+"/"+g.Resource.ID,
		"request", g.RequestID,
		"binding", g.Binding.ID,
		"target", atTarget(g.Binding),
		"attempts", strconv.Itoa(g.Binding.Attempts),
		"last error", g.Binding.LastError,
		"next attempt", exactOrNone(g.Binding.NextAt),
		"confirmed at", exactOrNone(g.Binding.ConfirmedAt))
}

// atTarget is what the target was told and what it confirmed.
func atTarget(b engine.BindingView) string {
	state := b.Target + ": " + string(b.Observed)
	if b.Observed != b.Desired {
		state += ", should be " + string(b.Desired)
	}
	if b.Overdue {
		state += ", OVERDUE"
	}
	return state
}
