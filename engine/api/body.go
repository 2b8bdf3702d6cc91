package api

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// MaxBody bounds the body of a request, in bytes.
const MaxBody = 64 << 10

// body reads the JSON object that a POST must carry.
func body[T any](in *incoming) (v T, err error) {
	if err := in.read(); err != nil {
		return v, err
	}
	if len(in.raw) == 0 {
		return v, errEmptyBody
	}
	return decode[T](in.raw)
}

var errEmptyBody = access.Invalid("empty_body", "", "send a JSON object")

// optionalBody reads the JSON object that a POST may carry. Without one, the
// answer is the zero value.
func optionalBody[T any](in *incoming) (v T, err error) {
	if err := in.read(); err != nil || len(in.raw) == 0 {
		return v, err
	}
	return decode[T](in.raw)
}

// read takes the body in, at most MaxBody bytes of application/json.
func (in *incoming) read() error {
	if _, err := in.query(); err != nil {
		return err
	}
	var buf bytes.Buffer
	err := in.readTo(&buf)
	in.raw = buf.Bytes()
	return err
}

// readTo takes the body into a buffer, as read does.
func (in *incoming) readTo(buf *bytes.Buffer) error { return in.readUpTo(buf, MaxBody) }

// readUpTo is readTo with a bound of the route's own.
func (in *incoming) readUpTo(buf *bytes.Buffer, most int64) error {
	_, err := buf.ReadFrom(http.MaxBytesReader(in.writer, in.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil && buf.Len() == 0:
		return nil
	case err == nil:
		return in.checkMediaType()
	case errors.As(err, &tooLarge):
		return access.Invalid("body_too_large", "", "the body has more than %d bytes", most)
	}
	return access.Invalid("unreadable_body", "", "the body ended early or could not be read")
}

func (in *incoming) checkMediaType() error {
	types := in.Header["Content-Type"]
	if len(types) == 1 && types[0] == "application/json" && in.Header.Get("Content-Encoding") == "" {
		return nil // as nearly every client sends it
	}
	const want = "send the body as Content-Type: application/json, in UTF-8 and without a Content-Encoding"
	media, params, err := mime.ParseMediaType(in.Header.Get("Content-Type"))
	switch {
	case err != nil, media != "application/json", len(in.Header.Values("Content-Type")) > 1, in.Header.Get("Content-Encoding") != "":
		return access.Invalid("unsupported_media_type", "", want)
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return access.Invalid("unsupported_media_type", "", want)
	}
	return nil
}

// decode turns the body into a T. Every member must be one of T's, in its own
// spelling; a null is as if the member were absent.
func decode[T any](raw []byte) (v T, err error) {
	if err := checkForm(raw); err != nil {
		return v, err
	}
	if kind := jsontext.Value(raw).Kind(); kind != '{' {
		return v, access.Invalid("wrong_type", "", "the body is %s; want an object", kindWord(kind))
	}
	err = json.Unmarshal(raw, &v,
		json.RejectUnknownMembers(true),
		json.WithUnmarshalers(json.JoinUnmarshalers(json.UnmarshalFunc(readTime), json.UnmarshalFunc(readStart))))
	if err != nil {
		return v, memberFault[T](err)
	}
	return v, nil
}

// readTime reads an RFC 3339 time, as finely as the ledger keeps one.
func readTime(raw []byte, t *time.Time) error {
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return access.Invalid("wrong_type", "", "it is %s; want a string", kindWord(jsontext.Value(raw).Kind()))
	}
	var parsed time.Time
	if err := json.Unmarshal(raw, &parsed); err != nil { // stricter than package time
		return access.Invalid("invalid_time", "", "%q is not a time of RFC 3339, such as 2030-01-31T09:00:00Z", text)
	}
	*t = parsed.UTC().Truncate(time.Microsecond)
	return nil
}

// readStart reads a time, or that access begins with the next shift.
func readStart(raw []byte, s *engine.Start) error {
	if text, err := jsontext.AppendUnquote(nil, raw); err == nil && string(text) == engine.NextShift {
		*s = engine.Start{NextShift: true}
		return nil
	}
	*s = engine.Start{}
	return readTime(raw, &s.At)
}
