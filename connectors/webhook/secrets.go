package webhook

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode"

	"github.com/curfew-access/curfew/connectors"
)

// redactor knows what of the configuration may not come back in an error.
func redactor(cfg Config, addresses ...*url.URL) *connectors.Redactor {
	r := &connectors.Redactor{}
	// As wholes first: what is cut later may be a part of them.
	for _, address := range addresses {
		r.Cut(strings.TrimSuffix(address.EscapedPath(), "/"), strings.TrimSuffix(address.Path, "/"), address.RawQuery)
	}
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
	for _, address := range addresses {
		r.HideURL(address)
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
