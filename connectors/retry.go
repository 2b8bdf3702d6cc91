package connectors

import (
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// MaxRetryAfter caps what a system can ask a caller to wait: the longest pause
// between two attempts at a delivery, however little it is asked.
const MaxRetryAfter = 5 * time.Minute

// shortFault reports whether the same call may well succeed in a moment. Status
// is 0 when there was no answer.
func shortFault(status int, err error) bool {
	if err != nil {
		var untrusted *tls.CertificateVerificationError
		return !errors.As(err, &untrusted) && !errors.Is(err, ErrAddressRefused)
	}
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// Backoff returns the pause before the retry that follows the given try, the
// first being 1: it doubles from shortest to longest, less up to a half at random
// so that callers that failed together do not come back together.
func Backoff(tries int, shortest, longest time.Duration) time.Duration {
	pause := shortest
	for i := 1; i < tries && pause < longest; i++ {
		pause *= 2
	}
	pause = min(pause, longest)
	return pause - rand.N(pause/2+1) //nolint:gosec // jitter is not a secret
}

// retryAfter returns the pause that an answer asks for (RFC 9110, 10.2.3:
// seconds or a date), at most MaxRetryAfter; 0 when it asks for none. Only 429
// and 503 are listened to.
func retryAfter(answer *http.Response, now time.Time) time.Duration {
	if answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	text := answer.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(MaxRetryAfter/time.Second))) * time.Second
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), MaxRetryAfter)
}
