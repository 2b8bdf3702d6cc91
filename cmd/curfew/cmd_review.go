package main

import (
	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine/access"
)

// answer is the body of approve, deny, withdraw and revoke.
type answer struct {
	Comment string           `json:"comment,omitempty"`
	For     *access.Duration `json:"for,omitempty"`
}

func (c *cli) approveCommand() *cobra.Command {
	var length string
	cmd := c.answerCommand("approve ID", "Say yes to a request that waits for a reviewer", func(cmd *cobra.Command, id string, a answer) error {
		if length != "" {
			d, err := access.ParseDuration(length)
			if err != nil {
				return usage("--for: %v", err)
			}
			a.For = &d
		}
		_, err := change(c, cmd, client.Path("v1", "requests", id, "approve"), "", a, c.printRequest)
		return err
	})
	cmd.Flags().StringVar(&length, "for", "", "shorten it to this `duration`")
	return cmd
}

func (c *cli) denyCommand() *cobra.Command {
	return c.answerCommand("deny ID", "Say no to a request that waits for a reviewer", func(cmd *cobra.Command, id string, a answer) error {
		_, err := change(c, cmd, client.Path("v1", "requests", id, "deny"), "", a, c.printRequest)
		return err
	})
}

func (c *cli) withdrawCommand() *cobra.Command {
	return c.answerCommand("withdraw ID", "Take a request back that waits for a reviewer", func(cmd *cobra.Command, id string, a answer) error {
		_, err := change(c, cmd, client.Path("v1", "requests", id, "withdraw"), "", a, c.printRequest)
		return err
	})
}

func (c *cli) revokeCommand() *cobra.Command {
	return c.answerCommand("revoke ID", "End a grant now", func(cmd *cobra.Command, id string, a answer) error {
		_, err := change(c, cmd, client.Path("v1", "grants", id, "revoke"), "", a, c.printRevocation)
		return err
	})
}

// answerCommand is a command that answers one object, perhaps with a comment.
func (c *cli) answerCommand(use, short string, send func(*cobra.Command, string, answer) error) *cobra.Command {
	var comment string
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			return send(cmd, args[0], answer{Comment: comment})
		}),
	}
	cmd.Flags().StringVar(&comment, "comment", "", "why, for the audit log")
	return cmd
}
