package main

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

// reply is one answer of a check.
type reply struct {
	asked, answered time.Time
	yes             bool
}

// asker asks a node about one grant's access, on a connection of its own.
type asker struct {
	route   *route
	conn    net.Conn
	answers *bufio.Reader
	body    []byte
}

func (c *child) asker(ctx context.Context, grants batch, n int) (*asker, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return nil, err
	}
	body := checkBody(grants.entitled(n))
	return &asker{&route{path: evaluationPath, status: http.StatusOK}, conn, bufio.NewReader(conn), body}, nil
}

func (a *asker) close() { a.conn.Close() }

func (a *asker) check() (r reply, err error) {
	var answer bytes.Buffer
	r.asked = time.Now()
	err = a.route.call(a.conn, a.answers, a.body, &answer)
	r.answered = time.Now()
	r.yes = strings.Contains(answer.String(), `"decision":true`)
	return r, err
}

// until asks until ctx ends.
func (a *asker) until(ctx context.Context, replies chan<- reply) error {
	for ctx.Err() == nil {
		r, err := a.check()
		if err != nil {
			return err
		}
		replies <- r
	}
	return nil
}
