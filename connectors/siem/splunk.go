package siem

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	splunkEvents = "/services/collector/event"
	splunkAcks   = "/services/collector/ack"
	splunkHealth = "/services/collector/health"
)

// Splunk sends records to an HTTP event collector. It is safe for concurrent use,
// and prints as its host.
//
// A 200 of Splunk's says that the records are in a queue, not that they are indexed.
// With indexer acknowledgement Send returns a receipt, and Settled asks whether what
// it stands for is indexed.
type Splunk struct {
	vendor
	cfg     SplunkConfig
	base    *url.URL
	channel string      // of what this process sends
	doubted atomic.Bool // acknowledgements are expected, and one did not come
}

// NewSplunk returns the sender, or every fault of its configuration. No fault holds
// the token.
func NewSplunk(cfg SplunkConfig) (*Splunk, error) {
	base, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("splunk: %w", err)
	}
	redact := &connectors.Redactor{}
	redact.Hide(cfg.Token)
	return &Splunk{
		vendor: vendor{name: "Splunk", redact: redact, client: connectors.NewClient(connectors.Options{
			Timeout: cfg.Timeout, Reach: connectors.ReachPrivate, As: cfg.As, Transport: cfg.Transport,
		})},
		cfg: cfg.withDefaults(), base: base, channel: newChannel(),
	}, nil
}

// Format keeps the token out of everything that fmt prints, whatever the verb.
func (s *Splunk) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Splunk at "+s.base.Host) }

// Send hands over the records in their order. The receipt is "" unless indexer
// acknowledgement is on.
func (s *Splunk) Send(ctx context.Context, records []access.AuditRecord) (receipt string, err error) {
	if len(records) == 0 {
		return "", nil
	}
	body, err := s.envelopes(records)
	if err != nil {
		return "", err
	}
	if s.doubted.Load() { // sending the same once more would only be one more copy of it
		if _, err := s.indexed(ctx, s.channel, 0); err != nil {
			return "", err
		}
		s.doubted.Store(false)
	}
	header := s.header(s.channel)
	if !s.cfg.Plain {
		body = zipped(body)
		header.Set("Content-Encoding", "gzip")
	}
	answer, err := s.call(ctx, http.MethodPost, s.at(splunkEvents, nil), header, body)
	if err != nil {
		return "", err
	}
	said, err := s.judge(answer, len(records))
	if err != nil || !s.cfg.Ack {
		return "", err
	}
	if said.AckID == nil {
		s.doubted.Store(true)
		return "", s.misconfigured(answer, "ack is on, and the token has no indexer acknowledgement: enable it for the token, or set `ack: false`")
	}
	return s.channel + "/" + strconv.FormatInt(*said.AckID, 10), nil
}

// Settled asks whether what the receipt stands for is indexed. Splunk says yes once,
// and forgets it: whoever did not hear it, or whose Splunk was restarted, hears no for
// ever, and sends again. So it is for a receipt that can not be read.
func (s *Splunk) Settled(ctx context.Context, receipt string) (safe bool, err error) {
	channel, number, _ := strings.Cut(receipt, "/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !isChannel(channel) {
		return false, nil //nolint:nilerr // it is none of Splunk's: what it stands for is sent again
	}
	return s.indexed(ctx, channel, id)
}

// indexed asks for one acknowledgement, on the channel on which it was promised.
func (s *Splunk) indexed(ctx context.Context, channel string, id int64) (bool, error) {
	body := fmt.Appendf(nil, `{"acks":[%d]}`, id)
	answer, err := s.call(ctx, http.MethodPost, s.at(splunkAcks, url.Values{"channel": {channel}}), s.header(channel), body)
	if err != nil {
		return false, err
	}
	var said struct {
		Acks map[string]bool `json:"acks"`
	}
	if answer.Status == http.StatusOK && json.Unmarshal(answer.Body, &said) == nil && said.Acks != nil {
		return said.Acks[strconv.FormatInt(id, 10)], nil
	}
	if _, err = s.judge(answer, 0); err != nil {
		return false, unrejected(err)
	}
	return false, s.failed(answer, "it did not say what is indexed")
}

// Check reports whether Splunk is there and takes the token, without sending an event:
// a request without data is refused only behind the door. Whether the token may write
// to the index shows with the first event.
func (s *Splunk) Check(ctx context.Context) error {
	answer, err := s.call(ctx, http.MethodGet, s.at(splunkHealth, nil), s.header(s.channel), nil)
	if err == nil && answer.Status != http.StatusOK { // 200 is well, whatever it says beside it
		_, err = s.judge(answer, 0)
	}
	if err != nil {
		return unrejected(err)
	}
	answer, err = s.call(ctx, http.MethodPost, s.at(splunkEvents, nil), s.header(s.channel), nil)
	if err != nil {
		return err
	}
	if said, ok := splunkSaid(answer.Body); !ok || said.code() != splunkNoData {
		if _, err = s.judge(answer, 0); err != nil {
			return unrejected(err)
		}
	}
	if s.cfg.Ack {
		_, err = s.indexed(ctx, s.channel, 0)
	}
	return err
}

// unrejected makes a fault of a question out of the refusal of records: there were
// none.
func unrejected(err error) error {
	var rejected *access.RejectedError
	if errors.As(err, &rejected) {
		return errors.New(rejected.Reason)
	}
	return err
}

func (s *Splunk) at(path string, query url.Values) *url.URL {
	to := *s.base
	to.Path += path
	to.RawQuery = query.Encode()
	return &to
}

func (s *Splunk) header(channel string) http.Header {
	h := http.Header{
		"Authorization": {"Splunk " + s.cfg.Token}, "Content-Type": {"application/json"}, "User-Agent": {"Curfew"},
	}
	if s.cfg.Ack {
		h.Set("X-Splunk-Request-Channel", channel)
	}
	return h
}

// splunkEnvelope is an event on its way. Fields are indexed beside what Splunk finds
// in the event by itself, and so have none of its names: a field that is there twice
// has two values.
type splunkEnvelope struct {
	Time       json.Number     `json:"time"`
	Host       string          `json:"host,omitempty"`
	Source     string          `json:"source"`
	SourceType string          `json:"sourcetype"`
	Index      string          `json:"index,omitempty"`
	Event      json.RawMessage `json:"event"`
	Fields     splunkFields    `json:"fields"`
}

// splunkFields are flat, and strings: Splunk takes nothing else.
type splunkFields struct {
	EventID string `json:"event_id"`
	Seq     string `json:"seq"`
	Type    string `json:"event_type"`
}

// envelopes writes the records one behind the other, each event as it was given: what
// was hashed can be read back out of it.
func (s *Splunk) envelopes(records []access.AuditRecord) ([]byte, error) {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	for i, r := range records {
		micros := r.Time.UnixMicro()
		err := lines.Encode(splunkEnvelope{
			Time: json.Number(fmt.Sprintf("%d.%06d", micros/1e6, micros%1e6)),
			Host: s.cfg.Host, Source: s.cfg.Source, SourceType: s.cfg.SourceType, Index: s.cfg.Index,
			Event:  r.Body,
			Fields: splunkFields{r.EventID, strconv.FormatInt(r.Seq, 10), r.Type},
		})
		if err != nil || len(r.Body) == 0 || r.Body[0] != '{' {
			return nil, &access.RejectedError{Index: i, Reason: "it is no JSON object"}
		}
	}
	return b.Bytes(), nil
}
