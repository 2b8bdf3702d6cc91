package connectors

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// ErrBodyTooLarge says that a message is larger than its sender's are.
var ErrBodyTooLarge = errors.New("the body is too large")

// ReadBody reads the body of a message as it was sent, which its signature is
// checked against. It is ErrBodyTooLarge beyond the limit, in bytes; any other error
// says that it did not come whole, or not in time.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64, in time.Duration) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, ErrBodyTooLarge
	}
	// Where there is no connection there is no deadline, and none is needed.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(in))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, ErrBodyTooLarge
	case err != nil:
		return nil, err //nolint:wrapcheck // and the deadline stays, for whoever drains the connection
	}
	_ = conn.SetReadDeadline(time.Time{}) // one that passes while the message is handled would end the request
	return body, nil
}

// SourceOf is the address of whoever sent a message.
func SourceOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
