package postgres

import (
	"context"
	"net"
	"sync"
	"time"
)

// lines are the open connections to the server.
type lines struct {
	mu   sync.Mutex
	open map[*line]struct{}
}

func newLines() *lines { return &lines{open: map[*line]struct{}{}} }

// dialer dials connections that end when an answer takes longer than the limit.
func (ls *lines) dialer(limit time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		l := &line{Conn: conn, limit: limit, lines: ls}
		ls.mu.Lock()
		ls.open[l] = struct{}{}
		ls.mu.Unlock()
		return l, nil
	}
}

// cut ends the lines that have waited for an answer for so long.
func (ls *lines) cut(waiting time.Duration) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for l := range ls.open {
		l.cut(waiting)
	}
}

// line is a connection that does not wait for ever. Keep-alives find a peer that
// is gone, but not one behind a middle that answers for it.
type line struct {
	net.Conn
	limit time.Duration // for an answer; 0: none
	lines *lines

	mu    sync.Mutex
	asked time.Time // since when an answer is waited for; zero: it is not
	own   time.Time // by when one must have come
	outer time.Time // what the driver has set
}

// Write starts the wait for an answer.
func (l *line) Write(b []byte) (int, error) {
	l.mu.Lock()
	l.asked = time.Now()
	err := l.extend()
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return l.Conn.Write(b)
}

// Read ends the wait, or lets it begin anew: an answer may come in parts.
func (l *line) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if n > 0 {
		l.mu.Lock()
		l.asked = time.Time{}
		_ = l.extend() // if it failed, so will the next Read
		l.mu.Unlock()
	}
	return n, err
}

// SetDeadline keeps the sooner of the driver's deadline and the line's own.
func (l *line) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outer = t
	return l.apply()
}

// Close ends the line.
func (l *line) Close() error {
	l.lines.mu.Lock()
	delete(l.lines.open, l)
	l.lines.mu.Unlock()
	return l.Conn.Close()
}

func (l *line) extend() error {
	if l.limit == 0 {
		return nil
	}
	l.own = time.Now().Add(l.limit)
	return l.apply()
}

func (l *line) apply() error {
	deadline := l.own
	if deadline.IsZero() || !l.outer.IsZero() && l.outer.Before(deadline) {
		deadline = l.outer
	}
	return l.Conn.SetDeadline(deadline)
}

// cut makes a line that has waited for so long fail, which ends it.
func (l *line) cut(waiting time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked.IsZero() && time.Since(l.asked) >= waiting {
		_ = l.Conn.Close() // whoever waits hears of it, and closes the line
	}
}
