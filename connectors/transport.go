package connectors

import (
	"crypto/tls"
	"net/http"
	"time"
)

const (
	handshakeTimeout = 5 * time.Second
	idleTimeout      = 60 * time.Second
	maxHeaderBytes   = 64 << 10
	maxIdlePerHost   = 32
)

// NewTransport returns a transport for calls to one system: TLS 1.2 or later, a
// bounded set-up, at most the given time from the request to the answer's
// headers, bounded headers.
//
// It takes no proxy from the environment: a proxy would be what the Reach is
// checked against, in place of the system that is called, and one variable set
// for another program would lead secrets through it. It speaks HTTP/1.1 only: a
// dead connection then costs one call, not all that share it. It asks for no
// compression, so that a bound on bytes read is a bound on bytes received.
func NewTransport(reach Reach, answer time.Duration) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            reach.Dialer().DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  answer,
		MaxResponseHeaderBytes: maxHeaderBytes,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		DisableCompression:     true,
		Protocols:              &protocols,
	}
}

// NoRedirects is an http.Client's CheckRedirect that hands a redirect to the
// caller as the answer that it is: what was signed for one place is not sent to
// another.
func NoRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// withoutLocation drops where a redirect leads. http.Client parses it before it
// asks CheckRedirect, and turns one that it can not parse into an error that
// quotes it: the status would be lost.
type withoutLocation struct{ http.RoundTripper }

// RoundTrip makes one try.
func (t withoutLocation) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(request)
	if err == nil && response.StatusCode/100 == 3 {
		response.Header.Del("Location")
	}
	return response, err
}

// CloseIdleConnections passes on what http.Client asks of its transport.
func (t withoutLocation) CloseIdleConnections() {
	if closer, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
