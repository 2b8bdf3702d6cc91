package api

import (
	"bufio"
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/report"
)

// accessAsked is whose access is asked for, and in which form.
type accessAsked struct {
	engine.AccessFilter
	name string // of the form: "json" is a page of a list
	form report.Form
}

// accessQuery reads whose access is asked for, and when.
func accessQuery(in *incoming) (a accessAsked, err error) {
	values, err := in.query("at", "from", "to", "subject", "resource", "include", "format", "limit", "cursor")
	if err != nil {
		return a, err
	}
	var faults [9]error
	a.At, faults[0] = timeOf(values, "at")
	a.From, faults[1] = timeOf(values, "from")
	a.To, faults[2] = timeOf(values, "to")
	a.Subject, faults[3] = subjectOf(values, "subject")
	a.Resource, faults[4] = resourceOf(values)
	a.Paging, faults[5] = pagingOf(values)
	switch include := values.Get("include"); include {
	case "", "unremoved":
	case "granted":
		a.Granted = true
	default:
		faults[6] = access.Invalid("invalid_include", "", "include is unremoved, for what could be used after its grant too, or granted, not %q", include)
	}
	if a.name = values.Get("format"); a.name == "" {
		a.name = formatJSON
	}
	if a.name != formatJSON {
		var known bool
		if a.form, known = report.FormOf(a.name); !known {
			faults[7] = access.Invalid("invalid_format", "", "format is json, or report, html or csv for all in one document, not %q", a.name)
		} else if values.Has("limit") || values.Has("cursor") {
			faults[8] = access.Invalid("invalid_limit", "", "a report is whole: limit and cursor go with format=json")
		}
	}
	return a, errors.Join(faults[:]...)
}

// accesses fits the list of who had access, and the report, to their reader.
func accesses(e *engine.Engine) useCase[accessAsked, any] {
	return func(ctx context.Context, call engine.Call, a accessAsked) (any, error) {
		if a.name == formatJSON {
			return e.Access(ctx, call, a.AccessFilter)
		}
		r, err := e.AccessReport(ctx, call, a.AccessFilter)
		if err != nil {
			return nil, err
		}
		return accessReport{ctx, a.name, a.form, r}, nil
	}
}

// accessReport is a report on its way.
type accessReport struct {
	ctx  context.Context //nolint:containedctx // of the request that this answers
	name string
	form report.Form
	*engine.AccessReport
}

// reportChunk is how much of a report is gathered before it is sent.
const reportChunk = 64 << 10

// render sends the report as it is made. One that fails in its middle is cut off.
func (r accessReport) render(w http.ResponseWriter, status int) error {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	r.head(w.Header())
	sent := &reportWriter{w: w, control: control, status: status}
	out := bufio.NewWriterSize(sent, reportChunk)
	n, err := r.form.Write(out, report.Document{
		AccessReport: r.AccessReport, Items: r.Items(r.ctx),
		Proofs: func(seqs []int64) iter.Seq2[engine.LoggedProof, error] { return r.Proofs(r.ctx, seqs) },
	})
	if err == nil {
		err = r.Taken(r.ctx, r.name, n)
	}
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		return nil
	}
	if !sent.begun { // it is refused instead, as what it is then
		w.Header().Del("Content-Disposition")
		w.Header().Del("Content-Security-Policy")
	}
	return cutOffError{err}
}

// head says what it is, and what a browser lets it do.
func (r accessReport) head(header http.Header) {
	header.Set("Content-Type", r.form.ContentType)
	header.Set("Content-Disposition", `inline; filename="access-`+r.MadeAt.UTC().Format("20060102T150405Z")+`.`+r.form.Extension+`"`)
	if r.name == report.FormHTML {
		header.Set("Content-Security-Policy", report.SecurityPolicy())
	}
}

// reportWriter sends what it is given at once, each piece with a time of its own.
type reportWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	status  int
	begun   bool
}

// Write sends a piece.
func (r *reportWriter) Write(piece []byte) (int, error) {
	if !r.begun {
		r.w.WriteHeader(r.status)
		r.begun = true
	}
	return len(piece), send(r.w, r.control, piece)
}
