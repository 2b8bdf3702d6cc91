package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// Target delivers messages to one URL. It is safe for concurrent use, and prints
// as its name.
type Target struct {
	name     string
	contract string
	url      *url.URL
	verify   *url.URL // where questions go
	headers  http.Header
	signer   *connectors.Signer
	client   *connectors.Client
	redact   *connectors.Redactor // never changed; each delivery clones it
	now      func() time.Time
}

// New returns the target, or every fault of its configuration. No fault holds the
// URL, a secret or the value of a header.
func New(cfg Config) (*Target, error) {
	address, headers, signer, err := cfg.validate()
	verify, verifyErr := parseVerifyURL(cfg.VerifyURL, address)
	if err = errors.Join(err, verifyErr); err != nil {
		return nil, fmt.Errorf("webhook target %q: %w", cfg.Name, err)
	}
	reach := connectors.ReachPrivate
	if cfg.PublicOnly {
		reach = connectors.ReachPublic
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	contract := sha256.Sum256([]byte(cfg.Name + "\n" + cfg.URL))
	return &Target{
		name:     cfg.Name,
		contract: hex.EncodeToString(contract[:]),
		url:      address,
		verify:   verify,
		headers:  headers,
		signer:   signer,
		client: connectors.NewClient(connectors.Options{
			Timeout: cfg.Timeout, Retries: cfg.Retries, Reach: reach, AtOnce: cfg.AtOnce, As: cfg.As, Transport: cfg.Transport,
		}),
		redact: connectors.Confidential{Addresses: []*url.URL{address, verify}, Secrets: cfg.Secrets, Headers: cfg.Headers}.Redactor(),
		now:    cfg.Now,
	}, nil
}

// Format keeps secrets out of everything that fmt prints, whatever the verb.
func (t *Target) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "webhook target %q", t.name) }

// Contract returns the identity of what was promised: the hex SHA-256 of the name,
// a line end and the URL. It does not give the URL away.
func (t *Target) Contract() string { return t.contract }

// Deadline returns how long an attempt lasts at most, its retries and the pauses
// between them included.
func (t *Target) Deadline() time.Duration { return t.client.Timeout() }

// Deliver makes one attempt: it ends within the Deadline, or as soon as ctx does.
// The message's id is the same whenever a generation of a binding is delivered.
//
// Any 2xx confirms. Every other outcome is an *access.DeliveryError, and the target
// may have acted all the same: ClassRefused for an answer, a redirect too, and
// ClassUnreachable for none. It is marked Permanent for 401, 404 and 410, and for
// an address that may not be dialled. No error holds a secret, the URL beyond
// scheme and host, or more than a short piece of the answer.
func (t *Target) Deliver(ctx context.Context, m access.Message) (access.Receipt, error) {
	id, err := messageID(m.Data.Binding)
	if err != nil {
		return access.Receipt{}, unsendable(err)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return access.Receipt{}, unsendable(errors.New("the message has no JSON form"))
	}
	redact := t.redact.Clone()
	if m.Data.Callback != nil {
		redact.Hide(m.Data.Callback.Token)
	}
	answer, err := t.send(ctx, t.url, id, body, redact)
	if err != nil {
		return access.Receipt{}, unreachable(err)
	}
	if answer.Status < 200 || answer.Status > 299 {
		return access.Receipt{}, refused(answer)
	}
	return access.Receipt{Status: answer.Status, Tries: answer.Tries, Open: answer.Open, Detail: answer.Detail}, nil
}

// send posts a signed body. The redactor is this call's own.
func (t *Target) send(ctx context.Context, to *url.URL, id string, body []byte, redact *connectors.Redactor) (connectors.Answer, error) {
	return t.client.Do(ctx, connectors.Request{
		Method: http.MethodPost,
		URL:    to,
		Header: t.headers,
		Body:   body,
		Redact: redact,
		Before: func(h http.Header) {
			t.signer.SignHeader(h, id, t.now(), body)
			redact.Hide(strings.Fields(h.Get(connectors.HeaderSignature))...)
		},
	})
}

// messageID returns "<binding id>_<generation>". A dot would part the signed
// fields elsewhere; anything but a token has no place in a header.
func messageID(b access.BindingRef) (string, error) {
	if !connectors.IsToken(b.ID) || strings.Contains(b.ID, ".") {
		return "", errors.New("the message's binding has no valid id")
	}
	return b.ID + "_" + strconv.FormatInt(b.Generation, 10), nil
}

func refused(answer connectors.Answer) error {
	err := errors.New(answer.Said())
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusGone:
		err = access.Permanent(err)
	}
	return &access.DeliveryError{Class: access.ClassRefused, Status: answer.Status, Open: answer.Open, RetryAfter: answer.RetryAfter, Err: err}
}

func unreachable(err error) error {
	if errors.Is(err, connectors.ErrAddressRefused) {
		err = access.Permanent(err)
	}
	return &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: err}
}

// unsendable is a message that never left, and never will.
func unsendable(err error) error {
	return &access.DeliveryError{Class: access.ClassUnreachable, Err: access.Permanent(err)}
}
