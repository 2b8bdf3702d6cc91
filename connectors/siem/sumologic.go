package siem

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	// sumoRequest is what a request holds at most, in bytes before compression.
	sumoRequest = 1_000_000
	// sumoPause is how long a source is left alone that is throttled and does not
	// say for how long.
	sumoPause = 15 * time.Second
	// sumoTimeout is longer than the 30 s after which Sumo Logic gives up a request
	// itself, and says so.
	sumoTimeout = 40 * time.Second
)

// SumoLogic sends records to an HTTP source, a JSON object a line. It makes one
// request at a time, is safe for concurrent use, and prints as its host.
//
// Sumo Logic gives no receipt: 200 says that the lines came. With an ingest budget in
// force it may drop them all the same.
type SumoLogic struct {
	vendor
	url    *url.URL
	header http.Header
	turn   chan struct{} // held by the one request under way
}

// NewSumoLogic returns the sender, or every fault of its configuration. No fault holds
// the URL.
func NewSumoLogic(cfg SumoLogicConfig) (*SumoLogic, error) {
	address, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("sumologic: %w", err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = sumoTimeout
	}
	return &SumoLogic{
		// No retries inside a call: one that is throttled and comes back at once is
		// throttled for longer.
		vendor: vendor{name: "Sumo Logic", redact: sumoRedactor(address), client: connectors.NewClient(connectors.Options{
			Timeout: cfg.Timeout, Retries: -1, Reach: connectors.ReachPrivate, Transport: cfg.Transport,
		})},
		url: address, header: cfg.header(), turn: make(chan struct{}, 1),
	}, nil
}

// Format keeps the URL out of everything that fmt prints, whatever the verb.
func (s *SumoLogic) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "Sumo Logic at "+s.url.Host)
}

// Send hands over the records in their order. The receipt is always "".
func (s *SumoLogic) Send(ctx context.Context, records []access.AuditRecord) (receipt string, err error) {
	if len(records) == 0 {
		return "", nil
	}
	body, err := sumoLines(records)
	if err != nil {
		return "", err
	}
	return "", s.post(ctx, body)
}

// Check reports whether the source is there: a request without a line leaves nothing
// behind.
func (s *SumoLogic) Check(ctx context.Context) error { return unrejected(s.post(ctx, nil)) }

func (s *SumoLogic) post(ctx context.Context, body []byte) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return &access.DeliveryError{Class: access.ClassUnreachable, Err: fmt.Errorf("%s: %w", s.name, context.Cause(ctx))}
	}
	answer, err := s.call(ctx, http.MethodPost, s.url, s.header, zipped(body))
	if err != nil {
		return err
	}
	return s.judge(answer)
}

// judge says what an answer means: nil, an *access.DeliveryError, or an
// *access.RejectedError.
func (s *SumoLogic) judge(answer connectors.Answer) error {
	switch {
	case answer.Status/100 == 2:
		return nil
	case answer.Status == http.StatusRequestEntityTooLarge:
		return s.tooLarge(answer)
	case answer.Status == http.StatusTooManyRequests:
		err := s.failed(answer, "it takes no more for now")
		if err.RetryAfter == 0 {
			err.RetryAfter = sumoPause
		}
		return err
	case transient(answer.Status):
		return s.failed(answer, "")
	case answer.Status == http.StatusUnauthorized:
		return s.misconfigured(answer, "the source's URL is not one that it knows: set `url` to the one that it shows")
	}
	return s.misconfigured(answer, "an HTTP source does not answer so: check the URL")
}

// sumoLines writes the records one a line, each as it was given unless it has several.
// What is more than a request may hold is refused here: a part of it would be taken.
func sumoLines(records []access.AuditRecord) ([]byte, error) {
	var b bytes.Buffer
	for i, r := range records {
		if !bytes.ContainsAny(r.Body, "\r\n") {
			b.Write(r.Body)
		} else if err := json.Compact(&b, r.Body); err != nil {
			return nil, &access.RejectedError{Index: i, Reason: "it has several lines, and is no JSON"}
		}
		b.WriteByte('\n')
	}
	if b.Len() > sumoRequest {
		return nil, &access.RejectedError{Index: -1, Reason: fmt.Sprintf("a request to Sumo Logic holds %d bytes at most", sumoRequest)}
	}
	return b.Bytes(), nil
}
