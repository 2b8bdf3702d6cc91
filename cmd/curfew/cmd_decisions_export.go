package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

func (c *cli) decisionsExportCommand() *cobra.Command {
	f := &decisionsFilter{}
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write decisions to a file, as events of OPA's decision log",
		Long: "Write decisions to a file, or to the standard output as -: a JSON object a line, as\n" +
			"OPA's decision log has them, oldest first. A gateway that goes away in the middle is\n" +
			"waited for. With --cursor the file is added to.",
		Args: cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			q, err := f.query(engine.MaxLimit, time.Now())
			if err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			return c.exportTo(cmd.Context(), &export{client: cl, query: q, err: c.Err, tells: isTerminal(c.Err), pause: exportPause}, args[0], f.cursor != "")
		}),
	}
	f.flags(cmd, "")
	return cmd
}

// exportTo runs an export into the file, and says how much there was. The file is
// not touched before there is a first answer.
func (c *cli) exportTo(ctx context.Context, x *export, name string, further bool) error {
	if name == "-" {
		x.open = func() (io.WriteCloser, error) { return unclosed{c.Out}, nil }
		return x.run(ctx)
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if further {
		mode = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	x.open = func() (io.WriteCloser, error) { return os.OpenFile(filepath.Clean(name), mode, 0o600) }
	if err := x.run(ctx); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(map[string]any{"decisions": x.n, "file": name})
	}
	return c.say("%s written to %s", counted(x.n, "decision", "decisions"), name)
}

type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// How long an export waits for a gateway that went away.
const (
	exportPause    = time.Second
	exportPatience = 5 * time.Minute
)

// export writes page after page.
type export struct {
	client *client.Client
	query  url.Values
	open   func() (io.WriteCloser, error)
	err    io.Writer
	tells  bool          // how far it is
	pause  time.Duration // before a gateway that is away is asked again
	n      int           // that are written
}

func (x *export) run(ctx context.Context) error {
	page, err := x.page(ctx)
	if err != nil {
		return err
	}
	file, err := x.open()
	if err != nil {
		return err
	}
	for out := bufio.NewWriter(file); ; {
		if err = x.write(out, page); err != nil || page.NextCursor == nil {
			break
		}
		x.query.Set("cursor", *page.NextCursor)
		if page, err = x.patiently(ctx); err != nil {
			err = fmt.Errorf("%w\n%s written; go on with --cursor %s", err, counted(x.n, "decision", "decisions"), x.query.Get("cursor"))
			break
		}
	}
	if x.tells {
		_, _ = fmt.Fprintln(x.err)
	}
	return errors.Join(err, file.Close())
}

func (x *export) write(out *bufio.Writer, page engine.Page[json.RawMessage]) error {
	for _, event := range page.Items {
		_, _ = out.Write(event)
		_ = out.WriteByte('\n') // its error comes with Flush
	}
	if err := out.Flush(); err != nil {
		return err
	}
	x.n += len(page.Items)
	if x.tells && len(page.Items) > 0 {
		if last, err := readDecision(page.Items[len(page.Items)-1]); err == nil {
			_, _ = fmt.Fprintf(x.err, "\r%s, to %s", counted(x.n, "decision", "decisions"), instant(last.Timestamp))
		}
	}
	return nil
}

func (x *export) page(ctx context.Context) (page engine.Page[json.RawMessage], err error) {
	_, err = x.client.Get(ctx, "/v1/decisions", x.query, &page)
	return page, err
}

// patiently reads a page of a gateway that may be away for a while.
func (x *export) patiently(ctx context.Context) (page engine.Page[json.RawMessage], err error) {
	for began := time.Now(); ; {
		if page, err = x.page(ctx); err == nil || !isAway(err) || time.Since(began) > exportPatience {
			return page, err
		}
		select {
		case <-ctx.Done():
			return page, err
		case <-time.After(x.pause):
		}
	}
}

// isAway reports whether a gateway may answer when it is asked again.
func isAway(err error) bool {
	var answer *client.AnswerError
	return errors.Is(err, client.ErrUnreachable) || errors.As(err, &answer) && answer.Status >= 500
}

// isTerminal reports whether somebody seems to be watching.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
