package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// route is something that callers call.
type route struct {
	name   string
	server *child
	path   string
	status int    // what it must answer
	answer string // and what must be in it; looked at once
	pool   string
	body   func(n int64) []byte // the nth body; nil for that of a request
	calls  atomic.Int64         // so far: each call has a body of its own
	opens  bool                 // each call opens access, of which a target is told
}

// settle waits until the target was told of all that the calls opened.
func (r *route) settle(ctx context.Context, subjects int) error {
	if !r.opens {
		return nil
	}
	if err := r.server.settle(ctx, min(r.calls.Load(), int64(subjects*resources))); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

// next is the body of the next call.
func (r *route) next(subjects int) []byte {
	n := r.calls.Add(1) - 1
	if r.body != nil {
		return r.body(n)
	}
	return bodyOf(r.pool, n, subjects)
}

// bodyOf is the nth body: a request of about 330 bytes. After everybody has
// asked for a resource they ask for the next, so that each call is about a
// binding that is not there yet, and the grants of one subject stay few.
func bodyOf(pool string, n int64, subjects int) []byte {
	who := subject(pool, int(n)%subjects)
	return fmt.Appendf(nil, `{"subject":{"type":"user","id":%q},"action":{"name":"debug"},"resource":{"type":"customer","id":%q},"for":"2h","reason":%q}`,
		who.ID, customer(int(n)/subjects%resources), reason)
}

// callFigure is one window of calls.
type callFigure struct {
	calls   int
	took    time.Duration
	latency []time.Duration
}

// patience is how long an answer may be waited for: one that never comes is a
// fault, and no reason to hang.
const patience = 30 * time.Second

// load calls the route from so many callers at once, each on a connection of
// its own that it keeps, one call after another, for the window. It is as lean
// as it can be, because it shares the machine with the server.
func load(ctx context.Context, r *route, callers, subjects int, window time.Duration) (callFigure, error) {
	conns := make([]net.Conn, 0, callers)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for range callers {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.server.Address)
		if err != nil {
			return callFigure{}, err
		}
		if err := c.SetDeadline(time.Now().Add(window + patience)); err != nil {
			return callFigure{}, err
		}
		conns = append(conns, c)
	}
	all, faults := make([][]time.Duration, callers), make([]error, callers)
	var group sync.WaitGroup
	began := time.Now()
	for i, c := range conns {
		group.Go(func() { all[i], faults[i] = r.callUntil(ctx, c, subjects, began.Add(window)) })
	}
	group.Wait()
	f := callFigure{took: time.Since(began)}
	for _, latencies := range all {
		f.latency = append(f.latency, latencies...)
	}
	f.calls = len(f.latency)
	return f, errors.Join(faults...)
}

func (r *route) callUntil(ctx context.Context, conn net.Conn, subjects int, end time.Time) (latencies []time.Duration, err error) {
	answers := bufio.NewReader(conn)
	for began := time.Now(); began.Before(end) && ctx.Err() == nil; {
		body := r.next(subjects)
		if err := r.call(conn, answers, body, io.Discard); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		now := time.Now()
		latencies, began = append(latencies, now.Sub(began)), now
	}
	return latencies, ctx.Err()
}

// check makes one call and looks at the answer: what is fast and wrong is not
// measured.
func (r *route) check(ctx context.Context, subjects int) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.server.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	var answer bytes.Buffer
	if err := r.call(conn, bufio.NewReader(conn), r.next(subjects), &answer); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	if !strings.Contains(answer.String(), r.answer) {
		return fmt.Errorf("%s: no %s in the answer %s", r.name, r.answer, answer.String())
	}
	return nil
}

// call makes one call on the connection.
func (r *route) call(conn net.Conn, answers *bufio.Reader, body []byte, answer io.Writer) error {
	message := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: curfew\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		r.path, benchToken, len(body), body)
	if _, err := conn.Write(message); err != nil {
		return err
	}
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != r.status {
		text, _ := io.ReadAll(res.Body)
		return fmt.Errorf("%s: %s", res.Status, bytes.TrimSpace(text))
	}
	_, err = io.Copy(answer, res.Body)
	return err
}
