package main

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

func (c *cli) bindingsCommand() *cobra.Command {
	return group("bindings", "See what exists at targets, and prove what does not any more",
		c.bindingsListCommand(),
		&cobra.Command{
			Use:   "show ID",
			Short: "Show a binding: how it was last closed, and all that happened to it",
			Args:  cobra.ExactArgs(1),
			RunE: c.does(func(cmd *cobra.Command, args []string) error {
				return show(c, cmd, client.Path("v1", "bindings", args[0]), nil, c.printBinding)
			}),
		},
		c.answerCommand("retry ID", "Have the next attempt made at once", func(cmd *cobra.Command, id string, a answer) error {
			_, err := change(c, cmd, client.Path("v1", "bindings", id, "retry"), "", a, c.printRetried)
			return err
		}),
		c.forceCloseCommand())
}

func (c *cli) bindingsListCommand() *cobra.Command {
	var state, target, subject, resource, cursor string
	var limit int
	var states []string
	for _, s := range access.BindingStates() {
		states = append(states, string(s))
	}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List bindings, newest first",
		Args:  cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if resource != "" {
				ref, err := resourceArg(resource)
				if err != nil {
					return err
				}
				q.Set("resource", ref.String())
			}
			narrow(q, map[string]string{"state": state, "target": target, "subject": subject, "cursor": cursor})
			return show(c, cmd, "/v1/bindings", q, c.printBindings)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&state, "state", "", "only those in the `state`: "+strings.Join(states, ", "))
	flags.StringVar(&target, "target", "", "only those at the `target` of this name")
	flags.StringVar(&subject, "subject", "", "only those of the `subject`, such as user:alice@example.com")
	flags.StringVar(&resource, "resource", "", "only those on the `resource`, such as customer/acme")
	flags.IntVarP(&limit, "limit", "n", engine.DefaultLimit, "how many at most")
	flags.StringVar(&cursor, "cursor", "", "go on where a list ended")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// forceCloseCommand is of one who does not wait for the target's word any more.
func (c *cli) forceCloseCommand() *cobra.Command {
	var body struct {
		Reason string `json:"reason"`
	}
	cmd := &cobra.Command{
		Use:   "force-close ID",
		Short: "Ask a second person to declare a binding gone without its target's word",
		Args:  cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			_, err := change(c, cmd, client.Path("v1", "bindings", args[0], "force-close"), "", body, c.printTask)
			return err
		}),
	}
	cmd.Flags().StringVar(&body.Reason, "reason", "", "why the target's word is not waited for")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}
