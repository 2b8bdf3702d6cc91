package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/engine/audit"
)

// auditVerifyFlags are what an export, or a ledger, is verified with.
type auditVerifyFlags struct {
	keys, since           []string
	proof, format, config string
}

func (c *cli) auditVerifyCommand() *cobra.Command {
	f := &auditVerifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify that audit events are what was signed",
		Long: "Verify, without any gateway, that the events of an export are those that were signed,\n" +
			"all of them and in their order; FILE may also be the proof of one event, or a report\n" +
			"of who had access, as JSON. Of an event\n" +
			"that was edited, removed, inserted or moved it is said which, and the exit code is 10.\n" +
			"With --config and no FILE, the ledger itself is verified.",
		Example: "  curfew audit verify 2026.ndjson --key audit.pub --since-checkpoint 2025.checkpoint",
		Args:    cobra.MaximumNArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			trust, _, err := trustOf(f.keys, f.since)
			switch {
			case err != nil:
				return err
			case len(args) == 0 && f.config == "":
				return usage("give a FILE that curfew audit export wrote, or --config for the ledger itself")
			case len(args) == 0:
				return c.auditVerifyLedger(cmd.Context(), f.config, trust)
			case f.config != "":
				return usage("give a FILE or --config, not both")
			case len(trust.Keys) == 0:
				return usage("%s", noKeyHelp)
			}
			return c.auditVerifyFile(args[0], f, trust)
		}),
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.keys, "key", nil, "verifier `key` that is trusted, or a file with such")
	flags.StringArrayVar(&f.since, "since-checkpoint", nil, "`file` with a checkpoint that was kept: the log must go on from it")
	flags.StringVar(&f.proof, "proof", "", "`file` with what proves the events (default FILE.proof)")
	flags.StringVar(&f.format, "format", "", "`form` of the events: ndjson, csv or ocsf (default: what it looks like)")
	completeForms(cmd, lineForms...)
	flags.StringVarP(&f.config, "config", "c", "", "verify the ledger that this configuration `file` names")
	return cmd
}

const noKeyHelp = "--key is missing: who changed the file may have changed the key that it names, too. Have the verifier key from those who run\n" +
	"the gateway, by another way than the file: curfew audit key show prints it, and GET /v1/audit/keys answers it"

// lineFormat reads the name of a format that exports are in.
func lineFormat(name string) (audit.Format, error) {
	f, err := audit.FormatOf(name)
	if err != nil || f == audit.FormatJSON {
		return f, usage("--format is ndjson, csv or ocsf, not %q", name)
	}
	return f, nil
}

// trustOf reads keys, and checkpoints that were kept, with their sizes.
func trustOf(keys, since []string) (t audit.Trust, sizes []int64, err error) {
	if t.Keys, err = verifierArgs(keys); err != nil {
		return t, nil, err
	}
	for _, name := range since {
		note, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return t, nil, usage("--since-checkpoint: %v", err)
		}
		size, err := audit.SizeOf(string(note))
		if err != nil {
			return t, nil, usage("--since-checkpoint: %s: %v; curfew audit checkpoint writes one", name, err)
		}
		t.Since, sizes = append(t.Since, string(note)), append(sizes, size)
	}
	return t, sizes, nil
}

// auditVerifyFile verifies an export, or the proof of one event.
func (c *cli) auditVerifyFile(name string, f *auditVerifyFlags, trust audit.Trust) error {
	if f.proof == "" {
		if report, found, err := verifyReport(name, trust); found || err != nil {
			if err != nil {
				return err
			}
			return c.reportAudit(report, name)
		}
		one, err := oneProof(name)
		if err != nil {
			return err
		}
		if one != nil {
			report, err := audit.VerifyOne(one, trust)
			if err != nil {
				return err
			}
			return c.reportAudit(report, name)
		}
		f.proof = name + ".proof"
	}
	var format audit.Format
	if f.format != "" {
		var err error
		if format, err = lineFormat(f.format); err != nil {
			return err
		}
	}
	report, err := verifyFiles(name, f.proof, format, trust)
	if err != nil {
		return err
	}
	return c.reportAudit(report, name)
}

// maxOneProof is how long the proof of one event may be.
const maxOneProof = 16 << 20

// oneProof reads the proof of one event; nil for what is another file.
func oneProof(name string) ([]byte, error) {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, usage("%v", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || info.Size() > maxOneProof {
		return nil, err
	}
	raw, err := io.ReadAll(file)
	if err != nil || !audit.IsEventProof(raw) {
		return nil, err
	}
	return raw, nil
}

// verifyFiles verifies an export by its proof.
func verifyFiles(name, proof string, format audit.Format, trust audit.Trust) (report audit.Report, err error) {
	events, err := os.Open(filepath.Clean(name))
	if err != nil {
		return report, usage("%v", err)
	}
	defer func() { _ = events.Close() }()
	proofs, err := os.Open(filepath.Clean(proof))
	if errors.Is(err, fs.ErrNotExist) {
		return report, usage("%v: an export is verified by its proof, which curfew audit export writes beside it; --proof says where it is", err)
	}
	if err != nil {
		return report, err
	}
	defer func() { _ = proofs.Close() }()
	in := bufio.NewReaderSize(events, 256<<10)
	if format == "" {
		begins, _ := in.Peek(4 << 10)
		format = audit.Guess(begins)
	}
	return audit.Verify(in, format, proofs, trust)
}

// reportAudit says what a check found. What is not what was signed has an exit code of
// its own.
func (c *cli) reportAudit(r audit.Report, name string) error {
	if c.output == outputJSON {
		if err := c.printJSON(r); err != nil {
			return err
		}
	} else if err := c.printAudit(r, name); err != nil {
		return err
	}
	if !r.Verified {
		return exitError{exitUnproved, ""}
	}
	return nil
}

func (c *cli) printAudit(r audit.Report, name string) error {
	if !r.Verified {
		if err := c.say("%s is NOT what was signed", name); err != nil {
			return err
		}
		for _, f := range r.Findings {
			if err := c.say("%s: %s", f.Kind, clean(f.Text)); err != nil {
				return err
			}
		}
		if r.More > 0 {
			return c.say("and %d more", r.More)
		}
		return nil
	}
	if err := c.say("%s is what was signed", name); err != nil {
		return err
	}
	var signed, root, since string
	if r.Checkpoint != nil {
		signed = fmt.Sprintf("%d events, %s, by %s", r.Checkpoint.Size, exact(r.Checkpoint.Time), r.Checkpoint.Origin)
	}
	if r.Root != nil {
		root = r.Root.String()
	}
	if len(r.Since) > 0 {
		since = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(r.Since)), ", "), "[]")
	}
	span := fmt.Sprintf("%d to %d", r.After+1, r.Through)
	if r.Through == r.After {
		span = "none"
	}
	return c.facts("events", span, "root", root, "checkpoint", signed, "goes on from", since)
}
