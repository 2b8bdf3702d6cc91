package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/audit"
)

func (c *cli) auditCheckpointCommand() *cobra.Command {
	var out string
	var keys []string
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the newest signed checkpoint",
		Long: "Print the newest signed checkpoint, or write it to a file: a commitment to all events\n" +
			"so far. Keep it where nobody who runs the gateway can change it; with it\n" +
			"curfew audit verify --since-checkpoint shows that nothing before it was rewritten.",
		Args: cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			verifiers, err := verifierArgs(keys)
			if err != nil {
				return err
			}
			return show(c, cmd, "/v1/audit/checkpoint", nil, func(got engine.AuditCheckpoint) error {
				return c.takeCheckpoint(got, out, verifiers)
			})
		}),
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` that the signed note is written to")
	cmd.Flags().StringArrayVar(&keys, "key", nil, "check it with this `verifier` key, or with those in a file")
	return cmd
}

// takeCheckpoint prints or writes the note, once it is known to be signed by a key
// that is trusted, if any are given.
func (c *cli) takeCheckpoint(got engine.AuditCheckpoint, out string, verifiers []string) error {
	if len(verifiers) > 0 {
		if _, err := audit.OpenCheckpoint(got.Checkpoint, verifiers...); err != nil {
			return err
		}
	}
	if out == "" {
		_, err := fmt.Fprint(c.Out, got.Checkpoint)
		return err
	}
	if err := os.WriteFile(filepath.Clean(out), []byte(got.Checkpoint), 0o600); err != nil {
		return err
	}
	for _, held := range got.Retention.HeldBy {
		_, _ = fmt.Fprintf(c.Err, "Old events are not removed yet: %s\n", clean(held.String()))
	}
	return c.say("the checkpoint of %s written to %s", counted(int(got.Size), "event", "events"), out)
}
