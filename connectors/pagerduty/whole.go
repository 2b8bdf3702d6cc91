package pagerduty

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxBody bounds an answer. A page of a hundred on-calls with their users is well
	// below 1 MiB.
	maxBody = 8 << 20
	// tryTimeout bounds one try from its first byte to its answer's last.
	tryTimeout = 20 * time.Second
	// wordless is the pause after a 429 that does not say how long to wait. PagerDuty
	// counts by the minute.
	wordless = 10 * time.Second
)

// whole makes an answer whose body does not come, or breaks off, no answer at all,
// so that it is asked for again: half a list is worth nothing here.
type whole struct{ next http.RoundTripper }

// RoundTrip makes one try and reads its answer to the end.
func (w whole) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), tryTimeout)
	defer cancel()
	response, err := w.next.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return nil, tooSlow(request.Context(), err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	_ = response.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("the answer broke off: %w", tooSlow(request.Context(), err))
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	hintWait(response)
	return response, nil
}

// CloseIdleConnections passes on what http.Client asks of its transport.
func (w whole) CloseIdleConnections() {
	if closer, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// tooSlow says how long a try was waited for, if it was its own time that ended.
func tooSlow(caller context.Context, err error) error {
	if caller.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("nothing within %s: %w", tryTimeout, context.DeadlineExceeded)
	}
	return err
}

// hintWait says in HTTP's words how long PagerDuty asks to wait: its own header is
// in seconds, and is not Retry-After.
func hintWait(response *http.Response) {
	if response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") != "" {
		return
	}
	wait, ok := resetIn(response.Header)
	if !ok {
		wait = wordless
	}
	response.Header.Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
}

// resetIn is how many seconds are left until the rate limit starts anew.
func resetIn(header http.Header) (time.Duration, bool) {
	seconds, err := strconv.ParseUint(header.Get("Ratelimit-Reset"), 10, 16)
	return time.Duration(seconds) * time.Second, err == nil
}
