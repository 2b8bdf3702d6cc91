package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
)

// maxData bounds the body of a query, in bytes, before and after it is inflated.
// It is more than MaxBody: an input of OPA's clients can be a whole Kubernetes
// object or a plan, and OPA itself takes 256 MiB.
const maxData = 1 << 20

// maxDataPath bounds the path of a query, in bytes: those that were asked are kept.
const maxDataPath = 2048

// dataQuery is a query as it is asked.
type dataQuery struct {
	access.Query
	style
}

// read is the reader of a query.
func (d *documents) read(in *incoming) (q dataQuery, err error) {
	if q.Path, err = documentPath(in.params.ByName("path")); err != nil {
		return q, err
	}
	q.zipped = takesGzip(in.Header)
	var values url.Values
	if in.URL.RawQuery != "" {
		if values, err = url.ParseQuery(in.URL.RawQuery); err != nil {
			return q, access.Invalid("malformed_query", "", "the query can not be read; escape its values")
		}
		if err := q.options(values); err != nil {
			return q, err
		}
	}
	if in.Method == http.MethodGet {
		if inputs := values["input"]; len(inputs) > 0 {
			q.Input = json.RawMessage(inputs[len(inputs)-1])
		}
		return q, nil
	}
	raw, err := d.body(in)
	if err != nil {
		return q, err
	}
	q.Input, err = inputOf(raw)
	q.warn = q.Input == nil
	return q, err
}

// documentPath reads the parts of a path, each unescaped by itself. Empty ones are
// passed over, as OPA does.
func documentPath(sent string) (parts []string, err error) {
	if len(sent) > maxDataPath {
		return nil, access.Invalid("path_too_long", "", "the path has more than %d bytes", maxDataPath)
	}
	for part := range strings.SplitSeq(sent, "/") {
		if part == "" {
			continue
		}
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// options reads the parameters. What OPA does not know it ignores, and what OPA
// knows and is not offered is refused: the answer would lack what was asked for.
func (q *dataQuery) options(values url.Values) error {
	for _, name := range []string{"instrument", "rule_labels"} {
		if isSet(values, name) {
			return notOffered(name)
		}
	}
	for _, mode := range values["explain"] {
		if slices.Contains([]string{"notes", "fails", "full", "debug"}, mode) {
			return notOffered("explain")
		}
	}
	q.Metrics = isSet(values, "metrics")
	q.provenance = isSet(values, "provenance")
	q.pretty = isSet(values, "pretty")
	q.StrictErrors = isSet(values, "strict-builtin-errors")
	return nil
}

func notOffered(parameter string) error {
	return access.Invalid("parameter_not_offered", "", "the parameter %q of OPA is not offered here; leave it out", parameter)
}

// isSet reads a switch as OPA does: present and empty, or true at least once.
func isSet(values url.Values, name string) bool {
	given := values[name]
	if len(given) == 1 && given[0] == "" {
		return true
	}
	return slices.ContainsFunc(given, func(v string) bool { return strings.EqualFold(v, "true") })
}

// body takes the body in. OPA takes nearly any Content-Type for JSON, and so do
// clients that send none.
func (d *documents) body(in *incoming) ([]byte, error) {
	if media := in.Header.Get("Content-Type"); media != "application/json" && strings.Contains(strings.ToLower(media), "yaml") {
		return nil, access.Invalid("unsupported_media_type", "", "YAML is not read; send the body as JSON, as application/json")
	}
	switch encoding := strings.ToLower(strings.Join(in.Header["Content-Encoding"], ",")); encoding {
	case "", "identity":
		return atMost(http.MaxBytesReader(in.writer, in.Body, maxData), in.ContentLength)
	case "gzip", "x-gzip":
		return d.inflated(in)
	}
	return nil, access.Invalid("unsupported_media_type", "", "the only Content-Encoding that is read is gzip")
}

var errDataTooLarge = access.Invalid("body_too_large", "", "the body has more than %d bytes", maxData)

// atMost reads what is at most maxData bytes. The length that was announced is
// believed only as far as it costs little.
func atMost(r io.Reader, announced int64) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(int(min(max(announced, 0), keptSheet)) + bytes.MinRead)
	_, err := buf.ReadFrom(r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), buf.Len() > maxData:
		return nil, errDataTooLarge
	case err != nil:
		return nil, access.Invalid("unreadable_body", "", "the body ended early or could not be read")
	}
	return buf.Bytes(), nil
}

// inflated reads a body that was sent compressed. Both sizes are bounded.
func (d *documents) inflated(in *incoming) ([]byte, error) {
	packed, err := atMost(http.MaxBytesReader(in.writer, in.Body, maxData), in.ContentLength)
	if err != nil {
		return nil, err
	}
	z := d.unzip.Get().(*gzip.Reader)
	defer d.unzip.Put(z)
	if err := z.Reset(bytes.NewReader(packed)); err != nil {
		return nil, access.Invalid("unreadable_body", "", "the body is not gzip, as its Content-Encoding says")
	}
	return atMost(io.LimitReader(z, maxData+1), 0)
}
