package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// stalled is for how long a stream may bring nothing before it is given up.
const stalled = time.Minute

// Stream reads the path's answer, however long that is and takes, into take. One that
// breaks off is ErrUnreachable: what was taken of it is what was sent, and not all. A
// fault of take's own is returned as it is.
func (c *Client) Stream(ctx context.Context, path string, query url.Values, take func(http.Header, io.Reader) error) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(stalled, func() { cancel(fmt.Errorf("nothing came for %s", stalled)) })
	defer watchdog.Stop()
	req, err := c.request(ctx, call{method: http.MethodGet, path: path}, http.NoBody)
	if err != nil {
		return err
	}
	res, err := c.endless.Do(req)
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.base, errors.Join(context.Cause(ctx), cause(err)))
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		return problemOf(res, raw)
	}
	body := &lively{Reader: res.Body, alive: func() { watchdog.Reset(stalled) }}
	err = take(res.Header, body)
	if body.broke != nil {
		return fmt.Errorf("%w to its end at %s: %w", ErrUnreachable, c.base, errors.Join(context.Cause(ctx), cause(body.broke)))
	}
	return err
}

// lively is a body that tells whenever some of it comes, and remembers how it broke.
type lively struct {
	io.Reader
	alive func()
	broke error
}

func (l *lively) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if n > 0 {
		l.alive()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.broke = err
	}
	return n, err
}
