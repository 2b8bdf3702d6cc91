package siem

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// vendor is an HTTP input of somebody's: how it is called, and what an answer that
// is nobody's own means.
type vendor struct {
	name   string // for errors
	client *connectors.Client
	redact *connectors.Redactor // never changed
}

// call makes a call. Its error is an *access.DeliveryError, and says that there was
// no answer: what was sent may be taken all the same.
func (v vendor) call(ctx context.Context, method string, to *url.URL, header http.Header, body []byte) (connectors.Answer, error) {
	answer, err := v.client.Do(ctx, connectors.Request{Method: method, URL: to, Header: header, Body: body, Redact: v.redact})
	if err == nil {
		return answer, nil
	}
	if errors.Is(err, connectors.ErrAddressRefused) {
		err = access.Permanent(err)
	}
	return answer, &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: fmt.Errorf("%s: %w", v.name, err)}
}

// failed is an answer after which the same is sent again.
func (v vendor) failed(answer connectors.Answer, why string) *access.DeliveryError {
	return &access.DeliveryError{
		Class: access.ClassRefused, Status: answer.Status, Open: answer.Open, RetryAfter: answer.RetryAfter, Err: errors.New(v.answered(answer, why)),
	}
}

// misconfigured is an answer that only an operator can change.
func (v vendor) misconfigured(answer connectors.Answer, why string) error {
	err := v.failed(answer, why)
	err.Err = access.Permanent(err.Err)
	return err
}

// tooLarge is the refusal of a request for its size: less of it may be taken.
func (v vendor) tooLarge(answer connectors.Answer) error {
	return &access.RejectedError{Index: -1, Reason: v.answered(answer, "the request is too large")}
}

// answered tells of an answer, and of what is to be done.
func (v vendor) answered(answer connectors.Answer, why string) string {
	text := v.name + " " + answer.Said()
	if why != "" {
		text += "; " + why
	}
	return text
}

// transient reports whether a status says nothing about what was sent: the same may be
// taken later.
func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// zipped is what is sent in the place of text.
func zipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // to memory
	_ = z.Close()
	return b.Bytes()
}

// metadata reports what can not be sent beside the records: each value goes into a
// header or an index as it is.
func metadata(values ...[2]string) (faults []error) {
	for _, v := range values {
		if strings.ContainsFunc(v[1], func(r rune) bool { return r < ' ' || r > '~' }) {
			faults = append(faults, fmt.Errorf("the %s holds a character beyond printable ASCII, such as a line end", v[0]))
		}
	}
	return faults
}
