package syslog

import (
	"crypto/tls"
	"fmt"
	"net"

	syslog "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

// maxMessage bounds a message, in bytes.
const maxMessage = 1 << 20

func (c *Collector) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		up := c.listener == listener
		if up {
			c.conns[conn] = true
			c.state.Connections++
			c.changed.Fire()
		}
		c.mu.Unlock()
		if !up {
			_ = conn.Close()
			return
		}
		c.open.Go(func() { c.serve(conn) })
	}
}

func (c *Collector) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.conns, conn)
	}()
	from := conn
	if !c.cfg.Plain {
		from = tls.Server(conn, c.tls())
	}
	octetcounting.NewParser(
		syslog.WithMaxMessageLength(maxMessage),
		syslog.WithListener(func(r *syslog.Result) { c.took(conn, r) }),
	).Parse(&patient{Conn: from, collector: c})
}

func (c *Collector) tls() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c.own}}
	if c.cfg.KnowsWho {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, c.trust.pool
	}
	return config
}

// took notes what was read.
func (c *Collector) took(conn net.Conn, r *syslog.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.conns[conn] {
		return // what a process has read when it ends, it has not kept
	}
	defer c.changed.Fire()
	m, ok := r.Message.(*rfc5424.SyslogMessage)
	if r.Error != nil || !ok {
		c.state.Broken = append(c.state.Broken, fmt.Sprintf("%.200v", r.Error))
		return
	}
	c.state.Messages = append(c.state.Messages, messageOf(m))
	if c.closeIn == 0 {
		return
	}
	if c.closeIn--; c.closeIn == 0 {
		delete(c.conns, conn)
		_ = conn.Close()
	}
}

// patient is a connection that is read only while the collector does not hang.
type patient struct {
	net.Conn
	collector *Collector
}

// Read reads when it may.
func (p *patient) Read(b []byte) (int, error) {
	p.collector.mu.Lock()
	hung := p.collector.hung
	p.collector.mu.Unlock()
	if hung != nil {
		<-hung
	}
	return p.Conn.Read(b)
}
