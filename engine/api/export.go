package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// exportPath is where the audit log is taken out.
const exportPath = "/v1/audit/export"

// formatProof is not a format of events: it is what proves them.
const formatProof = "proof"

// exportQuery reads which events are taken out, and how.
func exportQuery(in *incoming) (f engine.ExportFilter, err error) {
	values, err := in.query("format", "after", "through", "since")
	if err != nil {
		return f, err
	}
	var faults [4]error
	f.Format, f.Proof, faults[0] = exportFormat(values.Get("format"))
	if text := values.Get("after"); text != "" {
		f.After, faults[1] = numberOf("after", text)
	}
	if text := values.Get("through"); text != "" {
		var through int64
		through, faults[2] = numberOf("through", text)
		f.Through = &through
	}
	if text := values.Get("since"); text != "" {
		f.Since, faults[3] = numbersOf("since", text)
		if !f.Proof {
			faults[3] = access.Invalid("invalid_since", "", "since goes with format=proof")
		}
	}
	return f, errors.Join(faults[:]...)
}

// exportFormat reads the format: an export is a stream of lines.
func exportFormat(text string) (f audit.Format, proof bool, err error) {
	switch text {
	case "":
		return audit.FormatNDJSON, false, nil
	case formatProof:
		return audit.FormatNDJSON, true, nil
	}
	if f, err = audit.FormatOf(text); err != nil || f == audit.FormatJSON {
		return f, false, access.Invalid("invalid_format", "", "an export is ndjson, csv, ocsf or proof, not %q", text)
	}
	return f, false, nil
}

func numberOf(name, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, access.Invalid("invalid_number", "", "%s is the number of an event, 0 and up, not %q", name, text)
	}
	return n, nil
}

func numbersOf(name, text string) (all []int64, err error) {
	for one := range strings.SplitSeq(text, ",") {
		n, fault := numberOf(name, one)
		all, err = append(all, n), errors.Join(err, fault)
	}
	return all, err
}

// exported fits an export to its reader.
func exported(
	begin func(context.Context, engine.Call, engine.ExportFilter) (*engine.Export, error),
) useCase[engine.ExportFilter, any] {
	return func(ctx context.Context, call engine.Call, f engine.ExportFilter) (any, error) {
		x, err := begin(ctx, call, f)
		if err != nil {
			return nil, err
		}
		return stream{ctx, x}, nil
	}
}

// stream is an export on its way.
type stream struct {
	ctx    context.Context //nolint:containedctx // of the request that this answers
	export *engine.Export
}

// pageWithin is how long a page may take to be read by the caller: the server's own
// bound is for a whole answer, and an export is as long as it is.
const pageWithin = time.Minute

// render sends page after page. A failure cuts the connection off: that is how the
// caller learns of it, once a part is sent.
func (s stream) render(w http.ResponseWriter, status int) error {
	s.head(w.Header())
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	sent := false
	for page, err := range s.export.Pages(s.ctx) {
		if err != nil && s.ctx.Err() == nil {
			return cutOffError{err}
		}
		if err == nil && !sent {
			w.WriteHeader(status)
			sent = true
		}
		if err == nil {
			err = send(w, control, page)
		}
		if err != nil {
			return cutOffError{fmt.Errorf("the caller left: %w", err)}
		}
	}
	if !sent {
		w.WriteHeader(status)
	}
	return nil
}

func send(w http.ResponseWriter, control *http.ResponseController, page []byte) error {
	if err := control.SetWriteDeadline(time.Now().Add(pageWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.Write(page); err != nil {
		return err
	}
	return control.Flush()
}

// head says which events these are, and where their proof is.
func (s stream) head(header http.Header) {
	after, through := strconv.FormatInt(s.export.After, 10), strconv.FormatInt(s.export.Through, 10)
	header.Set("Curfew-Audit-After", after)
	header.Set("Curfew-Audit-Through", through)
	if s.export.IsProof() {
		header.Set("Content-Type", audit.FormatNDJSON.ContentType())
		return
	}
	header.Set("Content-Type", s.export.Format().ContentType())
	header.Set("Link", fmt.Sprintf(`<%s?format=%s&after=%s&through=%s>; rel="describedby"`, exportPath, formatProof, after, through))
}

// unfinished is for an answer that was not sent to its end. One that only its end makes
// whole is cut off; if nothing of it was sent it is refused instead.
func (s *server) unfinished(c *gin.Context, err error) {
	var cut cutOffError
	switch {
	case !errors.As(err, &cut):
		s.log.Info("an answer was not read to its end", "request_id", trip(c).id, "error", err)
	case !c.Writer.Written():
		s.refuse(c, cut.error)
	default:
		s.log.Warn("an answer was cut off", "request_id", trip(c).id, "route", c.FullPath(), "error", cut.error)
		panic(http.ErrAbortHandler) // the way of net/http to drop a connection
	}
}

// cutOffError is why an answer was not sent to its end: the connection goes with it.
type cutOffError struct{ error }

func (c cutOffError) Unwrap() error { return c.error }
