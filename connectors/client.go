package connectors

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// What a Client does when Options do not say.
const (
	DefaultTimeout = 15 * time.Second
	DefaultRetries = 2
	DefaultWaitMin = 250 * time.Millisecond
	DefaultWaitMax = 2 * time.Second
)

// MaxAnswer bounds what is read of an answer's body, in bytes, when Options do not
// say.
const MaxAnswer = 64 << 10

// bodyTimeout bounds the wait for an answer's body: what counts came before it.
const bodyTimeout = 2 * time.Second

// Options of a Client. The zero value is good, and reaches public addresses only.
type Options struct {
	Timeout   time.Duration     // of a whole call, retries and pauses included; 0: DefaultTimeout
	Retries   int               // after the first try; 0: DefaultRetries, less: none
	WaitMin   time.Duration     // the first pause; 0: DefaultWaitMin
	WaitMax   time.Duration     // the longest pause inside a call; 0: DefaultWaitMax
	MaxAnswer int64             // what is read of an answer's body, in bytes; 0: MaxAnswer
	Reach     Reach             // which addresses may be dialled; unused with a Transport
	AtOnce    int               // calls that are made at once, whose connections are kept; 0: as many as NewTransport keeps
	As        *Credentials      // nil: nobody says who calls, and whom the machine trusts is trusted; unused with a Transport
	Transport http.RoundTripper // nil: NewTransport(Reach, Timeout)
}

// Client calls other systems over HTTP. A call is tried again after short faults:
// no answer, 408, 425, 429 and 5xx, as often as Retries and the deadline allow. It
// is safe for concurrent use, keeps no state between calls and logs nothing.
type Client struct {
	http             *http.Client
	timeout          time.Duration
	retries          int
	waitMin, waitMax time.Duration
	maxAnswer        int64
}

// NewClient returns a client for one system.
func NewClient(o Options) *Client {
	orElse := func(d, otherwise time.Duration) time.Duration {
		if d <= 0 {
			return otherwise
		}
		return d
	}
	c := &Client{
		timeout: orElse(o.Timeout, DefaultTimeout),
		retries: max(o.Retries, 0),
		waitMin: orElse(o.WaitMin, DefaultWaitMin),
		waitMax: orElse(o.WaitMax, DefaultWaitMax),

		maxAnswer: o.MaxAnswer,
	}
	if c.maxAnswer <= 0 {
		c.maxAnswer = MaxAnswer
	}
	if o.Retries == 0 {
		c.retries = DefaultRetries
	}
	if o.Transport == nil {
		o.Transport = o.transport(c.timeout)
	}
	c.http = &http.Client{Transport: withoutLocation{o.Transport}, CheckRedirect: NoRedirects}
	return c
}

func (o Options) transport(timeout time.Duration) *http.Transport {
	t := NewTransport(o.Reach, timeout)
	t.MaxIdleConnsPerHost = max(t.MaxIdleConnsPerHost, o.AtOnce)
	if o.As != nil {
		t.DialTLSContext = o.As.dialer(t.DialContext)
	}
	return t
}

// Timeout returns the deadline of a whole call.
func (c *Client) Timeout() time.Duration { return c.timeout }

// Request is a call, which may take several tries.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header       // of every try; not changed
	Body   []byte            // of every try, byte for byte
	Before func(http.Header) // sets what differs between tries, before each; nil: nothing
	Redact *Redactor         // knows the secrets of the call; nil: it has none
}

// Answer is what came back, whatever its status.
type Answer struct {
	Status     int
	Header     http.Header
	Body       []byte        // at most Options.MaxAnswer bytes, fewer if it broke off; raw
	Detail     string        // the body's beginning, fit to be shown
	Tries      int           // requests made, at least 1
	Open       bool          // a try had no answer, or one that a proxy gives: the system may still be at it
	RetryAfter time.Duration // the pause asked for, at most MaxRetryAfter; 0: none
}

// Said tells people of an answer that was not what is wanted.
func (a Answer) Said() string {
	text := "answered " + strconv.Itoa(a.Status)
	if phrase := http.StatusText(a.Status); phrase != "" {
		text += " " + phrase
	}
	if a.Detail != "" {
		text += ": " + a.Detail
	}
	return text
}

// Do makes the call. An error says that no answer came to the last try; the
// system may have acted all the same. Its text holds no more of the URL than
// scheme and host; context.Canceled, context.DeadlineExceeded and
// ErrAddressRefused can be told by errors.Is. The Answer's Tries are set even
// then. A redirect is an answer; it is not followed.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, outOfTime(c.timeout))
	defer cancel()
	if r.Redact == nil {
		r.Redact = &Redactor{}
	}
	call := &call{Request: r, waitMin: c.waitMin, waitMax: c.waitMax}
	request, err := retryablehttp.NewRequestWithContext(ctx, r.Method, r.URL.String(), r.Body)
	if err != nil {
		return Answer{}, errors.New("the call has no valid method or URL")
	}
	request.Header = r.Header
	_ = call.prepare(request.Request)

	retrying := &retryablehttp.Client{ // one per call, since its hooks know the call; no logger
		HTTPClient:   c.http,
		RetryMax:     c.retries,
		CheckRetry:   call.again,
		Backoff:      call.pause,
		PrepareRetry: call.prepare,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	response, err := retrying.Do(request) //nolint:bodyclose // readBody closes it
	answer := Answer{Status: call.status, Tries: call.tries, Open: call.open, RetryAfter: call.wish}
	switch {
	case err == nil:
		defer time.AfterFunc(bodyTimeout, cancel).Stop()
		answer.Header = response.Header
		answer.Body = readBody(response, c.maxAnswer)
		answer.Detail = r.Redact.Clean(string(answer.Body))
		return answer, nil
	case call.status != 0: // the deadline passed in the pause after an answer
		return answer, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return answer, newFault("no answer from "+r.URL.Scheme+"://"+r.URL.Host, err, r.Redact)
}

// readBody reads as much as is wanted and closes. A body that breaks off does not
// undo the status before it. A switch of protocols (101) has no body but the bare
// connection, which no deadline ends.
func readBody(response *http.Response, most int64) []byte {
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < 200 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, most))
	return body
}
