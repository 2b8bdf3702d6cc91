package connectors

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// ownHeaders are the message's or the connection's, not the operator's.
var ownHeaders = []string{
	"Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host",
	"Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// ParseHeaders returns the header of a JSON message with what an operator wants to be
// sent along. It reports every header that can not be sent, by name, in order.
func ParseHeaders(configured map[string]string) (http.Header, error) {
	headers := http.Header{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		if fault := checkHeader(name, configured[name]); fault != "" {
			faults = append(faults, fmt.Errorf("header %q %s", name, fault))
			continue
		}
		if headers.Get(name) != "" {
			faults = append(faults, fmt.Errorf("header %q is there twice, in different case", name))
		}
		headers.Set(name, configured[name])
	}
	headers.Set("Content-Type", "application/json")
	if headers.Get("User-Agent") == "" {
		headers.Set("User-Agent", "Curfew")
	}
	return headers, errors.Join(faults...)
}

func checkHeader(name, value string) string {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }):
		return "is not the name of a header"
	case slices.Contains(ownHeaders, canonical) || strings.HasPrefix(canonical, "Webhook-"):
		return "can not be set: it is the message's own"
	case strings.TrimSpace(value) == "":
		return "is empty"
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "has a value with a control character, such as a line end"
	}
	return ""
}

// IsToken reports whether the text can stand in a header by itself (RFC 9110, 5.6.2).
func IsToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !isToken(r) })
}

func isToken(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
