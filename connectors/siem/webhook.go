package siem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// WebhookType is the type of the messages that bring audit events.
const WebhookType = "audit.events"

// maxWebhookTimeout bounds a call: as long as one lasts, the sink has no other.
const maxWebhookTimeout = 2 * time.Minute

// WebhookConfig is a webhook that takes audit events, as an operator configured it.
// It prints as what it is: URL, secrets and header values may all be secret.
type WebhookConfig struct {
	URL     string            `json:"-"` // absolute http or https, without user and fragment; required
	Secrets []string          `json:"-"` // "whsec_…"; at least one, several while they are changed over
	Headers map[string]string `json:"-"` // sent along, to authenticate; not those that are the message's own
	Timeout time.Duration     // of a whole call, short retries inside it included; 0: 15 s; at most 2 min

	// As are what the connection is made with; nil: nobody says who calls, and whom
	// the machine trusts is trusted.
	As *connectors.Credentials `json:"-"`

	Transport http.RoundTripper `json:"-"` // nil: connectors.NewTransport
	Now       func() time.Time  `json:"-"` // the clock of signatures; nil: time.Now
}

// Format keeps secrets out of everything that fmt prints, whatever the verb.
func (WebhookConfig) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "webhook sink") }

// LogValue keeps secrets out of logs.
func (WebhookConfig) LogValue() slog.Value { return slog.StringValue("webhook sink") }

// Webhook sends audit events to one URL, in messages as Standard Webhooks 1.0.0 says.
// It is safe for concurrent use.
type Webhook struct {
	url     *url.URL
	headers http.Header
	signer  *connectors.Signer
	client  *connectors.Client
	redact  *connectors.Redactor // never changed; each call clones it
	now     func() time.Time
}

// NewWebhook returns the sink, or every fault of its configuration. No fault holds the
// URL, a secret or the value of a header.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	address, urlErr := connectors.ParseURL(cfg.URL)
	headers, headersErr := connectors.ParseHeaders(cfg.Headers)
	signer, signerErr := connectors.NewSigner(cfg.Secrets...)
	if err := errors.Join(urlErr, headersErr, signerErr, cfg.checkTimeout(), cfg.checkCredentials(address)); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Webhook{
		url: address, headers: headers, signer: signer, now: cfg.Now,
		client: connectors.NewClient(connectors.Options{
			Timeout: cfg.Timeout, Reach: connectors.ReachPrivate, As: cfg.As, Transport: cfg.Transport,
		}),
		redact: connectors.Confidential{Addresses: []*url.URL{address}, Secrets: cfg.Secrets, Headers: cfg.Headers}.Redactor(),
	}, nil
}

func (c WebhookConfig) checkTimeout() error {
	if c.Timeout < 0 || c.Timeout > maxWebhookTimeout {
		return fmt.Errorf("the timeout %s is not between 0 (for the default) and %s", c.Timeout, maxWebhookTimeout)
	}
	return nil
}

// checkCredentials refuses credentials that would never be shown.
func (c WebhookConfig) checkCredentials(address *url.URL) error {
	if c.As != nil && address != nil && address.Scheme != "https" {
		return errors.New("a client certificate is for an https URL")
	}
	return nil
}

// Format keeps secrets out of everything that fmt prints, whatever the verb.
func (w *Webhook) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "webhook sink") }

// Send makes one call with all records. Any 2xx says that they are safe. The id of the
// message is the same whenever the same records are sent.
func (w *Webhook) Send(ctx context.Context, records []access.AuditRecord) (string, error) {
	if len(records) == 0 {
		return "", nil
	}
	id, body := webhookMessage(records)
	redact := w.redact.Clone()
	answer, err := w.client.Do(ctx, connectors.Request{
		Method: http.MethodPost,
		URL:    w.url,
		Header: w.headers,
		Body:   body,
		Redact: redact,
		Before: func(h http.Header) {
			w.signer.SignHeader(h, id, w.now(), body)
			redact.Hide(strings.Fields(h.Get(connectors.HeaderSignature))...)
		},
	})
	if err != nil {
		if errors.Is(err, connectors.ErrAddressRefused) {
			err = access.Permanent(err)
		}
		return "", &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: err}
	}
	return "", webhookAnswer(answer)
}

// webhookMessage returns the message with the records, and its id. The events stand in
// it byte for byte, since they are what was hashed: an encoder would escape them anew.
func webhookMessage(records []access.AuditRecord) (id string, body []byte) {
	first, last := records[0].Seq, records[len(records)-1].Seq
	body = fmt.Appendf(body, `{"type":%q,"timestamp":%q,"data":{"first":%d,"last":%d,"events":[`,
		WebhookType, records[len(records)-1].Time.UTC().Format(time.RFC3339Nano), first, last)
	for i, record := range records {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, record.Body...)
	}
	return "aud_" + strconv.FormatInt(first, 10) + "_" + strconv.FormatInt(last, 10), append(body, "]}}"...)
}

// webhookAnswer says what an answer means for the records. What a receiver says of
// itself, that it knows no such place or caller, is no word about a record: those wait
// for somebody to mend it, and none is given up.
func webhookAnswer(answer connectors.Answer) error {
	if answer.Status >= 200 && answer.Status <= 299 {
		return nil
	}
	switch answer.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return &access.RejectedError{Index: -1, Reason: answer.Said()}
	}
	err := errors.New(answer.Said())
	if !transient(answer.Status) {
		err = access.Permanent(err)
	}
	return &access.DeliveryError{
		Class: access.ClassRefused, Status: answer.Status, Open: answer.Open, RetryAfter: answer.RetryAfter, Err: err,
	}
}
