package main

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

func (c *cli) tasksCommand() *cobra.Command {
	return group("tasks", "See and close what waits for a second person",
		c.tasksListCommand(),
		&cobra.Command{
			Use:   "show ID",
			Short: "Show a task, and the grant or the binding that it is about",
			Args:  cobra.ExactArgs(1),
			RunE: c.does(func(cmd *cobra.Command, args []string) error {
				return show(c, cmd, client.Path("v1", "tasks", args[0]), nil, c.printTask)
			}),
		},
		c.taskCommand("close", "Say that a flag, or access that nobody had reviewed, was looked at"),
		c.taskCommand("approve", "Have done what waits: a bulk end, or a binding declared gone"),
		c.taskCommand("reject", "Leave undone what waits: a bulk end, or a binding declared gone"))
}

func (c *cli) tasksListCommand() *cobra.Command {
	var state, kind, cursor string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tasks, newest first",
		Args:  cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			narrow(q, map[string]string{"state": state, "kind": kind, "cursor": cursor})
			return show(c, cmd, "/v1/tasks", q, c.printTasks)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&state, "state", "", "only those in the `state`: open, done, rejected")
	flags.StringVar(&kind, "kind", "", "only those of the `kind`: after_review, flag, bulk_end, force_close")
	flags.IntVarP(&limit, "limit", "n", engine.DefaultLimit, "how many at most")
	flags.StringVar(&cursor, "cursor", "", "go on where a list ended")
	return cmd
}

// taskCommand is a command that answers a task, perhaps with a comment.
func (c *cli) taskCommand(verb, short string) *cobra.Command {
	return c.answerCommand(verb+" ID", short, func(cmd *cobra.Command, id string, a answer) error {
		_, err := change(c, cmd, client.Path("v1", "tasks", id, verb), "", a, c.printTask)
		return err
	})
}
