package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
)

// What a URL does when its Config does not say.
const (
	DefaultPoll    = time.Minute
	DefaultTimeout = 30 * time.Second
)

// The bounds of what a Config may say.
const (
	MinPoll    = time.Second
	MaxPoll    = 24 * time.Hour
	MaxTimeout = 5 * time.Minute
)

const (
	maxBundle  = 64 << 20    // bytes
	maxDetail  = 4 << 10     // of an answer that is no bundle
	maxETag    = 1 << 10     // a longer one is not sent back
	firstRetry = time.Second // after a failure; it doubles up to the poll
)

// Config says where a bundle is served. It prints as its host: the rest of the
// URL and the token may be secret.
type Config struct {
	URL       string            // absolute http or https, without user and fragment; required
	Token     string            // sent as Authorization: Bearer; "": none
	Poll      time.Duration     // from one fetch to the next, about; 0: DefaultPoll
	Timeout   time.Duration     // of a whole fetch; 0: DefaultTimeout
	Transport http.RoundTripper // nil: connectors.NewTransport, also to private networks
}

// Format keeps secrets out of everything that fmt prints, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	address, err := connectors.ParseURL(c.URL)
	if err != nil {
		_, _ = io.WriteString(f, "a URL that can not be used")
		return
	}
	_, _ = io.WriteString(f, place(address))
}

// URL is a bundle that is served over HTTP. One goroutine uses it.
type URL struct {
	address   *url.URL
	token     string
	poll      time.Duration
	timeout   time.Duration
	transport http.RoundTripper
	redact    *connectors.Redactor
	etag      string // of the bundle that was returned last
	failures  int    // in a row
}

// NewURL returns the bundle, or every fault of its configuration. No fault holds
// the URL or the token.
func NewURL(cfg Config) (*URL, error) {
	address, err := connectors.ParseURL(cfg.URL)
	if err = errors.Join(err, cfg.checkTimes(), checkToken(cfg.Token)); err != nil {
		return nil, err
	}
	u := &URL{address: address, token: cfg.Token, poll: cfg.Poll, timeout: cfg.Timeout, transport: cfg.Transport, redact: redactor(address, cfg.Token)}
	if u.poll == 0 {
		u.poll = DefaultPoll
	}
	if u.timeout == 0 {
		u.timeout = DefaultTimeout
	}
	if u.transport == nil {
		u.transport = connectors.NewTransport(connectors.ReachPrivate, 2*u.timeout) // the whole fetch is bounded first
	}
	return u, nil
}

func (c Config) checkTimes() error {
	var faults []error
	if c.Poll != 0 && (c.Poll < MinPoll || c.Poll > MaxPoll) {
		faults = append(faults, fmt.Errorf("the poll %s is not between %s and %s", c.Poll, MinPoll, MaxPoll))
	}
	if c.Timeout < 0 || c.Timeout > MaxTimeout {
		faults = append(faults, fmt.Errorf("the timeout %s is not between 0 (for the default) and %s", c.Timeout, MaxTimeout))
	}
	return errors.Join(faults...)
}

func checkToken(token string) error {
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the token holds a character that a header can not hold")
	}
	return nil
}

func redactor(address *url.URL, token string) *connectors.Redactor {
	r := &connectors.Redactor{}
	r.Cut(strings.TrimSuffix(address.EscapedPath(), "/"), strings.TrimSuffix(address.Path, "/"), address.RawQuery)
	r.Hide(token)
	r.HideURL(address)
	return r
}

// place is what of a URL people may see.
func place(address *url.URL) string { return address.Scheme + "://" + address.Host }

// String is where the bundle is served, without path and query.
func (u *URL) String() string { return place(u.address) }

// Format keeps the token out of everything that fmt prints, whatever the verb.
func (u *URL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// Pause is about the poll, less up to a tenth at random so that nodes that were
// started together do not come together. After a failure it is shorter.
func (u *URL) Pause() time.Duration {
	pause := u.poll
	if u.failures > 0 {
		pause = min(u.poll, firstRetry<<min(u.failures-1, 20))
	}
	return pause - rand.N(pause/10+1) //nolint:gosec // jitter is not a secret
}

// Fetch asks for the bundle, and returns nil when it is still the one that it
// returned last. A redirect is not followed: the token and the trust are for the
// place that was configured.
func (u *URL) Fetch(ctx context.Context, _ bool) (raw []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, u.timeout, fmt.Errorf("no whole answer within %s", u.timeout))
	defer cancel()
	defer func() {
		u.failures++
		if err == nil {
			u.failures = 0
		}
	}()
	request, err := u.request(ctx)
	if err != nil {
		return nil, err
	}
	// Straight through the transport: a client would read where a redirect leads.
	response, err := u.transport.RoundTrip(request)
	if err != nil {
		return nil, u.fault(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusOK:
		return u.body(ctx, response)
	case response.StatusCode == http.StatusNotModified && u.etag != "":
		return nil, nil
	}
	return nil, u.refused(response)
}

// Forget makes the next Fetch return the bundle, also when it is still the same:
// what came of it could not be read.
func (u *URL) Forget() { u.etag = "" }

func (u *URL) request(ctx context.Context) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.address.String(), nil)
	if err != nil {
		return nil, errors.New("the URL can not be asked for")
	}
	request.Header.Set("Prefer", "modes=snapshot")
	request.Header.Set("User-Agent", "curfew")
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	if u.etag != "" {
		request.Header.Set("If-None-Match", u.etag)
	}
	return request, nil
}

// body reads a bundle whole. Its tag counts only once it has come.
func (u *URL) body(ctx context.Context, response *http.Response) ([]byte, error) {
	if response.ContentLength > maxBundle {
		return nil, fmt.Errorf("%s: %w", u, errTooLarge)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxBundle+1))
	switch {
	case err != nil:
		return nil, u.fault(ctx, err)
	case len(raw) > maxBundle:
		return nil, fmt.Errorf("%s: %w", u, errTooLarge)
	case len(raw) == 0:
		return nil, fmt.Errorf("%s: the answer is empty", u)
	}
	u.etag = response.Header.Get("ETag")
	if len(u.etag) > maxETag {
		u.etag = ""
	}
	return raw, nil
}

var errTooLarge = fmt.Errorf("the bundle has more than %d MiB", maxBundle>>20)

// refused is an answer without a bundle. Nothing of a redirect is shown.
func (u *URL) refused(response *http.Response) error {
	text := strings.TrimSpace(strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode))
	if response.StatusCode/100 == 3 && response.StatusCode != http.StatusNotModified {
		return fmt.Errorf("%s: answered %s; redirects are not followed", u, text)
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxDetail)) // what came of it
	if detail := u.redact.Clean(string(body)); detail != "" {
		text += ": " + detail
	}
	return fmt.Errorf("%s: answered %s", u, text)
}

// fault is a fetch without a whole answer. It does not wrap the cause, which may
// quote the URL.
func (u *URL) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s: %s", u, u.redact.Clean(err.Error()))
}
