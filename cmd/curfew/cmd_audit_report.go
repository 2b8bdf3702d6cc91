package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/report"
)

// reportForms are the forms of a report by their names here: JSON is one that is
// whole and proved, and not pages of a list.
var reportForms = map[string]string{"html": report.FormHTML, "csv": report.FormCSV, "json": report.FormJSON} //nolint:gochecknoglobals // a constant

func (c *cli) auditReportCommand() *cobra.Command {
	f := &accessFlags{}
	var form string
	cmd := &cobra.Command{
		Use:   "report FILE",
		Short: "Write who had access at a time, or in a period, as a report",
		Long: "Write who had access at a time, or in a period, with the request, the reasons, the\n" +
			"reviewers, the policy, and when it was opened and removed, to a file, or to the standard\n" +
			"output as -. HTML prints well; JSON holds what curfew audit verify checks.",
		Example: "  curfew audit report october.html --from 2026-10-01 --to 2026-11-01\n" +
			"  curfew audit report october.json --from 2026-10-01 --to 2026-11-01 && curfew audit verify october.json --key audit.pub",
		Args: cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			q, err := f.query(time.Now())
			if err != nil {
				return err
			}
			if form == "" {
				form = formOfFile(args[0])
			}
			format, known := reportForms[form]
			if !known {
				return usage("--format is html, csv or json, not %q", form)
			}
			q.Set("format", format)
			return c.auditReport(cmd.Context(), args[0], q)
		}),
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&form, "format", "", "`form` of the report: html, csv or json (default: by the name of the file, or html)")
	completeForms(cmd, slices.Sorted(maps.Keys(reportForms))...)
	return cmd
}

// formOfFile is the form that the name of a file asks for.
func formOfFile(name string) string {
	if form := strings.TrimPrefix(strings.ToLower(filepath.Ext(name)), "."); reportForms[form] != "" {
		return form
	}
	return "html"
}

// auditReport writes the report. A file is there when it is whole, and one that was
// there before stays until then.
func (c *cli) auditReport(ctx context.Context, name string, q url.Values) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if name == "-" {
		_, err := c.fetchReport(ctx, cl, q, c.Out)
		return err
	}
	name = filepath.Clean(name)
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.part") // readable by its owner alone
	if err != nil {
		return usage("%v", err)
	}
	n, err := c.fetchReport(ctx, cl, q, file)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(map[string]any{"file": name, "bytes": n})
	}
	return c.say("The report is in %s", name)
}

// fetchReport copies the report to out, and shows how much there is of it.
func (c *cli) fetchReport(ctx context.Context, cl *client.Client, q url.Values, out io.Writer) (n int64, err error) {
	p := noProgress(0)
	if c.output == outputTable && isTerminal(c.Err) {
		p = barProgress(c.Err)(-1)
		p.begin("writing the report", -1, progressbar.OptionShowBytes(true))
		defer p.end()
	}
	err = cl.Stream(ctx, accessPath, q, func(_ http.Header, body io.Reader) error {
		n, err = io.Copy(out, counting{body, p})
		return err
	})
	return n, err
}

// counting is a body whose reading is shown.
type counting struct {
	io.Reader
	progress *progress
}

func (b counting) Read(buf []byte) (int, error) {
	n, err := b.Reader.Read(buf)
	b.progress.add(n)
	return n, err
}

// reportBegins is how much of a file is looked at to tell whether it is a report.
const reportBegins = 512

// verifyReport verifies a report of who had access; found is false when the file is
// another one.
func verifyReport(name string, trust audit.Trust) (r audit.Report, found bool, err error) {
	file, err := os.Open(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, usage("%v", err)
	}
	if err != nil {
		return r, false, err
	}
	defer func() { _ = file.Close() }()
	begins := make([]byte, reportBegins)
	n, err := io.ReadFull(file, begins)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || !audit.IsReport(begins[:n]) {
		return r, false, nil // it is none, or too short to be one
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return r, false, fmt.Errorf("%s: %w", name, err)
	}
	r, err = audit.VerifyReport(file, trust)
	return r, true, err
}
