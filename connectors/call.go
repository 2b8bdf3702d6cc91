package connectors

import (
	"context"
	"net/http"
	"time"
)

// call is a Request on its way: what its tries have in common. retryablehttp
// calls its methods one after the other.
type call struct {
	Request
	waitMin, waitMax time.Duration

	tries  int           // begun
	status int           // of the last try; 0 without an answer
	open   bool          // a try had no answer of the system's own
	wish   time.Duration // the pause that its answer asked for
	next   time.Duration // the pause before the next try
}

// prepare makes the request ready for its next try. The header is a fresh one
// each time: an earlier try's connection may still be reading the last.
func (c *call) prepare(request *http.Request) error {
	c.tries++
	c.status, c.wish = 0, 0
	request.Header = request.Header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	if c.Before != nil {
		c.Before(request.Header)
	}
	return nil
}

// again notes how a try ended and decides whether there is another. There is none
// if its pause would outlast the deadline, or if the system asks for more patience
// than a call has: the caller then learns of the answer at once, and of the wish.
func (c *call) again(ctx context.Context, response *http.Response, err error) (bool, error) {
	if err == nil {
		c.status = response.StatusCode
		c.wish = retryAfter(response, time.Now())
	}
	c.open = c.open || err != nil || inPlace(c.status)
	if ctx.Err() != nil || !shortFault(c.status, err) || c.wish > c.waitMax {
		return false, nil //nolint:nilerr // the answer, or err, goes back as it is
	}
	c.next = max(c.wish, Backoff(c.tries, c.waitMin, c.waitMax))
	deadline, bounded := ctx.Deadline()
	return !bounded || time.Until(deadline) > c.next, nil
}

// inPlace reports whether a status is one that a proxy gives in the place of a
// system that has not answered.
func inPlace(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause returns what again decided.
func (c *call) pause(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return c.next }
