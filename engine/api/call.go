package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// The headers that a caller may send beside the standard ones.
const (
	requestIDHeader      = "X-Request-ID"
	channelHeader        = "Curfew-Channel"
	idempotencyKeyHeader = "Idempotency-Key"
)

const (
	maxRequestID      = 128
	maxEchoed         = 1024 // of AuthZEN's routes
	maxIdempotencyKey = 255
)

// newCall is what a request says of itself before it is known who sent it. The
// source is the peer's address: nothing that a client can write.
func newCall(r *http.Request, requestID string) engine.Call {
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	call := engine.Call{Channel: access.ChannelAPI, Source: source, HTTPRequestID: requestID}
	if r.Header.Get(channelHeader) == string(access.ChannelCLI) {
		call.Channel = access.ChannelCLI
	}
	return call
}

// requestID is the caller's own id of the request if it can be one, else a fresh
// one. AuthZEN has any value that HTTP allows echoed.
func requestID(h http.Header, authZEN bool) string {
	id := h.Get(requestIDHeader)
	if len(id) <= maxRequestID && visible(id) || authZEN && echoable(id) {
		return id
	}
	return rand.Text()
}

// echoable reports whether the text can go back as a header and into a log: it
// has no control characters. It need not be UTF-8.
func echoable(text string) bool {
	return text != "" && len(text) <= maxEchoed && !strings.ContainsFunc(text, unicode.IsControl)
}

// once reads the Idempotency-Key of a POST whose body was read.
func (in *incoming) once() (engine.Once, error) {
	keys := in.Header.Values(idempotencyKeyHeader)
	if in.Method != http.MethodPost || len(keys) == 0 {
		return engine.Once{}, nil
	}
	if len(keys) > 1 || len(keys[0]) > maxIdempotencyKey || !visible(strings.ReplaceAll(keys[0], " ", "_")) {
		return engine.Once{}, access.Invalid("invalid_idempotency_key", "",
			"the Idempotency-Key is 1 to %d characters of printable ASCII, sent once", maxIdempotencyKey)
	}
	return engine.Once{Route: in.Method + " " + in.URL.Path, Key: keys[0], BodyHash: in.bodyHash()}, nil
}

// bodyHash is the same for two spellings of one JSON value.
func (in *incoming) bodyHash() string {
	canonical := jsontext.Value(in.raw).Clone()
	if err := canonical.Canonicalize(); err != nil { // no body: it is what it is
		canonical = in.raw
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
