package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strings"

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
// one.
func requestID(h http.Header) string {
	if id := h.Get(requestIDHeader); len(id) <= maxRequestID && visible(id) {
		return id
	}
	return rand.Text()
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
