package connectors

import (
	"errors"
	"net/url"
	"strings"
)

// longSegment is the length from which a part of a URL's path may be a secret by
// itself, as in the addresses that many systems hand out for webhooks.
const longSegment = 16

// ParseURL reads the URL of something outside. It never wraps url.Parse's error,
// which quotes its input.
func ParseURL(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New("the URL is missing")
	case err != nil:
		return nil, errors.New("the URL can not be parsed")
	case address.Scheme != "http" && address.Scheme != "https", address.Hostname() == "":
		return nil, errors.New("the URL is not an absolute http or https URL")
	case address.User != nil:
		return nil, errors.New("the URL holds a user; send credentials in a header")
	case address.Fragment != "":
		return nil, errors.New("the URL holds a fragment, which is never sent")
	}
	return address, nil
}

// HideURL hides what in a URL may be a secret: the values of its query, and long
// parts of its path.
func (r *Redactor) HideURL(address *url.URL) {
	for _, values := range address.Query() {
		r.Hide(values...)
	}
	for segment := range strings.SplitSeq(address.Path, "/") {
		if len(segment) >= longSegment {
			r.Hide(segment)
		}
	}
}
