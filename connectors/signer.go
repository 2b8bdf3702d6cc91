package connectors

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks 1.0.0.
const (
	HeaderID        = "Webhook-Id"        // the same on every retry: an idempotency key
	HeaderTimestamp = "Webhook-Timestamp" // of this try, in unix seconds
	HeaderSignature = "Webhook-Signature" // "v1,<base64>", several parted by spaces
)

// The bounds of a signing secret in decoded bytes, as Standard Webhooks 1.0.0
// wants them.
const (
	MinSecretBytes = 24
	MaxSecretBytes = 64
)

const secretPrefix = "whsec_"

// Signer signs messages as Standard Webhooks 1.0.0 says: HMAC-SHA256 over
// "<id>.<unix seconds>.<body>". With several secrets it signs with each, so that
// a receiver can change over from one to the next. It prints as <secret>.
type Signer struct{ keys [][]byte }

// NewSigner takes one or more secrets, each "whsec_" and the standard base64 of
// 24 to 64 bytes. It reports every secret that is not so, by its position and
// never by its text.
func NewSigner(secrets ...string) (*Signer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no signing secret; want at least one")
	}
	var faults []error
	s := &Signer{}
	for i, secret := range secrets {
		key, err := decodeSecret(secret)
		if err != nil {
			faults = append(faults, fmt.Errorf("signing secret %d of %d %w", i+1, len(secrets), err))
			continue
		}
		s.keys = append(s.keys, key)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return s, nil
}

func decodeSecret(secret string) ([]byte, error) {
	if secret == "" {
		return nil, errors.New("is empty")
	}
	encoded, found := strings.CutPrefix(secret, secretPrefix)
	if !found {
		return nil, errors.New("does not begin with " + secretPrefix)
	}
	// Go's decoder skips line ends; a secret that holds one was pasted wrongly.
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return nil, errors.New("is not standard base64, with its padding, after " + secretPrefix)
	}
	if len(key) < MinSecretBytes || len(key) > MaxSecretBytes {
		return nil, fmt.Errorf("has %d bytes; want %d to %d", len(key), MinSecretBytes, MaxSecretBytes)
	}
	return key, nil
}

// Sign returns the value of the signature header for a message sent at the time.
// The id must hold no dot, which parts the signed fields.
func (s *Signer) Sign(id string, at time.Time, body []byte) string {
	signatures := make([]string, 0, len(s.keys))
	for _, key := range s.keys {
		mac := hmac.New(sha256.New, key)
		_, _ = fmt.Fprintf(mac, "%s.%d.", id, at.Unix()) // a hash never fails
		_, _ = mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}

// SignHeader sets the three headers of a try made at the time.
func (s *Signer) SignHeader(h http.Header, id string, at time.Time, body []byte) {
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, s.Sign(id, at, body))
}

// Format keeps the keys out of everything that fmt prints, whatever the verb.
func (s *Signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "<secret>") }
