package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/audit"
)

func (c *cli) auditProofCommand() *cobra.Command {
	var out string
	var keys []string
	var size int64
	cmd := &cobra.Command{
		Use:   "proof ID",
		Short: "Prove that an event is in the log",
		Long: "Prove that an event is in the log: ID is its id or its number. With --key the proof is\n" +
			"checked here as well, and nothing that the gateway says is taken on trust but what\n" +
			"the key signed. With --out it is written to a file, as JSON.",
		Args: cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			verifiers, err := verifierArgs(keys)
			if err != nil {
				return err
			}
			q := url.Values{}
			if size > 0 {
				q.Set("size", strconv.FormatInt(size, 10))
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			var p engine.AuditProof
			raw, err := cl.Get(cmd.Context(), client.Path("v1", "audit", "proof", args[0]), q, &p)
			if err != nil {
				return err
			}
			return c.takeProof(args[0], p, raw, out, verifiers)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "", "`file` that the proof is written to")
	flags.StringArrayVar(&keys, "key", nil, "check it with this `verifier` key, or with those in a file")
	flags.Int64Var(&size, "size", 0, "prove it in the tree of so `many` events (default that of the newest checkpoint)")
	return cmd
}

func (c *cli) takeProof(id string, p engine.AuditProof, raw json.RawMessage, out string, verifiers []string) error {
	checked := "not checked here; give --key"
	if len(verifiers) > 0 {
		if err := checkProof(id, p, verifiers); err != nil {
			return err
		}
		checked = "checked"
	}
	if out != "" {
		if err := os.WriteFile(filepath.Clean(out), append(raw, '\n'), 0o600); err != nil {
			return err
		}
	}
	if c.output == outputJSON {
		return c.printJSON(raw)
	}
	if p.Event == nil {
		_, _ = fmt.Fprintln(c.Err, "The event is not kept any more; its hash is.")
	} else if err := c.printEvent(p.Event); err != nil {
		return err
	}
	return c.say("event %d is in the log of %s (%s)", p.Seq, counted(int(p.Size), "event", "events"), checked)
}

// checkProof checks a proof by what a trusted key signed, and of the event that was
// asked for.
func checkProof(id string, p engine.AuditProof, verifiers []string) error {
	if p.Checkpoint == nil {
		return fmt.Errorf("the gateway keeps no checkpoint of %d events to check with; leave --size out", p.Size)
	}
	signed, err := audit.OpenCheckpoint(*p.Checkpoint, verifiers...)
	if err != nil {
		return err
	}
	leaf := p.Leaf
	if p.Event != nil {
		leaf = audit.Hash(audit.Leaf(p.Event))
	}
	if err := isOf(id, p); err != nil {
		return err
	}
	if signed.Size != p.Size {
		return errors.New("the checkpoint is of another size than the proof")
	}
	return audit.CheckInclusion(p.Proof, signed.Size, signed.Root, p.Seq, leaf)
}

// isOf reports a proof that is of another event than the one that was asked for.
func isOf(id string, p engine.AuditProof) error {
	if id == strconv.FormatInt(p.Seq, 10) {
		return nil
	}
	var event struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(p.Event, &event); err != nil || event.ID != id {
		return fmt.Errorf("the proof is of another event than %s", id)
	}
	return nil
}
