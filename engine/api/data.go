package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// dataPath is where OPA has its documents.
const dataPath = "/v1/data"

// revisionHeader names the policies that answered.
const revisionHeader = "Curfew-Policy-Revision"

// documents answers OPA's Data API, for clients that were written for OPA. Where
// the rest of the surface and OPA differ, it does as OPA does; docs/api.md lists
// where it does not. It must cost little beside the evaluation.
type documents struct {
	version string    // of the program
	sheets  sync.Pool // of *bytes.Buffer: what an answer is written on
	zippers sync.Pool // of *gzip.Writer
	unzip   sync.Pool // of *gzip.Reader
}

func newDocuments(version string) *documents {
	return &documents{
		version: version,
		sheets:  sync.Pool{New: func() any { return new(bytes.Buffer) }},
		zippers: sync.Pool{New: func() any { return gzip.NewWriter(nil) }},
		unzip:   sync.Pool{New: func() any { return new(gzip.Reader) }},
	}
}

// document is an answer, and how it is to be written.
type document struct {
	*documents
	engine.Document
	style
}

// style is how an answer is wanted.
type style struct {
	pretty, provenance, zipped bool
	warn                       bool // there was no input where one is usual
}

// answers fits a query to its reader.
func (d *documents) answers(query useCase[access.Query, engine.Document]) useCase[dataQuery, document] {
	return func(ctx context.Context, call engine.Call, asked dataQuery) (document, error) {
		found, err := query(ctx, call, asked.Query)
		return document{d, found, asked.style}, err
	}
}

// noInput is what OPA says when there is no input.
const noInput = `,"warning":{"code":"api_usage_warning","message":"the body has no member \"input\", so input is undefined"}`

func (d document) render(w http.ResponseWriter, status int) error {
	h := w.Header()
	h[revisionHeader] = []string{d.Revision}
	if d.Failure != "" {
		return writeOPA(w, http.StatusInternalServerError, opaFailure(d.Failure))
	}
	sheet := d.sheets.Get().(*bytes.Buffer)
	defer d.put(sheet)
	sheet.Reset()
	if err := d.text(sheet); err != nil {
		return err
	}
	h.Set("Content-Type", "application/json")
	h.Add("Vary", "Accept-Encoding")
	if d.zipped && sheet.Len() >= leastZipped {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		return d.zip(w, sheet.Bytes())
	}
	h["Content-Length"] = []string{strconv.Itoa(sheet.Len())}
	w.WriteHeader(status)
	_, err := w.Write(sheet.Bytes())
	return err
}

// text writes the answer as JSON. The result is in it as the policies gave it.
func (d document) text(to *bytes.Buffer) error {
	to.WriteString(`{"decision_id":"`)
	to.WriteString(d.DecisionID) // letters and digits
	to.WriteByte('"')
	if d.provenance {
		raw, err := encode(d.whence())
		if err != nil {
			return err
		}
		to.WriteString(`,"provenance":`)
		to.Write(raw)
	}
	if d.Metrics != nil {
		raw, err := encode(d.Metrics)
		if err != nil {
			return err
		}
		to.WriteString(`,"metrics":`)
		to.Write(raw)
	}
	if d.Result != nil {
		to.WriteString(`,"result":`)
		to.Write(d.Result)
	}
	if d.warn {
		to.WriteString(noInput)
	}
	to.WriteByte('}')
	if d.pretty {
		value := jsontext.Value(bytes.Clone(to.Bytes()))
		if err := value.Indent(jsontext.WithIndent("  ")); err != nil {
			return err
		}
		to.Reset()
		to.Write(value)
	}
	to.WriteByte('\n') // as OPA ends
	return nil
}

// provenance is where an answer comes from, by OPA's names.
type provenance struct {
	Version  string                      `json:"version"`
	Revision string                      `json:"revision"`
	Bundles  map[string]bundleProvenance `json:"bundles,omitzero"`
}

type bundleProvenance struct {
	Revision string `json:"revision"`
}

// bundleName is what the one bundle is called: the configuration gives it no name.
const bundleName = "policies"

func (d document) whence() provenance {
	p := provenance{Version: d.version, Revision: d.Revision}
	if d.BundleRevision != "" {
		p.Bundles = map[string]bundleProvenance{bundleName: {d.BundleRevision}}
	}
	return p
}

// leastZipped is from how many bytes on an answer is compressed, as by OPA: less
// takes more time than it saves.
const leastZipped = 1024

func (d *documents) zip(w http.ResponseWriter, raw []byte) error {
	z := d.zippers.Get().(*gzip.Writer)
	defer d.zippers.Put(z)
	z.Reset(w)
	if _, err := z.Write(raw); err != nil {
		return err
	}
	return z.Close()
}

// keptSheet bounds what is kept between answers: few are as large.
const keptSheet = 64 << 10

func (d *documents) put(sheet *bytes.Buffer) {
	if sheet.Cap() <= keptSheet {
		d.sheets.Put(sheet)
	}
}

// takesGzip reports whether the caller takes an answer that is compressed.
func takesGzip(h http.Header) bool {
	for _, line := range h["Accept-Encoding"] {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			name = strings.TrimSpace(name)
			if name != "*" && !strings.EqualFold(name, "gzip") {
				continue
			}
			weight, weighted := strings.CutPrefix(strings.TrimSpace(params), "q=")
			if q, err := strconv.ParseFloat(weight, 64); !weighted || err == nil && q > 0 {
				return true
			}
		}
	}
	return false
}
