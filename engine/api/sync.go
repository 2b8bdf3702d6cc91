package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// The forms that a snapshot of a catalogue comes in.
const (
	formJSON  = "application/json"     // {"resources": […]}
	formLines = "application/x-ndjson" // a resource a line
)

// snapshot reads what is to be made of a snapshot. Its body is read as it is
// taken, and not before: whoever may not bring it sends it in vain.
func snapshot(in *incoming) (o engine.SyncOrder, err error) {
	values, err := in.query("allow_shrink", "dry_run", "skip_invalid")
	if err != nil {
		return o, err
	}
	o.Source = in.param("source")
	for name, flag := range map[string]*bool{"allow_shrink": &o.AllowShrink, "dry_run": &o.DryRun, "skip_invalid": &o.SkipInvalid} {
		if *flag, err = yes(values, name); err != nil {
			return o, err
		}
	}
	form, err := in.snapshotForm()
	if err != nil {
		return o, err
	}
	packed, err := in.packed()
	if err != nil {
		return o, err
	}
	body := newSnapshotBody(in, packed)
	if form == formLines {
		o.Items = newLineItems(body)
	} else {
		o.Items = newListItems(body)
	}
	return o, nil
}

// yes reads a parameter that is true or false; without it, it is false.
func yes(values url.Values, name string) (bool, error) {
	switch text := values.Get(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, access.Invalid("invalid_flag", "", "%s is true or false, not %q", name, text)
	}
}

func (in *incoming) snapshotForm() (string, error) {
	media, params, err := mime.ParseMediaType(in.Header.Get("Content-Type"))
	switch {
	case err != nil, media != formJSON && media != formLines, len(in.Header.Values("Content-Type")) > 1,
		params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return "", access.Invalid("unsupported_media_type", "", "send the body as Content-Type: %s or %s, in UTF-8", formJSON, formLines)
	}
	return media, nil
}

// packed reports whether the body comes compressed.
func (in *incoming) packed() (bool, error) {
	switch encodings := in.Header.Values("Content-Encoding"); {
	case len(encodings) == 0:
		return false, nil
	case len(encodings) == 1 && strings.EqualFold(encodings[0], "gzip"):
		return true, nil
	}
	return false, access.Invalid("unsupported_media_type", "", "send the body without a Content-Encoding, or with gzip")
}

// sourcePage is a page of a source's history.
type sourcePage struct {
	source string
	engine.Paging
}

// sources reads the page of a list of sources.
func sources(in *incoming) (engine.Paging, error) {
	values, err := in.query("limit", "cursor")
	if err != nil {
		return engine.Paging{}, err
	}
	return pagingOf(values)
}

// sourceRuns reads the source in the path and the page of its history.
func sourceRuns(in *incoming) (sourcePage, error) {
	p, err := sources(in)
	return sourcePage{source: in.param("source"), Paging: p}, err
}

// runs fits the history of a source to its reader.
func runs(do func(context.Context, engine.Call, string, engine.Paging) (engine.Page[engine.SyncRun], error)) useCase[sourcePage, engine.Page[engine.SyncRun]] {
	return func(ctx context.Context, call engine.Call, p sourcePage) (engine.Page[engine.SyncRun], error) {
		return do(ctx, call, p.source, p.Paging)
	}
}

// maxSnapshot bounds the body of a snapshot, in bytes, as it comes and unpacked.
const maxSnapshot = 256 << 20

// bounded is the body, of at most maxSnapshot bytes.
func (in *incoming) bounded() io.Reader { return http.MaxBytesReader(in.writer, in.Body, maxSnapshot) }
