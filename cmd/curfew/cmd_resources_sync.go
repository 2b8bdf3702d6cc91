package main

import (
	"errors"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

// snapshotFlags are how a snapshot is to be sent.
type snapshotFlags struct {
	source                           string
	allowShrink, skipInvalid, dryRun bool
	gzip, noProgress                 bool
}

const snapshotHelp = `FILE, or - for the standard input, is the whole catalogue of one source: YAML or
JSON with {resources: [...]}, or a JSON object a line. JSON is sent as it is read.`

func (c *cli) resourcesSyncCommand() *cobra.Command {
	f := &snapshotFlags{}
	cmd := &cobra.Command{
		Use:   "sync --source NAME FILE",
		Short: "Make the catalogue of a source what a file says",
		Long: "Make the catalogue of a source what a file says: all of it, or nothing. What is no\n" +
			"longer in it is archived, and its grants end.\n\n" + snapshotHelp,
		Args: cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			report, err := c.putSnapshot(cmd, args[0], f)
			if err != nil || c.output == outputJSON {
				return err
			}
			return c.printSync(report, args[0])
		}),
	}
	f.flags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.allowShrink, "allow-shrink", false, "also if more than half of the resources would be archived")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would change, and change nothing")
	return cmd
}

func (c *cli) resourcesDiffCommand() *cobra.Command {
	f := &snapshotFlags{dryRun: true}
	cmd := &cobra.Command{
		Use:   "diff --source NAME FILE",
		Short: "Show what a sync of a file would change",
		Long: "Show what a sync of a file would change: + for a new resource, ~ for one that\n" +
			"changes, - for one that is archived. It exits with 9 if there is any.\n\n" + snapshotHelp,
		Args: cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			report, err := c.putSnapshot(cmd, args[0], f)
			if err == nil && c.output != outputJSON {
				err = c.printDiff(report, args[0])
			}
			if err == nil && report.Created+report.Updated+report.Archived > 0 {
				err = exitError{exitDiffers, ""}
			}
			return err
		}),
	}
	f.flags(cmd)
	return cmd
}

func (f *snapshotFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.source, "source", "", "the `name` of the source whose catalogue it is (required)")
	flags.BoolVar(&f.skipInvalid, "skip-invalid", false, "leave out what is wrong, which stays as it is, instead of taking nothing")
	flags.BoolVar(&f.gzip, "gzip", true, "compress what is larger than 1 MiB on its way")
	flags.BoolVar(&f.noProgress, "no-progress", false, "show no progress, also on a terminal")
	_ = cmd.MarkFlagRequired("source")
}

func (f *snapshotFlags) query() url.Values {
	q := url.Values{}
	for name, set := range map[string]bool{"allow_shrink": f.allowShrink, "skip_invalid": f.skipInvalid, "dry_run": f.dryRun} {
		if set {
			q.Set(name, "true")
		}
	}
	return q
}

// putSnapshot sends a file as a source's snapshot. Faults of its items are told one
// by one; of JSON the gateway's answer is printed as it is.
func (c *cli) putSnapshot(cmd *cobra.Command, name string, f *snapshotFlags) (report engine.SyncReport, err error) {
	if f.source == "" {
		return report, usage("--source is empty")
	}
	cl, err := c.client()
	if err != nil {
		return report, err
	}
	snapshot, err := openSnapshot(name, c.In)
	if err != nil {
		return report, err
	}
	shown := noProgress
	if c.output == outputTable && !f.noProgress && isTerminal(c.Err) {
		shown = barProgress(c.Err)
	}
	bar := shown(snapshot.size)
	raw, err := cl.Put(cmd.Context(), client.Path("v1", "sources", f.source, "resources"), f.query(), client.Upload{
		ContentType: snapshot.kind, Gzip: f.gzip && snapshot.large(), Once: snapshot.once, Open: bar.watch(snapshot.open),
	}, &report)
	bar.end()
	var refused *client.AnswerError
	if errors.As(err, &refused) {
		c.tellFaults(snapshot, refused.Errors, refused.ErrorCount)
	}
	if err != nil {
		return report, err
	}
	c.tellFaults(snapshot, itemErrors(report.Errors), report.ErrorCount)
	if c.output == outputJSON {
		err = c.printJSON(raw)
	}
	return report, err
}
