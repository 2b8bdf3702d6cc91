package connectors

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode"
)

// Confidential is what of a signed message's configuration may not come back in an
// error.
type Confidential struct {
	Addresses []*url.URL        // where it goes
	Secrets   []string          // it is signed with
	Headers   map[string]string // are sent along
}

// Redactor returns one that knows all of it.
func (c Confidential) Redactor() *Redactor {
	r := &Redactor{}
	// As wholes first: what is cut later may be a part of them.
	for _, address := range c.Addresses {
		r.Cut(strings.TrimSuffix(address.EscapedPath(), "/"), strings.TrimSuffix(address.Path, "/"), address.RawQuery)
	}
	for _, secret := range c.Secrets {
		r.Hide(secret)
		hideDecoded(r, strings.TrimPrefix(secret, secretPrefix))
	}
	for _, value := range c.Headers {
		scheme, credentials, found := strings.Cut(value, " ")
		r.Hide(value)
		if found {
			r.Hide(credentials)
		}
		if strings.EqualFold(scheme, "Basic") {
			hideDecoded(r, credentials)
		}
	}
	for _, address := range c.Addresses {
		r.HideURL(address)
	}
	return r
}

// hideDecoded hides what base64 hides, and the password of "user:password", if a
// person could have typed it.
func hideDecoded(r *Redactor, encoded string) {
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
