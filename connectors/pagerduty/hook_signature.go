package pagerduty

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

const (
	signatureHeader  = "X-PagerDuty-Signature"
	signatureVersion = "v1="
	// maxSignatures bounds how many signatures of a message are tried. PagerDuty
	// sends one for each secret that is in force.
	maxSignatures = 16
)

var (
	errNoSignature    = errors.New("there is no signature of version v1 in " + signatureHeader)
	errWrongSignature = errors.New("no signature in " + signatureHeader + " is by a secret that is configured")
)

// hookSecrets checks the secrets and names each fault by the secret's place.
func hookSecrets(secrets []string) ([][]byte, error) {
	if len(secrets) == 0 {
		return nil, errors.New("pagerduty: the webhook has no secret: without one, anybody could end access")
	}
	keys := make([][]byte, len(secrets))
	var faults []error
	for i, s := range secrets {
		switch {
		case s == "":
			faults = append(faults, fmt.Errorf("pagerduty: secret %d of the webhook is empty", i+1))
		case s != strings.TrimSpace(s):
			faults = append(faults, fmt.Errorf("pagerduty: secret %d of the webhook begins or ends with white space", i+1))
		}
		keys[i] = []byte(s)
	}
	return keys, errors.Join(faults...)
}

// verify reports why nothing shows that PagerDuty sent the body. Any signature by
// any secret is enough, so that secrets can be replaced. It takes the same time
// whichever matches.
//
// The vendor's own VerifySignature reads one header line, does not trim what is
// between commas, and takes an empty secret for one.
func (h *Hook) verify(header http.Header, body []byte) error {
	given := signatures(header)
	if len(given) == 0 {
		return errNoSignature
	}
	genuine := false
	for _, secret := range h.secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		want := mac.Sum(nil)
		for _, got := range given {
			genuine = hmac.Equal(want, got) || genuine
		}
	}
	if !genuine {
		return errWrongSignature
	}
	return nil
}

// signatures reads the signatures of the version that is known, of all lines of
// the header.
func signatures(header http.Header) (found [][]byte) {
	for _, line := range header.Values(signatureHeader) {
		for value := range strings.SplitSeq(line, ",") {
			digits, known := strings.CutPrefix(strings.TrimSpace(value), signatureVersion)
			signature, err := hex.DecodeString(digits)
			if !known || err != nil || len(signature) != sha256.Size {
				continue
			}
			if found = append(found, signature); len(found) == maxSignatures {
				return found
			}
		}
	}
	return found
}
