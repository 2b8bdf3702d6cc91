package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/audit"
)

// auditExportFlags are how the audit log is taken out.
type auditExportFlags struct {
	format, proof   string
	after           int64
	keys, since     []string
	resume, confirm bool
	noProgress      bool
}

func (c *cli) auditExportCommand() *cobra.Command {
	f := &auditExportFlags{}
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write audit events to a file, with what proves them",
		Long: "Write audit events to a file, oldest first, up to the newest signed checkpoint, and\n" +
			"what proves them to FILE.proof; or the events alone to the standard output, as -. A\n" +
			"gateway that goes away in the middle is waited for. What was written is verified.",
		Example: "  curfew audit export 2026.ndjson --key audit.pub\n  curfew audit verify 2026.ndjson --key audit.pub",
		Args:    cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			return c.auditExport(cmd.Context(), args[0], f)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", string(audit.FormatNDJSON), "`form` of the events: ndjson, csv or ocsf")
	flags.StringVar(&f.proof, "proof", "", "`file` for what proves them (default FILE.proof)")
	flags.Int64Var(&f.after, "after", 0, "begin behind the event with this `number`")
	flags.StringArrayVar(&f.keys, "key", nil, "verify with this verifier `key`, or those in a file (default: those that the gateway names)")
	flags.StringArrayVar(&f.since, "since-checkpoint", nil, "`file` with a checkpoint that was kept: the log must go on from it")
	flags.BoolVar(&f.resume, "resume", false, "go on with a file that was begun, behind its last whole line")
	flags.BoolVar(&f.confirm, "confirm", false, "tell the gateway that this is kept: what is old enough may then be removed there")
	flags.BoolVar(&f.noProgress, "no-progress", false, "show no progress, also on a terminal")
	completeForms(cmd, lineForms...)
	return cmd
}

// lineForms are the formats that exports are in.
var lineForms = []string{string(audit.FormatNDJSON), string(audit.FormatCSV), string(audit.FormatOCSF)} //nolint:gochecknoglobals // a constant

// completeForms has a shell offer what --format takes.
func completeForms(cmd *cobra.Command, forms ...string) {
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp))
}

// auditExport runs an export, and verifies what it wrote.
func (c *cli) auditExport(ctx context.Context, name string, f *auditExportFlags) error {
	format, err := lineFormat(f.format)
	if err != nil {
		return err
	}
	trust, sizes, err := trustOf(f.keys, f.since)
	if err != nil {
		return err
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	var newest engine.AuditCheckpoint
	if _, err := cl.Get(ctx, "/v1/audit/checkpoint", nil, &newest); err != nil {
		return err
	}
	if newest.Size < f.after {
		return usage("--after: the newest checkpoint is of %d events", newest.Size)
	}
	if known := max(newest.Retention.Confirmed, newest.Retention.Removed); f.confirm && f.after > known {
		return usage("--confirm: what is confirmed may be removed, and of the events %d to %d no export is known to be kept: "+
			"begin with --after %d, or confirm one of those first", known+1, f.after, known)
	}
	shown := noProgress
	if c.output == outputTable && !f.noProgress && isTerminal(c.Err) {
		shown = barProgress(c.Err)
	}
	x := &auditExport{client: cl, format: format, after: f.after, through: newest.Size, bar: shown(0), pause: exportPause}
	if len(trust.Keys) == 0 {
		trust.Keys = newest.Keys
	}
	if name == "-" {
		return c.auditExportOut(ctx, x, f, sizes)
	}
	if f.proof == "" {
		f.proof = name + ".proof"
	}
	if err := x.toFile(ctx, name, f.resume); err != nil {
		return err
	}
	if err := x.prove(ctx, f.proof, sizes); err != nil {
		return err
	}
	return c.auditExported(ctx, x, name, f, trust)
}

// auditExportOut writes the events to the standard output, where they can not be
// verified.
func (c *cli) auditExportOut(ctx context.Context, x *auditExport, f *auditExportFlags, since []int64) error {
	if f.resume || f.confirm {
		return usage("--resume and --confirm go with a file: what went to the standard output is not known to be anywhere")
	}
	x.out = c.Out
	if err := x.run(ctx); err != nil || f.proof == "" {
		return err
	}
	return x.prove(ctx, f.proof, since)
}

// toFile writes the events to a file: a new one, or one that was begun.
func (x *auditExport) toFile(ctx context.Context, name string, further bool) error {
	mode := os.O_RDWR | os.O_CREATE | os.O_EXCL
	if further {
		mode = os.O_RDWR | os.O_CREATE
	}
	file, err := os.OpenFile(filepath.Clean(name), mode, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already: go on with it by --resume, or give another name", name)
	}
	if err != nil {
		return err
	}
	x.out = file
	if further {
		x.done, x.began, err = resume(file, x.format)
	}
	if err == nil && x.done > x.through-x.after {
		err = usage("%s has %d events, more than there are behind %d: it is not of this export", name, x.done, x.after)
	}
	if err == nil {
		err = x.run(ctx)
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// auditExported verifies what was written, and says what it is.
func (c *cli) auditExported(ctx context.Context, x *auditExport, name string, f *auditExportFlags, trust audit.Trust) error {
	report, err := verifyFiles(name, f.proof, x.format, trust)
	if err != nil {
		return err
	}
	if !report.Verified {
		return c.reportAudit(report, name)
	}
	if f.confirm {
		kept := engine.ExportKept{Through: x.through, Root: report.Root.String()}
		if _, err := x.client.Post(ctx, "/v1/audit/confirmations", "", kept, nil); err != nil {
			return err
		}
	}
	if c.output == outputJSON {
		return c.printJSON(exportedReport{report, name, f.proof, f.confirm})
	}
	if err := c.say("%s written to %s, the proof to %s", counted(int(x.through-x.after), "event", "events"), name, f.proof); err != nil {
		return err
	}
	return c.facts("events", fmt.Sprintf("%d to %d", x.after+1, x.through), "root", report.Root.String(),
		"checkpoint", fmt.Sprintf("%d, %s", report.Checkpoint.Size, report.Checkpoint.Origin), "confirmed", yes(f.confirm),
		"verify", verifyHint(name, f))
}

// exportedReport is what is said of an export as JSON.
type exportedReport struct {
	audit.Report
	File      string `json:"file"`
	Proof     string `json:"proof"`
	Confirmed bool   `json:"confirmed"`
}

// verifyHint is how whoever gets the files verifies them.
func verifyHint(name string, f *auditExportFlags) string {
	hint := "curfew audit verify " + name
	if f.proof != name+".proof" {
		hint += " --proof " + f.proof
	}
	return hint + " --key KEY"
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}
