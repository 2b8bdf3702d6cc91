package webhook

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode"

	"github.com/curfew-access/curfew/connectors"
)

// longSegment is the length from which a part of a URL's path may be a secret by
// itself, as in the addresses that many systems hand out for webhooks.
const longSegment = 16

// redactor knows what of the configuration may not come back in an error.
func redactor(cfg Config, address *url.URL) *connectors.Redactor {
	r := &connectors.Redactor{}
	// As wholes first: what is cut later may be a part of them.
	r.Cut(strings.TrimSuffix(address.EscapedPath(), "/"), strings.TrimSuffix(address.Path, "/"), address.RawQuery)
	for _, secret := range cfg.Secrets {
		r.Hide(secret)
		hideDecoded(r, strings.TrimPrefix(secret, "whsec_"))
	}
	for _, value := range cfg.Headers {
		scheme, credentials, found := strings.Cut(value, " ")
		r.Hide(value)
		if found {
			r.Hide(credentials)
		}
		if strings.EqualFold(scheme, "Basic") {
			hideDecoded(r, credentials)
		}
	}
	for _, values := range address.Query() {
		r.Hide(values...)
	}
	for segment := range strings.SplitSeq(address.Path, "/") {
		if len(segment) >= longSegment {
			r.Hide(segment)
		}
	}
	return r
}

// hideDecoded hides what base64 hides, and the password of "user:password", if a
// person could have typed it.
func hideDecoded(r *connectors.Redactor, encoded string) {
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	text := string(decoded)
	if err != nil || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }) {
		return
	}
	r.Hide(text)
	if _, password, found := strings.Cut(text, ":"); found {
		r.Hide(password)
	}
}
