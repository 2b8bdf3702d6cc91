package pagerduty

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	// callTimeout bounds a request with its retries and pauses: PagerDuty's limits
	// are counted by the minute, and one minute can be sat out.
	callTimeout = 150 * time.Second
	// FetchTimeout bounds a whole fetch. Facts are too old to count soon after.
	FetchTimeout = 5 * time.Minute

	retries = 5
	waitMin = 500 * time.Millisecond
	waitMax = 65 * time.Second
)

// Client asks PagerDuty. It makes one request at a time, as PagerDuty wants it of
// each key, and its methods may be called at the same time.
type Client struct {
	cfg    Config
	http   *connectors.Client
	users  map[string]access.Subject // the configured mapping
	people directory

	turn      chan struct{} // held by the one request under way; guards what follows
	cred      credential
	notBefore time.Time // no request before: the rate limit is used up until then
}

// New returns a client, or every fault of the configuration.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("pagerduty: %w", err)
	}
	cfg = cfg.withDefaults()
	users, err := cfg.users()
	if err != nil {
		return nil, err
	}
	transport := cfg.Transport
	if transport == nil {
		transport = connectors.NewTransport(cfg.Reach, tryTimeout)
	}
	c := &Client{cfg: cfg, users: users, turn: make(chan struct{}, 1), http: connectors.NewClient(connectors.Options{
		Timeout: callTimeout, Retries: retries, WaitMin: waitMin, WaitMax: waitMax,
		MaxAnswer: maxBody + 1, Transport: whole{transport},
	})}
	c.cred = newAPIKey(cfg.Token)
	if cfg.OAuth != nil {
		c.cred = newApp(*cfg.OAuth, c.http)
	}
	return c, nil
}

// Format keeps the key out of everything that fmt prints, whatever the verb.
func (*Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "pagerduty.Client") }

// Format keeps the client's key out of everything that fmt prints.
func (*OnCall) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, SourceOnCall) }

// Format keeps the client's key out of everything that fmt prints.
func (*Incidents) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, SourceIncidents) }

// call has go-pagerduty make one request, and returns what it decoded with the
// answer's header. Its own errors are not used: it flattens those of its client.
func call[T any](ctx context.Context, c *Client, op operation, do func(*pd.Client) (T, error)) (T, http.Header, error) {
	x := &exchange{client: c, op: op}
	api := pd.NewClient("", pd.WithAPIEndpoint(c.cfg.URL))
	api.HTTPClient = x
	got, err := do(api)
	switch {
	case x.err != nil:
		return got, nil, x.err
	case err != nil && ctx.Err() != nil:
		return got, nil, fmt.Errorf("%s: %w: %w", op.name, ErrUnreachable, context.Cause(ctx))
	case err != nil:
		return got, nil, op.malformed("%s", (&connectors.Redactor{}).Clean(err.Error()))
	}
	return got, x.answer.Header, nil
}

// exchange is the HTTP client of one request of go-pagerduty's.
type exchange struct {
	client *Client
	op     operation
	answer connectors.Answer
	err    error
}

// Do makes the request. Only a 2xx answer of the right form is handed on.
func (x *exchange) Do(r *http.Request) (*http.Response, error) {
	x.answer, x.err = x.client.exchange(r.Context(), x.op, r)
	if x.err != nil {
		return nil, x.err
	}
	return response(x.answer, r), nil
}

// exchange waits for its turn and for the rate limit, and asks. A token that is
// refused is replaced once: it may have been withdrawn before its time.
func (c *Client) exchange(ctx context.Context, op operation, r *http.Request) (connectors.Answer, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return connectors.Answer{}, fmt.Errorf("%s: %w: %w", op.name, ErrUnreachable, context.Cause(ctx))
	}
	answer, err := c.try(ctx, op, r)
	if err == nil && answer.Status == http.StatusUnauthorized && c.cred.forget() {
		answer, err = c.try(ctx, op, r)
	}
	switch {
	case err != nil:
		return answer, err
	case answer.Status/100 != 2:
		return answer, op.refusal(answer, c.cred)
	}
	return answer, op.check(answer.Body)
}

// try makes the request with what the credential shows now. The caller holds the
// turn.
func (c *Client) try(ctx context.Context, op operation, r *http.Request) (connectors.Answer, error) {
	if err := c.pace(ctx); err != nil {
		return connectors.Answer{}, fmt.Errorf("%s: %w: %w", op.name, ErrUnreachable, err)
	}
	authorization, err := c.cred.header(ctx)
	if err != nil {
		return connectors.Answer{}, err
	}
	header := r.Header.Clone()
	header.Set("Authorization", authorization)
	header.Set("User-Agent", "curfew")
	answer, err := c.http.Do(ctx, connectors.Request{Method: r.Method, URL: r.URL, Header: header, Redact: c.cred.redactor()})
	if err != nil {
		return answer, fmt.Errorf("%s: %w: %w", op.name, ErrUnreachable, err)
	}
	c.heed(answer.Header)
	return answer, nil
}

// pace waits until the rate limit starts anew, if the last answer said that it is
// used up.
func (c *Client) pace(ctx context.Context) error {
	wait := c.notBefore.Sub(c.cfg.Now())
	if wait <= 0 {
		return nil
	}
	c.cfg.Log.Info("waiting for PagerDuty's rate limit", "wait", wait)
	timer := time.NewTimer(min(wait, waitMax))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx) //nolint:wrapcheck // wrapped by the caller
	}
}

// heed notes what an answer says about the rate limit.
func (c *Client) heed(header http.Header) {
	remaining, err := strconv.Atoi(header.Get("Ratelimit-Remaining"))
	if reset, ok := resetIn(header); err == nil && remaining <= 0 && ok {
		c.notBefore = c.cfg.Now().Add(min(reset, waitMax))
	}
}
