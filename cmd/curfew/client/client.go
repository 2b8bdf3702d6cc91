// Package client speaks Curfew's HTTP API for the command line.
//
// It sends and reads; it decides nothing. It follows no redirect, because that
// would take the token elsewhere, bounds what it reads, and gives up in time.
// The token is in no error.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrUnreachable says that no gateway answered.
var ErrUnreachable = errors.New("no gateway answered")

// The bounds of one call.
const (
	maxAnswer  = 32 << 20
	timeout    = 30 * time.Second
	retryAfter = 200 * time.Millisecond
)

// Client calls one gateway as one caller.
type Client struct {
	base    string
	token   string
	http    *http.Client
	patient *http.Client // for what is uploaded
	endless *http.Client // for what is streamed, which is watched instead
}

// New returns a client of the gateway at the address.
func New(address, token string) (*Client, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("the gateway's address is not an http or https URL, such as http://127.0.0.1:8080")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("the gateway's address has a user, a query or a fragment; leave them out")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("the token holds a space or a character that no token has")
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		base:    strings.TrimSuffix(u.String(), "/"),
		token:   token,
		http:    &http.Client{Timeout: timeout, CheckRedirect: stay},
		patient: &http.Client{Timeout: uploadTimeout, CheckRedirect: stay},
		endless: &http.Client{CheckRedirect: stay},
	}, nil
}

// Path builds a path out of segments, each escaped.
func Path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// Get reads the path into the value, and returns what was answered.
func (c *Client) Get(ctx context.Context, path string, query url.Values, into any) (json.RawMessage, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.twice(ctx, call{method: http.MethodGet, path: path}, into)
}

// Post sends the body to the path and reads the answer into the value. However
// often the call is tried, key makes it one effect; "" takes a fresh one.
func (c *Client) Post(ctx context.Context, path, key string, body, into any) (json.RawMessage, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = rand.Text()
	}
	return c.twice(ctx, call{method: http.MethodPost, path: path, key: key, body: raw}, into)
}

type call struct {
	method, path, key string
	body              []byte
	upload            *Upload // instead of a body
}

// twice makes the call, and once more when the connection failed: the gateway
// may or may not have seen it, and the key makes that the same.
func (c *Client) twice(ctx context.Context, call call, into any) (json.RawMessage, error) {
	raw, err := c.once(ctx, call)
	if errors.Is(err, ErrUnreachable) && call.again() {
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(retryAfter):
		}
		raw, err = c.once(ctx, call)
	}
	if err != nil || into == nil {
		return raw, err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return raw, fmt.Errorf("the answer to %s %s is not what this release of curfew reads: %w", call.method, call.path, err)
	}
	return raw, nil
}

func (c *Client) once(ctx context.Context, call call) (json.RawMessage, error) {
	if call.upload != nil {
		return c.send(ctx, call)
	}
	req, err := c.request(ctx, call, bytes.NewReader(call.body))
	if err != nil {
		return nil, err
	}
	return c.answer(c.http, req, call)
}

// request is a call as it is sent, with who makes it.
func (c *Client) request(ctx context.Context, call call, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, call.method, c.base+call.path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s can not be sent", call.method, call.path)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "curfew")
	req.Header.Set("Curfew-Channel", "cli")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if call.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", call.key)
	}
	return req, nil
}

// answer sends a request, and reads what is answered.
func (c *Client) answer(by *http.Client, req *http.Request, call call) (json.RawMessage, error) {
	res, err := by.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.base, cause(err))
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w in full at %s: %w", ErrUnreachable, c.base, cause(err))
	case len(raw) > maxAnswer:
		return nil, fmt.Errorf("the answer to %s %s is longer than %d bytes; narrow the list", call.method, call.path, maxAnswer)
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, problemOf(res, raw)
	}
	return raw, nil
}

// cause is the fault without the method and address that net/http puts before it.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
